// Changing the seal between every pair of kinds, with swtpm and SoftHSM as the TPM and the token.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <tuple>

#include "crypto/random.h"
#include "sealing/seal.h"
#include "tests/support/must.h"
#include "tests/support/software_token.h"
#include "tests/support/software_tpm.h"

namespace airtight::sealing {
namespace {

using testing::HasSubstr;
using testing::Not;
using tests::must;
using tests::SoftwareToken;

constexpr crypto::ScryptCost kCheap = {.n = 16};

PassphrasePrompt words(const std::string& old_word, const std::string& new_word) {
  return [=](const SecretQuestion& question) {
    const bool is_pin = question.about == SecretQuestion::About::kTokenPin;
    return SecretBytes::copy_of(bytes_of(is_pin ? "1234" : question.is_new ? new_word : old_word));
  };
}

class ChangeBetween : public testing::TestWithParam<std::tuple<SealKind, SealKind>> {
 protected:
  [[nodiscard]] NewSeal seal_of(SealKind kind) const {
    switch (kind) {
      case SealKind::kFile: return KeyFileSeal{};
      case SealKind::kPassphrase: return PassphraseSeal{kCheap};
      case SealKind::kTpm2: return Tpm2Seal{.tcti = tpm_.tcti(), .pcrs = {1U << 7}, .with_passphrase = true, .cost = kCheap};
      case SealKind::kPkcs11: return Pkcs11Seal{SoftwareToken::uri()};
    }
    throw std::logic_error("no such kind");
  }
  static std::size_t keys_in_token() {
    const std::string listed = SoftwareToken::tool({"--list-objects", "--type", "privkey"}).output;
    std::size_t count = 0;
    for (std::size_t at = 0; (at = listed.find("Private Key Object", at)) != std::string::npos; ++at) ++count;
    return count;
  }

  tests::TemporaryFolder folder_;
  tests::SoftwareTpm tpm_;
  SoftwareToken token_;
  crypto::SystemRandom random_;
};

constexpr SealKind kAll[] = {SealKind::kFile, SealKind::kPassphrase, SealKind::kTpm2, SealKind::kPkcs11};
INSTANTIATE_TEST_SUITE_P(EveryPair, ChangeBetween, testing::Combine(testing::ValuesIn(kAll), testing::ValuesIn(kAll)),
                         [](const auto& each) {
                           return std::string(name_of(std::get<0>(each.param))) + "_and_" + std::string(name_of(std::get<1>(each.param)));
                         });

TEST_P(ChangeBetween, KeepsTheMasterKeyAndNothingOfTheOldSeal) {
  const auto [from, to] = GetParam();
  const std::filesystem::path store = folder_ / "store";
  const MasterKey made = must(create_master_key(store, seal_of(from), words("", "old words"), random_));
  const Bytes record = made.seal("test", {}, bytes_of("a key"), random_);
  std::filesystem::copy_file(store / "seal", folder_ / "old seal");
  EXPECT_FALSE(must(change_seal(store, seal_of(to), words("old words", "new words"), random_)).leftover);
  EXPECT_EQ(must(seal_kind_of(store)), to);
  const MasterKey opened = must(open_master_key(store, words("new words", "")));
  EXPECT_EQ(text_of(must(opened.open("test", {}, record)).expose_secret()), "a key");
  EXPECT_EQ(std::filesystem::exists(store / "seal.key"), to == SealKind::kFile);
  EXPECT_EQ(keys_in_token(), to == SealKind::kPkcs11 ? 1U : 0U) << "the old seal's key is destroyed";
  // A copy of the old seal opens no more, where its key could be destroyed.
  std::filesystem::rename(folder_ / "old seal", store / "seal");
  const bool old_opens = open_master_key(store, words("old words", "")).has_value();
  EXPECT_EQ(old_opens, from == SealKind::kPassphrase || from == SealKind::kTpm2);
}

}  // namespace
}  // namespace airtight::sealing
