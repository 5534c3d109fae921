// Peers for the tests of http/: sockets that send and receive exactly what a test says.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include "http/client.h"
#include "http/server.h"

namespace airtight::http::testing {

// A connected TCP socket. Reading gives up after five seconds, so that a fault is a failure and no hang.
class RawSocket {
 public:
  explicit RawSocket(int descriptor);
  RawSocket(RawSocket&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  RawSocket& operator=(RawSocket&&) = delete;
  ~RawSocket();
  // Connects to 127.0.0.1 (or ::1); not ok() if refused.
  static RawSocket connect(unsigned short port, bool ipv6 = false);
  // The same from one of this machine's IPv4 addresses, 127.0.0.0/8.
  static RawSocket connect_from(const std::string& source, unsigned short port);

  [[nodiscard]] bool ok() const { return descriptor_ >= 0; }
  void send(std::string_view text) const;  // what the peer no longer takes is lost
  void finish_sending() const;
  void close();
  [[nodiscard]] std::string read_some() const;  // empty at the end
  [[nodiscard]] std::string read_until_close() const;
  // Reads until what was received, over all calls, has `text` in it and returns all up to its end.
  [[nodiscard]] std::string read_through(std::string_view text);
  // A header and as many bytes as its Content-Length says.
  [[nodiscard]] std::string read_message();

 private:
  [[nodiscard]] std::string take(std::size_t size);
  int descriptor_;
  std::string received_;
};

// Listens on 127.0.0.1 and hands each connection, with its number from 0, to `script`, one after the other.
class RawServer {
 public:
  using Script = std::function<void(RawSocket& peer, int number)>;
  explicit RawServer(Script script);
  ~RawServer();
  [[nodiscard]] unsigned short port() const { return port_; }
  [[nodiscard]] int connections() const { return connections_; }
  [[nodiscard]] Url url(std::string_view scheme = "http") const;

 private:
  int listener_ = -1;
  unsigned short port_ = 0;
  std::atomic<int> connections_ = 0;
  Script script_;
  std::thread thread_;
};

// The URL of `target` at `server`.
[[nodiscard]] Url url_of(const Server& server, std::string_view target = "/", std::string_view scheme = "http",
                         std::string_view host = "127.0.0.1");

[[nodiscard]] Request get_request();
[[nodiscard]] Request post_request(std::string_view body);

}  // namespace airtight::http::testing
