#include "http/server.h"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <vector>

#include "http/internal/connection.h"
#include "http/internal/tls.h"
#include "http/network.h"

namespace airtight::http {
namespace {

using internal::Admission;
using internal::Connection;
using internal::ErrorCode;
using internal::Executor;
using internal::Socket;
using internal::Task;
namespace asio = boost::asio;
using Acceptor = asio::basic_socket_acceptor<asio::ip::tcp, Executor>;

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable_t<Executor>{});
// Until files can be opened again, accepting fails at once; so long it waits before it tries again.
constexpr std::chrono::milliseconds kAcceptPause{100};

std::string peer_address(const Socket& socket) {
  ErrorCode error;
  const auto endpoint = socket.remote_endpoint(error);
  return error ? std::string("unknown") : endpoint.address().to_string(error);
}

// The connections there are. It counts them, and whoever stops the server waits here until there are none and none can come.
class Connections {
 public:
  void open() {
    const std::scoped_lock lock(mutex_);
    accepting_ = true;
  }
  // No more will be added.
  void close() {
    const std::scoped_lock lock(mutex_);
    accepting_ = false;
    changed_.notify_all();
  }
  void add(const std::shared_ptr<Connection>& connection) {
    const std::scoped_lock lock(mutex_);
    live_.emplace(connection.get(), connection);
  }
  void remove(const Connection* connection) {
    const std::scoped_lock lock(mutex_);
    live_.erase(connection);
    if (live_.empty()) changed_.notify_all();
  }
  [[nodiscard]] std::size_t count() {
    const std::scoped_lock lock(mutex_);
    return live_.size();
  }
  [[nodiscard]] std::vector<std::shared_ptr<Connection>> all() {
    const std::scoped_lock lock(mutex_);
    std::vector<std::shared_ptr<Connection>> out;
    for (const auto& [key, weak] : live_) {
      if (auto connection = weak.lock()) out.push_back(std::move(connection));
    }
    return out;
  }
  [[nodiscard]] bool wait_until_none(std::chrono::milliseconds patience) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, patience, [&] { return live_.empty() && !accepting_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool accepting_ = false;
  std::unordered_map<const Connection*, std::weak_ptr<Connection>> live_;
};

class ServerImpl final : public Server {
 public:
  ServerImpl(ServerOptions options, Handler handler, const Log& log)
      : options_(std::move(options)),
        handler_(std::move(handler)),
        context_{.options = options_, .handler = handler_, .log = log, .tls = std::nullopt, .stopping = false},
        peers_(options_.max_connections_of_peer),
        io_(static_cast<int>(std::max(1U, options_.threads))),
        acceptor_(asio::make_strand(io_)) {}
  ~ServerImpl() override { stop(std::chrono::seconds(10)); }

  [[nodiscard]] Result<> start();
  [[nodiscard]] unsigned short port() const override { return port_; }
  void stop(std::chrono::milliseconds patience) override;

 private:
  [[nodiscard]] Result<> listen();
  Task<void> accept_all();
  Task<void> pause();
  void admit(Socket socket);
  void turn_away(Socket socket);

  ServerOptions options_;
  Handler handler_;
  internal::ServerContext context_;
  Connections connections_;
  internal::PeerLimit peers_;
  asio::io_context io_;
  Acceptor acceptor_;
  unsigned short port_ = 0;
  bool full_ = false;  // so that a crowd is one line of the log
  std::vector<std::thread> threads_;
  std::mutex stopping_;
};

Result<> ServerImpl::start() {
  if (options_.tls) context_.tls = TRY(internal::server_context(*options_.tls));
  TRY(listen());
  connections_.open();
  asio::co_spawn(acceptor_.get_executor(), accept_all(), [this](const std::exception_ptr& bug) {
    if (bug) context_.log.error("accepting connections ended by an exception");
  });
  for (unsigned i = 0; i < std::max(1U, options_.threads); ++i) {
    threads_.emplace_back([this] { io_.run(); });
  }
  return {};
}

Result<> ServerImpl::listen() {
  ErrorCode error;
  const auto address = asio::ip::make_address(options_.address, error);
  if (error)
    return fail(Fault::kBadInput, options_.address + " is not an IP address", "listen on 127.0.0.1, ::1 or an address of this machine");
  const asio::ip::tcp::endpoint endpoint(address, options_.port);
  acceptor_.open(endpoint.protocol(), error);
  if (!error) acceptor_.set_option(asio::socket_base::reuse_address(true), error);
  if (!error) acceptor_.bind(endpoint, error);
  if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
  if (!error) port_ = acceptor_.local_endpoint(error).port();
  if (!error) return {};
  return fail(Fault::kUnavailable,
              "cannot listen on " + options_.address + " port " + std::to_string(options_.port) + ": " + error.message(),
              "choose another address or port, or end the program that has it");
}

Task<void> ServerImpl::accept_all() {
  for (;;) {
    auto [error, socket] = co_await acceptor_.async_accept(Executor(asio::make_strand(io_)), kAwait);
    if (!acceptor_.is_open()) break;  // stopped meanwhile
    if (!error) {
      admit(std::move(socket));
    } else if (error != asio::error::operation_aborted) {
      context_.log.warning("a connection cannot be accepted", {{"reason", error.message()}});
      co_await pause();
    }
  }
}

Task<void> ServerImpl::pause() {
  internal::Timer timer(acceptor_.get_executor(), kAcceptPause);
  co_await timer.async_wait(kAwait);
}

void ServerImpl::admit(Socket socket) {
  if (connections_.count() >= options_.max_connections) return turn_away(std::move(socket));
  full_ = false;
  std::string peer = peer_address(socket);
  const std::string network = network_of(peer);
  const Admission admission = peers_.add(network);
  if (admission != Admission::kServed && peers_.is_news(network))
    context_.log.warning("too many connections of one peer",
                         {{"peer", network}, {"limit", std::to_string(options_.max_connections_of_peer)}});
  if (admission == Admission::kClosed) return;
  auto connection = std::make_shared<Connection>(context_, std::move(socket), std::move(peer), admission);
  connections_.add(connection);
  asio::co_spawn(connection->executor(), connection->serve(), [this, connection, network, admission](const std::exception_ptr& bug) {
    if (bug) context_.log.error("a connection ended by an exception");
    peers_.remove(network, admission);
    connections_.remove(connection.get());
  });
}

void ServerImpl::turn_away(Socket socket) {
  if (!full_) context_.log.warning("too many connections", {{"limit", std::to_string(options_.max_connections)}});
  full_ = true;
  if (context_.tls) return;  // closed: a handshake would cost what the limit protects
  const auto bytes = internal::write_response(internal::too_many_connections(options_), internal::Persistence::kClose,
                                              internal::BodyPart::kSent, SystemClock().now());
  if (!bytes) return;
  ErrorCode ignored;
  socket.non_blocking(true, ignored);
  socket.write_some(asio::const_buffer(bytes->data(), bytes->size()), ignored);
  socket.shutdown(asio::socket_base::shutdown_send, ignored);
}

void ServerImpl::stop(std::chrono::milliseconds patience) {
  const std::scoped_lock lock(stopping_);
  if (threads_.empty()) return;
  context_.stopping = true;
  asio::post(acceptor_.get_executor(), [this] {
    ErrorCode ignored;
    acceptor_.close(ignored);
    // On the acceptor's strand, so that no connection comes after those that are told here.
    for (const auto& connection : connections_.all()) {
      asio::post(connection->executor(), [connection] { connection->stop_if_interruptible(); });
    }
    connections_.close();
  });
  if (!connections_.wait_until_none(patience)) {
    context_.log.warning("requests cut off at the end", {{"connections", std::to_string(connections_.count())}});
    io_.stop();
  }
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

}  // namespace

Result<std::unique_ptr<Server>> Server::start(ServerOptions options, Handler handler, const Log& log) {
  auto server = std::make_unique<ServerImpl>(std::move(options), std::move(handler), log);
  TRY(server->start());
  return server;
}

Result<> check_tls(const ServerTls& tls) {
  TRY(internal::server_context(tls));
  return {};
}

}  // namespace airtight::http
