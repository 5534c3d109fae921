// One TCP connection, plain or TLS, with a deadline on whatever it does next: what server and client build on.
// All of it runs on the executor (a strand) of its socket.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/strand.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <utility>

#include "base/bytes.h"

namespace airtight::http::internal {

namespace asio = boost::asio;
using ErrorCode = boost::system::error_code;
using SteadyTime = std::chrono::steady_clock::time_point;
using Executor = asio::strand<asio::io_context::executor_type>;
using Socket = asio::basic_stream_socket<asio::ip::tcp, Executor>;
using Timer = asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>, Executor>;
template <typename T>
using Task = asio::awaitable<T, Executor>;

struct Transfer {
  ErrorCode error;
  std::size_t size = 0;
};

class Transport : public std::enable_shared_from_this<Transport> {
 public:
  // `socket` is open, connected or not.
  explicit Transport(Socket socket);

  [[nodiscard]] Socket& socket() { return socket_; }

  // From now on operations have until `deadline`; then the one that runs, and each one started later, ends with asio::error::timed_out.
  void set_deadline(SteadyTime deadline);

  // From now on what is sent and received is TLS under `context`, which must outlive this.
  void use_tls(asio::ssl::context& context);
  [[nodiscard]] SSL* tls();  // null without TLS

  [[nodiscard]] Task<ErrorCode> connect(asio::ip::tcp::endpoint endpoint);
  [[nodiscard]] Task<ErrorCode> handshake(asio::ssl::stream_base::handshake_type type);
  [[nodiscard]] Task<Transfer> read_some(std::span<std::byte> into);
  [[nodiscard]] Task<ErrorCode> write(ByteView data);

  // Ends the operation that runs, if any, with asio::error::operation_aborted. The connection remains usable.
  void cancel();
  // Closes at once, after telling a TLS peer so.
  void close();
  // Closes for sending and discards what still arrives until the peer closes too or the deadline comes, then closes: a peer that is
  // sending can so read what it was answered, where closing at once would reset the connection under it.
  [[nodiscard]] Task<void> close_after_peer();

  // True if nothing is waiting to be read and the peer has not closed: on a connection between two messages, all else means it is stale.
  [[nodiscard]] bool is_quiet();

 private:
  [[nodiscard]] bool out_of_time() const;
  // What an operation that the deadline may have cancelled ended with.
  [[nodiscard]] Transfer ended(const ErrorCode& error, std::size_t size = 0) const;
  void arm_timer();
  void on_timer();

  Socket socket_;
  std::optional<asio::ssl::stream<Socket&>> tls_;
  Timer timer_;
  SteadyTime deadline_ = SteadyTime::max();
  SteadyTime armed_for_ = SteadyTime::max();  // the timer fires then; a later deadline re-arms it only then
  bool expired_ = false;
  bool secured_ = false;  // the TLS handshake is done
};

}  // namespace airtight::http::internal
