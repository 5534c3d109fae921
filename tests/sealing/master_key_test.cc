// Records sealed under a master key open in their place, under their key, unchanged; nowhere else.
#include "sealing/master_key.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "base/encoding.h"
#include "crypto/random.h"
#include "tests/support/must.h"

namespace airtight::sealing {
namespace {

using tests::must;

class SealedRecord : public testing::Test {
 protected:
  SealedRecord() : key_(random_.secret(32)) {}

  [[nodiscard]] Bytes seal(std::string_view purpose, std::string_view context, std::string_view plain) {
    return key_.seal(purpose, bytes_of(context), bytes_of(plain), random_);
  }
  [[nodiscard]] std::string open(std::string_view purpose, std::string_view context, ByteView sealed) const {
    const auto plain = key_.open(purpose, bytes_of(context), sealed);
    return plain ? to_text(plain->expose_secret()) : "refused";
  }

  crypto::SystemRandom random_;
  MasterKey key_;
};

TEST_F(SealedRecord, OpensInItsPlace) {
  EXPECT_EQ(open("keys", "row 1", seal("keys", "row 1", "secret")), "secret");
  EXPECT_EQ(open("keys", "", seal("keys", "", "")), "");
}

TEST_F(SealedRecord, DoesNotOpenInAnotherPlace) {
  const Bytes sealed = seal("keys", "row 1", "secret");
  EXPECT_EQ(open("keys", "row 2", sealed), "refused");
  EXPECT_EQ(open("pins", "row 1", sealed), "refused");
}

TEST_F(SealedRecord, DoesNotOpenWhenTheBorderOfPurposeAndContextMoves) {
  EXPECT_EQ(open("key", "srow 1", seal("keys", "row 1", "secret")), "refused");
}

TEST_F(SealedRecord, DoesNotOpenUnderAnotherMasterKey) {
  const MasterKey other(random_.secret(32));
  const auto result = other.open("keys", bytes_of("row 1"), seal("keys", "row 1", "secret"));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().fault, Fault::kInternal);
  EXPECT_FALSE(result.error().hint.empty());
}

TEST_F(SealedRecord, DoesNotOpenWhenAnyByteIsChangedOrCut) {
  const Bytes sealed = seal("keys", "row 1", "secret");
  for (std::size_t i = 0; i < sealed.size(); ++i) {
    Bytes changed = sealed;
    changed[i] ^= std::byte{1};
    EXPECT_EQ(open("keys", "row 1", changed), "refused") << "byte " << i;
    EXPECT_EQ(open("keys", "row 1", ByteView(sealed).first(i)), "refused") << "cut at " << i;
  }
}

TEST_F(SealedRecord, LooksDifferentEachTime) { EXPECT_NE(seal("keys", "row 1", "secret"), seal("keys", "row 1", "secret")); }

TEST_F(SealedRecord, DoesNotShowItsContent) {
  const Bytes sealed = seal("keys", "row 1", "a secret that would be seen");
  EXPECT_EQ(text_of(sealed).find("secret"), std::string_view::npos);
}

TEST_F(SealedRecord, OpensWithACopyOfTheKey) {
  const MasterKey copy = key_;  // NOLINT(performance-unnecessary-copy-initialization): the copy is the subject
  EXPECT_TRUE(copy.open("keys", bytes_of("row 1"), seal("keys", "row 1", "secret")));
}

// The format is stored, so it may not change. The record was made with other software: HMAC-SHA256(master key, "airtight seal" ||
// purpose) as AES-256-GCM key; nonce (zeros), cipher text, tag.
TEST(SealedFormat, IsStable) {
  const MasterKey key(SecretBytes::copy_of(Bytes(32, std::byte{0x0B})));
  const auto plain =
      key.open("keys", bytes_of("row 1"), must(hex_decode("000000000000000000000000ee3c83df8f56739cea29f8c9fe01391280f57551ba05")));
  ASSERT_TRUE(plain) << plain.error().message;
  EXPECT_EQ(text_of(plain->expose_secret()), "secret");
}

TEST_F(SealedRecord, CanBeMadeByManyThreadsAtOnce) {
  std::vector<std::thread> threads;
  std::vector<int> opened(4);
  for (std::size_t i = 0; i < opened.size(); ++i) {
    threads.emplace_back([&, i] {
      crypto::SystemRandom random;
      for (int j = 0; j < 50; ++j) {
        const std::string purpose = "purpose " + std::to_string(j);
        opened[i] += key_.open(purpose, {}, key_.seal(purpose, {}, bytes_of("secret"), random)) ? 1 : 0;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(opened, std::vector<int>(4, 50));
}

TEST(MasterKeyOf, AnotherSizeThan32BytesIsABug) {
  for (const std::size_t size : {0U, 16U, 31U, 33U}) EXPECT_THROW(MasterKey{SecretBytes(size)}, std::invalid_argument);
}

}  // namespace
}  // namespace airtight::sealing
