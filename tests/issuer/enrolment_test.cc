// Enrolment URLs: each works once, for a while, and for the client that fetched it first.
#include "issuer/enrolment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <latch>
#include <thread>

#include "issuer/refusal.h"
#include "storage/database.h"
#include "storage/files.h"
#include "tests/issuer/support.h"

namespace airtight::issuer::testing {
namespace {

class Enrolments : public ::testing::Test {
 protected:
  TestIssuer issuer;
  Device device{issuer.maker()};
  Client client{issuer, device};
};

TEST_F(Enrolments, HaveUrlsThatNobodyCanGuess) {
  const std::string url = issuer.url();
  EXPECT_TRUE(url.starts_with(std::string(kBaseUrl) + "/keygen2/"));
  EXPECT_EQ(url.substr(url.rfind('/') + 1).size(), 43U);
  EXPECT_NE(url, issuer.url());
}

TEST_F(Enrolments, LeaveNoTokenInTheDatabase) {
  const std::string url = issuer.url();
  const std::string token = url.substr(url.rfind('/') + 1);
  client.get(url);
  for (const auto& file : {"issuer.db", "issuer.db-wal"}) {
    const Result<Bytes> content = storage::read_file(issuer.path() / file, 1U << 26);
    if (content) {
      EXPECT_EQ(text_of(*content).find(token), std::string_view::npos) << file;
    }
  }
}

TEST_F(Enrolments, AreRefusedWhenUnknown) {
  const http::Response response =
      client.get(std::string(kBaseUrl) + "/keygen2/aaaaaaaaaaaaaaaa/bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb");
  EXPECT_EQ(refusal_id(response), "enrolment.unknown");
  EXPECT_EQ(response.status, kNotFound);
}

TEST_F(Enrolments, GoToTheClientThatFetchedTheFirstRequestLast) {
  const std::string url = issuer.url();
  client.get(url);
  Client second(issuer, device);
  EXPECT_EQ(second.get(url).status, 200);
  EXPECT_EQ(refusal_id(client.negotiate()), "session.unknown");
  EXPECT_EQ(second.negotiate().status, 200);
  EXPECT_EQ(must(issuer.issuer().sessions()).size(), 1U);
}

TEST_F(Enrolments, SurviveTheLossOfTheFirstRequest) {
  const std::string url = issuer.url();
  const http::Response lost = client.get(url);
  const std::string cookie = client.cookie();
  issuer.clock().pass(std::chrono::hours(100));
  must(issuer.service().clean_up());
  const http::Response again = client.get(url);
  EXPECT_EQ(again.body, lost.body);
  EXPECT_NE(client.cookie(), cookie);
  EXPECT_EQ(client.negotiate().status, 200);
}

TEST_F(Enrolments, AreUsedOnceTheFirstRequestIsAnswered) {
  const std::string url = issuer.url();
  client.run(url, 1);
  EXPECT_EQ(refusal_id(client.get(url)), "enrolment.used");
}

TEST_F(Enrolments, Expire) {
  const std::string url = issuer.url();
  issuer.clock().pass(std::chrono::hours(168) + std::chrono::milliseconds(1));
  const http::Response response = client.get(url);
  EXPECT_EQ(refusal_id(response), "enrolment.expired");
  EXPECT_EQ(response.status, kGone);
}

TEST_F(Enrolments, AreRemovedAfterTheyExpired) {
  const std::string url = issuer.url();
  issuer.clock().pass(std::chrono::hours(169));
  must(issuer.service().clean_up());
  EXPECT_EQ(refusal_id(client.get(url)), "enrolment.unknown");
}

TEST_F(Enrolments, AreNotConsumedByAHeadRequest) {
  const std::string url = issuer.url();
  const http::Response response =
      issuer.service().handle({.method = "HEAD", .target = must(http::Url::parse(url)).target, .headers = {}, .body = {}, .peer = "test"});
  EXPECT_EQ(response.status, kMethodNotAllowed);
  EXPECT_EQ(response.headers.get("Allow"), "GET");
  EXPECT_EQ(client.get(url).status, 200);
}

TEST_F(Enrolments, BeginOneSessionForTwoClientsAtOnce) {
  const std::string url = issuer.url();
  Client other(issuer, device);
  std::latch start(2);
  const auto race = [&](Client& racer) {
    start.arrive_and_wait();
    racer.get(url);
  };
  {
    const std::jthread first([&] { race(client); });
    const std::jthread second([&] { race(other); });
  }
  EXPECT_EQ(must(issuer.issuer().sessions()).size(), 1U);
  int went_on = 0;
  if (client.has_request()) went_on += client.negotiate().status == 200 ? 1 : 0;
  if (other.has_request()) went_on += other.negotiate().status == 200 ? 1 : 0;
  EXPECT_EQ(went_on, 1);
}

TEST_F(Enrolments, AreMadeByOtherProcessesWhileTheServiceRuns) {
  crypto::SystemRandom random;
  const auto other = must(Issuer::open(issuer.path(), issuer.clock(), random));
  EXPECT_EQ(client.get(must(other->make_url("default", std::nullopt))).status, 200);
  EXPECT_EQ(issuer.session().subject, "CN=Airtight User");
}

TEST_F(Enrolments, AreRefusedForAnUnknownProfileWithTheNamesOfTheOthers) {
  const Result<std::string> url = issuer.issuer().make_url("gold", std::nullopt);
  ASSERT_FALSE(url.has_value());
  EXPECT_EQ(url.error().fault, Fault::kNotFound);
  EXPECT_THAT(url.error().hint, ::testing::HasSubstr("default, signing"));
}

TEST_F(Enrolments, AreRefusedForASubjectThatNoCertificateCanName) {
  for (const char* subject : {"CN=a\nb", "CN=a\\00b", ""}) {
    const Result<std::string> url = issuer.issuer().make_url("default", subject);
    ASSERT_FALSE(url) << subject;
    EXPECT_EQ(url.error().fault, Fault::kBadInput);
  }
}

TEST_F(Enrolments, AreRefusedForASubjectThatIsNone) { EXPECT_FALSE(issuer.issuer().make_url("default", "Jane Doe").has_value()); }

TEST_F(Enrolments, AreRefusedForASubjectThatWouldBeAnotherLineOfTheLog) {
  for (const std::string subject : {"CN=Jane,2.5.4.41=a\noperator: eve", "CN=Jane\x1B[1m"})
    EXPECT_EQ(issuer.issuer().make_url("default", subject).error().fault, Fault::kBadInput);
}

TEST(EnrolmentsOfAProfileWithoutSubject, NeedOne) {
  TestIssuer issuer({.configuration = three_keys_configuration});
  const Result<std::string> url = issuer.issuer().make_url("default", std::nullopt);
  ASSERT_FALSE(url.has_value());
  EXPECT_THAT(url.error().hint, ::testing::HasSubstr("--subject"));
}

TEST(EnrolmentUrls, AreMadeBeforeTheIssuerEverServed) {
  const tests::TemporaryFolder folder;
  const FakeClock clock;
  crypto::SystemRandom random;
  must(init_issuer(folder.path(), {}, clock, random));
  const auto issuer = must(Issuer::open(folder.path(), clock, random));
  EXPECT_TRUE(must(issuer->make_url("default", std::nullopt)).starts_with("https://127.0.0.1:8443/keygen2/"));
}

TEST_F(Enrolments, UseTheConfiguredUrlBeforeTheBoundOne) {
  const std::string text = "url = \"https://pki.example.com\"\n" + three_keys_configuration(issuer.maker().root);
  must(storage::write_file(issuer.path() / "issuer.toml", bytes_of(text), storage::FileMode::kPrivate));
  issuer.restart();
  EXPECT_TRUE(issuer.url().starts_with("https://pki.example.com/keygen2/"));
}

// Pages and addresses.

TEST_F(Enrolments, ShowPeopleAPageWhenRefused) {
  const http::Response response =
      issuer.service().handle({.method = "GET", .target = "/keygen2/x/y", .headers = {}, .body = {}, .peer = "test"});
  EXPECT_EQ(response.media_type(), "text/html");
  EXPECT_THAT(text(response), ::testing::HasSubstr("This enrolment address is not known"));
  EXPECT_EQ(response.headers.get("Cache-Control"), "no-store");
}

TEST_F(Enrolments, HaveAnAbortPageThatChangesNothing) {
  client.get(issuer.url());
  const std::string abort_url = client.request<keygen2::PlatformNegotiationRequest>().abort_url.value();
  EXPECT_EQ(client.get(abort_url).status, 200);
  EXPECT_EQ(client.negotiate().status, 200);
}

TEST_F(Enrolments, RefuseAGetOfTheSubmitUrl) {
  client.get(issuer.url());
  const http::Response response = client.get(client.request<keygen2::PlatformNegotiationRequest>().submit_url);
  EXPECT_EQ(response.status, kMethodNotAllowed);
  EXPECT_EQ(client.negotiate().status, 200);
}

class UnknownAddresses : public Enrolments, public ::testing::WithParamInterface<const char*> {};

TEST_P(UnknownAddresses, AreNotFound) {
  const http::Response response =
      issuer.service().handle({.method = "GET", .target = GetParam(), .headers = {}, .body = {}, .peer = "test"});
  EXPECT_EQ(response.status, kNotFound);
}

INSTANTIATE_TEST_SUITE_P(OfEveryShape, UnknownAddresses,
                         ::testing::Values("/", "/keygen2", "/keygen2/", "/keygen2/x", "/keygen2/x/", "/keygen2//y", "/keygen2/x/y/z",
                                           "/other", "/keygen2/../etc/passwd"));

TEST(Tokens, AreStoredAsTheirHash) {
  crypto::SystemRandom random;
  const Token token = make_token(random);
  EXPECT_EQ(token.text.size(), 43U);
  EXPECT_EQ(token.hash, crypto::sha256(bytes_of(token.text)));
  EXPECT_EQ(handle_of(token.hash).size(), 16U);
}

}  // namespace
}  // namespace airtight::issuer::testing
