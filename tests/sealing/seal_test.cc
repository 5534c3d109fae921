// The seal of a folder: what opens it, what does not, and what is said then.
#include "sealing/seal.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <deque>
#include <string>

#include "base/encoding.h"
#include "crypto/digest.h"
#include "crypto/random.h"
#include "tests/support/must.h"
#include "tests/support/seal_text.h"
#include "tests/support/temporary_folder.h"

namespace airtight::sealing {
namespace {

using tests::must;
using tests::read_text;
using tests::replaced;
using tests::TemporaryFolder;
using tests::with_right_checksum;
using tests::write_text;

constexpr crypto::ScryptCost kCheap = {.n = 1024};

// A seal of this kind, cheap to open.
NewSeal cheap(SealKind kind) {
  if (kind == SealKind::kFile) return KeyFileSeal{};
  return PassphraseSeal{kCheap};
}

PassphrasePrompt answering(std::string_view passphrase) {
  return [passphrase](const SecretQuestion&) { return SecretBytes::copy_of(bytes_of(passphrase)); };
}

Result<SecretBytes> nobody_is_asked(const SecretQuestion&) { throw std::logic_error("a passphrase was asked for"); }

// "fault: message | hint", to look for words in.
std::string words_of(const Error& error) { return error.message + " | " + error.hint; }

class Seal : public testing::Test {
 protected:
  [[nodiscard]] MasterKey create(SealKind kind) {
    return must(create_master_key(store(), cheap(kind), kind == SealKind::kFile ? nobody_is_asked : answering("correct horse"), random_));
  }
  [[nodiscard]] Result<MasterKey> open(std::string_view passphrase = "correct horse") const {
    return open_master_key(store(), answering(passphrase));
  }

  [[nodiscard]] std::filesystem::path store() const { return folder_ / "store"; }
  [[nodiscard]] std::filesystem::path seal_file() const { return store() / "seal"; }
  [[nodiscard]] std::filesystem::path key_file() const { return store() / "seal.key"; }

  // Whether both are the same master key.
  [[nodiscard]] bool same(const MasterKey& a, const MasterKey& b) {
    return b.open("test", {}, a.seal("test", {}, bytes_of("x"), random_)).has_value();
  }

  TemporaryFolder folder_;
  crypto::SystemRandom random_;
};

class EachSeal : public Seal, public testing::WithParamInterface<SealKind> {};
using SealWithPassphrase = Seal;
using SealWithKeyFile = Seal;
using SealVectors = Seal;

INSTANTIATE_TEST_SUITE_P(OfEachKind, EachSeal, testing::Values(SealKind::kFile, SealKind::kPassphrase),
                         [](const auto& each) { return each.param == SealKind::kFile ? "KeyFile" : "Passphrase"; });

TEST_P(EachSeal, OpensToTheSameKeyEachTime) {
  const MasterKey made = create(GetParam());
  EXPECT_TRUE(same(made, must(open())));
  EXPECT_TRUE(same(made, must(open())));
  EXPECT_EQ(must(seal_kind_of(store())), GetParam());
}

TEST_P(EachSeal, HasAKeyOfItsOwn) {
  const MasterKey made = create(GetParam());
  std::filesystem::remove_all(store());
  EXPECT_FALSE(same(made, create(GetParam())));
}

TEST_P(EachSeal, IsItsOwnersAlone) {
  const mode_t before = ::umask(0);
  (void)create(GetParam());
  ::umask(before);
  EXPECT_EQ(std::filesystem::status(store()).permissions(), std::filesystem::perms::owner_all);
  for (const auto& entry : std::filesystem::directory_iterator(store())) {
    EXPECT_EQ(entry.status().permissions(), std::filesystem::perms::owner_read | std::filesystem::perms::owner_write) << entry.path();
  }
}

TEST_P(EachSeal, ThatOthersCanReadIsRefused) {
  (void)create(GetParam());
  ::chmod(seal_file().c_str(), 0644);
  const auto result = open();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().fault, Fault::kRefused);
  EXPECT_NE(result.error().hint.find("chmod 600"), std::string::npos);
}

TEST_P(EachSeal, IsNeverReplaced) {
  const MasterKey made = create(GetParam());
  for (const SealKind kind : {SealKind::kFile, SealKind::kPassphrase}) {
    const auto again = create_master_key(store(), cheap(kind), nobody_is_asked, random_);
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().fault, Fault::kRefused);
    EXPECT_NE(again.error().message.find(seal_file().native()), std::string::npos);
  }
  EXPECT_TRUE(same(made, must(open())));
}

TEST_P(EachSeal, ThatIsMissingIsNotFound) {
  (void)create(GetParam());
  std::filesystem::remove(seal_file());
  const auto result = open();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().fault, Fault::kNotFound);
  EXPECT_NE(words_of(result.error()).find(store().native()), std::string::npos);
  EXPECT_FALSE(result.error().hint.empty());
  EXPECT_EQ(seal_kind_of(store()).error().fault, Fault::kNotFound);
}

TEST_P(EachSeal, ThatWasDamagedAnywhereIsToldSo) {
  (void)create(GetParam());
  const std::string text = read_text(seal_file());
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string changed = text;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    write_text(seal_file(), changed);
    const auto result = open();
    ASSERT_FALSE(result) << "byte " << i;
    // A changed digit of the version is a newer seal.
    EXPECT_EQ(result.error().fault, i == text.find('1') ? Fault::kRefused : Fault::kInternal) << "byte " << i;
    EXPECT_FALSE(result.error().hint.empty());
  }
}

TEST_P(EachSeal, ThatWasCutAnywhereIsToldSo) {
  (void)create(GetParam());
  const std::string text = read_text(seal_file());
  for (std::size_t size = 0; size < text.size(); ++size) {
    write_text(seal_file(), text.substr(0, size));
    const auto result = open();
    ASSERT_FALSE(result) << size << " bytes";
    EXPECT_EQ(result.error().fault, Fault::kInternal) << size << " bytes";
  }
}

TEST_P(EachSeal, HasNothingAfterItsEnd) {
  (void)create(GetParam());
  const std::string text = read_text(seal_file());
  for (const std::string_view more : {"\n", " ", "x = y\n"}) {
    write_text(seal_file(), text + std::string(more));
    EXPECT_FALSE(open());
  }
}

TEST_P(EachSeal, IsWrittenInOneWayOnly) {
  (void)create(GetParam());
  const std::string text = read_text(seal_file());
  for (const auto& [what, with] : std::initializer_list<std::pair<std::string, std::string>>{
           {" = ", "="}, {"\n", "\r\n"}, {"airtight-seal = 1", "airtight-seal = 01"}, {"kind", "\nkind"}, {"wrapped = ", "wrapped =  "}}) {
    write_text(seal_file(), with_right_checksum(replaced(text, what, with)));
    EXPECT_FALSE(open()) << what << " as " << with;
  }
}

// One who can write the file can make the checksum fit, and still gets no key but the right one, and that only from what was written.
TEST_P(EachSeal, NeverOpensWhenTamperedWith) {
  (void)create(GetParam());
  const std::string text = read_text(seal_file());
  const std::size_t end = text.rfind("checksum");
  for (std::size_t i = 0; i < end; ++i) {
    std::string changed = text;
    changed[i] = text[i] == '2' ? '3' : '2';  // a digit stays a digit
    write_text(seal_file(), with_right_checksum(changed));
    const auto result = open();
    ASSERT_FALSE(result) << "byte " << i;
    EXPECT_NE(result.error().fault, Fault::kNotFound) << "byte " << i;
  }
}

TEST_P(EachSeal, OfANewerVersionIsToldApart) {
  (void)create(GetParam());
  write_text(seal_file(), with_right_checksum(replaced(read_text(seal_file()), "airtight-seal = 1", "airtight-seal = 2")));
  const auto result = open();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().fault, Fault::kRefused);
  EXPECT_NE(words_of(result.error()).find("version 2"), std::string::npos) << words_of(result.error());
}

TEST_F(SealWithPassphrase, DoesNotOpenWithAnotherOne) {
  (void)create(SealKind::kPassphrase);
  for (const std::string_view wrong : {"correct horsf", "correct horse ", "Correct horse", ""}) {
    const auto result = open(wrong);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().fault, Fault::kRefused);
    EXPECT_NE(words_of(result.error()).find("the passphrase does not open"), std::string::npos) << words_of(result.error());
    EXPECT_EQ(words_of(result.error()).find("correct"), std::string::npos) << "the passphrase is in the error";
  }
}

TEST_F(SealWithPassphrase, LeavesNoTraceOfIt) {
  (void)create(SealKind::kPassphrase);
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_.path())) {
    if (!entry.is_regular_file()) continue;
    const std::string text = read_text(entry.path());
    EXPECT_EQ(text.find("correct"), std::string::npos) << entry.path();
    EXPECT_EQ(text.find(hex_encode(bytes_of("correct"))), std::string::npos) << entry.path();
  }
  EXPECT_FALSE(std::filesystem::exists(key_file()));
}

TEST_F(SealWithPassphrase, AsksForConfirmationWhenItIsSetAndNotWhenItIsGiven) {
  std::deque<bool> asked;
  const auto prompt = [&](const SecretQuestion& question) -> Result<SecretBytes> {
    asked.push_back(question.is_new);
    return SecretBytes::copy_of(bytes_of("correct horse"));
  };
  (void)must(create_master_key(store(), PassphraseSeal{kCheap}, prompt, random_));
  (void)must(open_master_key(store(), prompt));
  EXPECT_EQ(asked, (std::deque<bool>{true, false}));
}

TEST_F(SealWithPassphrase, PassesOnWhatThePromptSays) {
  const auto prompt = [](const SecretQuestion&) -> Result<SecretBytes> { return fail(Fault::kUnavailable, "no terminal"); };
  EXPECT_EQ(create_master_key(store(), PassphraseSeal{kCheap}, prompt, random_).error().message, "no terminal");
  EXPECT_FALSE(std::filesystem::exists(seal_file()));
  (void)create(SealKind::kPassphrase);
  EXPECT_EQ(open_master_key(store(), prompt).error().message, "no terminal");
  EXPECT_EQ(open_master_key(store(), {}).error().fault, Fault::kRefused) << "nobody to ask";
}

TEST_F(SealWithPassphrase, WantsAtLeastEightBytesOfUtf8) {
  for (const std::string_view bad : {"", "1234567", "\xFF\xFE not UTF-8"}) {
    const auto result = create_master_key(store(), PassphraseSeal{kCheap}, answering(bad), random_);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().fault, Fault::kBadInput);
    EXPECT_FALSE(result.error().hint.empty());
    EXPECT_FALSE(std::filesystem::exists(seal_file()));
  }
  EXPECT_TRUE(create_master_key(store(), PassphraseSeal{kCheap}, answering("\xC3\xA5\xC3\xA4\xC3\xB6\xC3\xBC"), random_));
}

TEST_F(SealWithPassphrase, HasASaltOfItsOwn) {
  (void)create(SealKind::kPassphrase);
  const std::string first = read_text(seal_file());
  std::filesystem::remove(seal_file());
  (void)create(SealKind::kPassphrase);
  const std::size_t at = first.find("salt = ");
  EXPECT_NE(first.substr(at, 71), read_text(seal_file()).substr(at, 71));
}

TEST_F(SealWithPassphrase, CostsAGuesserMemoryUnlessAskedOtherwise) {
  (void)must(create_master_key(store(), PassphraseSeal{}, answering("correct horse"), random_));
  const std::string text = read_text(seal_file());
  EXPECT_NE(text.find("scrypt-n = 131072\nscrypt-r = 8\nscrypt-p = 1\n"), std::string::npos) << text;
}

TEST_F(SealWithPassphrase, DoesNotTakeMoreMemoryOrTimeThanItMay) {
  (void)create(SealKind::kPassphrase);
  const std::string text = read_text(seal_file());
  constexpr std::string_view kCost = "scrypt-n = 1024\nscrypt-r = 8\nscrypt-p = 1\n";
  for (const std::string_view cost :
       {"scrypt-n = 1048576\nscrypt-r = 8\nscrypt-p = 1\n", "scrypt-n = 18446744073709551615\nscrypt-r = 8\nscrypt-p = 1\n",
        "scrypt-n = 9223372036854775808\nscrypt-r = 4294967295\nscrypt-p = 1\n", "scrypt-n = 1024\nscrypt-r = 8\nscrypt-p = 5\n",
        "scrypt-n = 1024\nscrypt-r = 0\nscrypt-p = 1\n", "scrypt-n = 0\nscrypt-r = 8\nscrypt-p = 1\n",
        "scrypt-n = 1\nscrypt-r = 8\nscrypt-p = 1\n", "scrypt-n = 1025\nscrypt-r = 8\nscrypt-p = 1\n"}) {
    write_text(seal_file(), with_right_checksum(replaced(text, std::string(kCost), std::string(cost))));
    const auto result = open_master_key(store(), nobody_is_asked);
    ASSERT_FALSE(result) << cost;
    EXPECT_EQ(result.error().fault, Fault::kRefused) << cost;
    EXPECT_NE(words_of(result.error()).find("more memory or time"), std::string::npos) << cost;
  }
  EXPECT_EQ(create_master_key(folder_ / "other", PassphraseSeal{{.n = 1U << 23}}, nobody_is_asked, random_).error().fault,
            Fault::kBadInput);
}

TEST_F(SealWithKeyFile, HoldsTheKeyInOneLineOfHex) {
  (void)create(SealKind::kFile);
  const std::string text = read_text(key_file());
  EXPECT_EQ(text.size(), 65U);
  EXPECT_EQ(text.find_first_not_of("0123456789abcdef"), 64U);
  EXPECT_EQ(text.back(), '\n');
}

TEST_F(SealWithKeyFile, SaysWhenItIsMissing) {
  (void)create(SealKind::kFile);
  std::filesystem::remove(key_file());
  const auto result = open();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().fault, Fault::kNotFound);
  EXPECT_EQ(result.error().message, "the key file " + key_file().native() + " is missing");
  EXPECT_NE(result.error().hint.find("backup"), std::string::npos);
}

TEST_F(SealWithKeyFile, SaysWhenItBelongsToAnotherSeal) {
  (void)create(SealKind::kFile);
  const std::string mine = read_text(key_file());
  write_text(key_file(), replaced(mine, mine.substr(0, 1), mine[0] == '0' ? "1" : "0"));
  const auto result = open();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().fault, Fault::kRefused);
  EXPECT_NE(result.error().message.find("belongs to another seal"), std::string::npos) << result.error().message;
}

TEST_F(SealWithKeyFile, SaysWhenItIsDamaged) {
  (void)create(SealKind::kFile);
  const std::string text = read_text(key_file());
  for (const std::string& damaged : {std::string(), text.substr(0, 64), text.substr(1), text + "\n", "g" + text.substr(1),
                                     "A" + text.substr(1), replaced(text, "\n", " "), std::string(1000, '0')}) {
    write_text(key_file(), damaged);
    const auto result = open();
    ASSERT_FALSE(result) << damaged;
    EXPECT_EQ(result.error().fault, Fault::kRefused) << damaged;
    EXPECT_NE(result.error().message.find("is damaged"), std::string::npos) << result.error().message;
    EXPECT_NE(result.error().hint.find("backup"), std::string::npos);
  }
}

TEST_F(SealWithKeyFile, IsRefusedWhenOthersCanReadIt) {
  (void)create(SealKind::kFile);
  ::chmod(key_file().c_str(), 0640);
  const auto result = open();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().fault, Fault::kRefused);
  EXPECT_EQ(result.error().hint, "run: chmod 600 " + key_file().native());
}

TEST_F(SealWithKeyFile, CanBeMadeAgainAfterACrashBetweenItsFiles) {
  (void)create(SealKind::kFile);
  const std::string key = read_text(key_file());
  std::filesystem::remove(seal_file());  // as a crash before the second file leaves it
  const MasterKey made = create(SealKind::kFile);
  EXPECT_EQ(read_text(key_file()), key) << "a key file is never overwritten";
  EXPECT_TRUE(same(made, must(open())));
}

TEST_F(SealWithKeyFile, IsNotMadeOverAFileThatIsNoKey) {
  std::filesystem::create_directory(store());
  write_text(key_file(), "something of the user's");
  EXPECT_FALSE(create_master_key(store(), KeyFileSeal{}, {}, random_));
  EXPECT_EQ(read_text(key_file()), "something of the user's");
  EXPECT_FALSE(std::filesystem::exists(seal_file()));
}

TEST_F(SealVectors, MadeByOtherSoftwareOpen) {
  const std::filesystem::path vectors = std::filesystem::path(AIRTIGHT_SOURCE_DIR) / "tests" / "vectors" / "sealing";
  const MasterKey expected(SecretBytes::copy_of(Bytes(32, std::byte{0x0B})));
  std::filesystem::create_directory(store());
  write_text(seal_file(), read_text(vectors / "passphrase.seal"));
  EXPECT_TRUE(same(expected, must(open())));
  write_text(seal_file(), read_text(vectors / "file.seal"));
  write_text(key_file(), read_text(vectors / "file.seal.key"));
  EXPECT_TRUE(same(expected, must(open())));
}

TEST(SealKindName, IsReadAndWritten) {
  for (const SealKind kind : {SealKind::kFile, SealKind::kPassphrase, SealKind::kTpm2, SealKind::kPkcs11}) {
    EXPECT_EQ(must(parse_seal_kind(name_of(kind))), kind);
  }
  EXPECT_EQ(name_of(SealKind::kFile), "file");
  EXPECT_EQ(name_of(SealKind::kPassphrase), "passphrase");
  EXPECT_EQ(name_of(SealKind::kTpm2), "tpm2");
  EXPECT_EQ(name_of(SealKind::kPkcs11), "pkcs11");
  const auto result = parse_seal_kind("File");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().fault, Fault::kBadInput);
  EXPECT_NE(result.error().hint.find("passphrase"), std::string::npos);
}

}  // namespace
}  // namespace airtight::sealing
