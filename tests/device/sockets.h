// Sockets for tests: connected pairs, raw bytes, and a handler of requests that a test can hold up.
#pragma once

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "base/descriptor.h"
#include "device/socket_server.h"

namespace airtight::device::testing {

// The two ends of a connection.
struct Pair {
  Descriptor ours;
  Descriptor theirs;
};
[[nodiscard]] inline Pair new_pair() {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) throw std::runtime_error("no sockets");
  return {Descriptor(ends[0]), Descriptor(ends[1])};
}

[[nodiscard]] inline SecretBytes secret(std::string_view text) { return SecretBytes::copy_of(bytes_of(text)); }
[[nodiscard]] inline std::string text(const SecretBytes& bytes) { return to_text(bytes.expose_secret()); }

// `body` behind its length.
[[nodiscard]] inline std::string frame(std::string_view body) { return to_text(concat({big_endian(body.size(), 4), bytes_of(body)})); }

inline void send_bytes(const Descriptor& socket, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket.number(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0) throw std::runtime_error("the bytes cannot be sent");
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

// All that comes until the other side closes.
[[nodiscard]] inline std::string read_to_end(const Descriptor& socket) {
  std::string all;
  std::array<char, 4096> piece{};
  for (ssize_t size = 0; (size = ::read(socket.number(), piece.data(), piece.size())) > 0;) {
    all.append(piece.data(), static_cast<std::size_t>(size));
  }
  return all;
}

// A gate that is shut until it is opened.
class Gate {
 public:
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  void wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return open_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
};

// Answers "x" with "<x>", except that "wait" says that it is there, and waits to be let through.
class TestHandler final : public FrameHandler {
 public:
  [[nodiscard]] SecretBytes answer(const SecretBytes& request) override {
    if (text(request) == "wait") {
      waiting.open();
      go_on.wait();
    }
    if (text(request) == "throw") throw std::runtime_error("a bug");
    return secret("<" + text(request) + ">");
  }
  [[nodiscard]] SecretBytes answer_to_too_long() override { return secret("too long"); }

  Gate waiting;
  Gate go_on;
};

}  // namespace airtight::device::testing
