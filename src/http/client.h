// An HTTP(S) client: one connection kept alive to one host at a time, TLS always verified, nothing followed by itself.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "base/secret_bytes.h"
#include "http/message.h"

namespace airtight::http {

struct ClientOptions {
  std::string ca_pem = {};                 // trust these roots instead of the system's, if not empty
  std::string certificate_chain_pem = {};  // of this client, if the server wants one; empty: none
  SecretBytes private_key_pem = {};        // of its first certificate
  std::size_t max_body = 4U << 20;
  std::size_t max_header = 16U << 10;
  std::chrono::milliseconds timeout = std::chrono::seconds(30);  // for a whole request
};

struct Exchange {
  Response response;
  std::optional<Bytes> server_certificate;  // DER, over HTTPS
};

// Used by one thread at a time.
class Client {
 public:
  // Fault::kBadInput if ca_pem is not empty and has no certificate, and if the client's own certificate or key cannot be used.
  [[nodiscard]] static Result<std::unique_ptr<Client>> create(ClientOptions options);
  virtual ~Client() = default;

  // Sends one request to `url` and reads its response; redirects come back as they are. The Host header is set here.
  // Fault::kUnavailable for connection and TLS faults (it says which and what to do), kBadInput for a response beyond the limits.
  // A kept-alive connection that is seen to be closed is not used. One that turns out to be when the request is on its way: GET and HEAD
  // are sent again on a new one if nothing was received; anything else is sent once, for the server may have read it.
  [[nodiscard]] virtual Result<Exchange> send(const Url& url, Request request) = 0;

  // Drops the connection and the TLS ticket that could resume it: what follows begins anew and cannot be linked to what was before.
  virtual void forget() {}
};

}  // namespace airtight::http
