// RSA decryption: every vector of tests/vectors/crypto/rsa_decrypt.txt, and what implicit rejection promises.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <sstream>

#include "base/encoding.h"
#include "crypto/key.h"
#include "tests/support/must.h"

namespace airtight::crypto {
namespace {

using tests::must;

struct Vector {
  std::string name, key, scheme, encrypted, outcome, message;
};

class RsaDecryption : public ::testing::Test {
 protected:
  RsaDecryption() {
    std::ifstream file(AIRTIGHT_SOURCE_DIR "/tests/vectors/crypto/rsa_decrypt.txt");
    for (std::string line; std::getline(file, line);) {
      if (line.empty() || line[0] == '#') continue;
      std::istringstream words(line);
      Vector vector;
      std::string equals;
      words >> vector.name >> equals >> vector.key;
      if (words >> vector.scheme >> vector.encrypted >> vector.outcome >> vector.message) {
        vectors.push_back(vector);
      } else {
        keys.emplace(vector.name, must(PrivateKey::from_pkcs8(must(hex_decode(vector.key)))));
      }
    }
  }
  const Vector& vector(std::string_view name) const { return *std::ranges::find(vectors, name, &Vector::name); }

  std::map<std::string, PrivateKey> keys;
  std::vector<Vector> vectors;
};

TEST_F(RsaDecryption, GivesWhatTheVectorsSay) {
  ASSERT_EQ(keys.size(), 2U);
  ASSERT_EQ(vectors.size(), 6U);
  for (const Vector& one : vectors) {
    const auto scheme = one.scheme == "oaep" ? RsaEncryption::kOaepSha1 : RsaEncryption::kPkcs1;
    const auto plain = keys.at(one.key).decrypt(scheme, must(hex_decode(one.encrypted)));
    EXPECT_EQ(plain.has_value(), one.outcome != "refused") << one.name;
    if (!plain) continue;
    EXPECT_EQ(hex_encode(plain->expose_secret()), one.message == "-" ? "" : one.message) << one.name;
  }
}

TEST_F(RsaDecryption, ARejectedTextYieldsTheSameMessageEachTimeAndAnotherForEachText) {
  Bytes encrypted = must(hex_decode(vector("corrupted").encrypted));
  const PrivateKey& key = keys.at("key-1");
  const SecretBytes once = must(key.decrypt(RsaEncryption::kPkcs1, encrypted));
  const SecretBytes again = must(key.decrypt(RsaEncryption::kPkcs1, encrypted));
  EXPECT_TRUE(equal(once.expose_secret(), again.expose_secret()));
  encrypted.back() ^= std::byte{2};
  const SecretBytes other = must(key.decrypt(RsaEncryption::kPkcs1, encrypted));
  EXPECT_FALSE(equal(once.expose_secret(), other.expose_secret()));
}

TEST_F(RsaDecryption, SyntheticMessagesHaveEveryLengthThatLeavesRoomForAPadding) {
  const PrivateKey& key = keys.at("key-1");
  Bytes encrypted = must(hex_decode(vector("corrupted").encrypted));
  std::size_t longest = 0;
  std::size_t shortest = 256;
  for (unsigned i = 0; i < 64; ++i) {
    encrypted[128] = static_cast<std::byte>(i);
    const std::size_t size = must(key.decrypt(RsaEncryption::kPkcs1, encrypted)).size();
    longest = std::max(longest, size);
    shortest = std::min(shortest, size);
  }
  EXPECT_LE(longest, 256U - 11);
  EXPECT_GT(longest, 128U);
  EXPECT_LT(shortest, 128U);
}

TEST_F(RsaDecryption, RefusesWhatDoesNotFitTheModulus) {
  const PrivateKey& key = keys.at("key-1");
  const Bytes right = must(hex_decode(vector("right").encrypted));
  for (const auto scheme : {RsaEncryption::kPkcs1, RsaEncryption::kOaepSha1}) {
    EXPECT_FALSE(key.decrypt(scheme, ByteView(right).first(255)));
    EXPECT_FALSE(key.decrypt(scheme, concat({Bytes(1), right})));
    EXPECT_FALSE(key.decrypt(scheme, {}));
    EXPECT_FALSE(key.decrypt(scheme, Bytes(256, std::byte{0xFF})));
    EXPECT_FALSE(key.decrypt(scheme, key.public_key().rsa()->modulus));
  }
}

TEST_F(RsaDecryption, IsForRsaKeysAlone) {
  const auto key = must(PrivateKey::generate(EcSpec{Curve::kP256}));
  EXPECT_FALSE(key.decrypt(RsaEncryption::kPkcs1, Bytes(256)));
}

}  // namespace
}  // namespace airtight::crypto
