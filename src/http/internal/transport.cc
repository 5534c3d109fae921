#include "http/internal/transport.h"

#include <sys/socket.h>

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <cerrno>

namespace airtight::http::internal {
namespace {

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable_t<Executor>{});

}  // namespace

Transport::Transport(Socket socket) : socket_(std::move(socket)), timer_(socket_.get_executor()) {
  ErrorCode ignored;
  socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
}

void Transport::set_deadline(SteadyTime deadline) {
  deadline_ = deadline;
  expired_ = false;
  // Most deadlines are met, so that moving one further away costs nothing: the timer looks again when it fires.
  if (deadline_ < armed_for_) arm_timer();
}

void Transport::arm_timer() {
  armed_for_ = deadline_;
  timer_.expires_at(armed_for_);
  timer_.async_wait([self = shared_from_this()](const ErrorCode& error) {
    if (!error) self->on_timer();
  });
}

void Transport::on_timer() {
  armed_for_ = SteadyTime::max();
  if (!socket_.is_open()) return;
  if (std::chrono::steady_clock::now() < deadline_) {
    arm_timer();
    return;
  }
  expired_ = true;
  cancel();
}

void Transport::use_tls(asio::ssl::context& context) { tls_.emplace(socket_, context); }

SSL* Transport::tls() { return tls_ ? tls_->native_handle() : nullptr; }

bool Transport::out_of_time() const { return expired_ || std::chrono::steady_clock::now() >= deadline_; }

Transfer Transport::ended(const ErrorCode& error, std::size_t size) const {
  if (error && expired_) return {asio::error::timed_out, size};
  return {error, size};
}

Task<ErrorCode> Transport::connect(asio::ip::tcp::endpoint endpoint) {
  if (out_of_time()) co_return asio::error::timed_out;
  auto [error] = co_await socket_.async_connect(endpoint, kAwait);
  co_return ended(error).error;
}

Task<ErrorCode> Transport::handshake(asio::ssl::stream_base::handshake_type type) {
  if (out_of_time()) co_return asio::error::timed_out;
  auto [error] = co_await tls_->async_handshake(type, kAwait);
  secured_ = !error;
  co_return ended(error).error;
}

Task<Transfer> Transport::read_some(std::span<std::byte> into) {
  if (out_of_time()) co_return Transfer{asio::error::timed_out};
  const asio::mutable_buffer buffer(into.data(), into.size());
  if (tls_) {
    auto [error, size] = co_await tls_->async_read_some(buffer, kAwait);
    co_return ended(error, size);
  }
  auto [error, size] = co_await socket_.async_read_some(buffer, kAwait);
  co_return ended(error, size);
}

Task<ErrorCode> Transport::write(ByteView data) {
  if (out_of_time()) co_return asio::error::timed_out;
  const asio::const_buffer buffer(data.data(), data.size());
  if (tls_) {
    auto [error, size] = co_await asio::async_write(*tls_, buffer, kAwait);
    co_return ended(error, size).error;
  }
  auto [error, size] = co_await asio::async_write(socket_, buffer, kAwait);
  co_return ended(error, size).error;
}

void Transport::cancel() {
  ErrorCode ignored;
  socket_.cancel(ignored);
}

void Transport::close() {
  ErrorCode ignored;
  // Starting the shutdown puts close_notify into the socket; the peer's own is not worth waiting for.
  if (secured_ && socket_.is_open()) tls_->async_shutdown([self = shared_from_this()](const ErrorCode&) {});
  secured_ = false;
  socket_.shutdown(asio::ip::tcp::socket::shutdown_both, ignored);
  socket_.close(ignored);
  timer_.cancel();
}

Task<void> Transport::close_after_peer() {
  if (secured_ && !out_of_time()) {
    co_await tls_->async_shutdown(kAwait);  // its error says how the peer behaves: of no interest now
    secured_ = false;
  }
  ErrorCode ignored;
  socket_.shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
  std::array<std::byte, 4096> discarded{};
  while (!out_of_time()) {
    auto [error, size] = co_await socket_.async_read_some(asio::buffer(discarded), kAwait);
    if (error) break;
  }
  close();
}

bool Transport::is_quiet() {
  std::byte next{};
  return ::recv(socket_.native_handle(), &next, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

}  // namespace airtight::http::internal
