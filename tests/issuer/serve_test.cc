// The running issuer over loopback: it binds, answers over TLS with its own certificate, cleans up, and stops.
#include "issuer/serve.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "crypto/certificate.h"
#include "crypto/random.h"
#include "http/client.h"
#include "issuer/init.h"
#include "storage/files.h"
#include "tests/support/must.h"
#include "tests/support/temporary_folder.h"

namespace airtight::issuer::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;
using tests::must;

class Serving : public ::testing::Test {
 protected:
  void SetUp() override {
    must(init_issuer(folder.path(), {}, clock, random));
    issuer = must(Issuer::open(folder.path(), clock, random));
  }
  // issuer.toml with `text` replaced.
  void configure(std::string_view text, std::string_view replacement) {
    rewrite(text, replacement);
    issuer = must(Issuer::open(folder.path(), clock, random));
  }
  // The same under an issuer that goes on as it is.
  void rewrite(std::string_view text, std::string_view replacement) {
    std::string content = to_text(must(storage::read_file(folder / "issuer.toml", 1U << 20)));
    const std::size_t at = content.find(text);
    ASSERT_NE(at, std::string::npos);
    content.replace(at, text.size(), replacement);
    must(storage::write_file(folder / "issuer.toml", bytes_of(content), storage::FileMode::kPrivate));
  }
  Result<std::unique_ptr<RunningIssuer>> start(const std::string& listen) {
    return RunningIssuer::start(*issuer, {.listen = listen}, {}, log);
  }
  http::Exchange get(std::string_view url, const std::string& ca_pem = {}) {
    const auto client = must(http::Client::create({.ca_pem = ca_pem}));
    return must(client->send(must(http::Url::parse(url)), {.method = "GET", .target = {}, .headers = {}, .body = {}, .peer = {}}));
  }
  std::string tls_ca() { return to_text(must(storage::read_file(folder / "tls/ca.pem", 1U << 16))); }

  tests::TemporaryFolder folder;
  SystemClock clock;
  crypto::SystemRandom random;
  Log log = Log::silent();
  std::unique_ptr<Issuer> issuer;
};

TEST_F(Serving, AnswersAnEnrolmentUrlOverTlsWithItsOwnCertificate) {
  const auto running = must(start("127.0.0.1:0"));
  EXPECT_THAT(running->listening_url(), StartsWith("https://127.0.0.1:"));
  const std::string url = must(issuer->make_url("default", std::nullopt));
  EXPECT_THAT(url, StartsWith(running->listening_url() + "/"));
  const http::Exchange exchange = get(url, tls_ca());
  EXPECT_EQ(exchange.response.status, 200);
  EXPECT_EQ(exchange.response.media_type(), "application/xbpp+xml");
  EXPECT_THAT(to_text(exchange.response.body), HasSubstr(running->listening_url()));
}

TEST_F(Serving, TakesNoMoreConnectionsOfOneAddressThanItsConfigurationSays) {
  configure("# connections_per_address = 128", "connections_per_address = 1");
  const auto running = must(start("127.0.0.1:0"));
  const http::Url url = must(http::Url::parse(must(issuer->make_url("default", std::nullopt))));
  const http::Request request{.method = "GET", .target = {}, .headers = {}, .body = {}, .peer = {}};
  const auto first = must(http::Client::create({.ca_pem = tls_ca()}));
  EXPECT_EQ(must(first->send(url, request)).response.status, 200);
  const http::Exchange second = get(url.to_text(), tls_ca());
  EXPECT_EQ(second.response.status, 503);
  EXPECT_TRUE(second.response.headers.get("Retry-After"));
}

constexpr std::string_view kVisitors = R"([profiles.visitors]
subject = "CN={device_id}"
enrolment = { by = ["open"] }
devices = { accept_any = true }
[[profiles.visitors.keys]]
id = "Key.1"
usage = "authentication"
algorithm = "p-256"

[profiles.default])";

TEST_F(Serving, TakesNewProfilesWithoutARestart) {
  const auto running = must(start("127.0.0.1:0"));
  const std::string address = running->listening_url() + "/enroll/visitors";
  EXPECT_EQ(get(address, tls_ca()).response.status, 404);
  rewrite("[profiles.default]", kVisitors);
  EXPECT_EQ(get(address, tls_ca()).response.status, 404) << "nobody has said so yet";
  must(running->reload());
  EXPECT_EQ(get(address, tls_ca()).response.status, 200);
}

TEST_F(Serving, OffersNoMoreWhatIsNoMoreInTheConfiguration) {
  rewrite("[profiles.default]", kVisitors);
  issuer = must(Issuer::open(folder.path(), clock, random));
  const auto running = must(start("127.0.0.1:0"));
  const std::string address = running->listening_url() + "/enroll/visitors";
  EXPECT_EQ(get(address, tls_ca()).response.status, 200);
  rewrite(kVisitors, "[profiles.default]");
  must(running->reload());
  EXPECT_EQ(get(address, tls_ca()).response.status, 404);
}

TEST_F(Serving, KeepsItsProfilesWhereTheNewOnesAreWrong) {
  const auto running = must(start("127.0.0.1:0"));
  rewrite("[profiles.default]", std::string(kVisitors) + "\ncolour = 1\n");
  const auto refused = running->reload();
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, StartsWith("issuer.toml:"));
  EXPECT_THAT(refused.error().message, HasSubstr("unknown name 'colour'"));
  EXPECT_EQ(get(running->listening_url() + "/enroll/visitors", tls_ca()).response.status, 404) << "all or nothing";
  EXPECT_EQ(get(must(issuer->make_url("default", std::nullopt)), tls_ca()).response.status, 200);
}

TEST_F(Serving, TakesNoProfileThatNeedsAMailServerItDoesNotHave) {
  const auto running = must(start("127.0.0.1:0"));
  std::string by_mail(kVisitors);
  by_mail.replace(by_mail.find("open"), 4, "mail").replace(by_mail.find("{device_id}"), 11, "{email}");
  rewrite("[profiles.default]", "[mail]\nserver = \"localhost\"\nencryption = \"none\"\nfrom = \"a@example.com\"\n" + by_mail);
  const auto refused = running->reload();
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("[mail] is read when the server starts"));
}

TEST_F(Serving, TellsWhichProfilesNoServerHasReadYet) {
  EXPECT_THAT(must(issuer->unread_profiles()), ::testing::IsEmpty()) << "none has ever run";
  const auto running = must(start("127.0.0.1:0"));
  EXPECT_THAT(must(issuer->unread_profiles()), ::testing::IsEmpty());
  rewrite("[profiles.default]", kVisitors);
  const auto reader = must(Issuer::open(folder.path(), clock, random));
  EXPECT_THAT(must(reader->unread_profiles()), ::testing::ElementsAre("visitors"));
  must(running->reload());
  EXPECT_THAT(must(reader->unread_profiles()), ::testing::IsEmpty());
}

TEST_F(Serving, StopsTwiceWithoutHarm) {
  const auto running = must(start("127.0.0.1:0"));
  running->stop();
  running->stop();
}

TEST_F(Serving, ServesOneDatabaseFromTwoServers) {
  const auto first = must(start("127.0.0.1:0"));
  const auto second = must(start("127.0.0.1:0"));
  EXPECT_NE(first->listening_url(), second->listening_url());
}

TEST_F(Serving, MakesUrlsForTheFirstOfTwoServersUntilItEnds) {
  const auto first = must(start("127.0.0.1:0"));
  const auto second = must(start("127.0.0.1:0"));
  EXPECT_THAT(must(issuer->make_url("default", std::nullopt)), StartsWith(first->listening_url()));
  first->stop();
  const auto third = must(start("127.0.0.1:0"));
  EXPECT_THAT(must(issuer->make_url("default", std::nullopt)), StartsWith(third->listening_url()));
}

TEST_F(Serving, ServesLoopbackWithoutTlsWhenToldTo) {
  configure("tls = true", "tls = false");
  const auto running = must(start("127.0.0.1:0"));
  EXPECT_THAT(running->listening_url(), StartsWith("http://127.0.0.1:"));
  EXPECT_EQ(get(must(issuer->make_url("default", std::nullopt))).response.status, 200);
}

// RFC 9110, section 9.1: servers support GET and HEAD.
TEST_F(Serving, AnswersHeadWherePublicationsAreFetched) {
  configure("tls = true", "tls = false");
  const auto running = must(start("127.0.0.1:0"));
  const auto client = must(http::Client::create({}));
  for (const char* const path : {"/ca/root.cer", "/crl/root.crl"}) {
    const http::Url url = must(http::Url::parse(running->listening_url() + path));
    const auto ask = [&](const char* method) {
      return must(client->send(url, {.method = method, .target = {}, .headers = {}, .body = {}, .peer = {}})).response;
    };
    const http::Response whole = ask("GET");
    const http::Response head = ask("HEAD");
    EXPECT_EQ(whole.status, 200) << path;
    EXPECT_EQ(head.status, 200) << path;
    EXPECT_EQ(head.headers.get("Content-Length"), std::to_string(whole.body.size())) << path;
    EXPECT_TRUE(head.body.empty()) << path;
    EXPECT_EQ(ask("POST").status, 405) << path;
  }
}

TEST_F(Serving, RefusesToServeOthersWithoutTls) {
  configure("tls = true", "tls = false");
  const auto running = start("0.0.0.0:0");
  ASSERT_FALSE(running.has_value());
  EXPECT_THAT(running.error().message, HasSubstr("loopback alone"));
}

TEST_F(Serving, RefusesEveryAddressWithoutAUrl) {
  const auto running = start("0.0.0.0:0");
  ASSERT_FALSE(running.has_value());
  EXPECT_THAT(running.error().hint, HasSubstr("url in issuer.toml"));
}

TEST_F(Serving, SaysThatAnAddressIsTaken) {
  const auto running = must(start("127.0.0.1:0"));
  const std::string taken = running->listening_url().substr(std::string_view("https://").size());
  const auto second = start(taken);
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().fault, Fault::kUnavailable);
}

// A clock that is `ahead` of the system's.
class LaterClock final : public Clock {
 public:
  explicit LaterClock(std::chrono::milliseconds ahead) : ahead_(ahead) {}
  [[nodiscard]] Instant now() const override { return SystemClock().now().plus(ahead_); }

 private:
  std::chrono::milliseconds ahead_;
};

TEST_F(Serving, RenewsItsOwnTlsCertificateInTheLastMonthUnderTheSameKey) {
  const auto server_certificate = [&] {
    return must(crypto::certificates_from_pem(to_text(must(storage::read_file(folder / "tls/server.pem", 1U << 16))))).at(0);
  };
  const crypto::Certificate before = server_certificate();
  const LaterClock early(std::chrono::days(360));
  issuer = must(Issuer::open(folder.path(), early, random));
  must(start("127.0.0.1:0"))->stop();
  EXPECT_EQ(server_certificate(), before);
  const LaterClock late(std::chrono::days(370));
  issuer = must(Issuer::open(folder.path(), late, random));
  must(start("127.0.0.1:0"))->stop();
  const crypto::Certificate after = server_certificate();
  EXPECT_GT(after.not_after(), before.not_after());
  EXPECT_TRUE(equal(after.spki(), before.spki()));
  must(after.verify_issued_by(must(crypto::certificates_from_pem(tls_ca())).at(0)));
}

TEST_F(Serving, DoesNotStartWithoutItsSeal) {
  std::filesystem::remove(folder / "seal.key");
  EXPECT_FALSE(start("127.0.0.1:0").has_value());
}

}  // namespace
}  // namespace airtight::issuer::testing
