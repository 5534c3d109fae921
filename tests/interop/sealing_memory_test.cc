// What is left in memory when a TPM or a token keeps the master key: nothing that a core dump would show, though their libraries handle it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sealing/anchor.h"
#include "sealing/seal.h"
#include "tests/support/memory_scan.h"
#include "tests/support/must.h"
#include "tests/support/seal_text.h"
#include "tests/support/software_token.h"
#include "tests/support/software_tpm.h"

namespace airtight::sealing {
namespace {

using testing::IsEmpty;
using tests::KnownRandom;
using tests::KnownSecret;
using tests::MemoryScan;
using tests::must;

constexpr crypto::ScryptCost kCheap = {.n = 16};

class DeviceInMemory : public testing::Test {
 protected:
  void SetUp() override {
#ifdef AIRTIGHT_SANITIZED
    GTEST_SKIP() << "the sanitizer keeps what is freed";
#endif
  }

  // Keys are the draws of 32 bytes, but for the salt of a passphrase, which is the first of them.
  void expect_no_trace(bool first_is_salt) const {
    const MemoryScan scan;
    bool skip = first_is_salt;
    for (const KnownSecret& drawn : random_.drawn()) {
      if (drawn.size() != 32 || std::exchange(skip, false)) continue;
      EXPECT_THAT(scan.find(drawn), IsEmpty()) << "a key of 32 bytes";
    }
    EXPECT_THAT(scan.find_letters(passphrase_), IsEmpty()) << "the passphrase";
  }

  tests::TemporaryFolder folder_;
  std::filesystem::path store_ = folder_ / "store";
  KnownRandom random_{5000};
  KnownSecret passphrase_{3, 24};
};

TEST_F(DeviceInMemory, ATpmLeavesNoTrace) {
  const tests::SoftwareTpm tpm;
  const auto prompt = [this](const SecretQuestion&) { return passphrase_.letters(); };
  const Tpm2Seal seal{.tcti = tpm.tcti(), .pcrs = {1U << 7}, .with_passphrase = true, .cost = kCheap};
  const MasterKey made = must(create_master_key(store_, seal, prompt, random_));
  expect_no_trace(true);
  const MasterKey opened = must(open_master_key(store_, prompt));
  expect_no_trace(true);
  const KnownSecret salt = random_.drawn().front();
  Bytes salt_bytes;
  for (std::size_t i = 0; i < salt.size(); ++i) salt_bytes.push_back(salt.at(i));
  const SecretBytes authorization = must(crypto::scrypt(passphrase_.letters().expose_secret(), salt_bytes, kCheap, 32));
  EXPECT_THAT(MemoryScan().find(authorization), IsEmpty()) << "what the TPM asks for";
}

TEST_F(DeviceInMemory, ACounterInATpmLeavesNoTrace) {
  const tests::SoftwareTpm tpm;
  const MasterKey master_key(random_.secret(32));
  const auto counter = must(prepare_anchor(folder_.path(), Tpm2Anchor{.index = {}, .tcti = tpm.tcti()}, master_key, random_));
  (void)must(counter->advance());
  const std::string note = tests::read_text(folder_ / "anchor.new");
  SecretBytes authorization = master_key.derive_key("anchor counter " + tests::value_in_text(note, "id"));
  authorization.expose_secret_for_writing().back() |= std::byte{1};
  EXPECT_THAT(MemoryScan().find(authorization), IsEmpty());
}

TEST_F(DeviceInMemory, ATokenLeavesNoTraceOfTheMasterKey) {
  const tests::SoftwareToken token;
  const auto prompt = [](const SecretQuestion&) { return SecretBytes::copy_of(bytes_of("1234")); };
  const MasterKey made = must(create_master_key(store_, Pkcs11Seal{tests::SoftwareToken::uri()}, prompt, random_));
  expect_no_trace(false);
  const MasterKey opened = must(open_master_key(store_, prompt));
  expect_no_trace(false);
}

}  // namespace
}  // namespace airtight::sealing
