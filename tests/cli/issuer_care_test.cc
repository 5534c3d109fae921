// airtight issuer seeds, revoke, hold, unlock, audit and url --renew, as programs: from a key container to one-time passwords, and what an
// operator does for those who have lost a card or forgotten a PIN.
#include <gmock/gmock.h>
#include <signal.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/bytes.h"
#include "base/encoding.h"
#include "cli/command.h"
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

constexpr std::string_view kTokenProfile = R"(
[profiles.token]
subject = "CN=Jane Doe"
session_life_time = 3600
[profiles.token.devices]
accept_any = true
[[profiles.token.keys]]
id = "Token"
usage = "symmetric-key"
algorithm = "p-256"
symmetric_key = { algorithms = ["http://www.w3.org/2000/09/xmldsig#hmac-sha1"], seeds = "tokens" }

[profiles.card]
subject = "CN=Jane Doe"
session_life_time = 3600
updatable = true
[profiles.card.devices]
accept_any = true
[[profiles.card.puk_policies]]
id = "PUK.1"
format = "numeric"
length = 10
retry_limit = 5
[[profiles.card.pin_policies]]
id = "PIN.1"
puk_policy = "PUK.1"
format = "numeric"
min_length = 4
max_length = 8
retry_limit = 2
[[profiles.card.keys]]
id = "Key.1"
pin_policy = "PIN.1"
usage = "authentication"
algorithm = "p-256"
renewable = true
)";

constexpr std::string_view kTotp = R"(<KeyContainer Version="1.0" xmlns="urn:ietf:params:xml:ns:keyprov:pskc"><KeyPackage>
<Key Id="TOTP-1" Algorithm="urn:ietf:params:xml:ns:keyprov:pskc:totp"><AlgorithmParameters><ResponseFormat Length="8" Encoding="DECIMAL"/>
</AlgorithmParameters><Data><Secret><PlainValue>MTIzNDU2Nzg5MDEyMzQ1Njc4OTA=</PlainValue></Secret></Data></Key></KeyPackage></KeyContainer>)";

class IssuerCare : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(run({"device", "create", "--store", store, "--maker", folder / "maker"}).status, 0);
    ASSERT_EQ(run({"issuer", "init", issuer}).status, 0);
    std::ofstream(issuer + "/issuer.toml", std::ios::app) << kTokenProfile;
  }
  std::string file_with(const std::string& name, std::string_view content) {
    must(storage::write_file(folder / name, bytes_of(content), storage::FileMode::kPrivate));
    return folder / name;
  }
  [[nodiscard]] Outcome care(const std::string& verb, std::vector<std::string> more = {}) const {
    more.insert(more.begin(), {"issuer", verb, issuer});
    return run(more);
  }
  Outcome import(const std::string& file, std::vector<std::string> more = {}) {
    more.insert(more.begin(), {"issuer", "seeds", "import", issuer, file, "--pool", "tokens"});
    return run(more);
  }
  [[nodiscard]] Outcome seeds_export(const std::string& file, std::vector<std::string> more) const {
    more.insert(more.begin(), {"issuer", "seeds", "export", issuer, file, "--pool", "tokens"});
    return run(more);
  }
  Outcome enroll(const std::string& profile, const std::string& pins = "") {
    if (!server) server.emplace(std::vector<std::string>{"issuer", "serve", issuer, "--listen", "127.0.0.1:0"});
    std::string url = care("url", {"--profile", profile}).out;
    url.pop_back();
    std::vector<std::string> arguments = {"enroll", url, "--store", store, "--ca-file", issuer + "/tls/ca.pem", "--yes"};
    if (!pins.empty()) arguments.insert(arguments.end(), {"--pin-file", file_with("pins", pins)});
    return run(arguments);
  }
  std::string serial_of_card() {
    const Outcome done = enroll("card", "PIN.1 Key.1 7391\n");
    EXPECT_EQ(done.status, 0) << done.err;
    return std::string(care("credentials", {"--json"}).json().at("credentials").as_array().at(0).at("serial").as_string());
  }
  std::string otp(const std::string& key, std::vector<std::string> more = {}) {
    more.insert(more.begin(), {"keys", "otp", key, "--store", store});
    const Outcome shown = run(more);
    EXPECT_EQ(shown.status, 0) << shown.err;
    return shown.out;
  }

  tests::TemporaryFolder folder;
  std::string store = folder / "card";
  std::string issuer = folder / "issuer";
  std::optional<BackgroundProgram> server;
};

TEST_F(IssuerCare, ATokenThatCannotBeShownIsSaidToBeLostAndTheClientCanBeAddedAgain) {
  std::ofstream(issuer + "/issuer.toml", std::ios::app) << "[profiles.token.enrolment]\nby = [\"client\"]\n";
  for (const std::string form : {"", "--json"}) {
    std::ostringstream out;
    out.setstate(std::ios::badbit);  // a full disk
    std::ostringstream err;
    Context context{.out = out, .err = err};
    std::vector<const char*> arguments = {"airtight", "issuer", "clients", "add", issuer.c_str(), "robot", "--profile", "token"};
    if (!form.empty()) arguments.push_back(form.c_str());
    EXPECT_EQ(cli::run(static_cast<int>(arguments.size()), arguments.data(), context), kRefused);
    EXPECT_THAT(err.str(), HasSubstr("its token could not be written"));
    EXPECT_THAT(err.str(), HasSubstr("clients remove " + issuer + " robot'"));
    EXPECT_EQ(run({"issuer", "clients", "remove", issuer, "robot"}).status, 0);
  }
}

TEST_F(IssuerCare, AnImportedSeedGivesThePasswordsOfRfc4226) {
  const std::string key = file_with("key", "12345678901234567890123456789012\n");
  const Outcome imported = import(AIRTIGHT_SOURCE_DIR "/tests/vectors/otp/rfc6030-figure6.xml", {"--key-file", key});
  ASSERT_EQ(imported.status, 0) << imported.err;
  ASSERT_EQ(enroll("token").status, 0);
  std::ifstream table(AIRTIGHT_SOURCE_DIR "/tests/vectors/otp/rfc4226.txt");
  std::string counter;
  std::string truncated;
  for (std::string password; table >> counter >> truncated >> password;)
    EXPECT_EQ(otp("Token"), truncated.substr(truncated.size() - 8) + "\n") << "8 digits, as the container says";
  EXPECT_EQ(counter, "9");
}

TEST_F(IssuerCare, AnImportedSeedGivesThePasswordsOfRfc6238) {
  ASSERT_EQ(import(file_with("totp.xml", kTotp)).status, 0);
  ASSERT_EQ(enroll("token").status, 0);
  std::ifstream table(AIRTIGHT_SOURCE_DIR "/tests/vectors/otp/rfc6238.txt");
  std::string time;
  std::string step;
  std::string password;
  int rows = 0;
  for (std::string hash; table >> time >> step >> password >> hash;) {
    if (hash != "SHA1") continue;
    ++rows;
    EXPECT_EQ(otp("Token", {"--time", time}), password + "\n") << time;
  }
  EXPECT_EQ(rows, 6);
}

TEST_F(IssuerCare, AContainerNeedsItsKey) {
  EXPECT_EQ(import(AIRTIGHT_SOURCE_DIR "/tests/vectors/otp/rfc6030-figure6.xml").status, 1);
  const std::string passphrase = file_with("passphrase", "qwerty\n");
  EXPECT_EQ(import(AIRTIGHT_SOURCE_DIR "/tests/vectors/otp/rfc6030-figure7-with-counter.xml", {"--passphrase-file", passphrase}).status, 0);
  EXPECT_THAT(run({"issuer", "seeds", "list", issuer}).out, HasSubstr("123456  hotp, pool tokens, waits"));
}

TEST_F(IssuerCare, WhatIsNotImportedIsNamedAndSeenInTheStatus) {
  const Outcome done = import(AIRTIGHT_SOURCE_DIR "/tests/vectors/otp/rfc6030-figure10.xml", {"--json"});
  EXPECT_EQ(done.status, 1) << "its keys have expired since";
  EXPECT_THAT(done.out, HasSubstr("it expired on"));
}

TEST_F(IssuerCare, SeedsCanBeMadeAndRemoved) {
  const Outcome made = run({"issuer", "seeds", "generate", issuer, "--pool", "tokens", "--count", "2", "--type", "totp", "--json"});
  ASSERT_EQ(made.status, 0) << made.err;
  const std::string name(made.json().at("generated").as_array().at(0).as_string());
  EXPECT_EQ(run({"issuer", "seeds", "remove", issuer, name, "--pool", "tokens"}).status, 0);
  EXPECT_EQ(run({"issuer", "seeds", "list", issuer, "--pool", "tokens", "--json"}).json().at("seeds").as_array().size(), 1U);
  EXPECT_EQ(run({"issuer", "seeds", "remove", issuer, name, "--pool", "tokens"}).status, 1);
}

// What a bank does: seeds are made and issued here, and its validation server gets them.
TEST_F(IssuerCare, ExportedSeedsAreTheSameInAnotherPool) {
  ASSERT_EQ(run({"issuer", "seeds", "generate", issuer, "--pool", "tokens", "--count", "2"}).status, 0);
  const std::string key = file_with("key", std::string(64, 'a') + "\n");
  const std::string container = folder / "server.pskc";
  const Outcome exported = seeds_export(container, {"--key-file", key, "--json"});
  ASSERT_EQ(exported.status, 0) << exported.err;
  EXPECT_EQ(exported.json().at("exported").as_array().size(), 2U);
  EXPECT_TRUE(exported.json().at("encrypted").as_bool());
  EXPECT_EQ(std::filesystem::status(container).permissions(), std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  const Outcome again = run({"issuer", "seeds", "import", issuer, container, "--pool", "copies", "--key-file", key, "--json"});
  ASSERT_EQ(again.status, 0) << again.out;
  EXPECT_EQ(again.json().at("imported"), exported.json().at("exported"));
}

TEST_F(IssuerCare, AnExportIsOnRecordWithItsOperator) {
  ASSERT_EQ(run({"issuer", "seeds", "generate", issuer, "--pool", "tokens", "--count", "1"}).status, 0);
  const std::string passphrase = file_with("passphrase", "a long passphrase\n");
  ASSERT_EQ(seeds_export(folder / "server.pskc", {"--passphrase-file", passphrase}).status, 0);
  const std::string log = care("audit").out;
  const std::string record = log.substr(std::min(log.find("seeds.exported"), log.size()));
  EXPECT_THAT(record, HasSubstr("operator: "));
  EXPECT_THAT(record, HasSubstr("pool: tokens"));
  EXPECT_THAT(record, HasSubstr("protection: passphrase"));
  EXPECT_THAT(record, HasSubstr("container: SHA-256 "));
}

TEST_F(IssuerCare, AnExportReplacesNoFileAndLeavesNoRecordThen) {
  ASSERT_EQ(run({"issuer", "seeds", "generate", issuer, "--pool", "tokens", "--count", "1"}).status, 0);
  const Outcome refused = seeds_export(file_with("there", "already"), {"--plain"});
  EXPECT_EQ(refused.status, 1);
  EXPECT_THAT(refused.err, HasSubstr("already"));
  EXPECT_EQ(to_text(must(storage::read_file(folder / "there", 100))), "already");
  EXPECT_THAT(care("audit").out, Not(HasSubstr("seeds.exported")));
}

TEST_F(IssuerCare, AnExportSaysHowItIsProtected) {
  ASSERT_EQ(run({"issuer", "seeds", "generate", issuer, "--pool", "tokens", "--count", "1"}).status, 0);
  EXPECT_EQ(seeds_export(folder / "one.pskc", {}).status, 2) << "there is no default";
  EXPECT_EQ(seeds_export(folder / "two.pskc", {"--plain", "--key-file", "key"}).status, 2);
  const Outcome plain = seeds_export(folder / "plain.pskc", {"--plain"});
  EXPECT_EQ(plain.status, 0);
  EXPECT_THAT(plain.err, HasSubstr("in the clear"));
}

TEST_F(IssuerCare, AnExportOfWhatIsNotThereLeavesNoFile) {
  EXPECT_EQ(seeds_export(folder / "out.pskc", {"--plain"}).status, 1) << "an empty pool";
  ASSERT_EQ(run({"issuer", "seeds", "generate", issuer, "--pool", "tokens", "--count", "1"}).status, 0);
  EXPECT_EQ(seeds_export(folder / "out.pskc", {"nobody", "--plain"}).status, 1);
  EXPECT_FALSE(std::filesystem::exists(folder / "out.pskc"));
}

TEST_F(IssuerCare, ProfilesWhoseCertificatesWouldOutlastTheCaAreNoted) {
  EXPECT_THAT(run({"issuer", "profile", "check", issuer, "card"}).out, Not(HasSubstr("with the issuing CA")));
  std::ofstream(issuer + "/issuer.toml", std::ios::app) << "certificate = { validity_days = 36500 }\n";  // of the last key in it
  const Outcome checked = run({"issuer", "profile", "check", issuer, "card"});
  EXPECT_EQ(checked.status, 0) << checked.err;
  EXPECT_THAT(checked.out, HasSubstr("certificates of the key Key.1 end on "));
  EXPECT_THAT(checked.out, HasSubstr("with the issuing CA, before their 36500 days are over"));
}

// SIGHUP comes to the server in its own time, so that an enrolment is tried until it has.
TEST_F(IssuerCare, SighupMakesARunningServerReadItsProfilesAgain) {
  ASSERT_EQ(enroll("card", "PIN.1 Key.1 7391\n").status, 0);
  std::ofstream(issuer + "/issuer.toml", std::ios::app)
      << "[profiles.new]\nsubject = \"CN=New\"\ndevices = { accept_any = true }\n"
         "[[profiles.new.keys]]\nid = \"New\"\nusage = \"authentication\"\nalgorithm = \"p-256\"\n";
  EXPECT_THAT(run({"issuer", "profile", "check", issuer, "new"}).out, HasSubstr("send SIGHUP"));
  EXPECT_THAT(care("url", {"--profile", "new"}).err, HasSubstr("send SIGHUP"));
  EXPECT_NE(enroll("new").status, 0);
  server->send(SIGHUP);
  int tries = 0;
  while (enroll("new").status != 0) ASSERT_LT(++tries, 200);
  EXPECT_THAT(run({"issuer", "profile", "check", issuer, "new"}).out, Not(HasSubstr("SIGHUP")));
}

TEST_F(IssuerCare, SighupWithAWrongConfigurationLeavesTheServerAsItIs) {
  ASSERT_EQ(enroll("card", "PIN.1 Key.1 7391\n").status, 0);
  const std::string url = care("url", {"--profile", "card"}).out;
  std::ofstream(issuer + "/issuer.toml", std::ios::app) << "colour = 1\n";
  server->send(SIGHUP);
  const Outcome done = run({"enroll", url.substr(0, url.size() - 1), "--store", store, "--ca-file", issuer + "/tls/ca.pem", "--yes",
                            "--pin-file", file_with("pins", "PIN.1 Key.1 7391\n")});
  EXPECT_EQ(done.status, 0) << done.err;
}

TEST_F(IssuerCare, APukThatIsReleasedUnlocksThePin) {
  const std::string serial = serial_of_card();
  for (int i = 0; i < 2; ++i)
    (void)run({"keys", "sign", "Key.1", "--store", store, "--pin-file", file_with("wrong", "1937\n"), "--in", file_with("data", "x")});
  const Outcome released = care("unlock", {serial, "--reason", "called, PIN forgotten"});
  ASSERT_EQ(released.status, 0) << released.err;
  const Outcome unlocked = run({"keys", "unlock", "Key.1", "--store", store, "--puk-file", file_with("puk", released.out)});
  EXPECT_EQ(unlocked.status, 0) << unlocked.err;
  const Outcome audit = care("audit");
  EXPECT_THAT(audit.out, HasSubstr("puk.released"));
  EXPECT_THAT(audit.out, HasSubstr("reason: called, PIN forgotten"));
  EXPECT_THAT(audit.out, HasSubstr("operator: "));
  EXPECT_THAT(audit.out, HasSubstr("The log is whole"));
  EXPECT_THAT(audit.out, Not(HasSubstr(released.out.substr(0, 10))));
}

TEST_F(IssuerCare, APukIsReleasedForAReasonAlone) {
  EXPECT_EQ(care("unlock", {"00"}).status, 2);
  EXPECT_EQ(care("unlock", {"00", "--reason", " "}).status, 1);
}

TEST_F(IssuerCare, TakesACredentialBack) {
  const std::string serial = serial_of_card();
  EXPECT_THAT(care("hold", {serial}).out, HasSubstr("on hold"));
  EXPECT_THAT(care("credentials").out, HasSubstr("confirmed, suspended"));
  EXPECT_EQ(care("url", {"--renew", serial}).status, 1);
  EXPECT_THAT(care("release", {serial}).out, HasSubstr("valid again"));
  EXPECT_THAT(care("url", {"--renew", serial}).out, StartsWith("https://127.0.0.1:"));
  const Outcome revoked = care("revoke", {serial, "--reason", "keyCompromise", "--note", "card lost", "--json"});
  EXPECT_EQ(revoked.json().at("serials").as_array().size(), 1U) << revoked.err;
  EXPECT_THAT(run({"ca", "list", issuer, "--status", "revoked"}).out, HasSubstr("keyCompromise"));
  EXPECT_EQ(care("revoke", {serial}).status, 1);
}

TEST_F(IssuerCare, SaysInOneWayWhatIsMeant) {
  EXPECT_EQ(care("revoke").status, 1);
  EXPECT_THAT(care("revoke", {"00", "--device", "X"}).err, HasSubstr("--session ID"));
  EXPECT_EQ(care("revoke", {"00", "--reason", "lost"}).status, 2);
  EXPECT_EQ(care("url", {"--renew", "00", "--profile", "card"}).status, 2);
}

TEST_F(IssuerCare, WarnsThatEveryDeviceIsAccepted) {
  EXPECT_THAT(run({"issuer", "init", folder / "second"}).err, HasSubstr("every device is accepted"));
}

TEST_F(IssuerCare, MakesItsAuthorityAsItIsTold) {
  const std::string second = folder / "second";
  EXPECT_EQ(run({"issuer", "init", second, "--key-kind", "p-384", "--publication-url", "http://pki.example.com"}).status, 0);
  EXPECT_THAT(must(storage::read_file(second + "/issuer.toml", 1U << 20)), Not(::testing::IsEmpty()));
  EXPECT_EQ(run({"issuer", "init", folder / "third", "--ca-key", "floppy"}).status, 1);
  EXPECT_EQ(run({"issuer", "init", folder / "third", "--key-kind", "des"}).status, 2);
}

TEST_F(IssuerCare, ServesWithACaKeyThatAPassphraseOpens) {
  const std::string second = folder / "second";
  const auto made = run_on_terminal({"issuer", "init", second, "--ca-key", "file:issuing.pem"},
                                    {{"New passphrase", "correct horse\n"}, {"Again", "correct horse\n"}});
  EXPECT_EQ(made.status, 0) << made.screen;
  EXPECT_TRUE(std::ifstream(second + "/issuing.pem").good());
}

}  // namespace
}  // namespace airtight::cli::testing
