// Paddings: of CBC, also under a MAC, and of RSA decryption.
#include <algorithm>
#include <cstdint>

#include "crypto/block_cipher.h"
#include "crypto/cipher.h"
#include "crypto/internal/rsa_rejection.h"
#include "crypto/random.h"
#include "sks/session_security.h"
#include "tests/constant_time/marking.h"

namespace airtight {
namespace {

using testing::ConstantTime;
using testing::hidden;
using testing::revealed;

using CbcPadding = ConstantTime;
using PaddingUnderAMac = ConstantTime;
using RsaPadding = ConstantTime;

Bytes block_with(std::initializer_list<unsigned> last) {
  Bytes out(16, std::byte{'x'});
  std::ranges::transform(last, out.end() - static_cast<std::ptrdiff_t>(last.size()), [](unsigned b) { return static_cast<std::byte>(b); });
  return out;
}

TEST_F(CbcPadding, ShowsNothing) {
  for (const auto& block : {block_with({1}), block_with({3, 3, 3}), block_with({2, 3, 3}), block_with({3, 2, 3}), block_with({0}),
                            block_with({17}), block_with({255}), Bytes(16, std::byte{16})}) {
    for (const auto padding : {crypto::Padding::kPkcs7, crypto::Padding::kXmlEncryption}) {
      EXPECT_EQ(declassified(crypto::padding_size(hidden(block).expose_secret(), padding)), crypto::padding_size(block, padding));
    }
  }
}

TEST_F(CbcPadding, OfOnesOwnDataShowsNothingButTheLengthThatIsLeft) {
  const auto plain = crypto::unpad(hidden(block_with({3, 3, 3})), crypto::Padding::kPkcs7);
  ASSERT_TRUE(plain.has_value());
  EXPECT_EQ(plain->size(), 13U);
  EXPECT_FALSE(crypto::unpad(hidden(block_with({2, 3, 3})), crypto::Padding::kPkcs7).has_value());
}

TEST_F(CbcPadding, OfDataInASessionShowsOnlyWhetherTheyDecrypt) {
  crypto::SystemRandom random;
  const Bytes key = random.bytes(32);
  Bytes sealed = crypto::encrypt_cbc(key, bytes_of("a PIN"), random);
  const auto right = crypto::decrypt_cbc(hidden(key).expose_secret(), sealed);
  ASSERT_TRUE(right.has_value());
  EXPECT_TRUE(equal(revealed(right->expose_secret()), bytes_of("a PIN")));
  sealed[15] ^= std::byte{1};  // of the IV: turns the last byte of the padding around
  EXPECT_FALSE(crypto::decrypt_cbc(hidden(key).expose_secret(), sealed));
}

// What setSymmetricKey makes of its data, under either algorithm: right, of a wrong padding or tag, and of a wrong MAC.
void open_with(sks::SessionAlgorithm algorithm) {
  crypto::SystemRandom random;
  const SecretBytes issuers_key = random.secret(32);
  const SecretBytes session_key = hidden(issuers_key.expose_secret());
  const sks::MethodUse use{"setSymmetricKey", 1};
  const std::string_view value = "0123456789abcdef";
  const sks::MacInput certificate = bytes_of("certificate");
  const Bytes sealed = sks::encrypt({issuers_key, algorithm}, use, bytes_of(value), random);
  const auto mac = sks::method_mac(use.method, {issuers_key, algorithm}, 1, {bytes_of("certificate"), bytes_of(value)});
  const auto open = [&](const Bytes& encrypted, const crypto::Sha256Value& given) {
    return sks::open_under_mac({session_key, algorithm}, use, {.before = {&certificate, 1}, .encrypted = encrypted, .after = {}}, given);
  };
  const auto opened = open(sealed, mac);
  ASSERT_TRUE(opened.has_value());
  EXPECT_TRUE(equal(revealed(opened->expose_secret()), bytes_of(value)));
  Bytes damaged = sealed;
  damaged[damaged.size() - 17] ^= std::byte{1};
  EXPECT_FALSE(open(damaged, mac).has_value());
  EXPECT_FALSE(open(sealed, {}).has_value());
  EXPECT_FALSE(open(damaged, {}).has_value());
}

TEST_F(PaddingUnderAMac, IsToldTogetherWithTheMac) { open_with(sks::SessionAlgorithm::kSk1); }
TEST_F(PaddingUnderAMac, OfSk2IsATagAndShowsNothingElse) { open_with(sks::SessionAlgorithm::kSk2); }

// Blocks as the raw RSA operation leaves them.
Bytes rsa_block(std::initializer_list<unsigned> first, std::size_t separator) {
  Bytes out(256, std::byte{0x5A});
  std::ranges::transform(first, out.begin(), [](unsigned b) { return static_cast<std::byte>(b); });
  if (separator != 0) out[separator] = std::byte{0};
  return out;
}

TEST_F(RsaPadding, DoesNotShowWhetherItIsRight) {
  const Bytes encrypted(256, std::byte{7});
  const Bytes exponent(256, std::byte{9});
  for (const auto& block : {rsa_block({0, 2}, 223), rsa_block({0, 2}, 10), rsa_block({0, 2}, 9), rsa_block({0, 2}, 0),
                            rsa_block({0, 1}, 223), rsa_block({1, 2}, 223), rsa_block({0, 2}, 255)}) {
    const SecretBytes secret = crypto::open_pkcs1_block(hidden(exponent).expose_secret(), encrypted, hidden(block).expose_secret());
    const SecretBytes open = crypto::open_pkcs1_block(exponent, encrypted, block);
    EXPECT_TRUE(equal(revealed(secret.expose_secret()), open.expose_secret()));
  }
}

}  // namespace
}  // namespace airtight
