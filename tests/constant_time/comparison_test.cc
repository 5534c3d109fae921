// Comparisons, MACs and what a PIN has to look like.
#include "crypto/digest.h"
#include "sks/pin_rules.h"
#include "sks/session_security.h"
#include "tests/constant_time/marking.h"

namespace airtight {
namespace {

using testing::ConstantTime;
using testing::hidden;
using testing::revealed;

using Comparison = ConstantTime;
using Mac = ConstantTime;
using PinRules = ConstantTime;

TEST_F(Comparison, DoesNotShowWhereTwoSecretsDiffer) {
  const SecretBytes secret = hidden("0123456789");
  EXPECT_TRUE(declassified(equal_in_constant_time(secret.expose_secret(), bytes_of("0123456789"))));
  EXPECT_FALSE(declassified(equal_in_constant_time(secret.expose_secret(), bytes_of("x123456789"))));
  EXPECT_FALSE(declassified(equal_in_constant_time(secret.expose_secret(), bytes_of("012345678x"))));
}

TEST_F(Mac, DoesNotShowItsKey) {
  const SecretBytes key = hidden("a key of more than a block, a key of more than a block, a key of more");
  const auto mac = crypto::hmac_sha256(key.expose_secret(), {bytes_of("data")});
  EXPECT_FALSE(declassified(equal_in_constant_time(mac, Bytes(32))));
}

TEST_F(Mac, OfAMethodDoesNotShowTheSessionKey) {
  for (const auto algorithm : {sks::SessionAlgorithm::kSk1, sks::SessionAlgorithm::kSk2}) {
    const SecretBytes session_key = hidden("0123456789abcdef0123456789abcdef");
    const auto mac = sks::method_mac("setSymmetricKey", {session_key, algorithm}, 1, {bytes_of("certificate"), bytes_of("key")});
    EXPECT_FALSE(declassified(equal_in_constant_time(mac, Bytes(32))));
    EXPECT_EQ(revealed(sks::attest({session_key, algorithm}, {})).size(), 32U);
    EXPECT_EQ(revealed(sks::external_signature({session_key, algorithm}, bytes_of("data"))).size(), 32U);
    EXPECT_EQ(revealed(sks::post_provisioning_mac({session_key, algorithm}, bytes_of("certificate"))).size(), 32U);
  }
}

TEST_F(PinRules, ShowWhichOfThemAPinBreaksAndNoMore) {
  for (const auto format :
       {PassphraseFormat::kNumeric, PassphraseFormat::kAlphanumeric, PassphraseFormat::kString, PassphraseFormat::kBinary}) {
    for (const std::string_view pin : {"2580", "1123", "1234", "A7XA7", "p\u00e4ss", "\xff\xfe\xfd\xfc"}) {
      for (unsigned patterns = 0; patterns < 32; ++patterns) {
        const sks::PinRules rules{format, 4, 8, static_cast<std::uint8_t>(patterns)};
        EXPECT_EQ(sks::check_user_pin(rules, hidden(pin).expose_secret()).has_value(),
                  sks::check_user_pin(rules, bytes_of(pin)).has_value());
      }
    }
  }
}

}  // namespace
}  // namespace airtight
