#include "http/client.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <vector>

#include "tests/http/support.h"

namespace airtight::http {
namespace {

using std::chrono::milliseconds;
using testing::get_request;
using testing::post_request;
using testing::RawServer;
using testing::RawSocket;
using testing::url_of;

std::unique_ptr<Client> client(ClientOptions options = {}) { return Client::create(std::move(options)).value(); }

// What a client gets from a server that answers each request on its first connection with `response` and then closes it.
Result<Exchange> exchange_with(std::string response, ClientOptions options = {}, Request request = get_request()) {
  const RawServer server([&](RawSocket& peer, int) {
    (void)peer.read_through("\r\n\r\n");
    peer.send(response);
  });
  return client(std::move(options))->send(server.url(), std::move(request));
}

TEST(HttpClient, SendsAGet) {
  std::string received;
  {
    const RawServer server([&](RawSocket& peer, int) {
      received = peer.read_through("\r\n\r\n");
      peer.send("HTTP/1.1 200 OK\r\nContent-Type: text/x\r\nContent-Length: 2\r\n\r\nok");
    });
    Url url = server.url();
    url.target = "/a?b=c";
    Request request = get_request();
    request.headers.set("Accept", "text/x");
    const auto exchange = client()->send(url, std::move(request));
    ASSERT_TRUE(exchange) << exchange.error().message;
    EXPECT_EQ(exchange->response.status, 200);
    EXPECT_EQ(exchange->response.media_type(), "text/x");
    EXPECT_EQ(text_of(exchange->response.body), "ok");
    EXPECT_FALSE(exchange->server_certificate);
    EXPECT_TRUE(received.contains("\r\nHost: 127.0.0.1:" + std::to_string(server.port()) + "\r\n")) << received;
  }
  EXPECT_TRUE(received.starts_with("GET /a?b=c HTTP/1.1\r\n"));
  EXPECT_TRUE(received.contains("\r\nAccept: text/x\r\n"));
  EXPECT_FALSE(received.contains("Content-Length"));
}

TEST(HttpClient, SendsAPostWithItsLength) {
  std::string received;
  {
    const RawServer server([&](RawSocket& peer, int) {
      received = peer.read_message();
      peer.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    });
    Request request = post_request("body");
    request.headers.set("Host", "evil.example");
    request.headers.set("Content-Length", "1");
    ASSERT_TRUE(client()->send(server.url(), std::move(request)));
  }
  EXPECT_TRUE(received.contains("\r\nContent-Length: 4\r\n"));
  EXPECT_TRUE(received.ends_with("\r\n\r\nbody"));
  EXPECT_FALSE(received.contains("evil"));
}

TEST(HttpClient, RefusesToSendInjectedHeaders) {
  const RawServer server([](RawSocket&, int) {});
  Request request = get_request();
  request.headers.set("Cookie", "a\r\nEvil: b");
  const auto exchange = client()->send(server.url(), std::move(request));
  ASSERT_FALSE(exchange);
  EXPECT_EQ(exchange.error().fault, Fault::kBadInput);
  EXPECT_EQ(server.connections(), 0);
}

TEST(HttpClient, RefusesToSendAnInjectedTarget) {
  const RawServer server([](RawSocket&, int) {});
  Url url = server.url();
  url.target = "/ HTTP/1.1\r\nEvil: b\r\n";
  EXPECT_FALSE(client()->send(url, get_request()));
  Request request = get_request();
  request.method = "GET / HTTP/1.1\r\nEvil: b\r\n\r\nGET";
  EXPECT_FALSE(client()->send(server.url(), std::move(request)));
  EXPECT_EQ(server.connections(), 0);
}

TEST(HttpClient, ReadsChunks) {
  const auto exchange = exchange_with("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n");
  ASSERT_TRUE(exchange) << exchange.error().message;
  EXPECT_EQ(text_of(exchange->response.body), "abcde");
}

TEST(HttpClient, ReadsABodyThatEndsWithTheConnection) {
  const auto exchange = exchange_with("HTTP/1.0 200 OK\r\n\r\nabc");
  ASSERT_TRUE(exchange) << exchange.error().message;
  EXPECT_EQ(text_of(exchange->response.body), "abc");
}

TEST(HttpClient, ReadsAnEmptyBodyThatEndsWithTheConnection) {
  const auto exchange = exchange_with("HTTP/1.0 200 OK\r\n\r\n");
  ASSERT_TRUE(exchange) << exchange.error().message;
  EXPECT_TRUE(exchange->response.body.empty());
}

TEST(HttpClient, SkipsInterimResponses) {
  const auto exchange = exchange_with(
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx");
  ASSERT_TRUE(exchange) << exchange.error().message;
  EXPECT_EQ(exchange->response.status, 200);
  EXPECT_FALSE(exchange->response.headers.get("Link"));
}

TEST(HttpClient, RefusesEndlessInterimResponses) {
  std::string responses;
  for (int i = 0; i < 20; ++i) responses += "HTTP/1.1 100 Continue\r\n\r\n";
  EXPECT_FALSE(exchange_with(responses + "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
  EXPECT_FALSE(exchange_with("HTTP/1.1 101 Switching Protocols\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
}

TEST(HttpClient, ExpectsNoBodyAfterHead) {
  Request request = get_request();
  request.method = "HEAD";
  const auto exchange = exchange_with("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", {}, std::move(request));
  ASSERT_TRUE(exchange) << exchange.error().message;
  EXPECT_TRUE(exchange->response.body.empty());
}

TEST(HttpClient, FollowsNoRedirect) {
  const auto exchange = exchange_with("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n");
  ASSERT_TRUE(exchange);
  EXPECT_EQ(exchange->response.status, 302);
}

TEST(HttpClient, RefusesResponsesBeyondTheLimits) {
  const std::string start = "HTTP/1.1 200 OK\r\n";
  for (const std::string& response :
       {start + "Content-Length: 101\r\n\r\n", start + "\r\n" + std::string(101, 'b'), start + "Transfer-Encoding: chunked\r\n\r\n65\r\n",
        start + "A: " + std::string(1000, 'a') + "\r\n\r\n", start + std::string(1000, 'a')}) {
    const auto exchange = exchange_with(response, {.max_body = 100, .max_header = 1000});
    ASSERT_FALSE(exchange) << response;
    EXPECT_EQ(exchange.error().fault, Fault::kBadInput) << response;
    EXPECT_FALSE(exchange.error().answer) << response;
  }
}

TEST(HttpClient, RefusesMalformedResponses) {
  for (const std::string response : {"GARBAGE\r\n\r\n", "SSH-2.0-OpenSSH\r\n", "HTTP/2 200 OK\r\n\r\n", "HTTP/1.1 20 OK\r\n\r\n",
                                     "HTTP/1.1 999 X\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
                                     "HTTP/1.1 200 OK\r\nA\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n"}) {
    const auto exchange = exchange_with(response);
    ASSERT_FALSE(exchange) << response;
    EXPECT_EQ(exchange.error().fault, Fault::kBadInput) << response << exchange.error().message;
  }
}

TEST(HttpClient, RefusesTruncatedResponses) {
  const std::string whole = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc";
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const auto exchange = exchange_with(whole.substr(0, size));
    ASSERT_FALSE(exchange) << size;
    EXPECT_EQ(exchange.error().fault, Fault::kUnavailable) << size;
  }
}

TEST(HttpClient, SaysThatTheConnectionWasRefused) {
  unsigned short port = 0;
  {
    const RawServer gone([](RawSocket&, int) {});
    port = gone.port();
  }
  const auto exchange = client()->send(Url{.scheme = "http", .host = "127.0.0.1", .port = port, .target = "/"}, get_request());
  ASSERT_FALSE(exchange);
  EXPECT_EQ(exchange.error().fault, Fault::kUnavailable);
  EXPECT_EQ(exchange.error().message, "127.0.0.1:" + std::to_string(port) + " refused the connection");
  EXPECT_FALSE(exchange.error().hint.empty());
}

TEST(HttpClient, GivesUpAtItsDeadline) {
  const RawServer server([](RawSocket& peer, int) { (void)peer.read_until_close(); });
  const auto begin = std::chrono::steady_clock::now();
  const auto exchange = client({.timeout = milliseconds(50)})->send(server.url(), get_request());
  ASSERT_FALSE(exchange);
  EXPECT_EQ(exchange.error().fault, Fault::kUnavailable);
  EXPECT_TRUE(exchange.error().message.contains("did not answer within 50 ms")) << exchange.error().message;
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(2));
}

TEST(HttpClient, LimitsTheWholeResponseNotEachByte) {
  const RawServer server([](RawSocket& peer, int) {
    (void)peer.read_through("\r\n\r\n");
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
    (void)peer.read_until_close();
  });
  EXPECT_FALSE(client({.timeout = milliseconds(50)})->send(server.url(), get_request()));
}

TEST(HttpClient, GivesUpOnAServerThatTakesNoRequest) {
  std::promise<void> given_up;
  const RawServer server([&](RawSocket&, int) { given_up.get_future().wait(); });
  const auto exchange = client({.timeout = milliseconds(100)})->send(server.url(), post_request(std::string(16U << 20, 'b')));
  given_up.set_value();
  ASSERT_FALSE(exchange);
  EXPECT_TRUE(exchange.error().message.contains("did not answer within 100 ms")) << exchange.error().message;
}

TEST(HttpClient, ReadsTheRefusalOfARequestThatItStillSends) {
  const Log log = Log::silent();
  const auto server = Server::start({.max_body = 1000}, [](const Request&) { return text_response(200, "ok"); }, log).value();
  const auto exchange = client()->send(url_of(*server), post_request(std::string(4U << 20, 'b')));
  ASSERT_TRUE(exchange) << exchange.error().message;
  EXPECT_EQ(exchange->response.status, 413);
}

TEST(HttpClient, ReachesALaterAddressOfAName) {
  const Log log = Log::silent();
  const auto server = Server::start({}, [](const Request&) { return text_response(200, "ok"); }, log).value();
  const auto exchange = client()->send(url_of(*server, "/", "http", "localhost"), get_request());
  ASSERT_TRUE(exchange) << exchange.error().message;
}

TEST(HttpClient, ReachesIpv6) {
  const Log log = Log::silent();
  const auto server = Server::start({.address = "::1"}, [](const Request&) { return text_response(200, "ok"); }, log).value();
  EXPECT_TRUE(client()->send(url_of(*server, "/", "http", "::1"), get_request()));
}

constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

// Answers on each connection as many requests as `answers` says, then does `last` once the next request is there.
RawServer::Script answering(std::vector<int> answers, std::string last = {}) {
  return [answers = std::move(answers), last = std::move(last)](RawSocket& peer, int number) {
    const int count = answers.at(static_cast<std::size_t>(number));
    for (int i = 0; i < count; ++i) {
      if (peer.read_message().empty()) return;
      peer.send(kOk);
    }
    if (!peer.read_message().empty()) peer.send(last);
  };
}

TEST(HttpClient, KeepsOneConnection) {
  auto keeping = client();
  const RawServer server(answering({3}));
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(keeping->send(server.url(), get_request()));
  EXPECT_EQ(server.connections(), 1);
  keeping.reset();
}

TEST(HttpClient, ConnectsAgainAfterConnectionClose) {
  const RawServer server([](RawSocket& peer, int) {
    (void)peer.read_message();
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
    (void)peer.read_until_close();
  });
  const auto closing = client();
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(closing->send(server.url(), get_request()));
  EXPECT_EQ(server.connections(), 3);
}

TEST(HttpClient, DropsAConnectionOnWhichMoreCameThanAskedFor) {
  const RawServer server([](RawSocket& peer, int) {
    (void)peer.read_message();
    peer.send(std::string(kOk) + "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong");
    (void)peer.read_until_close();
  });
  const auto careful = client();
  for (int i = 0; i < 2; ++i) EXPECT_EQ(text_of(careful->send(server.url(), get_request())->response.body), "ok");
}

TEST(HttpClient, SendsAGetAgainWhenAKeptConnectionWasClosed) {
  const RawServer server(answering({1, 1}));
  auto retrying = client();
  EXPECT_TRUE(retrying->send(server.url(), get_request()));
  const auto second = retrying->send(server.url(), get_request());  // read, not answered, closed
  ASSERT_TRUE(second) << second.error().message;
  EXPECT_EQ(server.connections(), 2);
  retrying.reset();
}

TEST(HttpClient, NeverSendsAPostTwice) {
  std::atomic<int> posts = 0;
  const RawServer server([&](RawSocket& peer, int) {
    for (std::string message = peer.read_message(); !message.empty(); message = peer.read_message()) {
      if (message.starts_with("POST")) {
        ++posts;
        return;  // read, not answered, closed
      }
      peer.send(kOk);
    }
  });
  auto careful = client();
  EXPECT_TRUE(careful->send(server.url(), get_request()));
  const auto lost = careful->send(server.url(), post_request("x"));
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().fault, Fault::kUnavailable);
  EXPECT_TRUE(careful->send(server.url(), get_request())) << "the next one goes over a new connection";
  EXPECT_EQ(posts, 1);
  careful.reset();
}

TEST(HttpClient, SendsAPostOnANewConnectionWhereTheOldOneIsSeenToBeClosed) {
  std::atomic<bool> closed = false;
  const RawServer server([&](RawSocket& peer, int number) {
    (void)peer.read_message();
    peer.send(kOk);
    if (number > 0) return;
    peer.close();
    closed = true;
    closed.notify_all();
  });
  auto patient = client();
  EXPECT_TRUE(patient->send(server.url(), get_request()));
  closed.wait(false);
  EXPECT_TRUE(patient->send(server.url(), post_request("x")));
  EXPECT_EQ(server.connections(), 2);
  patient.reset();
}

TEST(HttpClient, SendsAgainOnce) {
  const RawServer server(answering({1, 0, 1}));
  auto retrying = client();
  EXPECT_TRUE(retrying->send(server.url(), get_request()));
  const auto second = retrying->send(server.url(), get_request());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().fault, Fault::kUnavailable);
  EXPECT_EQ(server.connections(), 2);
}

TEST(HttpClient, DoesNotSendAgainOnceSomethingWasReceived) {
  const RawServer server(answering({1, 1}, "HTTP/1."));
  auto once = client();
  EXPECT_TRUE(once->send(server.url(), get_request()));
  EXPECT_FALSE(once->send(server.url(), get_request()));
  EXPECT_EQ(server.connections(), 1);
}

TEST(HttpClient, DoesNotSendAgainOnAFreshConnection) {
  const RawServer server(answering({0, 1}));
  EXPECT_FALSE(client()->send(server.url(), get_request()));
  EXPECT_EQ(server.connections(), 1);
}

TEST(HttpClient, RecoversAfterAFailure) {
  const RawServer server(answering({0, 1}));
  auto recovering = client();
  EXPECT_FALSE(recovering->send(server.url(), get_request()));
  EXPECT_TRUE(recovering->send(server.url(), get_request()));
  recovering.reset();
}

TEST(HttpClient, ChangesFromHostToHost) {
  const Log log = Log::silent();
  const Handler say_port = [](const Request& request) { return text_response(200, request.headers.get("Host").value()); };
  const auto one = Server::start({}, say_port, log).value();
  const auto two = Server::start({}, say_port, log).value();
  const auto wandering = client();
  for (int i = 0; i < 4; ++i) {
    const Url url = url_of(i % 2 == 0 ? *one : *two);
    EXPECT_EQ(text_of(wandering->send(url, get_request())->response.body), url.authority());
  }
}

}  // namespace
}  // namespace airtight::http
