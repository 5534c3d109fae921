// Digests, HMAC, ciphers and scrypt against published vectors, and the randomness.
#include <gtest/gtest.h>

#include "base/encoding.h"
#include "crypto/cipher.h"
#include "crypto/digest.h"
#include "crypto/random.h"

namespace airtight::crypto {
namespace {

Bytes unhex(std::string_view text) { return hex_decode(text).value(); }

TEST(Digest, Fips180Examples) {
  EXPECT_EQ(hex_encode(digest(Digest::kSha1, {bytes_of("abc")})), "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(hex_encode(sha256(bytes_of("abc"))), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hex_encode(sha256({bytes_of("a"), {}, bytes_of("bc")})), hex_encode(sha256(bytes_of("abc"))));
  EXPECT_EQ(hex_encode(digest(Digest::kSha384, {bytes_of("abc")})).substr(0, 32), "cb00753f45a35e8bb5a03d699ac65007");
  EXPECT_EQ(hex_encode(digest(Digest::kSha512, {bytes_of("abc")})).substr(0, 32), "ddaf35a193617abacc417349ae204131");
}

// RFC 4231, test cases 1, 2, 3, 4, 6 and 7.
TEST(Hmac, Rfc4231) {
  EXPECT_EQ(hex_encode(hmac_sha256(Bytes(20, std::byte{0x0b}), {bytes_of("Hi There")})),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(hex_encode(hmac_sha256(bytes_of("Jefe"), {bytes_of("what do ya "), bytes_of("want for nothing?")})),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(hex_encode(hmac_sha256(Bytes(20, std::byte{0xaa}), {Bytes(50, std::byte{0xdd})})),
            "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe");
  EXPECT_EQ(hex_encode(hmac_sha256(unhex("0102030405060708090a0b0c0d0e0f10111213141516171819"), {Bytes(50, std::byte{0xcd})})),
            "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b");
  EXPECT_EQ(hex_encode(hmac_sha256(Bytes(131, std::byte{0xaa}), {bytes_of("Test Using Larger Than Block-Size Key - Hash Key First")})),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
  EXPECT_EQ(hex_encode(hmac_sha256(
                Bytes(131, std::byte{0xaa}),
                {bytes_of("This is a test using a larger than block-size key and a larger than block-size data. The key needs to be hashed "
                          "before being used by the HMAC algorithm.")})),
            "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2");
}

// RFC 7914 section 12, the third vector.
TEST(Scrypt, Rfc7914) {
  const auto key = scrypt(bytes_of("pleaseletmein"), bytes_of("SodiumChloride"), ScryptCost{16384, 8, 1}, 64).value();
  EXPECT_EQ(
      hex_encode(key.expose_secret()),
      "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887");
}

TEST(Scrypt, RefusesACostThatIsNoPowerOfTwo) { EXPECT_FALSE(scrypt(bytes_of("p"), bytes_of("s"), ScryptCost{1000, 8, 1}, 32)); }

// Gives 00 01 02 ... as the vectors' IV.
class CountingRandom final : public RandomSource {
 public:
  void fill(std::span<std::byte> out) override {
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<std::byte>(i);
  }
};

// NIST SP 800-38A, F.2.5, block 1; the IV stands in front and a block of padding follows.
TEST(Cbc, EncryptsTheNistVector) {
  const Bytes key = unhex("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4");
  CountingRandom random;
  const Bytes encrypted = encrypt_cbc(key, unhex("6bc1bee22e409f96e93d7e117393172a"), random);
  EXPECT_EQ(encrypted.size(), 48U);
  EXPECT_EQ(hex_encode(ByteView(encrypted).first(32)), "000102030405060708090a0b0c0d0e0ff58c4c04d6e5f1ba779eabfb5f7bfbd6");
  EXPECT_EQ(hex_encode(decrypt_cbc(key, encrypted).value().expose_secret()), "6bc1bee22e409f96e93d7e117393172a");
}

TEST(Cbc, EveryBadPaddingIsRefusedAlike) {
  SystemRandom random;
  const Bytes key = random.bytes(32);
  for (unsigned pad = 1; pad <= 16; ++pad) {
    const Bytes good = encrypt_cbc(key, Bytes(16 - pad), random);
    ASSERT_TRUE(decrypt_cbc(key, good));
    for (unsigned at = 16 - pad; at < 16; ++at) {
      Bytes bad = good;
      bad[at] ^= std::byte{0x80};
      const auto refused = decrypt_cbc(key, bad);
      ASSERT_FALSE(refused) << pad << " " << at;
      EXPECT_EQ(refused.error().message, "the encrypted data do not decrypt");
    }
  }
}

TEST(Gcm, OpensOnlyUnderItsKeyAndContext) {
  SystemRandom random;
  const Bytes key = random.bytes(32);
  const Bytes sealed = seal_gcm(key, bytes_of("secret"), bytes_of("place"), random);
  EXPECT_EQ(text_of(open_gcm(key, sealed, bytes_of("place")).value().expose_secret()), "secret");
  EXPECT_FALSE(open_gcm(key, sealed, bytes_of("elsewhere")));
  EXPECT_FALSE(open_gcm(random.bytes(32), sealed, bytes_of("place")));
  for (std::size_t i = 0; i < sealed.size(); ++i) {
    Bytes changed = sealed;
    changed[i] ^= std::byte{1};
    EXPECT_FALSE(open_gcm(key, changed, bytes_of("place"))) << i;
    EXPECT_FALSE(open_gcm(key, ByteView(sealed).first(i), bytes_of("place"))) << i;
  }
  EXPECT_TRUE(open_gcm(key, seal_gcm(key, {}, {}, random), {}).value().empty());
}

TEST(Random, NeverRepeatsEvenUnderTheSameSeed) {
  SystemRandom random;
  const Bytes seed(32, std::byte{7});
  stir_random(seed);
  const Bytes first = random.bytes(32);
  stir_random(seed);
  EXPECT_NE(first, random.bytes(32));
}

}  // namespace
}  // namespace airtight::crypto
