// How many connections a server has at a time, in all and of one peer, and what those beyond get.
#include <gtest/gtest.h>

#include <vector>

#include "tests/http/certificates.h"
#include "tests/http/support.h"

namespace airtight::http {
namespace {

using testing::get_request;
using testing::RawSocket;
using testing::TestCa;
using testing::url_of;

std::string status_of(const std::string& response) { return response.substr(0, 12); }
bool has(const std::string& text, std::string_view part) { return text.contains(part); }

constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
constexpr std::string_view kGetAndClose = "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
constexpr const char* kOtherAddress = "127.0.0.2";  // of this machine too

class ConnectionLimit : public ::testing::Test {
 protected:
  void start(ServerOptions options) {
    server_ = tests::must(Server::start(std::move(options), [](const Request&) { return text_response(200, "served"); }, log_));
  }
  RawSocket connect() const { return RawSocket::connect(server_->port()); }
  std::string answer_to(std::string_view text) const {
    const RawSocket socket = connect();
    socket.send(text);
    return socket.read_until_close();
  }
  std::string answer_to_other_address() const {
    const RawSocket socket = RawSocket::connect_from(kOtherAddress, server_->port());
    socket.send(kGetAndClose);
    return socket.read_until_close();
  }
  // A connection that is closed is not noticed at once.
  std::string answer_in_the_end() const {
    std::string response;
    for (int i = 0; i < 10000 && status_of(response) != "HTTP/1.1 200"; ++i) response = answer_to(kGetAndClose);
    return response;
  }

  Log log_ = Log::silent();
  std::unique_ptr<Server> server_;
};

TEST_F(ConnectionLimit, TurnsAwayWhatIsBeyondAndRecovers) {
  start({.max_connections = 1});
  RawSocket first = connect();
  first.send(kGet);
  EXPECT_EQ(status_of(first.read_message()), "HTTP/1.1 200");
  EXPECT_EQ(status_of(connect().read_until_close()), "HTTP/1.1 503");
  first.close();
  EXPECT_EQ(status_of(answer_in_the_end()), "HTTP/1.1 200");
}

TEST_F(ConnectionLimit, SaysWhenToComeAgain) {
  start({.max_connections = 1, .idle_timeout = std::chrono::milliseconds(41'200)});
  const RawSocket first = connect();
  EXPECT_TRUE(has(connect().read_until_close(), "\r\nRetry-After: 42\r\n"));
}

TEST_F(ConnectionLimit, OfAPeerRefusesItsNextRequestAndServesOthers) {
  start({.max_connections_of_peer = 2});
  const RawSocket first = connect();
  const RawSocket second = connect();
  const std::string refusal = answer_to(kGet);
  EXPECT_EQ(status_of(refusal), "HTTP/1.1 503");
  EXPECT_TRUE(has(refusal, "\r\nRetry-After: 60\r\n"));
  EXPECT_TRUE(has(refusal, "\r\nConnection: close\r\n"));
  EXPECT_EQ(status_of(answer_to_other_address()), "HTTP/1.1 200");
}

TEST_F(ConnectionLimit, OfAPeerIsForThoseItHasAtATime) {
  start({.max_connections_of_peer = 1});
  RawSocket first = connect();
  EXPECT_EQ(status_of(answer_to(kGet)), "HTTP/1.1 503");
  first.close();
  EXPECT_EQ(status_of(answer_in_the_end()), "HTTP/1.1 200");
}

// Those that ask for nothing cannot be refused, and would take the places of others.
TEST_F(ConnectionLimit, OfAPeerLeavesItFewThatWaitToBeRefused) {
  start({.max_connections = 100, .max_connections_of_peer = 1});
  std::vector<RawSocket> sockets;
  for (int i = 0; i < 5; ++i) sockets.push_back(connect());
  EXPECT_EQ(connect().read_until_close(), "");
  EXPECT_EQ(status_of(answer_to_other_address()), "HTTP/1.1 200");
}

TEST_F(ConnectionLimit, OfAPeerCanBeNone) {
  start({.max_connections_of_peer = 0});
  std::vector<RawSocket> sockets;
  for (int i = 0; i < 200; ++i) sockets.push_back(connect());
  EXPECT_EQ(status_of(answer_to(kGetAndClose)), "HTTP/1.1 200");
}

TEST_F(ConnectionLimit, OfAPeerIsToldOverTlsToo) {
  const TestCa ca;
  start({.tls = ca.issue(), .max_connections_of_peer = 1});
  const auto first = tests::must(Client::create({.ca_pem = ca.pem()}));
  EXPECT_EQ(tests::must(first->send(url_of(*server_, "/", "https"), get_request())).response.status, 200);
  const auto second = tests::must(Client::create({.ca_pem = ca.pem()}));
  const Response refusal = tests::must(second->send(url_of(*server_, "/", "https"), get_request())).response;
  EXPECT_EQ(refusal.status, 503);
  EXPECT_EQ(refusal.headers.get("Retry-After"), "60");
  EXPECT_EQ(tests::must(first->send(url_of(*server_, "/", "https"), get_request())).response.status, 200);
}

TEST_F(ConnectionLimit, OfAPeerIsOneLineOfTheLog) {
  log_ = Log(LogLevel::kWarning, LogFormat::kText);
  ::testing::internal::CaptureStderr();
  start({.max_connections_of_peer = 1});
  const RawSocket first = connect();
  for (int i = 0; i < 3; ++i) (void)answer_to(kGet);
  server_.reset();
  const std::string lines = ::testing::internal::GetCapturedStderr();
  const auto at = lines.find("too many connections of one peer");
  ASSERT_NE(at, std::string::npos);
  EXPECT_TRUE(has(lines, "127.0.0.1"));
  EXPECT_EQ(lines.find("too many", at + 1), std::string::npos);
}

}  // namespace
}  // namespace airtight::http
