// AES over blocks and its paddings; HMAC with other digests; HKDF.
#include "crypto/block_cipher.h"

#include <gtest/gtest.h>

#include "base/encoding.h"
#include "crypto/cipher.h"
#include "crypto/digest.h"
#include "crypto/random.h"

namespace airtight::crypto {
namespace {

Bytes unhex(std::string_view text) { return hex_decode(text).value(); }
std::string hex_of(const SecretBytes& secret) { return hex_encode(secret.expose_secret()); }

TEST(BlockCipher, EncryptsAsFips197DoesWithEachKeySize) {
  const Bytes plain = unhex("00112233445566778899aabbccddeeff");
  const Bytes key = unhex("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
  const auto run = [&](std::size_t size) { return hex_of(encrypt_aes(BlockMode::kEcb, ByteView(key).first(size), {}, plain)); };
  EXPECT_EQ(run(16), "69c4e0d86a7b0430d8cdb78070b4c55a");
  EXPECT_EQ(run(24), "dda97ca4864cdfe06eaf70a0ec0d7191");
  EXPECT_EQ(run(32), "8ea2b7ca516745bfeafc49904b496089");
}

TEST(BlockCipher, DecryptsWhatItEncrypted) {
  const Bytes plain(64, std::byte{5});
  for (const std::size_t size : {16U, 24U, 32U}) {
    const Bytes key(size, std::byte{9});
    for (const BlockMode mode : {BlockMode::kEcb, BlockMode::kCbc}) {
      const Bytes iv(mode == BlockMode::kCbc ? 16 : 0, std::byte{3});
      const SecretBytes encrypted = encrypt_aes(mode, key, iv, plain);
      EXPECT_EQ(hex_of(decrypt_aes(mode, key, iv, encrypted.expose_secret())), hex_encode(plain));
    }
  }
}

TEST(BlockCipher, NothingEncryptsToNothing) { EXPECT_TRUE(encrypt_aes(BlockMode::kEcb, Bytes(16), {}, {}).empty()); }

TEST(BlockCipher, OnlyAesKeySizesAreThose) {
  EXPECT_TRUE(is_aes_key_size(16) && is_aes_key_size(24) && is_aes_key_size(32));
  EXPECT_FALSE(is_aes_key_size(0) || is_aes_key_size(15) || is_aes_key_size(20) || is_aes_key_size(33));
}

TEST(Padding, Pkcs7PadsToWholeBlocksWithOneToSixteenBytes) {
  EXPECT_EQ(hex_of(pad_pkcs7({})), "10101010101010101010101010101010");
  EXPECT_EQ(hex_of(pad_pkcs7(unhex("0102"))), "01020e0e0e0e0e0e0e0e0e0e0e0e0e0e");
  EXPECT_EQ(pad_pkcs7(Bytes(16)).size(), 32U);
}

TEST(Padding, EveryRightOneIsRemoved) {
  for (std::size_t size = 0; size <= 33; ++size) {
    for (const Padding padding : {Padding::kPkcs7, Padding::kXmlEncryption}) {
      const auto out = unpad(pad_pkcs7(Bytes(size, std::byte{7})), padding);
      ASSERT_TRUE(out.has_value());
      EXPECT_EQ(out->size(), size);
    }
  }
}

TEST(Padding, EachByteOfPkcs7Counts) {
  for (std::size_t count = 1; count <= 16; ++count) {
    for (std::size_t wrong = 0; wrong < count; ++wrong) {
      SecretBytes block(16);
      const auto all = block.expose_secret_for_writing();
      for (std::size_t i = 16 - count; i < 16; ++i) all[i] = static_cast<std::byte>(count);
      all[15 - wrong] ^= std::byte{0x20};
      EXPECT_EQ(padding_size(block.expose_secret(), Padding::kPkcs7), 0U) << count << " " << wrong;
      EXPECT_FALSE(unpad(std::move(block), Padding::kPkcs7).has_value()) << count << " " << wrong;
    }
  }
}

TEST(Padding, XmlEncryptionWantsTheLastByteInRange) {
  for (unsigned last = 0; last < 256; ++last) {
    SecretBytes block(16);
    block.expose_secret_for_writing()[15] = static_cast<std::byte>(last);
    EXPECT_EQ(unpad(std::move(block), Padding::kXmlEncryption).has_value(), last >= 1 && last <= 16) << last;
  }
}

TEST(Padding, OfEncryptedDataIsLeftToThoseWhoKnowTheMac) {
  SystemRandom random;
  const Bytes key(32, std::byte{1});
  Bytes encrypted = encrypt_cbc(key, bytes_of("0123456789abcdefXYZ"), random);
  const SecretBytes padded = decrypt_cbc_with_padding(key, encrypted);
  EXPECT_EQ(padding_size(padded.expose_secret(), Padding::kPkcs7), 13U);
  encrypted[31] ^= std::byte{0x80};  // of the last block's padding
  const SecretBytes wrong = decrypt_cbc_with_padding(key, encrypted);
  EXPECT_EQ(wrong.size(), 32U);
  EXPECT_EQ(padding_size(wrong.expose_secret(), Padding::kPkcs7), 0U);
  EXPECT_TRUE(decrypt_cbc_with_padding(key, ByteView(encrypted).first(40)).empty());
  EXPECT_TRUE(decrypt_cbc_with_padding(key, ByteView(encrypted).first(16)).empty());
}

TEST(Hmac, IsThatOfRfc4231AndRfc2202) {
  const auto run = [](Digest digest, ByteView key, ByteView data) { return hex_encode(hmac(digest, key, data)); };
  EXPECT_EQ(run(Digest::kSha1, Bytes(20, std::byte{0x0b}), bytes_of("Hi There")), "b617318655057264e28bc0b6fb378c8ef146be00");
  EXPECT_EQ(run(Digest::kSha256, Bytes(20, std::byte{0x0b}), bytes_of("Hi There")),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(run(Digest::kSha384, Bytes(20, std::byte{0x0b}), bytes_of("Hi There")),
            "afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59cfaea9ea9076ede7f4af152e8b2fa9cb6");
  EXPECT_EQ(
      run(Digest::kSha512, bytes_of("Jefe"), bytes_of("what do ya want for nothing?")),
      "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737");
  EXPECT_EQ(run(Digest::kSha1, Bytes(80, std::byte{0xaa}), bytes_of("Test Using Larger Than Block-Size Key - Hash Key First")),
            "aa4ae5e15272d00e95705637ce8a3b55ed402112");
}

TEST(Hkdf, IsThatOfRfc5869) {
  const SecretBytes extracted = hkdf_extract(unhex("000102030405060708090a0b0c"), Bytes(22, std::byte{0x0b}));
  EXPECT_EQ(hex_of(extracted), "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5");
  EXPECT_EQ(hex_of(hkdf_expand(extracted.expose_secret(), unhex("f0f1f2f3f4f5f6f7f8f9"))),
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf");
}

}  // namespace
}  // namespace airtight::crypto
