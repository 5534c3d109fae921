// An HTTP(S) server: a handler called from a pool of threads, with limits on size, time and connections, and a graceful end.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/log.h"
#include "base/result.h"
#include "base/secret_bytes.h"
#include "http/message.h"

namespace airtight::http {

struct ServerTls {
  std::string certificate_chain_pem;
  SecretBytes private_key_pem;
  // Ask clients for a certificate; one that has none goes on without. TLS verifies that the client has the key and nothing else: whose
  // certificate it is, is for the handler to judge.
  bool ask_for_client_certificate = false;
};

struct ServerOptions {
  std::string address = "127.0.0.1";
  unsigned short port = 0;  // 0: any free one
  std::optional<ServerTls> tls = {};
  unsigned threads = 2;
  std::size_t max_body = 4U << 20;
  std::size_t max_header = 16U << 10;
  std::size_t max_connections = 1024;
  // Of one IPv4 address, or of one /64 of IPv6; 0: no limit but that above. A few more get status 503 with Retry-After, the others are
  // closed.
  std::size_t max_connections_of_peer = 0;
  std::chrono::milliseconds io_timeout = std::chrono::seconds(30);    // for a request once begun, and for writing its response
  std::chrono::milliseconds idle_timeout = std::chrono::seconds(60);  // between requests
};

// Whether a server can show this chain with this key: Fault::kBadInput where Server::start() would refuse them.
[[nodiscard]] Result<> check_tls(const ServerTls& tls);

// Answers one request. It is called on the server's own threads (`ServerOptions::threads` of them), so that as many requests are handled at
// once, and the connections wait while all of them block. What it throws becomes status 500, and a line in the log. A response with the
// header "Connection: close" ends its connection.
using Handler = std::function<Response(const Request&)>;

class Server {
 public:
  // Binds and listens; requests are served from here on. `log` outlives the server. Fault::kUnavailable if the address cannot be had,
  // Fault::kBadInput if it is none, or if TLS chain or key cannot be used.
  [[nodiscard]] static Result<std::unique_ptr<Server>> start(ServerOptions options, Handler handler, const Log& log);
  virtual ~Server() = default;

  [[nodiscard]] virtual unsigned short port() const = 0;
  // Stops accepting, closes what is idle, lets requests that have begun finish for at most `patience`, and closes those connections too; a
  // handler that runs is waited for in any case. Idempotent; the destructor does it if need be. Never called from a handler.
  virtual void stop(std::chrono::milliseconds patience = std::chrono::seconds(10)) = 0;
};

}  // namespace airtight::http
