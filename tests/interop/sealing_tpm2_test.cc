// Seals kept by a TPM 2.0: swtpm is the TPM, and tpm2-tools are a second opinion on what we put into it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <string>

#include "sealing/seal.h"
#include "tests/interop/command.h"
#include "tests/support/recording_random.h"
#include "tests/support/seal_text.h"
#include "tests/support/software_tpm.h"

namespace airtight::sealing {
namespace {

using testing::HasSubstr;
using tests::must;
using tests::read_text;
using tests::write_text;

constexpr crypto::ScryptCost kCheap = {.n = 1024};
constexpr PcrSet kPcr7 = {1U << 7};

PassphrasePrompt answering(std::string_view passphrase) {
  return [passphrase](const SecretQuestion&) { return SecretBytes::copy_of(bytes_of(passphrase)); };
}

class Tpm2 : public testing::Test {
 protected:
  void SetUp() override { ::unsetenv("TPM2TOOLS_TCTI"); }

  [[nodiscard]] Tpm2Seal seal() const { return {.tcti = tpm_.tcti(), .pcrs = {}, .with_passphrase = false, .cost = kCheap}; }
  [[nodiscard]] Tpm2Seal on_pcr7() const { return {.tcti = tpm_.tcti(), .pcrs = kPcr7, .with_passphrase = false, .cost = kCheap}; }
  [[nodiscard]] Tpm2Seal with_passphrase() const { return {.tcti = tpm_.tcti(), .pcrs = {}, .with_passphrase = true, .cost = kCheap}; }
  [[nodiscard]] Tpm2Seal with_both() const { return {.tcti = tpm_.tcti(), .pcrs = kPcr7, .with_passphrase = true, .cost = kCheap}; }

  MasterKey create(const Tpm2Seal& seal) { return must(try_create(seal)); }
  Result<MasterKey> try_create(const Tpm2Seal& seal) { return create_master_key(store(), seal, answering("correct horse"), random_); }
  [[nodiscard]] Result<MasterKey> open(std::string_view passphrase = "correct horse") const {
    return open_master_key(store(), answering(passphrase));
  }
  [[nodiscard]] Error error_of_open(std::string_view passphrase = "correct horse") const {
    const auto result = open(passphrase);
    if (result) throw std::logic_error("it opened");
    return result.error();
  }
  [[nodiscard]] bool same(const MasterKey& a, const MasterKey& b) {
    return b.open("test", {}, a.seal("test", {}, bytes_of("x"), random_)).has_value();
  }

  // One of the TPM tools, on this TPM.
  std::string tool(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin() + 1, {"-T", tpm_.tcti()});
    const tests::Finished finished = tests::run(arguments);
    EXPECT_EQ(finished.status, 0) << arguments.front() << ": " << finished.output;
    return finished.output;
  }
  void extend_pcr(int number) const { tool({"tpm2_pcrextend", std::to_string(number) + ":sha256=" + std::string(64, 'a')}); }

  [[nodiscard]] std::filesystem::path store() const { return folder_ / "store"; }
  [[nodiscard]] std::filesystem::path seal_file() const { return store() / "seal"; }

  tests::TemporaryFolder folder_;
  tests::SoftwareTpm tpm_;
  tests::RecordingRandom random_;
};

using Tpm2Bus = Tpm2;
using Tpm2Tools = Tpm2;

TEST_F(Tpm2, GivesBackTheSameKeyEachTime) {
  for (const Tpm2Seal& each : {seal(), on_pcr7(), with_passphrase(), with_both()}) {
    const MasterKey made = create(each);
    EXPECT_TRUE(same(made, must(open())));
    EXPECT_TRUE(same(made, must(open())));
    EXPECT_EQ(must(seal_kind_of(store())), SealKind::kTpm2);
    std::filesystem::remove(seal_file());
  }
}

TEST_F(Tpm2, GivesBackTheKeyAfterARestartOfTheMachine) {
  const MasterKey made = create(on_pcr7());
  tpm_.stop();
  tpm_.start();
  EXPECT_TRUE(same(made, must(open())));
}

TEST_F(Tpm2, KeepsNothingLoadedOrPersistent) {
  (void)create(with_both());
  (void)must(open());
  (void)open("wrong words");
  for (const char* const kind : {"handles-transient", "handles-persistent", "handles-loaded-session", "handles-saved-session"}) {
    EXPECT_EQ(tool({"tpm2_getcap", kind}), "") << kind;
  }
}

TEST_F(Tpm2, IsFoundThroughTheEnvironmentUnlessTheSealNamesIt) {
  ::setenv("TPM2TOOLS_TCTI", tpm_.tcti().c_str(), 1);
  Tpm2Seal anywhere = seal();
  anywhere.tcti.clear();
  const MasterKey made = create(anywhere);
  EXPECT_TRUE(same(made, must(open())));
  const tests::SoftwareTpm other;
  ::setenv("TPM2TOOLS_TCTI", other.tcti().c_str(), 1);
  EXPECT_THAT(error_of_open().message, HasSubstr("this is not the TPM"));
}

TEST_F(Tpm2, DescribesItsSealWithoutOpeningIt) {
  (void)create(with_both());
  tpm_.stop();
  const auto description = must(describe_seal(store()));
  EXPECT_EQ(description.kind, SealKind::kTpm2);
  const std::vector<std::pair<std::string, std::string>> expected = {{"tcti", tpm_.tcti()}, {"pcrs", "7"}, {"passphrase", "yes"}};
  EXPECT_EQ(description.details, expected);
}

TEST_F(Tpm2, ThatIsNotThereIsToldSo) {
  (void)create(seal());
  tpm_.stop();
  const Error error = error_of_open();
  EXPECT_EQ(error.fault, Fault::kUnavailable);
  EXPECT_THAT(error.message, HasSubstr("there is no TPM at " + tpm_.tcti()));
  EXPECT_THAT(error.hint, HasSubstr("firmware"));
  std::filesystem::remove(seal_file());
  EXPECT_EQ(try_create(seal()).error().fault, Fault::kUnavailable);
  EXPECT_FALSE(std::filesystem::exists(seal_file()));
}

TEST_F(Tpm2, OfAnotherMachineIsRefused) {
  (void)create(seal());
  const tests::SoftwareTpm other;
  const std::string text = tests::replaced(read_text(seal_file()), tpm_.tcti(), other.tcti());
  write_text(seal_file(), tests::with_right_checksum(text));
  const Error error = error_of_open();
  EXPECT_EQ(error.fault, Fault::kRefused);
  EXPECT_THAT(error.message, HasSubstr("this is not the TPM that the seal was made with"));
  EXPECT_FALSE(error.hint.empty());
}

TEST_F(Tpm2, ThatWasClearedIsRefused) {
  (void)create(seal());
  tool({"tpm2_clear"});
  const Error error = error_of_open();
  EXPECT_EQ(error.fault, Fault::kRefused);
  EXPECT_THAT(error.message, HasSubstr("cleared"));
}

TEST_F(Tpm2, WithOtherPcrValuesIsRefusedUntilTheyAreAsBefore) {
  const MasterKey made = create(on_pcr7());
  extend_pcr(7);
  const Error error = error_of_open();
  EXPECT_EQ(error.fault, Fault::kRefused);
  EXPECT_THAT(error.message, HasSubstr("of the PCRs 7, some have changed"));
  EXPECT_THAT(error.hint, HasSubstr("start the system as it was"));
  tpm_.stop();
  tpm_.start();
  EXPECT_TRUE(same(made, must(open())));
}

TEST_F(Tpm2, DoesNotCareAboutPcrsThatTheSealDoesNotName) {
  (void)create(on_pcr7());
  extend_pcr(8);
  EXPECT_TRUE(open());
}

TEST_F(Tpm2, WithoutTheBankOfPcrsMakesNoSeal) {
  tool({"tpm2_pcrallocate", "sha1:all+sha256:none"});
  tpm_.stop();
  tpm_.start();
  const auto result = try_create(on_pcr7());
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().fault, Fault::kRefused);
  EXPECT_THAT(result.error().message, HasSubstr("no SHA-256 bank of the PCRs 7"));
  EXPECT_TRUE(try_create(seal())) << "which needs no PCRs";
}

TEST_F(Tpm2, RefusesAWrongPassphraseAndThenTakesTheRightOne) {
  for (const Tpm2Seal& each : {with_passphrase(), with_both()}) {
    const MasterKey made = create(each);
    const Error error = error_of_open("wrong words");
    EXPECT_EQ(error.fault, Fault::kRefused);
    EXPECT_THAT(error.message, HasSubstr("the passphrase does not open the seal"));
    EXPECT_TRUE(same(made, must(open())));
    std::filesystem::remove(seal_file());
  }
}

TEST_F(Tpm2, LocksItselfAfterWrongPassphrasesAndSaysSo) {
  tool({"tpm2_dictionarylockout", "-s", "-n", "2", "-t", "1000", "-l", "1000"});
  const MasterKey made = create(with_passphrase());
  EXPECT_THAT(error_of_open("wrong words").message, HasSubstr("does not open"));
  EXPECT_THAT(error_of_open("wrong words").message, HasSubstr("does not open"));
  const Error error = error_of_open();
  EXPECT_EQ(error.fault, Fault::kRefused);
  EXPECT_THAT(error.message, HasSubstr("locked itself"));
  EXPECT_THAT(error.hint, HasSubstr("tpm2_dictionarylockout"));
  tool({"tpm2_dictionarylockout", "-c"});
  EXPECT_TRUE(same(made, must(open())));
}

TEST_F(Tpm2, IsAskedOnceForEachOpening) {
  (void)create(with_passphrase());
  int asked = 0;
  EXPECT_FALSE(open_master_key(store(), [&](const SecretQuestion& question) {
    ++asked;
    EXPECT_EQ(question.about, SecretQuestion::About::kPassphrase);
    EXPECT_FALSE(question.is_new);
    return SecretBytes::copy_of(bytes_of("wrong words"));
  }));
  EXPECT_EQ(asked, 1);
}

TEST_F(Tpm2, IsNotLockedByOthersWhereTheSealHasNoPassphrase) {
  tool({"tpm2_dictionarylockout", "-s", "-n", "1", "-t", "1000", "-l", "1000"});
  (void)create(with_passphrase());
  (void)open("wrong words");
  std::filesystem::remove(seal_file());
  (void)create(seal());
  EXPECT_TRUE(open());
}

TEST_F(Tpm2, WhoseOwnerHasAPasswordIsToldSo) {
  (void)create(seal());
  tool({"tpm2_changeauth", "-c", "owner", "secret"});
  const Error error = error_of_open();
  EXPECT_EQ(error.fault, Fault::kRefused);
  EXPECT_THAT(error.message, HasSubstr("owner hierarchy has a password"));
  EXPECT_THAT(error.hint, HasSubstr("tpm2_changeauth"));
}

TEST_F(Tpm2, TakesNoSealThatWasChanged) {
  (void)create(with_both());
  const std::string text = read_text(seal_file());
  for (const std::string name : {"primary", "public", "private", "salt", "wrapped"}) {
    for (const std::size_t digit : {std::size_t{0}, std::size_t{3}, std::size_t{9}, std::size_t{40}}) {
      write_text(seal_file(), tests::with_changed_hex(text, name, digit));
      const auto result = open();
      ASSERT_FALSE(result) << name << " " << digit;
      EXPECT_FALSE(result.error().hint.empty()) << name << " " << digit;
    }
    tool({"tpm2_dictionarylockout", "-c"});
  }
  write_text(seal_file(), tests::with_right_checksum(tests::replaced(text, "pcrs = 7\n", "pcrs = 8\n")));
  EXPECT_FALSE(open());
  write_text(seal_file(), text);
  EXPECT_TRUE(open());
}

TEST_F(Tpm2, IsNotReachedByALibraryOrProgramOfTheFilesChoice) {
  for (const std::string tcti : {"cmd:touch /tmp/x", "/tmp/evil.so", "libevil.so", "pcap:device"}) {
    Tpm2Seal other = seal();
    other.tcti = tcti;
    EXPECT_EQ(try_create(other).error().fault, Fault::kBadInput) << tcti;
    EXPECT_FALSE(std::filesystem::exists(seal_file()));
  }
  (void)create(seal());
  write_text(seal_file(), tests::with_right_checksum(tests::replaced(read_text(seal_file()), tpm_.tcti(), "cmd:touch /tmp/x")));
  EXPECT_EQ(error_of_open().fault, Fault::kInternal);
}

// The TPM library's own recorder stands on the bus.
TEST_F(Tpm2Bus, ShowsNeitherTheKeyNorTheAuthorization) {
  const std::filesystem::path recording = folder_ / "bus.pcap";
  ::setenv("TCTI_PCAP_FILE", recording.c_str(), 1);
  ::setenv("TPM2TOOLS_TCTI", ("pcap:" + tpm_.tcti()).c_str(), 1);
  Tpm2Seal recorded = with_both();
  recorded.tcti.clear();
  (void)create(recorded);
  const std::string made = read_text(recording);
  std::filesystem::remove(recording);
  (void)must(open());
  const std::string opened = read_text(recording);
  ASSERT_THAT(made, HasSubstr(std::string("\x80\x02", 2))) << "commands with sessions";
  const Bytes salt = must(hex_decode(tests::value_in_text(read_text(seal_file()), "salt")));
  SecretBytes authorization = must(crypto::scrypt(bytes_of("correct horse"), salt, kCheap, 32));
  authorization.expose_secret_for_writing().back() |= std::byte{1};
  std::vector<Bytes> secrets = random_.drawn_of(32);
  secrets.push_back(to_bytes(authorization.expose_secret()));
  ASSERT_GE(secrets.size(), 4U) << "salt, wrapping key, master key, authorization";
  for (const Bytes& secret : secrets) {
    EXPECT_EQ(made.find(text_of(secret)), std::string::npos);
    EXPECT_EQ(opened.find(text_of(secret)), std::string::npos);
  }
}

TEST_F(Tpm2Tools, OpenWhatWeSealed) {
  (void)create(on_pcr7());
  const std::string text = read_text(seal_file());
  const auto path = [&](const std::string& name) { return (folder_ / name).native(); };
  write_text(path("public"), text_of(must(hex_decode(tests::value_in_text(text, "public")))));
  write_text(path("private"), text_of(must(hex_decode(tests::value_in_text(text, "private")))));
  tool({"tpm2_createprimary", "-C", "o", "-G", "ecc256", "-a",
        "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|noda|restricted|decrypt", "-c", path("primary")});
  tool({"tpm2_flushcontext", "-t"});
  tool({"tpm2_load", "-C", path("primary"), "-u", path("public"), "-r", path("private"), "-c", path("object"), "-n", path("name")});
  tool({"tpm2_flushcontext", "-t"});
  tool({"tpm2_unseal", "-c", path("object"), "-p", "pcr:sha256:7", "-o", path("key")});
  const std::string key = read_text(path("key"));
  const auto drawn = random_.drawn_of(32);
  EXPECT_TRUE(std::ranges::any_of(drawn, [&](const Bytes& each) { return text_of(each) == key; }));
  EXPECT_THAT(tool({"tpm2_readpublic", "-c", path("object")}), testing::Not(HasSubstr("userwithauth")));
}

}  // namespace
}  // namespace airtight::sealing
