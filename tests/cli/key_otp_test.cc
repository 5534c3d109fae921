// airtight keys otp, as a program: the passwords of the RFCs, each of them shown once.
#include <gmock/gmock.h>

#include <fstream>
#include <future>
#include <set>

#include "device/turn.h"
#include "storage/files.h"
#include "tests/cli/program.h"
#include "tests/support/otp_device.h"
#include "tests/support/temporary_folder.h"

namespace airtight::cli::testing {
namespace {

using otp::Hotp;
using otp::Totp;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using tests::must;

class OtpProgram : public ::testing::Test {
 protected:
  void make(const std::vector<tests::OtpKey>& keys) { tests::make_otp_device(store, keys); }
  [[nodiscard]] Outcome otp(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {"keys", "otp"});
    arguments.insert(arguments.end(), {"--store", store});
    return run(arguments);
  }
  [[nodiscard]] std::string file_with(const std::string& name, std::string_view content) const {
    must(storage::write_file(folder / name, bytes_of(content), storage::FileMode::kPrivate));
    return folder / name;
  }
  tests::TemporaryFolder folder;
  std::string store = folder / "card";
};

TEST_F(OtpProgram, ShowsThePasswordsOfRfc4226OneAfterTheOther) {
  make({{.id = "Token", .bags = {Hotp{.counter = 0, .digits = 6}}}});
  std::ifstream table(AIRTIGHT_SOURCE_DIR "/tests/vectors/otp/rfc4226.txt");
  std::string counter;
  std::string truncated;
  for (std::string password; table >> counter >> truncated >> password;) {
    const Outcome outcome = otp({"Token"});
    EXPECT_EQ(outcome.out, password + "\n") << outcome.err;
  }
  EXPECT_EQ(counter, "9");
}

TEST_F(OtpProgram, ShowsThePasswordsOfRfc6238) {
  make({{.id = "SHA1", .bags = {Totp{.digits = 8}}},
        {.id = "SHA256", .bags = {Totp{.digits = 8}}, .secret = tests::kOtpSecret256, .algorithms = {uri::kHmacSha256}}});
  std::ifstream table(AIRTIGHT_SOURCE_DIR "/tests/vectors/otp/rfc6238.txt");
  std::string time;
  std::string step;
  std::string password;
  int rows = 0;
  for (std::string hash; table >> time >> step >> password >> hash;) {
    if (hash == "SHA512") continue;  // no key store has it
    ++rows;
    const Outcome outcome = otp({hash, "--time", time});
    EXPECT_EQ(outcome.out, password + "\n") << time << ' ' << outcome.err;
  }
  EXPECT_EQ(rows, 12);
}

TEST_F(OtpProgram, SaysInJsonWhatAPasswordWasMadeOf) {
  make({{.id = "Hotp", .bags = {Hotp{.counter = 4, .digits = 6}}}, {.id = "Totp", .bags = {Totp{.digits = 8, .period = 60}}}});
  const boost::json::object hotp = otp({"Hotp", "--json"}).json();
  EXPECT_EQ(hotp.at("otp"), "338314");
  EXPECT_EQ(hotp.at("type"), "hotp");
  EXPECT_EQ(hotp.at("counter"), 4);
  const boost::json::object totp = otp({"Totp", "--json", "--time", "1970-01-01T00:01:30Z"}).json();
  EXPECT_EQ(totp.at("type"), "totp");
  EXPECT_EQ(totp.at("time_step"), 1);
  EXPECT_EQ(totp.at("valid_until"), "1970-01-01T00:02:00Z");
}

TEST_F(OtpProgram, WastesNoPasswordOnAWrongPin) {
  make({{.id = "Token", .bags = {Hotp{.counter = 0, .digits = 6}}, .pin = "7391"}});
  EXPECT_THAT(otp({"Token", "--pin-file", file_with("wrong", "1937\n")}).err, HasSubstr("the PIN is wrong"));
  EXPECT_EQ(otp({"Token", "--pin-file", file_with("pin", "7391\n")}).out, "755224\n");
}

TEST_F(OtpProgram, AsksForThePin) {
  make({{.id = "Token", .bags = {Hotp{.counter = 0, .digits = 6}}, .pin = "7391"}});
  const TerminalOutcome outcome = run_on_terminal({"keys", "otp", "Token", "--store", store}, {{"PIN of Token", "7391\n"}});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_THAT(outcome.screen, HasSubstr("755224"));
}

TEST_F(OtpProgram, ShowsEachPasswordOnceToAnyNumberOfCallers) {
  make({{.id = "Token", .bags = {Hotp{.counter = 0, .digits = 10}}}});
  constexpr int kCallers = 8;
  for (const bool by_daemon : {false, true}) {
    std::optional<BackgroundProgram> daemon;
    if (by_daemon) daemon.emplace(std::vector<std::string>{"device", "serve", "--store", store});
    std::vector<std::future<Outcome>> callers;
    for (int i = 0; i < kCallers; ++i) callers.push_back(std::async(std::launch::async, [&] { return otp({"Token", "--json"}); }));
    std::set<std::int64_t> counters;
    for (auto& caller : callers) {
      const Outcome outcome = caller.get();
      ASSERT_EQ(outcome.status, 0) << outcome.err << outcome.out;
      counters.insert(outcome.json().at("counter").as_int64());
    }
    EXPECT_EQ(counters.size(), static_cast<std::size_t>(kCallers));
    EXPECT_EQ(*counters.rbegin(), (by_daemon ? 2 : 1) * kCallers - 1) << "and none is lost";
  }
}

TEST_F(OtpProgram, SaysThatAnotherProgramHasItsTurn) {
  make({{.id = "Token", .bags = {Hotp{.counter = 0, .digits = 6}}}});
  const auto turn = must(device::Turn::take(store, {}));
  const Outcome outcome = otp({"Token", "--wait", "0"});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_THAT(outcome.err, HasSubstr("another program has its turn"));
}

TEST_F(OtpProgram, StopsBeforeTheCounterOverflows) {
  make({{.id = "Token", .bags = {Hotp{.counter = otp::kExhausted - 1, .digits = 6}}}});
  EXPECT_EQ(otp({"Token"}).status, 0);
  for (int i = 0; i < 2; ++i) EXPECT_THAT(otp({"Token"}).err, HasSubstr("the counter of key 1 is used up"));
}

TEST_F(OtpProgram, SaysWhyAKeyMakesNoPasswords) {
  make({{.id = "None", .bags = {}},
        {.id = "Two", .bags = {Hotp{}, Totp{}}},
        {.id = "Aes", .bags = {Hotp{}}, .secret = "0123456789abcdef", .algorithms = {uri::kAes128Cbc}},
        {.id = "Both", .bags = {Hotp{}}, .algorithms = {uri::kHmacSha1, uri::kHmacSha256}},
        {.id = "Hotp", .bags = {Hotp{}}}});
  EXPECT_THAT(otp({"None"}).err, HasSubstr("is not for one-time passwords"));
  EXPECT_THAT(otp({"Two"}).err, HasSubstr("for HOTP and TOTP at once"));
  EXPECT_THAT(otp({"Aes"}).err, HasSubstr("no HMAC algorithm"));
  EXPECT_THAT(otp({"Both"}).err, HasSubstr("more than one HMAC algorithm"));
  EXPECT_THAT(otp({"Hotp", "--time", "1970-01-01T00:00:59Z"}).err, HasSubstr("do not depend on the time"));
  EXPECT_EQ(otp({"Hotp"}).status, 0);
}

TEST_F(OtpProgram, RefusesATimeThatIsNone) {
  make({{.id = "Totp", .bags = {Totp{}}}});
  EXPECT_EQ(otp({"Totp", "--time", "noon"}).status, 1);
}

}  // namespace
}  // namespace airtight::cli::testing
