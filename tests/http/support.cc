#include "tests/http/support.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstring>

namespace airtight::http::testing {
namespace {

template <typename Address>
int connect_to(const Address& address, int family) {
  const int descriptor = ::socket(family, SOCK_STREAM, 0);
  if (::connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) return descriptor;
  ::close(descriptor);
  return -1;
}

}  // namespace

RawSocket::RawSocket(int descriptor) : descriptor_(descriptor) {
  const timeval patience{.tv_sec = 5, .tv_usec = 0};
  if (ok()) ::setsockopt(descriptor_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
}

RawSocket::~RawSocket() { close(); }

RawSocket RawSocket::connect(unsigned short port, bool ipv6) {
  if (ipv6) {
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(port);
    address.sin6_addr = in6addr_loopback;
    return RawSocket(connect_to(address, AF_INET6));
  }
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return RawSocket(connect_to(address, AF_INET));
}

RawSocket RawSocket::connect_from(const std::string& source, unsigned short port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  ::inet_pton(AF_INET, source.c_str(), &address.sin_addr);
  const int descriptor = ::socket(AF_INET, SOCK_STREAM, 0);
  const bool is_bound = ::bind(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (is_bound && ::connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) return RawSocket(descriptor);
  ::close(descriptor);
  return RawSocket(-1);
}

void RawSocket::send(std::string_view text) const {
  while (!text.empty()) {
    const auto sent = ::send(descriptor_, text.data(), text.size(), MSG_NOSIGNAL);
    if (sent <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(sent));
  }
}

void RawSocket::finish_sending() const { ::shutdown(descriptor_, SHUT_WR); }

void RawSocket::close() {
  if (descriptor_ >= 0) ::close(descriptor_);
  descriptor_ = -1;
}

std::string RawSocket::read_some() const {
  std::array<char, 16384> buffer{};
  const auto size = ::recv(descriptor_, buffer.data(), buffer.size(), 0);
  EXPECT_FALSE(size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) << "the peer neither sent nor closed";
  return size > 0 ? std::string(buffer.data(), static_cast<std::size_t>(size)) : std::string();
}

std::string RawSocket::read_until_close() const {
  std::string all = received_;
  for (std::string part = read_some(); !part.empty(); part = read_some()) all += part;
  return all;
}

std::string RawSocket::take(std::size_t size) {
  const std::string out = received_.substr(0, size);
  received_.erase(0, size);
  return out;
}

std::string RawSocket::read_through(std::string_view text) {
  for (;;) {
    if (const auto at = received_.find(text); at != std::string::npos) return take(at + text.size());
    const std::string part = read_some();
    if (part.empty()) return take(received_.size());
    received_ += part;
  }
}

std::string RawSocket::read_message() {
  std::string message = read_through("\r\n\r\n");
  constexpr std::string_view kLength = "Content-Length: ";
  const auto at = message.find(kLength);
  const std::size_t length = at == std::string::npos ? 0 : std::stoul(message.substr(at + kLength.size()));
  while (received_.size() < length) {
    const std::string part = read_some();
    if (part.empty()) break;
    received_ += part;
  }
  return message + take(length);
}

RawServer::RawServer(Script script) : listener_(::socket(AF_INET, SOCK_STREAM, 0)), script_(std::move(script)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  EXPECT_EQ(::listen(listener_, 16), 0);
  socklen_t size = sizeof(address);
  EXPECT_EQ(::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size), 0);
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] {
    for (;;) {
      RawSocket peer(::accept(listener_, nullptr, nullptr));
      if (!peer.ok()) return;
      script_(peer, connections_++);
    }
  });
}

RawServer::~RawServer() {
  ::shutdown(listener_, SHUT_RDWR);
  thread_.join();
  ::close(listener_);
}

Url RawServer::url(std::string_view scheme) const {
  return Url{.scheme = std::string(scheme), .host = "127.0.0.1", .port = port_, .target = "/"};
}

Url url_of(const Server& server, std::string_view target, std::string_view scheme, std::string_view host) {
  return Url{.scheme = std::string(scheme), .host = std::string(host), .port = server.port(), .target = std::string(target)};
}

Request get_request() { return Request{.method = "GET", .target = {}, .headers = {}, .body = {}, .peer = {}}; }

Request post_request(std::string_view body) {
  return Request{.method = "POST", .target = {}, .headers = {}, .body = to_bytes(body), .peer = {}};
}

}  // namespace airtight::http::testing
