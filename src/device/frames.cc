#include "device/frames.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string>

namespace airtight::device {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kLengthSize = 4;
constexpr std::size_t kBufferSize = 4096;  // most requests and their length: one read each

std::size_t length_in(ByteView head) {
  std::size_t length = 0;
  for (const std::byte b : head.first(kLengthSize)) length = (length << 8) | std::to_integer<std::size_t>(b);
  return length;
}

// Waits until `socket` is ready for `events` or has failed; false at the deadline.
bool wait_until_ready(int socket, short events, Clock::time_point deadline) {
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) return false;
    pollfd entry{.fd = socket, .events = events, .revents = 0};
    const int ready = ::poll(&entry, 1, static_cast<int>(left));
    if (ready > 0 || (ready < 0 && errno != EINTR)) return true;
  }
}

Failure too_slow() { return fail(Fault::kUnavailable, "a frame was begun and not finished in time"); }
Failure cut_short() { return fail(Fault::kUnavailable, "the connection ended within a frame"); }

}  // namespace

FrameReader::FrameReader(int socket, std::chrono::milliseconds patience) : socket_(socket), patience_(patience), buffer_(kBufferSize) {}

Result<std::size_t> FrameReader::receive(std::span<std::byte> room) const {
  while (true) {
    const ssize_t size = ::read(socket_, room.data(), room.size());
    if (size >= 0) return static_cast<std::size_t>(size);
    if (errno != EINTR) return fail(Fault::kUnavailable, std::string("the connection cannot be read: ") + std::strerror(errno));
  }
}

// A body that is all in the buffer, out of it.
SecretBytes FrameReader::take(std::size_t size) {
  const std::span<std::byte> all = buffer_.expose_secret_for_writing().first(filled_);
  SecretBytes body = SecretBytes::copy_of(all.subspan(kLengthSize, size));
  const std::size_t taken = kLengthSize + size;
  std::copy(all.begin() + static_cast<std::ptrdiff_t>(taken), all.end(), all.begin());
  filled_ -= taken;
  wipe(all.subspan(filled_));
  return body;
}

// A body that is larger than the buffer. The memory for it grows as it comes, not as it was announced.
Result<SecretBytes> FrameReader::long_frame(std::size_t size, Clock::time_point deadline) {
  const std::span<std::byte> begun = buffer_.expose_secret_for_writing().first(filled_);
  SecretBytes body(std::min(size, 4 * kBufferSize));
  std::size_t have = begun.size() - kLengthSize;
  std::ranges::copy(begun.subspan(kLengthSize), body.expose_secret_for_writing().begin());
  wipe(begun);
  filled_ = 0;
  while (have < size) {
    if (have == body.size()) {
      SecretBytes larger(std::min(size, 2 * body.size()));
      std::ranges::copy(body.expose_secret(), larger.expose_secret_for_writing().begin());
      body = std::move(larger);
    }
    if (!wait_until_ready(socket_, POLLIN, deadline)) return too_slow();
    const std::size_t got = TRY(receive(body.expose_secret_for_writing().subspan(have)));
    if (got == 0) return cut_short();
    have += got;
  }
  return body;
}

Result<std::optional<SecretBytes>> FrameReader::next() {
  std::optional<Clock::time_point> deadline;
  while (true) {
    if (filled_ >= kLengthSize) {
      const std::size_t size = length_in(buffer_.expose_secret());
      if (size > kMaxFrame) return fail(Fault::kBadInput, "a frame of " + std::to_string(size) + " bytes is longer than 1 MiB");
      if (filled_ >= kLengthSize + size) return take(size);
      if (!deadline) deadline = Clock::now() + patience_;
      if (kLengthSize + size > buffer_.size()) return TRY(long_frame(size, *deadline));
    }
    // Only a frame that has begun is waited for with a clock in hand.
    if (filled_ > 0) {
      if (!deadline) deadline = Clock::now() + patience_;
      if (!wait_until_ready(socket_, POLLIN, *deadline)) return too_slow();
    }
    const std::size_t got = TRY(receive(buffer_.expose_secret_for_writing().subspan(filled_)));
    if (got == 0 && filled_ == 0) return std::nullopt;
    if (got == 0) return cut_short();
    filled_ += got;
  }
}

SendOutcome send_frame(int socket, const SecretBytes& body, std::chrono::milliseconds patience) {
  std::array<std::byte, kLengthSize> head{};
  for (std::size_t i = 0; i < kLengthSize; ++i) head[i] = static_cast<std::byte>((body.size() >> (8 * (kLengthSize - 1 - i))) & 0xFF);
  // sendmsg() takes what it reads as if it wrote to it.
  std::array<iovec, 2> parts = {iovec{head.data(), head.size()}, iovec{const_cast<std::byte*>(body.expose_secret().data()), body.size()}};
  std::size_t left = head.size() + body.size();
  std::optional<Clock::time_point> deadline;
  SendOutcome outcome;
  while (left > 0) {
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = parts.size();
    const ssize_t sent = ::sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && errno != EAGAIN && errno != EWOULDBLOCK) return {.done = false, .begun = outcome.begun, .reason = errno};
    std::size_t taken = sent < 0 ? 0 : static_cast<std::size_t>(sent);
    outcome.begun = outcome.begun || taken > 0;
    left -= taken;
    for (iovec& part : parts) {
      const std::size_t of_part = std::min(part.iov_len, taken);
      part.iov_base = static_cast<std::byte*>(part.iov_base) + of_part;
      part.iov_len -= of_part;
      taken -= of_part;
    }
    if (left == 0) break;
    if (!deadline) deadline = Clock::now() + patience;
    if (!wait_until_ready(socket, POLLOUT, *deadline)) return {.done = false, .begun = outcome.begun, .reason = ETIMEDOUT};
  }
  outcome.done = true;
  return outcome;
}

}  // namespace airtight::device
