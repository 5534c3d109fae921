#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "tests/http/certificates.h"
#include "tests/http/support.h"

namespace airtight::http {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using testing::CertificateWish;
using testing::get_request;
using testing::post_request;
using testing::RawServer;
using testing::RawSocket;
using testing::TestCa;
using testing::url_of;

class Https : public ::testing::Test {
 protected:
  void start(const CertificateWish& wish = {}, ServerOptions options = {}) {
    options.tls = ca_.issue(wish);
    chain_ = options.tls->certificate_chain_pem;
    server_ = Server::start(
                  std::move(options), [](const Request& r) { return text_response(200, r.method + " " + to_text(r.body)); }, log_)
                  .value();
  }
  Result<Exchange> get(std::string_view host = "127.0.0.1", ClientOptions options = {}) const {
    if (options.ca_pem.empty()) options.ca_pem = ca_.pem();
    return Client::create(std::move(options)).value()->send(url_of(*server_, "/", "https", host), get_request());
  }
  // The error that a client says, which must be about the connection and have a hint.
  static std::string complaint(const Result<Exchange>& exchange) {
    EXPECT_FALSE(exchange);
    if (exchange) return {};
    EXPECT_EQ(exchange.error().fault, Fault::kUnavailable);
    EXPECT_FALSE(exchange.error().hint.empty());
    return exchange.error().message;
  }

  Log log_ = Log::silent();
  TestCa ca_;
  std::string chain_;
  std::unique_ptr<Server> server_;
};

TEST_F(Https, AnswersAndGivesTheServersCertificate) {
  start();
  const auto exchange = get();
  ASSERT_TRUE(exchange) << exchange.error().message;
  EXPECT_EQ(text_of(exchange->response.body), "GET ");
  const auto certificates = crypto::certificates_from_pem(chain_);
  ASSERT_TRUE(certificates);
  EXPECT_EQ(exchange->server_certificate, certificates->front().der());
}

TEST_F(Https, VerifiesNames) {
  start({.dns_names = {"localhost"}, .ip_addresses = {}});
  EXPECT_TRUE(get("localhost"));
}

TEST_F(Https, RefusesAnotherName) {
  start({.dns_names = {"other.example"}, .ip_addresses = {"127.0.0.1"}});
  EXPECT_TRUE(complaint(get("localhost")).contains("host name mismatch"));
}

TEST_F(Https, RefusesAnotherAddress) {
  start({.dns_names = {"localhost", "127.0.0.1"}, .ip_addresses = {"127.0.0.2"}});
  EXPECT_TRUE(complaint(get()).contains("host name mismatch"));
}

TEST_F(Https, TakesNoNameFromTheSubject) {
  start({.dns_names = {}, .ip_addresses = {}});
  EXPECT_TRUE(complaint(get("localhost")).contains("host name mismatch"));
}

TEST_F(Https, RefusesAnUntrustedRoot) {
  start();
  const TestCa stranger;
  const auto exchange = get("127.0.0.1", {.ca_pem = stranger.pem()});
  EXPECT_TRUE(complaint(exchange).contains("untrusted root")) << exchange.error().message;
  EXPECT_TRUE(exchange.error().hint.contains("--ca-file"));
}

TEST_F(Https, RefusesARootThatTheSystemDoesNotHave) {
  start();
  const auto exchange = Client::create({}).value()->send(url_of(*server_, "/", "https"), get_request());
  EXPECT_TRUE(complaint(exchange).contains("untrusted root"));
}

TEST_F(Https, RefusesAnExpiredCertificate) {
  start({.begin = hours(-48), .end = hours(-24)});
  EXPECT_TRUE(complaint(get()).contains("has expired"));
}

TEST_F(Https, RefusesACertificateOfTheFuture) {
  start({.begin = hours(24), .end = hours(48)});
  EXPECT_TRUE(complaint(get()).contains("not yet valid"));
}

TEST_F(Https, SaysThatTheServerHasNoTls) {
  server_ = Server::start({}, [](const Request&) { return text_response(200, ""); }, log_).value();
  EXPECT_TRUE(complaint(get()).contains("does not speak TLS"));
}

TEST_F(Https, SurvivesAClientWithoutTls) {
  start();
  const RawSocket socket = RawSocket::connect(server_->port());
  socket.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_FALSE(socket.read_until_close().contains("200"));
  EXPECT_TRUE(get());
}

TEST_F(Https, ClosesOnAClientThatNeverShakesHands) {
  start({}, {.io_timeout = milliseconds(50)});
  EXPECT_EQ(RawSocket::connect(server_->port()).read_until_close(), "");
}

TEST_F(Https, StopsInTheMiddleOfAHandshake) {
  start();
  const RawSocket socket = RawSocket::connect(server_->port());
  EXPECT_TRUE(get());  // so that the first connection has been accepted
  server_->stop();
  EXPECT_EQ(socket.read_until_close(), "");
}

TEST_F(Https, GivesUpAHandshakeAtItsDeadline) {
  const RawServer silent([](RawSocket& peer, int) { (void)peer.read_until_close(); });
  const auto exchange = Client::create({.timeout = milliseconds(50)}).value()->send(silent.url("https"), get_request());
  EXPECT_TRUE(complaint(exchange).contains("TLS handshake"));
}

TEST_F(Https, SaysThatTheServerHungUpInTheHandshake) {
  const RawServer hanging_up([](RawSocket& peer, int) { (void)peer.read_some(); });
  const auto exchange = Client::create({}).value()->send(hanging_up.url("https"), get_request());
  EXPECT_TRUE(complaint(exchange).contains("during the TLS handshake")) << exchange.error().message;
}

TEST_F(Https, KeepsTheConnectionAndItsCertificate) {
  start();
  const auto client = Client::create({.ca_pem = ca_.pem()}).value();
  const auto first = client->send(url_of(*server_, "/", "https"), get_request());
  const auto second = client->send(url_of(*server_, "/", "https"), post_request("abc"));
  ASSERT_TRUE(first && second);
  EXPECT_EQ(text_of(second->response.body), "POST abc");
  EXPECT_TRUE(second->server_certificate);
  EXPECT_EQ(first->server_certificate, second->server_certificate);
}

TEST_F(Https, ConnectsAgainAfterTheServerClosedAnIdleConnection) {
  start({}, {.io_timeout = milliseconds(400), .idle_timeout = milliseconds(20)});
  const auto client = Client::create({.ca_pem = ca_.pem()}).value();
  for (int i = 0; i < 2; ++i) {
    const auto exchange = client->send(url_of(*server_, "/", "https"), get_request());
    ASSERT_TRUE(exchange) << exchange.error().message;
    EXPECT_TRUE(exchange->server_certificate);
    EXPECT_EQ(RawSocket::connect(server_->port()).read_until_close(), "");  // waits longer than the server does when idle
  }
}

TEST_F(Https, CarriesLargeBodiesBothWays) {
  start();
  const std::string body(3U << 20, 'b');
  const auto exchange = Client::create({.ca_pem = ca_.pem()}).value()->send(url_of(*server_, "/", "https"), post_request(body));
  ASSERT_TRUE(exchange) << exchange.error().message;
  EXPECT_EQ(exchange->response.body.size(), body.size() + 5);
}

TEST_F(Https, LetsAClientReadTheRefusalOfABodyThatItSends) {
  start({}, {.max_body = 1000});
  const auto client = Client::create({.ca_pem = ca_.pem()}).value();
  const auto exchange = client->send(url_of(*server_, "/", "https"), post_request(std::string(4U << 20, 'b')));
  ASSERT_TRUE(exchange) << exchange.error().message;
  EXPECT_EQ(exchange->response.status, 413);
}

TEST_F(Https, ServesManyClientsAtOnce) {
  start();
  std::atomic<int> good = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 32; ++t) {
    threads.emplace_back([&, t] {
      const auto client = Client::create({.ca_pem = ca_.pem()}).value();
      for (int i = 0; i < 10; ++i) {
        const std::string body = std::to_string(t) + "-" + std::to_string(i);
        const auto exchange = client->send(url_of(*server_, "/", "https"), post_request(body));
        if (exchange && text_of(exchange->response.body) == "POST " + body) ++good;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(good, 320);
}

TEST_F(Https, RefusesAKeyOfAnotherCertificate) {
  ServerTls tls = ca_.issue();
  tls.private_key_pem = ca_.issue().private_key_pem.clone();
  const auto server = Server::start({.tls = std::move(tls)}, [](const Request&) { return Response(); }, log_);
  ASSERT_FALSE(server);
  EXPECT_EQ(server.error().fault, Fault::kBadInput);
}

TEST_F(Https, RefusesAChainOrKeyThatIsNone) {
  ServerTls tls = ca_.issue();
  tls.certificate_chain_pem = "not a certificate";
  EXPECT_FALSE(Server::start({.tls = std::move(tls)}, [](const Request&) { return Response(); }, log_));
  tls = ca_.issue();
  tls.private_key_pem = SecretBytes::copy_of(bytes_of("not a key"));
  EXPECT_FALSE(Server::start({.tls = std::move(tls)}, [](const Request&) { return Response(); }, log_));
}

TEST(HttpsClient, RefusesRootsThatAreNone) {
  const auto client = Client::create({.ca_pem = "not a certificate"});
  ASSERT_FALSE(client);
  EXPECT_EQ(client.error().fault, Fault::kBadInput);
}

}  // namespace
}  // namespace airtight::http
