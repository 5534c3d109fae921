// airtight ca as a program, on an issuer of its own.
#include <gmock/gmock.h>

#include <filesystem>

#include "tests/cli/program.h"
#include "tests/support/temporary_folder.h"

namespace airtight::cli::testing {
namespace {

using ::testing::HasSubstr;

class CaProgram : public ::testing::Test {
 protected:
  CaProgram() {
    const Outcome made = run({"issuer", "init", issuer, "--organization", "Example Bank"});
    EXPECT_EQ(made.status, 0) << made.err;
  }
  [[nodiscard]] Outcome ca(const std::string& verb, std::vector<std::string> more = {}) const {
    more.insert(more.begin(), {"ca", verb, issuer});
    return run(more);
  }
  // Of the certificate of the issuing CA.
  [[nodiscard]] std::string issuing_serial() const {
    const boost::json::object shown = ca("show", {"--json"}).json();
    for (const auto& key : shown.at("keys").as_array()) {
      if (key.at("name") == "issuing") return std::string(key.at("serial").as_string());
    }
    return {};
  }
  tests::TemporaryFolder folder;
  std::string issuer = folder / "issuer";
};

TEST_F(CaProgram, ShowsItsKeys) {
  const Outcome shown = ca("show");
  EXPECT_EQ(shown.status, 0) << shown.err;
  EXPECT_THAT(shown.out, HasSubstr("CN=Example Bank Issuing CA 1,O=Example Bank"));
  EXPECT_THAT(shown.out, HasSubstr("key      database"));
}

TEST_F(CaProgram, ShowsACertificate) {
  const Outcome shown = ca("show", {issuing_serial()});
  EXPECT_THAT(shown.out, HasSubstr("valid\n"));
  EXPECT_THAT(shown.out, HasSubstr("-----BEGIN CERTIFICATE-----"));
}

TEST_F(CaProgram, HoldsReleasesAndRevokes) {
  const std::string serial = issuing_serial();
  EXPECT_THAT(ca("hold", {serial, "--note", "mislaid"}).out, HasSubstr("suspended: certificateHold"));
  EXPECT_THAT(ca("list", {"--status", "suspended"}).out, HasSubstr(serial));
  EXPECT_THAT(ca("release", {serial}).out, HasSubstr("valid"));
  EXPECT_EQ(ca("revoke", {serial, "--reason", "cACompromise", "--json"}).json()["reason"], "cACompromise");
  const Outcome again = ca("revoke", {serial});
  EXPECT_EQ(again.status, 1);
  EXPECT_THAT(again.err, HasSubstr("is revoked, which is final"));
  EXPECT_EQ(ca("list", {"--status", "revoked", "--json"}).json()["certificates"].as_array().size(), 1U);
}

TEST_F(CaProgram, RefusesAReasonThatIsNone) {
  const Outcome refused = ca("revoke", {issuing_serial(), "--reason", "lost"});
  EXPECT_EQ(refused.status, 2);
  EXPECT_THAT(refused.err, HasSubstr("keyCompromise"));
}

TEST_F(CaProgram, TakesNoNumberThatIsNone) {
  for (const char* const number : {"-1", "0", "+3", "1.5", "", "99999999999999999999"}) {
    const Outcome refused = ca("list", {"--limit", number});
    EXPECT_EQ(refused.status, 2) << number;
    EXPECT_THAT(refused.err, HasSubstr("no whole number from 1 to")) << number;
  }
  EXPECT_EQ(ca("list", {"--limit", "1", "--json"}).json()["certificates"].as_array().size(), 1U);
  EXPECT_EQ(ca("rollover", {"--days", "99999999"}).status, 2);
  EXPECT_EQ(ca("rollover", {"--root", "--root-days", "0"}).status, 2);
}

TEST_F(CaProgram, TakesWhatIsOfTheRootWithANewRootAlone) {
  EXPECT_EQ(ca("rollover", {"--root-key", "file:r.key"}).status, 2);
  EXPECT_EQ(ca("rollover", {"--root-days", "100"}).status, 2);
  EXPECT_THAT(ca("show").out, ::testing::Not(HasSubstr("issuing-2")));
}

TEST_F(CaProgram, SaysThatACaEndsWithItsRoot) {
  EXPECT_THAT(ca("rollover", {"--days", "30"}).out, ::testing::Not(HasSubstr("its root ends")));
  const Outcome rolled = ca("rollover", {"--days", "36525"});
  EXPECT_EQ(rolled.status, 0) << rolled.err;
  EXPECT_THAT(rolled.out, HasSubstr(", when its root ends, before 36525 days are over"));
}

TEST_F(CaProgram, PublishesACrl) {
  const std::string file = folder / "root.crl";
  const Outcome first = ca("crl", {"--key", "root", "--out", file, "--json"});
  EXPECT_EQ(first.json()["crls"].as_array()[0].at("number"), 1) << first.err;
  EXPECT_GT(std::filesystem::file_size(file), 100U);
  EXPECT_EQ(ca("crl", {"--key", "root", "--new", "--json"}).json()["crls"].as_array()[0].at("number"), 2);
  EXPECT_EQ(ca("crl", {"--out", file}).status, 1);
  EXPECT_EQ(ca("crl", {"--key", "none"}).status, 1);
}

TEST_F(CaProgram, RollsItsKeysOver) {
  const Outcome rolled = ca("rollover", {"--algorithm", "p-384"});
  EXPECT_EQ(rolled.status, 0) << rolled.err;
  EXPECT_THAT(rolled.out, HasSubstr("New key issuing-2: CN=Example Bank Issuing CA 2,O=Example Bank, in database"));
  EXPECT_THAT(ca("show").out, HasSubstr("issuing  (replaced"));
  EXPECT_EQ(ca("rollover", {"--root", "--json"}).json()["key"], "root-2");
}

TEST_F(CaProgram, KeepsAKeyInAFileThatAPassphraseOpens) {
  const std::vector<std::string> rollover = {"ca", "rollover", issuer, "--key", "file:issuing-2.pem"};
  const auto made = run_on_terminal(rollover, {{"New passphrase", "correct horse\n"}, {"Again", "correct horse\n"}});
  EXPECT_EQ(made.status, 0) << made.screen;
  EXPECT_TRUE(std::filesystem::exists(issuer + "/issuing-2.pem"));
  const auto crl = run_on_terminal({"ca", "crl", issuer}, {{"Passphrase for", "correct horse\n"}});
  EXPECT_EQ(crl.status, 0) << crl.screen;
  EXPECT_EQ(ca("crl").status, 1) << "nobody can be asked";
}

TEST_F(CaProgram, ExportsWhatItPublishes) {
  const std::string out = folder / "pki";
  EXPECT_EQ(ca("export", {"--out", out}).status, 0);
  for (const char* name : {"/root.cer", "/root.pem", "/root.crl", "/issuing.cer", "/issuing.crl", "/tls.crl"}) {
    EXPECT_TRUE(std::filesystem::exists(out + name)) << name;
  }
}

TEST_F(CaProgram, SaysWhereThereIsNoIssuer) {
  const Outcome nothing = run({"ca", "show", folder / "nothing"});
  EXPECT_EQ(nothing.status, 1);
  EXPECT_THAT(nothing.err, HasSubstr("there is no issuer in"));
}

}  // namespace
}  // namespace airtight::cli::testing
