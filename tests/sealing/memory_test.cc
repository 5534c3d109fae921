// What is left in memory by seals: nothing that a core dump would show.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <string>
#include <vector>

#include "sealing/seal.h"
#include "tests/support/memory_scan.h"
#include "tests/support/must.h"
#include "tests/support/temporary_folder.h"

namespace airtight::sealing {
namespace {

using testing::IsEmpty;
using tests::KnownRandom;
using tests::KnownSecret;
using tests::MemoryScan;
using tests::must;

class SealInMemory : public testing::Test {
 protected:
  void SetUp() override {
#ifdef AIRTIGHT_SANITIZED
    GTEST_SKIP() << "the sanitizer keeps what is freed";
#endif
  }

  void expect_no_trace() {
    const MemoryScan scan;
    EXPECT_GT(scan.bytes_scanned(), 100000U);
    remember_salts();
    for (std::size_t i = 0; i < random_.drawn().size(); ++i) {
      const KnownSecret& drawn = random_.drawn()[i];
      if (drawn.size() != 32 || salts_.contains(i)) continue;
      EXPECT_THAT(scan.find(drawn), IsEmpty()) << "a key of 32 bytes";
    }
    EXPECT_THAT(scan.find_letters(passphrase_), IsEmpty()) << "the passphrase";
    EXPECT_THAT(scan.find_letters(new_passphrase_), IsEmpty()) << "the new passphrase";
  }
  [[nodiscard]] PassphrasePrompt prompt() const {
    return [this](const SecretQuestion& question) { return question.is_new ? new_passphrase_.letters() : passphrase_.letters(); };
  }
  // Salts stand in the seal's text, and are no secrets.
  void remember_salts() {
    std::ifstream file(store() / "seal");
    const std::string text(std::istreambuf_iterator<char>(file), {});
    for (std::size_t i = 0; i < random_.drawn().size(); ++i) {
      std::string hex;
      for (std::size_t j = 0; j < random_.drawn()[i].size(); ++j) {
        const auto byte = std::to_integer<unsigned>(random_.drawn()[i].at(j));
        hex += "0123456789abcdef"[byte >> 4];
        hex += "0123456789abcdef"[byte & 15];
      }
      if (text.find("salt = " + hex + "\n") != std::string::npos) salts_.insert(i);
    }
  }
  [[nodiscard]] std::filesystem::path store() const { return folder_ / "store"; }

  tests::TemporaryFolder folder_;
  KnownRandom random_{1000};
  std::set<std::size_t> salts_;  // which of the draws
  KnownSecret passphrase_{1, 24};
  KnownSecret new_passphrase_{1, 24};  // the same while a store is made
};

TEST_F(SealInMemory, TheScanFindsWhatIsLeftBehind) {
  const KnownSecret secret(7, 32);
  std::vector<std::byte> careless(32);
  for (std::size_t i = 0; i < careless.size(); ++i) careless[i] = secret.at(i);
  EXPECT_EQ(MemoryScan().find(secret).size(), 1U);
  wipe(careless);
  EXPECT_THAT(MemoryScan().find(secret), IsEmpty());
  const SecretBytes careful = secret.bytes();
  EXPECT_THAT(MemoryScan().find(secret), IsEmpty()) << "it is in memory that is not dumped";
}

TEST_F(SealInMemory, OfAKeyFileLeavesNoTrace) {
  const MasterKey made = must(create_master_key(store(), KeyFileSeal{}, prompt(), random_));
  expect_no_trace();
  const MasterKey opened = must(open_master_key(store(), prompt()));
  const Bytes record = opened.seal("test", {}, bytes_of("x"), random_);
  EXPECT_TRUE(opened.open("test", {}, record));
  expect_no_trace();
}

TEST_F(SealInMemory, OfAPassphraseLeavesNoTrace) {
  const MasterKey made = must(create_master_key(store(), PassphraseSeal{{.n = 1024}}, prompt(), random_));
  expect_no_trace();
  const MasterKey opened = must(open_master_key(store(), prompt()));
  expect_no_trace();
}

TEST_F(SealInMemory, ThatIsChangedLeavesNoTrace) {
  const MasterKey made = must(create_master_key(store(), PassphraseSeal{{.n = 1024}}, prompt(), random_));
  new_passphrase_ = KnownSecret(2, 30);
  remember_salts();
  (void)must(change_seal(store(), PassphraseSeal{{.n = 1024}}, prompt(), random_));
  remember_salts();
  (void)must(change_seal(store(), KeyFileSeal{}, [this](const SecretQuestion&) { return new_passphrase_.letters(); }, random_));
  expect_no_trace();
}

}  // namespace
}  // namespace airtight::sealing
