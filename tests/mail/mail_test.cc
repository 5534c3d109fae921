// What a mail looks like on its way (RFC 5322, RFC 2045 to 2047), and which addresses are taken.
#include "mail/mail.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/descriptor.h"
#include "base/encoding.h"
#include "crypto/random.h"
#include "tests/support/must.h"

namespace airtight::mail {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using tests::must;

constexpr Instant kNow{1268911409000};  // 2010-03-18T11:23:29Z, a Thursday

Message message() {
  return {.from = "ca@example.com", .to = "jane@example.org", .subject = "Your code", .text = "Hello,\nthe code is 1234.\n"};
}
Result<std::string> composed(const Message& message) {
  crypto::SystemRandom random;
  return compose(message, kNow, random);
}

TEST(Address, IsAMailbox) {
  for (const char* good : {"a@b", "jane.doe@example.com", "x+tag@mail-1.example.co", "o'brien@example.com"}) {
    EXPECT_TRUE(is_address(good)) << good;
  }
}

TEST(Address, IsNothingThatCouldBecomeAHeaderOrACommand) {
  for (const char* bad : {"",
                          "jane",
                          "@example.com",
                          "jane@",
                          "jane@@example.com",
                          "jane doe@example.com",
                          "jane@example.com\r\nBcc: x@y",
                          "jane@example.com>",
                          "<jane@example.com",
                          ".jane@example.com",
                          "jane.@example.com",
                          "ja..ne@example.com",
                          "jane@.example.com",
                          "jane@example..com",
                          "jane@-example.com",
                          "jane@example-.com",
                          "\"jane\"@example.com",
                          "jane@[127.0.0.1]",
                          "j\xc3\xa4ne@example.com",
                          "jane@ex\xc3\xa4mple.com"}) {
    EXPECT_FALSE(is_address(bad)) << bad;
  }
  EXPECT_TRUE(is_address(std::string(64, 'a') + "@b"));
  EXPECT_FALSE(is_address(std::string(65, 'a') + "@b"));
  EXPECT_FALSE(is_address("a@" + std::string(64, 'b')));
}

TEST(Mail, HasItsHeadersOncePerLine) {
  const std::string text = must(composed(message()));
  EXPECT_TRUE(text.starts_with("Date: Thu, 18 Mar 2010 11:23:29 +0000\r\nFrom: <ca@example.com>\r\nTo: <jane@example.org>\r\n")) << text;
  EXPECT_THAT(text, HasSubstr("\r\nSubject: Your code\r\n"));
  EXPECT_THAT(text, HasSubstr("@example.com>\r\n"));
  EXPECT_THAT(text, HasSubstr("\r\nAuto-Submitted: auto-generated\r\n"));
}

TEST(Mail, CarriesItsTextAsItIs) {
  const std::string text = must(composed(message()));
  const std::string body = text.substr(text.find("\r\n\r\n") + 4);
  EXPECT_EQ(body, "SGVsbG8sDQp0aGUgY29kZSBpcyAxMjM0Lg0K\r\n");
}

TEST(Mail, HasLinesThatEveryServerTakes) {
  Message long_one = message();
  long_one.text = std::string(5000, 'x') + "\n";
  long_one.subject =
      "Pr\xc3\xbc"
      "fung der Enrolment-Adresse f\xc3\xbcr J\xc3\xbcrgen \xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac";
  const std::string text = must(composed(long_one));
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = text.find("\r\n", at);
    ASSERT_NE(end, std::string::npos);
    EXPECT_LE(end - at, 78U);
    at = end + 2;
  }
  EXPECT_THAT(text, HasSubstr("Subject: =?UTF-8?B?"));
  EXPECT_THAT(text, Not(HasSubstr("\xc3")));
}

TEST(Mail, HasAnotherIdEachTime) { EXPECT_NE(must(composed(message())), must(composed(message()))); }

TEST(Mail, ToAServerThatIsSilentIsStoppedWhenThatIsAsked) {
  const Descriptor silent(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(::bind(silent.number(), reinterpret_cast<const sockaddr*>(&address), size), 0);
  ASSERT_EQ(::listen(silent.number(), 1), 0);
  ASSERT_EQ(::getsockname(silent.number(), reinterpret_cast<sockaddr*>(&address), &size), 0);
  const Server server{
      .host = "127.0.0.1", .port = ntohs(address.sin_port), .encryption = Encryption::kNone, .timeout = std::chrono::minutes(10)};
  crypto::SystemRandom random;
  std::stop_source stop;
  stop.request_stop();
  const Result<> sent = send(server, message(), kNow, random, stop.get_token());
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().fault, Fault::kUnavailable);
  EXPECT_THAT(sent.error().message, HasSubstr("stopped"));
}

TEST(Mail, IsNotMadeOfWhatIsNoText) {
  const auto refuses = [](auto change) {
    Message changed = message();
    change(changed);
    const auto made = composed(changed);
    return !made && made.error().fault == Fault::kBadInput;
  };
  EXPECT_TRUE(refuses([](Message& m) { m.to = "nobody"; }));
  EXPECT_TRUE(refuses([](Message& m) { m.from = ""; }));
  EXPECT_TRUE(refuses([](Message& m) { m.subject = "a\r\nBcc: x@y"; }));
  EXPECT_TRUE(refuses([](Message& m) { m.subject = std::string(201, 'a'); }));
  EXPECT_TRUE(refuses([](Message& m) { m.subject = "\xff"; }));
  EXPECT_TRUE(refuses([](Message& m) { m.text = std::string(65537, 'a'); }));
  EXPECT_TRUE(refuses([](Message& m) { m.text = std::string("a\0b", 3); }));
}

}  // namespace
}  // namespace airtight::mail
