// airtight enroll and airtight keys, as programs, with an issuer that runs beside them.
#include <gmock/gmock.h>

#include <fstream>
#include <iterator>

#include "base/encoding.h"
#include "crypto/certificate.h"
#include "storage/files.h"
#include "tests/cli/program.h"
#include "tests/support/must.h"
#include "tests/support/temporary_folder.h"

namespace airtight::cli::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
using tests::must;

class EnrollProgram : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(run({"device", "create", "--store", store, "--maker", folder / "maker"}).status, 0);
    ASSERT_EQ(run({"issuer", "init", issuer}).status, 0);
    server.emplace(std::vector<std::string>{"issuer", "serve", issuer, "--listen", "127.0.0.1:0"});
    ASSERT_THAT(server->first_line(), StartsWith("listening https://127.0.0.1:"));
  }
  std::string file_with(const std::string& name, std::string_view content) {
    must(storage::write_file(folder / name, bytes_of(content), storage::FileMode::kPrivate));
    return folder / name;
  }
  std::string content_of(const std::string& name) { return to_text(must(storage::read_file(folder / name, 1U << 20))); }
  std::vector<std::string> enroll_arguments(std::vector<std::string> more = {}) {
    std::string url = run({"issuer", "url", issuer}).out;
    url.pop_back();  // the line end
    std::vector<std::string> arguments = {"enroll", url, "--store", store, "--ca-file", issuer + "/tls/ca.pem"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  }
  Outcome enroll(const std::string& pin = "739164", std::vector<std::string> more = {}) {
    more.insert(more.end(), {"--yes", "--pin-file", file_with("pins", "PIN.1 Key.1 " + pin + "\n")});
    return run(enroll_arguments(std::move(more)));
  }
  Outcome keys(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "keys");
    arguments.insert(arguments.end(), {"--store", store});
    return run(arguments);
  }

  tests::TemporaryFolder folder;
  std::string store = folder / "card";
  std::string issuer = folder / "issuer";
  std::optional<BackgroundProgram> server;
};

TEST_F(EnrollProgram, SaysWhoAsksForWhat) {
  const Outcome outcome = enroll();
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr("Issuer 127.0.0.1, as "));
  EXPECT_THAT(outcome.err, HasSubstr("Key Key.1: EC P-256, for authentication"));
  EXPECT_THAT(outcome.err, HasSubstr("PIN PIN.1: yours, 4 to 8 digits"));
  EXPECT_THAT(outcome.out, StartsWith("1  Key.1  CN="));
}

TEST_F(EnrollProgram, PrintsItsResultAsJson) {
  boost::json::object result = enroll("739164", {"--json"}).json();
  EXPECT_EQ(result["confirmed"], true);
  EXPECT_EQ(result["keys"].as_array().at(0).as_object()["handle"], 1);
}

TEST_F(EnrollProgram, NeverShowsThePin) {
  const Outcome outcome = enroll("739164", {"--log-level", "debug"});
  EXPECT_THAT(outcome.out + outcome.err, Not(HasSubstr("739164")));
}

TEST_F(EnrollProgram, RefusesAPinThatItsPolicyForbids) {
  const Outcome outcome = enroll("1234");
  EXPECT_EQ(outcome.status, 1);
  EXPECT_THAT(outcome.err, HasSubstr("the PIN in the file for key 'Key.1' cannot be used"));
  EXPECT_EQ(run({"device", "sessions", "--store", store}).out, "No sessions\n");
}

TEST_F(EnrollProgram, AsksOnTheTerminalUntilThePinIsGood) {
  const TerminalOutcome outcome = run_on_terminal(enroll_arguments(), {{"Do you want this? [y/n] ", "y\n"},
                                                                       {"New PIN for Key.1", "1234\n"},
                                                                       {"Again", "1234\n"},
                                                                       {"This PIN cannot be used", ""},
                                                                       {"New PIN for Key.1", "739164\n"},
                                                                       {"Again", "739164\n"}});
  EXPECT_EQ(outcome.status, 0) << outcome.screen;
  EXPECT_THAT(outcome.screen, Not(HasSubstr("739164")));
}

TEST_F(EnrollProgram, TakesNoForAnAnswer) {
  const TerminalOutcome outcome = run_on_terminal(enroll_arguments(), {{"Do you want this? [y/n] ", "n\n"}});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_THAT(outcome.screen, HasSubstr("does not want these keys"));
  EXPECT_EQ(keys({"list"}).out, "No keys\n");
  EXPECT_THAT(run({"issuer", "sessions", issuer}).out, HasSubstr("user-abort"));
}

TEST_F(EnrollProgram, DoesNotTrustAnUnknownServer) {
  std::vector<std::string> arguments = enroll_arguments({"--yes"});
  arguments.erase(arguments.begin() + 4, arguments.begin() + 6);  // --ca-file
  const Outcome outcome = run(arguments);
  EXPECT_EQ(outcome.status, 1);
  EXPECT_THAT(outcome.err, HasSubstr("hint: pass the issuer's CA with --ca-file"));
}

TEST_F(EnrollProgram, WantsAWayToAskOrAYes) {
  const Outcome outcome = run(enroll_arguments());
  EXPECT_EQ(outcome.status, 1);
  EXPECT_THAT(outcome.err, HasSubstr("hint: say yes beforehand with --yes"));
}

TEST_F(EnrollProgram, LeavesAKeyThatSigns) {
  ASSERT_EQ(enroll().status, 0);
  file_with("letter", "a letter");
  ASSERT_EQ(keys({"sign", "Key.1", "--in", folder / "letter", "--out", folder / "sig", "--pin-file", file_with("pin", "739164\n")}).status,
            0);
  const std::string pem(keys({"show", "1", "--json"}).json()["certificates"].as_array().at(0).as_string());
  const crypto::PublicKey key = must(must(crypto::certificates_from_pem(pem)).at(0).public_key());
  EXPECT_TRUE(key.verify(crypto::SignatureScheme::kEcdsaDer, crypto::Digest::kSha256, bytes_of("a letter"), bytes_of(content_of("sig"))));
}

TEST_F(EnrollProgram, LeavesAKeyThatCountsWrongPins) {
  ASSERT_EQ(enroll().status, 0);
  file_with("letter", "a letter");
  const std::vector<std::string> sign = {"sign", "Key.1", "--in", folder / "letter", "--pin-file", file_with("pin", "0000\n")};
  EXPECT_THAT(keys(sign).err, HasSubstr("the PIN is wrong\nhint: 2 attempts are left"));
  EXPECT_THAT(keys({"list"}).out, HasSubstr("PIN, 2 of 3 attempts left"));
  EXPECT_THAT(keys(sign).err, HasSubstr("1 attempt is left"));
  EXPECT_THAT(keys(sign).err, HasSubstr("is locked"));
  EXPECT_EQ(keys(sign).status, 1);
}

TEST_F(EnrollProgram, ShowsEverythingAboutAKey) {
  ASSERT_EQ(enroll().status, 0);
  const Outcome outcome = keys({"show", "Key.1"});
  EXPECT_THAT(outcome.out, HasSubstr("export policy             non-exportable"));
  EXPECT_THAT(outcome.out, HasSubstr("pin retry limit           3"));
  EXPECT_THAT(outcome.out, HasSubstr("-----BEGIN CERTIFICATE-----"));
}

}  // namespace
}  // namespace airtight::cli::testing
