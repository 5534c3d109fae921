#include "http/server.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <future>
#include <mutex>
#include <stdexcept>

#include "tests/http/support.h"

namespace airtight::http {
namespace {

using namespace std::string_literals;
using std::chrono::milliseconds;
using testing::RawServer;
using testing::RawSocket;

// Says what it received: "METHOD target body".
Response echo(const Request& request) { return text_response(200, request.method + " " + request.target + " " + to_text(request.body)); }

class HttpServer : public ::testing::Test {
 protected:
  void start(ServerOptions options, Handler handler = echo) {
    server_ = Server::start(std::move(options), std::move(handler), log_).value();
  }
  void start() { start(ServerOptions{}); }

  // All that the server answers to `text` until it closes the connection.
  std::string answer_to(std::string_view text) const {
    const RawSocket socket = connect();
    socket.send(text);
    return socket.read_until_close();
  }
  RawSocket connect() const { return RawSocket::connect(server_->port()); }

  Log log_ = Log::silent();
  std::unique_ptr<Server> server_;
};

std::string status_of(const std::string& response) { return response.substr(0, 12); }
bool has(const std::string& text, std::string_view part) { return text.contains(part); }

constexpr std::string_view kGet = "GET /x?y=z HTTP/1.1\r\nHost: h\r\n\r\n";
constexpr std::string_view kGetAndClose = "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";

TEST_F(HttpServer, AnswersGet) {
  start();
  RawSocket socket = connect();
  socket.send(kGet);
  const std::string response = socket.read_message();
  EXPECT_EQ(status_of(response), "HTTP/1.1 200");
  EXPECT_TRUE(has(response, "Content-Length: 11\r\n"));
  EXPECT_TRUE(has(response, "\r\nDate: "));
  EXPECT_TRUE(response.ends_with("\r\n\r\nGET /x?y=z "));
}

TEST_F(HttpServer, GivesTheHandlerPeerAndHeaders) {
  start({}, [](const Request& request) {
    return text_response(200, request.peer + " " + std::string(request.headers.get("x-a").value_or("-")));
  });
  EXPECT_TRUE(answer_to("GET / HTTP/1.1\r\nHost: h\r\nX-A:  \tb c \r\nConnection: close\r\n\r\n").ends_with("127.0.0.1 b c"));
}

TEST_F(HttpServer, ListensOnIpv6) {
  start({.address = "::1"});
  RawSocket socket = RawSocket::connect(server_->port(), true);
  socket.send(kGet);
  EXPECT_EQ(status_of(socket.read_message()), "HTTP/1.1 200");
}

TEST_F(HttpServer, SaysThatAnAddressIsTaken) {
  start();
  const auto second = Server::start({.port = server_->port()}, echo, log_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().fault, Fault::kUnavailable);
  EXPECT_FALSE(second.error().hint.empty());
}

TEST_F(HttpServer, RefusesAnAddressThatIsNone) {
  const auto server = Server::start({.address = "localhost"}, echo, log_);
  ASSERT_FALSE(server);
  EXPECT_EQ(server.error().fault, Fault::kBadInput);
}

TEST_F(HttpServer, KeepsTheConnectionForTheNextRequest) {
  start();
  RawSocket socket = connect();
  for (int i = 0; i < 3; ++i) {
    socket.send(kGet);
    const std::string response = socket.read_message();
    EXPECT_EQ(status_of(response), "HTTP/1.1 200");
    EXPECT_TRUE(has(response, "Connection: keep-alive\r\n"));
  }
}

TEST_F(HttpServer, ClosesWhenAskedTo) {
  start();
  EXPECT_TRUE(has(answer_to(kGetAndClose), "Connection: close\r\n"));
}

TEST_F(HttpServer, ClosesWhenTheHandlerWantsIt) {
  start({}, [](const Request& request) {
    Response response = echo(request);
    response.headers.set("Connection", "close");
    return response;
  });
  EXPECT_EQ(status_of(answer_to(kGet)), "HTTP/1.1 200");
}

TEST_F(HttpServer, ClosesAfterHttp10UnlessAskedToKeepAlive) {
  start();
  EXPECT_EQ(status_of(answer_to("GET / HTTP/1.0\r\n\r\n")), "HTTP/1.1 200");
  RawSocket socket = connect();
  socket.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_TRUE(has(socket.read_message(), "Connection: keep-alive\r\n"));
  socket.send(kGet);
  EXPECT_EQ(status_of(socket.read_message()), "HTTP/1.1 200");
}

TEST_F(HttpServer, AnswersPipelinedRequestsInOrder) {
  start();
  RawSocket socket = connect();
  socket.send(
      "GET /1 HTTP/1.1\r\nHost: h\r\n\r\nPOST /2 HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabcGET /3 HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_TRUE(socket.read_message().ends_with("GET /1 "));
  EXPECT_TRUE(socket.read_message().ends_with("POST /2 abc"));
  EXPECT_TRUE(socket.read_message().ends_with("GET /3 "));
}

TEST_F(HttpServer, ReadsARequestThatArrivesByteByByte) {
  start();
  RawSocket socket = connect();
  for (const char c :
       std::string("POST /p HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2;e=f\r\nab\r\n1\r\nc\r\n0\r\nT: u\r\n\r\n")) {
    socket.send(std::string(1, c));
  }
  EXPECT_TRUE(socket.read_message().ends_with("POST /p abc"));
}

TEST_F(HttpServer, ReadsAnEmptyChunkedBodyThatArrivesByteByByte) {
  start();
  RawSocket socket = connect();
  for (const char c : std::string("POST /p HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nT: u\r\n\r\n"))
    socket.send(std::string(1, c));
  EXPECT_TRUE(socket.read_message().ends_with("POST /p "));
}

TEST_F(HttpServer, AnswersHeadWithoutBody) {
  start();
  const std::string response = answer_to("HEAD /x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(has(response, "Content-Length: 8\r\n"));
  EXPECT_TRUE(response.ends_with("\r\n\r\n"));
}

TEST_F(HttpServer, SendsNoBodyWithStatus204) {
  start({}, [](const Request&) { return text_response(204, "nothing"); });
  const std::string response = answer_to(kGetAndClose);
  EXPECT_FALSE(has(response, "Content-Length"));
  EXPECT_TRUE(response.ends_with("\r\n\r\n"));
}

TEST_F(HttpServer, AcceptsTheAbsoluteForm) {
  start();
  EXPECT_TRUE(answer_to("GET http://h/a?b HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").ends_with("GET /a?b "));
}

TEST_F(HttpServer, SendsContinueToWhomWaitsForIt) {
  start();
  RawSocket socket = connect();
  socket.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(socket.read_through("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  socket.send("ok");
  EXPECT_TRUE(socket.read_message().ends_with("POST / ok"));
}

TEST_F(HttpServer, RefusesATooLongBodyInsteadOfContinuing) {
  start({.max_body = 10});
  EXPECT_EQ(status_of(answer_to("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\nExpect: 100-continue\r\n\r\n")), "HTTP/1.1 413");
}

TEST_F(HttpServer, RefusesOtherMethods) {
  start();
  for (const std::string method : {"PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PATCH", "get", "BREW"}) {
    const std::string response = answer_to(method + " / HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_EQ(status_of(response), "HTTP/1.1 405") << method;
    EXPECT_TRUE(has(response, "Allow: GET, HEAD, POST\r\n")) << method;
  }
}

TEST_F(HttpServer, RefusesWhatIsMalformed) {
  start();
  const std::pair<std::string, std::string> table[] = {
      {"GARBAGE\r\n\r\n", "400"},
      {"\x16\x03\x01\x02\x01\x01", "400"},  // a TLS ClientHello
      {"\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", "400"},
      {"GET /\r\n\r\n", "400"},
      {"GET / HTTP/1.1\nHost: h\n\n", "505"},
      {"GET  / HTTP/1.1\r\nHost: h\r\n\r\n", "400"},
      {"GET / HTTP/2.0\r\nHost: h\r\n\r\n", "505"},
      {"GET / HTTP/0.9\r\nHost: h\r\n\r\n", "505"},
      {"GET / HTTP/1.1\r\n\r\n", "400"},                        // no Host
      {"GET / HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n", "400"},  // two
      {"GET /a#b HTTP/1.1\r\nHost: h\r\n\r\n", "400"},
      {"GET x HTTP/1.1\r\nHost: h\r\n\r\n", "400"},
      {"GET ftp://h/ HTTP/1.1\r\nHost: h\r\n\r\n", "400"},
      {"GET / HTTP/1.1\r\nHost : h\r\n\r\n", "400"},
      {"GET / HTTP/1.1\r\nHost: h\r\nno colon\r\n\r\n", "400"},
      {"GET / HTTP/1.1\r\nHost: h\r\nA: b\x01\r\n\r\n", "400"},
      {"GET / HTTP/1.1\r\nHost: h\r\nA: b\0c\r\n\r\n"s, "400"},
      {"GET / HTTP/1.1\r\nHost: h\r\nA: b\rc\r\n\r\n", "400"},
      {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: x\r\n\r\n", "400"},
      {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n", "400"},
      {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: +1\r\n\r\na", "400"},
      {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1, 1\r\n\r\na", "400"},
      {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na", "400"},
      {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999999999\r\n\r\n", "400"},
      {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400"},
      {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n0\r\n\r\n", "400"},
      {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n", "501"},
      {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "501"},
      {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400"},
      {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400"},
      {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", "400"},
      {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n", "400"},
      {"POST / HTTP/1.1\r\nHost: h\r\nExpect: miracles\r\n\r\n", "417"},
  };
  for (const auto& [text, status] : table) EXPECT_EQ(status_of(answer_to(text)), "HTTP/1.1 " + status) << text;
}

TEST_F(HttpServer, NeverCallsTheHandlerForWhatItRefuses) {
  std::atomic<int> calls = 0;
  start({}, [&](const Request& request) {
    ++calls;
    return echo(request);
  });
  (void)answer_to("PUT / HTTP/1.1\r\nHost: h\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n");
  (void)answer_to("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(calls, 0);
}

TEST_F(HttpServer, RefusesAHeaderBeyondTheLimitHoweverItArrives) {
  start({.max_header = 1000});
  const std::string start_line = "GET / HTTP/1.1\r\nHost: h\r\n";
  EXPECT_EQ(status_of(answer_to(start_line + "A: " + std::string(2000, 'a') + "\r\n\r\n")), "HTTP/1.1 431");
  EXPECT_EQ(status_of(answer_to("GET /" + std::string(2000, 'a'))), "HTTP/1.1 431");
  const RawSocket socket = connect();
  socket.send(start_line);
  for (int i = 0; i < 20; ++i) socket.send("Field: " + std::string(50, 'a') + "\r\n");
  EXPECT_EQ(status_of(socket.read_until_close()), "HTTP/1.1 431");
}

TEST_F(HttpServer, AcceptsAHeaderOfExactlyTheLimit) {
  const std::string shell = "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nA: \r\n\r\n";
  start({.max_header = 500});
  const auto request = [&](std::size_t size) {
    std::string text = shell;
    return text.insert(text.size() - 4, size - shell.size(), 'a');
  };
  EXPECT_EQ(status_of(answer_to(request(500))), "HTTP/1.1 200");
  EXPECT_EQ(status_of(answer_to(request(501))), "HTTP/1.1 431");
}

TEST_F(HttpServer, RefusesMoreThanAHundredFields) {
  start();
  std::string text = "GET / HTTP/1.1\r\nHost: h\r\n";
  for (int i = 0; i < 100; ++i) text += "A: b\r\n";
  EXPECT_EQ(status_of(answer_to(text + "\r\n")), "HTTP/1.1 431");
}

TEST_F(HttpServer, RefusesABodyBeyondTheLimitBeforeItArrives) {
  start({.max_body = 1000});
  EXPECT_EQ(status_of(answer_to("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1001\r\n\r\n")), "HTTP/1.1 413");
}

TEST_F(HttpServer, LetsAClientReadTheRefusalOfABodyThatItSends) {
  start({.max_body = 1000});
  const std::string body(4U << 20, 'b');
  EXPECT_EQ(status_of(answer_to("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4194304\r\nConnection: close\r\n\r\n" + body)),
            "HTTP/1.1 413");
}

TEST_F(HttpServer, RefusesChunksBeyondTheLimit) {
  start({.max_body = 1000});
  std::string text = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (int i = 0; i < 3; ++i) text += "190\r\n" + std::string(400, 'c') + "\r\n";
  EXPECT_EQ(status_of(answer_to(text)), "HTTP/1.1 413");
  EXPECT_EQ(status_of(answer_to("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFF\r\n")), "HTTP/1.1 413");
}

TEST_F(HttpServer, RefusesAnEndlessChunkHeader) {
  start({.max_header = 1000});
  EXPECT_EQ(status_of(answer_to("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1;" + std::string(5000, 'x'))),
            "HTTP/1.1 431");
}

TEST_F(HttpServer, IgnoresTrailerFields) {
  start({}, [](const Request& request) { return text_response(200, std::string(request.headers.get("Cookie").value_or("none"))); });
  RawSocket socket = connect();
  socket.send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nCookie: a=b\r\n\r\n");
  EXPECT_TRUE(socket.read_message().ends_with("none"));
}

TEST_F(HttpServer, AcceptsABodyOfExactlyTheLimit) {
  start({.max_body = 100000});
  RawSocket socket = connect();
  socket.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n" + std::string(100000, 'b'));
  const std::string response = socket.read_message();
  EXPECT_EQ(status_of(response), "HTTP/1.1 200");
  EXPECT_TRUE(response.ends_with("POST / " + std::string(100000, 'b')));
}

TEST_F(HttpServer, ClosesOnAClientThatNeverFinishesItsHeader) {
  start({.io_timeout = milliseconds(50)});
  EXPECT_EQ(status_of(answer_to("GET / HTTP/1.1\r\nHost:")), "HTTP/1.1 408");
}

TEST_F(HttpServer, ClosesOnAClientThatNeverFinishesItsBody) {
  start({.io_timeout = milliseconds(50)});
  EXPECT_EQ(status_of(answer_to("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nabc")), "HTTP/1.1 408");
}

TEST_F(HttpServer, LimitsTheWholeRequestNotEachByte) {
  start({.io_timeout = milliseconds(60)});
  const RawSocket socket = connect();
  std::promise<void> closed;
  std::thread dripping([&, done = closed.get_future()] {
    while (done.wait_for(milliseconds(10)) == std::future_status::timeout) socket.send("G");
  });
  socket.send("GET /");
  EXPECT_EQ(status_of(socket.read_until_close()), "HTTP/1.1 408");
  closed.set_value();
  dripping.join();
}

TEST_F(HttpServer, ClosesIdleConnectionsWithoutAWord) {
  start({.idle_timeout = milliseconds(50)});
  EXPECT_EQ(connect().read_until_close(), "");
  RawSocket socket = connect();
  socket.send(kGet);
  EXPECT_EQ(status_of(socket.read_message()), "HTTP/1.1 200");
  EXPECT_EQ(socket.read_until_close(), "");
}

TEST_F(HttpServer, ClosesOnAClientThatTakesNoResponse) {
  std::promise<void> answered;
  start({.io_timeout = milliseconds(50)}, [&](const Request&) {
    answered.set_value();
    return Response{.status = 200, .headers = {}, .body = Bytes(16U << 20)};
  });
  const RawSocket socket = connect();
  socket.send(kGet);
  answered.get_future().wait();
  server_->stop(std::chrono::seconds(5));  // ends before its patience: nothing is left to wait for
  EXPECT_LT(socket.read_until_close().size(), 16U << 20);
}

TEST_F(HttpServer, SurvivesTruncatedRequests) {
  start();
  for (std::size_t size = 0; size < kGet.size(); ++size) {
    const RawSocket socket = connect();
    socket.send(kGet.substr(0, size));
    socket.finish_sending();
    EXPECT_EQ(socket.read_until_close(), "") << size;
  }
  EXPECT_EQ(status_of(answer_to(kGetAndClose)), "HTTP/1.1 200");
}

TEST_F(HttpServer, AnswersAnExceptionWith500AndNoDetail) {
  start({}, [](const Request&) -> Response { throw std::runtime_error("the password is xyzzy"); });
  const std::string response = answer_to(kGetAndClose);
  EXPECT_EQ(status_of(response), "HTTP/1.1 500");
  EXPECT_FALSE(has(response, "xyzzy"));
}

TEST_F(HttpServer, AnswersWhatIsNoExceptionWith500) {
  start({}, [](const Request&) -> Response { throw 7; });  // NOLINT(hicpp-exception-baseclass)
  EXPECT_EQ(status_of(answer_to(kGetAndClose)), "HTTP/1.1 500");
}

TEST_F(HttpServer, NeverEmitsInjectedHeaders) {
  for (const std::string value : {"a\r\nEvil: b", "a\nEvil: b", "a\rEvil: b", "a\r\n\r\nEvil"}) {
    start({}, [&](const Request&) {
      Response response = text_response(200, "body");
      response.headers.set("Location", value);
      return response;
    });
    const std::string response = answer_to(kGetAndClose);
    EXPECT_EQ(status_of(response), "HTTP/1.1 500");
    EXPECT_FALSE(has(response, "Evil"));
  }
}

TEST_F(HttpServer, RefusesToEmitAFieldNameThatIsNone) {
  for (const std::string name : {"", "a b", "a:b", "a\r\nb", "\xC3\xA9"}) {
    start({}, [&](const Request&) {
      Response response = text_response(200, "body");
      response.headers.add(name, "x");
      return response;
    });
    EXPECT_EQ(status_of(answer_to(kGetAndClose)), "HTTP/1.1 500") << name;
  }
}

TEST_F(HttpServer, FramesItsResponsesItself) {
  start({}, [](const Request&) {
    Response response = text_response(200, "body");
    response.headers.set("Content-Length", "1000");
    response.headers.set("Transfer-Encoding", "chunked");
    return response;
  });
  const std::string response = answer_to(kGetAndClose);
  EXPECT_TRUE(has(response, "Content-Length: 4\r\n"));
  EXPECT_FALSE(has(response, "1000"));
  EXPECT_FALSE(has(response, "chunked"));
}

TEST_F(HttpServer, LogsNoTokensOfUrls) {
  log_ = Log(LogLevel::kDebug, LogFormat::kText);
  ::testing::internal::CaptureStderr();
  start();
  (void)answer_to("GET /enroll/s3cr3t?t=t0k3n HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  (void)answer_to("PUT /enroll/s3cr3t?t=t0k3n HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  server_.reset();
  const std::string lines = ::testing::internal::GetCapturedStderr();
  EXPECT_TRUE(has(lines, "/enroll"));
  EXPECT_TRUE(has(lines, "405"));
  EXPECT_FALSE(has(lines, "s3cr3t"));
  EXPECT_FALSE(has(lines, "t0k3n"));
}

// A handler that a test holds until it lets go.
class Gate {
 public:
  Handler handler() {
    return [this](const Request& request) {
      entered_.set_value();
      let_go_.get_future().wait();
      return echo(request);
    };
  }
  void wait_until_entered() { entered_.get_future().wait(); }
  void let_go() { let_go_.set_value(); }

 private:
  std::promise<void> entered_;
  std::promise<void> let_go_;
};

TEST_F(HttpServer, FinishesARunningRequestWhenStopped) {
  Gate gate;
  start({}, gate.handler());
  RawSocket socket = connect();
  socket.send(kGet);
  gate.wait_until_entered();
  std::thread stopping([&] { server_->stop(); });
  while (connect().ok()) {  // until it accepts no more
  }
  gate.let_go();
  const std::string response = socket.read_until_close();
  EXPECT_EQ(status_of(response), "HTTP/1.1 200");
  EXPECT_TRUE(has(response, "Connection: close\r\n"));
  socket.close();
  stopping.join();
}

TEST_F(HttpServer, ServesOthersWhileAHandlerBlocks) {
  Gate gate;
  std::atomic<bool> first = true;
  start({.threads = 2},
        [&, slow = gate.handler()](const Request& request) { return first.exchange(false) ? slow(request) : echo(request); });
  RawSocket blocked = connect();
  blocked.send(kGet);
  gate.wait_until_entered();
  EXPECT_EQ(status_of(answer_to(kGetAndClose)), "HTTP/1.1 200");
  gate.let_go();
  EXPECT_EQ(status_of(blocked.read_message()), "HTTP/1.1 200");
}

TEST_F(HttpServer, ClosesIdleConnectionsWhenStopped) {
  start();
  RawSocket socket = connect();
  socket.send(kGet);
  (void)socket.read_message();
  const auto begin = std::chrono::steady_clock::now();
  server_->stop();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
  EXPECT_EQ(socket.read_until_close(), "");
}

TEST_F(HttpServer, CutsOffWhatOutlastsItsPatience) {
  start();
  RawSocket socket = connect();
  socket.send(kGet);
  (void)socket.read_message();
  socket.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
  (void)socket.read_through("\r\n\r\n");
  server_->stop(milliseconds(20));
  server_.reset();
  EXPECT_EQ(socket.read_until_close(), "");
}

TEST_F(HttpServer, StopsTwiceAndFromTheDestructor) {
  start();
  server_->stop();
  server_->stop();
  EXPECT_FALSE(connect().ok());
}

}  // namespace
}  // namespace airtight::http
