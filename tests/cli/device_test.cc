// airtight device, as a program.
#include <gmock/gmock.h>

#include <filesystem>

#include "base/bytes.h"
#include "crypto/certificate.h"
#include "provenance/verdict.h"
#include "storage/files.h"
#include "tests/cli/program.h"
#include "tests/support/must.h"
#include "tests/support/temporary_folder.h"

namespace airtight::cli::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;

class DeviceProgram : public ::testing::Test {
 protected:
  [[nodiscard]] std::vector<std::string> create(std::vector<std::string> more = {}) const {
    std::vector<std::string> arguments = {"device", "create", "--store", store, "--maker", folder / "maker"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  }
  [[nodiscard]] Outcome device(std::vector<std::string> arguments, const std::string& input = "") const {
    arguments.insert(arguments.begin(), "device");
    arguments.insert(arguments.end(), {"--store", store});
    return run(arguments, input);
  }

  tests::TemporaryFolder folder;
  std::string store = folder / "card";
};

TEST_F(DeviceProgram, IsCreatedAndShown) {
  ASSERT_EQ(run(create({"--vendor", "Example Cards", "--model", "Card One"})).status, 0);
  const Outcome outcome = device({"info"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_THAT(outcome.out, HasSubstr("Vendor        Example Cards\nModel         Card One\n"));
  EXPECT_THAT(outcome.out, HasSubstr("http://xmlns.webpki.org/keygen2/1.0#algorithm.sk1"));
}

TEST_F(DeviceProgram, TellsJsonTheSameDeviceIdAtBirthAndLater) {
  boost::json::object born = run(create({"--json"})).json();
  boost::json::object info = device({"info", "--json"}).json();
  EXPECT_EQ(born["device_id"], info["device_id"]);
  EXPECT_THAT(std::string(info["device_id"].as_string()), MatchesRegex("[A-Z2-7]{4}-[A-Z2-7]{4}-[A-Z2-7]{4}-[A-Z2-7]{4}-[A-Z2-7]"));
  EXPECT_THAT(std::string(info["device_id_sha1"].as_string()), MatchesRegex("[0-9a-f]{40}"));
  EXPECT_EQ(info["keys"], 0);
}

TEST_F(DeviceProgram, WritesItsCertificateForIssuers) {
  ASSERT_EQ(run(create()).status, 0);
  const std::string file = folder / "card.pem";
  const Outcome outcome = device({"info", "--json", "--certificate", file});
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  const auto certificates = tests::must(crypto::certificates_from_pem(to_text(tests::must(storage::read_file(file, 1U << 20)))));
  ASSERT_EQ(certificates.size(), 1U);
  EXPECT_EQ(provenance::device_id(certificates.front()), std::string(outcome.json().at("device_id").as_string()));
}

TEST_F(DeviceProgram, IsNotCreatedTwice) {
  ASSERT_EQ(run(create()).status, 0);
  const Outcome again = run(create());
  EXPECT_EQ(again.status, 1);
  EXPECT_THAT(again.err, HasSubstr("already"));
}

TEST_F(DeviceProgram, CanHaveAnRsaAttestationKey) {
  ASSERT_EQ(run(create({"--attestation-key", "rsa2048"})).status, 0);
  EXPECT_EQ(device({"info"}).status, 0);
}

TEST_F(DeviceProgram, IsForItsOwnerAlone) {
  ASSERT_EQ(run(create()).status, 0);
  for (const auto& entry : std::filesystem::recursive_directory_iterator(store)) {
    EXPECT_EQ(entry.status().permissions() & (std::filesystem::perms::group_all | std::filesystem::perms::others_all),
              std::filesystem::perms::none)
        << entry.path();
  }
}

TEST_F(DeviceProgram, AnswersCallsLineByLine) {
  ASSERT_EQ(run(create()).status, 0);
  // enumerateProvisioningSessions and enumerateKeys of an empty store, in both cases of hex.
  EXPECT_EQ(device({"call"}, "04ffffffff\n20FFFFFFFF\n").out, "00ffffffff\n00ffffffff\n");
}

TEST_F(DeviceProgram, AnswersALineWithoutItsEnd) {
  ASSERT_EQ(run(create()).status, 0);
  EXPECT_EQ(device({"call"}, "04ffffffff").out, "00ffffffff\n");
}

TEST_F(DeviceProgram, AnswersAnUnreadableRequestWithErrorOption) {
  ASSERT_EQ(run(create()).status, 0);
  for (const char* line : {"zz", "", "0", "04 ffffffff", "0400", "ee", "04ffffffff00"}) {
    const Outcome outcome = device({"call"}, std::string(line) + "\n04ffffffff\n");
    EXPECT_THAT(outcome.out, MatchesRegex("0a[0-9a-f]+\n00ffffffff\n")) << line;
    EXPECT_EQ(outcome.status, 0);
  }
}

TEST_F(DeviceProgram, SaysOnStandardErrorThatALineIsNotHex) {
  ASSERT_EQ(run(create()).status, 0);
  EXPECT_THAT(device({"call"}, "zz\n").err, HasSubstr("hex digits"));
}

TEST_F(DeviceProgram, ListsNoSessionsAtFirst) {
  ASSERT_EQ(run(create()).status, 0);
  EXPECT_EQ(device({"sessions"}).out, "No sessions\n");
  EXPECT_TRUE(device({"sessions", "--json"}).json()["sessions"].as_array().empty());
}

TEST_F(DeviceProgram, DoesNotAbortASessionThatIsNotThere) {
  ASSERT_EQ(run(create()).status, 0);
  const Outcome outcome = device({"abort", "7"});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_THAT(outcome.err, HasSubstr("no open session 7"));
}

TEST_F(DeviceProgram, AbortsASessionThatACallOpened) {
  ASSERT_EQ(run(create()).status, 0);
  // createProvisioningSession: sk1, "S-1", a P-256 point, "https://a", not updatable, a time, 1000 s, 50 uses.
  const std::string request =
      "01"
      "0031687474703a2f2f786d6c6e732e776562706b692e6f72672f6b657967656e322f312e3023616c676f726974686d2e736b31"
      "0003532d31"
      "005b3059301306072a8648ce3d020106082a8648ce3d030107034200046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
      "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"
      "000968747470733a2f2f61"
      "00"
      "0008000001270cd9e868"
      "000003e8"
      "0032\n";
  ASSERT_THAT(device({"call"}, request).out, MatchesRegex("00.*\n"));
  boost::json::object session = device({"sessions", "--json"}).json()["sessions"].as_array().at(0).as_object();
  EXPECT_EQ(session["open"], true);
  EXPECT_EQ(session["issuer"], "https://a");
  EXPECT_EQ(session["server_session_id"], "S-1");
  EXPECT_EQ(device({"abort", "1"}).status, 0);
  EXPECT_EQ(device({"sessions"}).out, "No sessions\n");
}

TEST_F(DeviceProgram, AsksForItsPassphraseWithoutShowingIt) {
  const TerminalOutcome created =
      run_on_terminal(create({"--seal", "passphrase"}), {{"New passphrase for the key store", "correct horse\n"},
                                                         {"Again",
                                                          "correct horsf\b"
                                                          "e\n"}});
  ASSERT_EQ(created.status, 0) << created.screen;
  EXPECT_THAT(created.screen, Not(HasSubstr("correct")));
  const TerminalOutcome opened =
      run_on_terminal({"device", "info", "--store", store}, {{"Passphrase for the key store", "correct horse\n"}});
  EXPECT_EQ(opened.status, 0);
  EXPECT_THAT(opened.screen, HasSubstr("Device ID"));
  EXPECT_THAT(opened.screen, Not(HasSubstr("correct")));
}

TEST_F(DeviceProgram, AsksAgainWhenTheTwoPassphrasesDiffer) {
  const TerminalOutcome created = run_on_terminal(create({"--seal", "passphrase"}), {{"New passphrase", "correct horse\n"},
                                                                                     {"Again", "battery staple\n"},
                                                                                     {"New passphrase", "correct horse\n"},
                                                                                     {"Again", "correct horse\n"}});
  EXPECT_EQ(created.status, 0) << created.screen;
  EXPECT_THAT(created.screen, HasSubstr("differ"));
}

TEST_F(DeviceProgram, RefusesAWrongPassphrase) {
  ASSERT_EQ(run_on_terminal(create({"--seal", "passphrase"}), {{"New passphrase", "correct horse\n"}, {"Again", "correct horse\n"}}).status,
            0);
  EXPECT_EQ(run_on_terminal({"device", "info", "--store", store}, {{"Passphrase", "wrong horse\n"}}).status, 1);
}

TEST_F(DeviceProgram, IsAbandonedByControlC) {
  const TerminalOutcome created = run_on_terminal(create({"--seal", "passphrase"}), {{"New passphrase", "corr\003"}});
  EXPECT_EQ(created.status, 1);
  EXPECT_EQ(run(create()).status, 0) << "and can be made again";
}

TEST_F(DeviceProgram, SaysThatItNeedsATerminalForAPassphrase) {
  const Outcome outcome = run(create({"--seal", "passphrase"}));
  EXPECT_EQ(outcome.status, 1);
  EXPECT_THAT(outcome.err, HasSubstr("there is no terminal to ask on"));
}

}  // namespace
}  // namespace airtight::cli::testing
