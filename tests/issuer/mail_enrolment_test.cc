// The e-mail round trip: who reads what is sent to an address may enrol with it, and nobody learns there which addresses there are.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <deque>
#include <mutex>

#include "base/encoding.h"
#include "issuer/invitation.h"
#include "issuer/refusal.h"
#include "tests/issuer/support.h"

namespace airtight::issuer::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::string_view kKey = R"(
[[profiles.default.keys]]
id = "Key.1"
usage = "authentication"
algorithm = "p-256"
certificate = { email = ["{email}"] }
)";

// A mail server of letters that lie still.
class Letters {
 public:
  SendMail receiver() {
    return [this](const mail::Message& message, const std::stop_token&) -> Result<> {
      const std::lock_guard lock(mutex_);
      if (refuses_) return fail(Fault::kUnavailable, "the mail server is out");
      letters_.push_back(message);
      arrived_.notify_all();
      return {};
    };
  }
  mail::Message next() {
    std::unique_lock lock(mutex_);
    arrived_.wait(lock, [this] { return !letters_.empty(); });
    mail::Message message = letters_.front();
    letters_.pop_front();
    return message;
  }
  std::size_t count() {
    const std::lock_guard lock(mutex_);
    return letters_.size();
  }
  void refuse(bool refuses) {
    const std::lock_guard lock(mutex_);
    refuses_ = refuses;
  }

 private:
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<mail::Message> letters_;
  bool refuses_ = false;
};

class MailEnrolment : public ::testing::Test {
 protected:
  static std::string configuration(const crypto::Certificate& root) {
    return "[mail]\nserver = \"localhost\"\nencryption = \"none\"\nfrom = \"enrolment@example.com\"\ntext = \"Go on: {url}\"\n"
           "[profiles.default]\nsession_life_time = 600\nsubject = \"CN={email},O=Example Bank\"\n"
           "enrolment = { by = [\"mail\"], mail_domains = [\"Example.com\"], mails_per_hour = 2 }\n"
           "devices.accepted = [{ level = \"vendor\", certificate_pem = \"\"\"" +
           crypto::to_pem(root) + "\"\"\" }]\n" + std::string(kKey);
  }
  http::Response ask(std::string_view form, std::string_view media_type = "application/x-www-form-urlencoded") {
    client.set_submit_url(std::string(kBaseUrl) + "/enroll/default");
    return client.post(bytes_of(form), media_type);
  }
  static std::string url_in(const mail::Message& message) { return message.text.substr(message.text.find("https://")); }
  // A restart waits for what is on its way.
  std::size_t count() {
    issuer.restart();
    return letters.count();
  }

  Letters letters;
  TestIssuer issuer{{.configuration = configuration, .send_mail = letters.receiver()}};
  Device device{issuer.maker()};
  Client client{issuer, device};
};

TEST_F(MailEnrolment, ShowsAFormThatIsSentNowhereElse) {
  const http::Response form = client.get(std::string(kBaseUrl) + "/enroll/default");
  EXPECT_EQ(form.status, 200);
  EXPECT_THAT(text(form), HasSubstr("<form method=\"post\">"));
  EXPECT_THAT(std::string(form.headers.get("Content-Security-Policy").value_or("")), HasSubstr("form-action 'self'"));
}

TEST_F(MailEnrolment, SendsNothingForAHeadRequest) {
  http::Request request{
      .method = "HEAD", .target = "/enroll/default", .headers = {}, .body = to_bytes(std::string("email=a%40example.com")), .peer = "test"};
  request.headers.set("Content-Type", "application/x-www-form-urlencoded");
  EXPECT_EQ(issuer.service().handle(request).status, 200);
  EXPECT_EQ(count(), 0U);
}

TEST_F(MailEnrolment, SendsALinkThatEnrolsWithTheAddress) {
  EXPECT_EQ(ask("email=Jane.Doe%40EXAMPLE.com").status, 200);
  const mail::Message letter = letters.next();
  EXPECT_EQ(letter.to, "Jane.Doe@example.com");
  EXPECT_EQ(letter.from, "enrolment@example.com");
  ASSERT_EQ(client.run(url_in(letter)).status, 200);
  EXPECT_EQ(client.certificate("Key.1").subject(), "CN=Jane.Doe@example.com,O=Example Bank");
  EXPECT_THAT(client.certificate("Key.1").emails(), ElementsAre("Jane.Doe@example.com"));
}

TEST_F(MailEnrolment, SendsALinkThatWorksOnce) {
  ask("email=jane%40example.com");
  const std::string url = url_in(letters.next());
  client.run(url, 1);
  EXPECT_EQ(refusal_id(Client(issuer, device).get(url)), "enrolment.used");
}

TEST_F(MailEnrolment, SaysTheSameOfAddressesThatItDoesNotTake) {
  const http::Response taken = ask("email=jane%40example.com");
  const http::Response not_taken = ask("email=jane%40example.org");
  EXPECT_EQ(taken.status, not_taken.status);
  EXPECT_EQ(taken.body, not_taken.body);
  EXPECT_EQ(taken.headers.all(), not_taken.headers.all());
  EXPECT_EQ(count(), 1U);
}

TEST_F(MailEnrolment, SendsOnlySoManyMailsToOneAddressInAnHour) {
  ask("email=jane%40example.com");
  const http::Response second = ask("email=jane%40example.com");
  const http::Response third = ask("email=jane%40example.com");
  EXPECT_EQ(third.body, second.body);
  ask("email=john%40example.com");
  EXPECT_EQ(count(), 3U);
  issuer.clock().pass(std::chrono::hours(1));
  ask("email=jane%40example.com");
  EXPECT_EQ(count(), 4U);
}

TEST_F(MailEnrolment, SendsNothingToWhatIsNoAddress) {
  for (const std::string_view form :
       {"", "email=", "email=jane", "email=jane%40example.com%0d%0aBcc%3a+x%40example.com", "email=a%40example.com%2cb%40example.com",
        "email=%3Cjane%40example.com%3E", "mail=jane%40example.com"}) {
    EXPECT_EQ(ask(form).status, 400) << form;
  }
  EXPECT_EQ(count(), 0U);
}

TEST_F(MailEnrolment, TakesItsOwnFormAlone) {
  EXPECT_EQ(refusal_id(ask("{}", "application/json")), "message.media-type");
  http::Request foreign{
      .method = "POST", .target = "/enroll/default", .headers = {}, .body = to_bytes("email=jane%40example.com"), .peer = "x"};
  foreign.headers.set("Content-Type", "application/x-www-form-urlencoded");
  foreign.headers.set("Sec-Fetch-Site", "cross-site");
  EXPECT_EQ(issuer.service().handle(foreign).status, kForbidden);
  EXPECT_EQ(count(), 0U);
}

TEST_F(MailEnrolment, LeavesNothingOfAMailThatCouldNotBeSent) {
  letters.refuse(true);
  EXPECT_EQ(ask("email=jane%40example.com").status, 200);
  ask("email=jane%40example.com");
  EXPECT_EQ(count(), 0U);
  letters.refuse(false);
  ask("email=jane%40example.com");
  ask("email=jane%40example.com");
  EXPECT_EQ(count(), 2U);
}

TEST_F(MailEnrolment, IsBegunByAnOperatorToo) {
  must(issuer.issuer().invite("default", "jane@example.com", std::nullopt, letters.receiver()));
  EXPECT_EQ(client.run(url_in(letters.next())).status, 200);
  EXPECT_EQ(issuer.issuer().invite("default", "jane@example.org", std::nullopt, letters.receiver()).error().fault, Fault::kRefused);
  EXPECT_EQ(issuer.issuer().invite("default", "jane", std::nullopt, letters.receiver()).error().fault, Fault::kBadInput);
  letters.refuse(true);
  EXPECT_EQ(issuer.issuer().invite("default", "jane@example.com", std::nullopt, letters.receiver()).error().fault, Fault::kUnavailable);
}

TEST(Addresses, AreComparedWithTheirDomainInLowerCase) {
  EXPECT_EQ(must(read_address(" Jane@EXAMPLE.com\n")), "Jane@example.com");
  for (const std::string_view text : {"", " ", "jane", "jane@", "@example.com", "a b@example.com", "jane@example.com\nx"})
    EXPECT_FALSE(read_address(text).has_value()) << text;
}

}  // namespace
}  // namespace airtight::issuer::testing
