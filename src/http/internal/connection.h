// One client's connection to the server: reads requests one after the other, has them answered, and ends when either side wants it to.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "base/log.h"
#include "http/internal/parser.h"
#include "http/internal/peer_limit.h"
#include "http/internal/transport.h"
#include "http/internal/wire.h"
#include "http/server.h"

namespace airtight::http::internal {

// What all connections of a server share; outlives them.
struct ServerContext {
  const ServerOptions& options;
  const Handler& handler;
  const Log& log;
  std::optional<asio::ssl::context> tls;
  std::atomic<bool> stopping = false;  // no further requests
};

// Status 503, and when to come again.
[[nodiscard]] Response too_many_connections(const ServerOptions& options);

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  // One that is not served has the answer to its first request: its peer has too many connections.
  Connection(ServerContext& server, Socket socket, std::string peer, Admission admission);

  // Serves the connection until it ends. Runs on executor(), as must stop_if_interruptible().
  [[nodiscard]] Task<void> serve();
  [[nodiscard]] Executor executor() { return transport_->socket().get_executor(); }

  // Ends the connection now unless a request is at hand; then ServerContext::stopping ends it after the response.
  void stop_if_interruptible();

 private:
  enum class Next : unsigned char { kRequest, kClose, kCloseAfterPeer };

  Task<bool> secure();
  Task<bool> wait_for_request();
  Task<Next> serve_request();
  // Reads until `parser` is done; what it returns is the refusal, or an error without an answer if the peer is gone.
  Task<Result<>> read_request(RequestParser& parser);
  Task<Result<>> receive();
  Task<Next> refuse(const RequestParser& parser, Error refusal);
  Task<Next> respond(Bytes response, Persistence persistence);
  [[nodiscard]] Response answer(const Request& request) const;
  void start_timer(std::chrono::milliseconds span);

  ServerContext& server_;
  std::shared_ptr<Transport> transport_;
  const std::string peer_;
  const Admission admission_;
  Bytes received_;              // and not yet consumed
  bool interruptible_ = false;  // no request is at hand: what runs may be cancelled
};

}  // namespace airtight::http::internal
