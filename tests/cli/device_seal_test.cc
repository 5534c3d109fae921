// airtight device seal, and device create with seals of each kind, as a program.
#include <gmock/gmock.h>

#include <filesystem>

#include "crypto/random.h"
#include "sealing/anchor.h"
#include "sealing/seal.h"
#include "storage/files.h"
#include "tests/cli/program.h"
#include "tests/support/must.h"
#include "tests/support/software_token.h"
#include "tests/support/software_tpm.h"
#include "tests/support/temporary_folder.h"

namespace airtight::cli::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class SealProgram : public ::testing::Test {
 protected:
  [[nodiscard]] std::vector<std::string> command(const std::string& verb, std::vector<std::string> more = {}) const {
    std::vector<std::string> arguments = {"device", verb, "--store", store};
    if (verb == "create") arguments.insert(arguments.end(), {"--maker", folder / "maker"});
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  }
  [[nodiscard]] std::string device_id() const { return std::string(run(command("info", {"--json"})).json()["device_id"].as_string()); }

  tests::TemporaryFolder folder;
  std::string store = folder / "card";
};

TEST_F(SealProgram, ShowsTheKindOfTheSeal) {
  ASSERT_EQ(run(command("create")).status, 0);
  const Outcome shown = run(command("seal"));
  EXPECT_EQ(shown.status, 0);
  EXPECT_THAT(shown.out, HasSubstr("Seal        file"));
  EXPECT_EQ(run(command("seal", {"--json"})).json()["seal"].as_object()["kind"], "file");
}

TEST_F(SealProgram, ChangesFromAKeyFileToATpmAndBackAndTheStoreIsTheSame) {
  const tests::SoftwareTpm tpm;
  ASSERT_EQ(run(command("create")).status, 0);
  const std::string id = device_id();
  const Outcome changed = run(command("seal", {"--seal", "tpm2", "--tpm2-pcrs", "0,7", "--tpm2-tcti", tpm.tcti()}));
  ASSERT_EQ(changed.status, 0) << changed.err;
  EXPECT_THAT(changed.out, HasSubstr("has a new seal\n  Seal        tpm2\n"));
  EXPECT_THAT(changed.out, HasSubstr("pcrs        0,7"));
  EXPECT_FALSE(std::filesystem::exists(store + "/seal.key"));
  EXPECT_EQ(device_id(), id);
  const auto back = run(command("seal", {"--seal", "file", "--json"})).json();
  EXPECT_EQ(back.at("changed"), true);
  EXPECT_EQ(back.at("seal").as_object().at("kind"), "file");
  EXPECT_EQ(device_id(), id);
}

TEST_F(SealProgram, MakesAStoreThatAPassphraseAndATpmOpen) {
  const tests::SoftwareTpm tpm;
  const auto create = command("create", {"--seal", "tpm2", "--tpm2-passphrase", "--tpm2-tcti", tpm.tcti()});
  const auto made = run_on_terminal(create, {{"New passphrase", "correct horse\n"}, {"Again", "correct horse\n"}});
  EXPECT_EQ(made.status, 0) << made.screen;
  const auto wrong = run_on_terminal(command("info"), {{"Passphrase for the key store", "wrong horse\n"}});
  EXPECT_EQ(wrong.status, 1);
  EXPECT_THAT(wrong.screen, HasSubstr("the passphrase does not open the seal"));
  const auto right = run_on_terminal(command("info"), {{"Passphrase for the key store", "correct horse\n"}});
  EXPECT_EQ(right.status, 0) << right.screen;
}

TEST_F(SealProgram, MakesAStoreThatATokenOpens) {
  const tests::SoftwareToken token;
  const auto made = run_on_terminal(command("create", {"--seal", "pkcs11", "--pkcs11-uri", tests::SoftwareToken::uri()}),
                                    {{"PIN of the token card for the key store " + store, "1234\n"}});
  ASSERT_EQ(made.status, 0) << made.screen;
  EXPECT_THAT(made.screen, Not(HasSubstr("1234")));
  const auto wrong = run_on_terminal(command("info"), {{"PIN of the token card", "4321\n"}});
  EXPECT_EQ(wrong.status, 1);
  EXPECT_THAT(wrong.screen, HasSubstr("the PIN of the token 'card' is wrong"));
  const auto right = run_on_terminal(command("info"), {{"PIN of the token card", "1234\n"}});
  EXPECT_EQ(right.status, 0) << right.screen;
}

TEST_F(SealProgram, RefusesWhatDoesNotFitTogether) {
  ASSERT_EQ(run(command("create")).status, 0);
  for (const auto& [options, words] : std::vector<std::pair<std::vector<std::string>, std::string>>{
           {{"--seal", "file", "--tpm2-pcrs", "7"}, "--tpm2-pcrs is for --seal tpm2"},
           {{"--seal", "tpm2", "--pkcs11-uri", "pkcs11:token=x"}, "--pkcs11-uri is for --seal pkcs11"},
           {{"--seal", "pkcs11"}, "does not say which token"},
           {{"--seal", "tpm2", "--tpm2-pcrs", "7,0"}, "is no list of PCRs"},
           {{"--seal", "tpm2", "--tpm2-tcti", "cmd:sh"}, "is no way to a TPM"},
           {{"--seal", "pkcs11", "--pkcs11-uri", "pkcs11:token=x?pin-value=1234"}, "the URI holds a PIN"}}) {
    const Outcome outcome = run(command("seal", options));
    EXPECT_NE(outcome.status, 0) << words;
    EXPECT_THAT(outcome.err, HasSubstr(words));
    EXPECT_THAT(outcome.err, HasSubstr("hint: "));
  }
  EXPECT_EQ(run(command("seal", {"--tpm2-pcrs", "7"})).status, 2) << "without --seal";
  EXPECT_EQ(run(command("seal", {"--seal", "file", "--tpm2-pcrs", "7"})).status, 2);
  EXPECT_EQ(run(command("seal", {"--seal", "pkcs11"})).status, 2);
  EXPECT_EQ(run(command("info")).status, 0);
}

TEST_F(SealProgram, KeepsAnAnchorThatOldCopiesDoNotFit) {
  const std::string anchor = folder / "anchor";
  ASSERT_EQ(run(command("create", {"--anchor", "file:" + anchor})).status, 0);
  EXPECT_THAT(run(command("anchor")).out, HasSubstr("Anchor  file:" + anchor));
  std::filesystem::copy(store, folder / "copy");
  const Outcome changed = run(command("anchor", {"--anchor", "file:" + anchor + "2", "--json"}));
  ASSERT_EQ(changed.status, 0) << changed.err;
  EXPECT_EQ(changed.json()["anchor"].as_string(), "file:" + anchor + "2");
  EXPECT_EQ(run(command("info")).status, 0);
  std::filesystem::remove_all(store);
  std::filesystem::copy(folder / "copy", store);
  std::filesystem::permissions(store, std::filesystem::perms::owner_all);
  const Outcome old = run(command("info"));
  EXPECT_EQ(old.status, 1);
  EXPECT_THAT(old.err, HasSubstr("the anchor " + anchor + " is missing"));
}

TEST_F(SealProgram, IsAnchoredInATpm) {
  const tests::SoftwareTpm tpm;
  ASSERT_EQ(run(command("create", {"--anchor", "tpm2", "--anchor-tcti", tpm.tcti()})).status, 0);
  EXPECT_THAT(run(command("anchor")).out, HasSubstr("Anchor  tpm2:0x018a"));
  EXPECT_EQ(run(command("info")).status, 0);
  EXPECT_EQ(run(command("anchor", {"--anchor", "oak"})).status, 2);
  EXPECT_EQ(run(command("anchor", {"--anchor", "tpm2", "--anchor-tcti", "cmd:sh"})).status, 2);
  EXPECT_EQ(run(command("anchor", {"--anchor", "none"})).status, 0);
}

TEST_F(SealProgram, IsWholeAfterAnAnchorThatCouldNotBeMade) {
  ASSERT_EQ(run(command("create")).status, 0);
  const Outcome failed = run(command("anchor", {"--anchor", "tpm2", "--anchor-tcti", "device:/dev/no-such-tpm"}));
  EXPECT_EQ(failed.status, 1);
  EXPECT_THAT(failed.err, HasSubstr("there is no TPM at device:/dev/no-such-tpm"));
  EXPECT_EQ(run(command("info")).status, 0);
  EXPECT_EQ(run(command("anchor", {"--anchor", "file:" + store + "/anchor"})).status, 1);
  EXPECT_EQ(run(command("info")).status, 0);
  EXPECT_EQ(run(command("anchor", {"--anchor", "file:" + folder.path().native() + "/anchor"})).status, 0);
}

TEST_F(SealProgram, OpensWhenAChangeOfAnchorsWasCutShortAndItsTpmIsGone) {
  ASSERT_EQ(run(command("create")).status, 0);
  {
    const tests::SoftwareTpm tpm;
    crypto::SystemRandom random;
    const auto master_key = tests::must(sealing::open_master_key(store, {}));
    (void)tests::must(sealing::prepare_anchor(store, sealing::Tpm2Anchor{.index = {}, .tcti = tpm.tcti()}, master_key, random));
  }
  EXPECT_EQ(run(command("info")).status, 0);
  EXPECT_EQ(run(command("anchor", {"--anchor", "none"})).status, 0);
  EXPECT_FALSE(std::filesystem::exists(store + "/anchor.new"));
}

TEST_F(SealProgram, IsServedByAConfinedDaemonWithItsAnchorInASimulator) {
  const tests::SoftwareTpm tpm;
  ASSERT_EQ(run(command("create", {"--anchor", "tpm2", "--anchor-tcti", tpm.tcti()})).status, 0);
  const std::string pin = folder / "pin";
  tests::must(storage::write_file(pin, bytes_of("12345678\n"), storage::FileMode::kPrivate));
  BackgroundProgram daemon(command("serve"));
  EXPECT_EQ(run({"device", "pin", "set", "--store", store, "--new-pin-file", pin, "--puk-file", pin}).status, 0);
  EXPECT_EQ(run({"device", "pin", "change", "--store", store, "--pin-file", pin, "--new-pin-file", pin}).status, 0);
  EXPECT_EQ(daemon.stop(), 0);
  EXPECT_EQ(run(command("info")).status, 0);
}

TEST_F(SealProgram, SaysThatThereIsNoStore) {
  const Outcome outcome = run(command("seal"));
  EXPECT_EQ(outcome.status, 1);
  EXPECT_THAT(outcome.err, HasSubstr("there is no seal in " + store));
}

}  // namespace
}  // namespace airtight::cli::testing
