// Keys by name, and signatures with them.
#include "agent/signing.h"

#include <gmock/gmock.h>

#include "agent/key_list.h"
#include "base/encoding.h"
#include "tests/sks/device.h"
#include "tests/support/must.h"

namespace airtight::agent {
namespace {

using sks::testing::TestDevice;
using sks::testing::TestIssuer;
using ::testing::HasSubstr;
using tests::must;

class Signing : public ::testing::Test {
 protected:
  // A certified key called `id`, under a PIN if one is given.
  std::uint32_t provision(const std::string& id, std::string_view pin = "", bool rsa = false) {
    TestIssuer issuer(device, {.server_session_id = "S-" + id});
    std::uint32_t policy = 0;
    if (!pin.empty()) policy = must(device.call(issuer.pin_policy())).pin_policy_handle;
    sks::CreateKeyPair request = issuer.key_pair(id, policy, pin);
    if (rsa) request.key_algorithm = sks::RsaKeySpec{.rsa_key_size = 2048, .rsa_exponent = 0};
    return issuer.provision(request).key_handle;
  }
  KeyEntry key(std::string_view name) { return must(find_key(device.store(), name)); }
  Result<Bytes> sign(const KeyEntry& with, std::string_view algorithm = "", std::string_view pin = "", EcdsaForm form = EcdsaForm::kDer) {
    const SignatureAlgorithm chosen = must(choose_signature_algorithm(with, algorithm));
    return sign_hash(device.store(), with, chosen, crypto::digest(chosen.digest, {message}), SecretBytes::copy_of(bytes_of(pin)), form);
  }

  TestDevice device;
  Bytes message = to_bytes("a letter");
};

TEST_F(Signing, FindsAKeyByHandleIdAndFingerprint) {
  const std::uint32_t handle = provision("Key.A");
  provision("Key.B");
  const std::string fingerprint = hex_encode(key("Key.A").path.front().sha256());
  EXPECT_EQ(key(std::to_string(handle)).key.id.value, "Key.A");
  EXPECT_EQ(key(fingerprint).handle, handle);
  EXPECT_EQ(key(fingerprint.substr(0, 12)).handle, handle);
}

TEST_F(Signing, DoesNotGuessAmongKeysOfOneName) {
  const std::uint32_t first = provision("Key.A");
  TestIssuer other(device, {.server_session_id = "S-other"});
  const std::uint32_t second = other.provision(other.key_pair("Key.A")).key_handle;
  const auto found = find_key(device.store(), "Key.A");
  ASSERT_FALSE(found);
  EXPECT_THAT(found.error().hint, HasSubstr(std::to_string(first) + ", " + std::to_string(second)));
}

TEST_F(Signing, SaysWhereToLookForAKeyThatIsNotThere) {
  const auto found = find_key(device.store(), "Key.Z");
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().fault, Fault::kNotFound);
  EXPECT_THAT(found.error().hint, HasSubstr("airtight keys list"));
}

TEST_F(Signing, WritesEcdsaInDerAsOpenSslReadsIt) {
  provision("Key.A");
  const crypto::PublicKey public_key = must(key("Key.A").path.front().public_key());
  const Bytes signature = must(sign(key("Key.A"), "ecdsa-sha256", "", EcdsaForm::kDer));
  EXPECT_TRUE(public_key.verify(crypto::SignatureScheme::kEcdsaDer, crypto::Digest::kSha256, message, signature));
}

TEST_F(Signing, WritesEcdsaRawAsXmlSignatureHasIt) {
  provision("Key.A");
  const crypto::PublicKey public_key = must(key("Key.A").path.front().public_key());
  const Bytes signature = must(sign(key("Key.A"), "ecdsa-sha512", "", EcdsaForm::kRaw));
  EXPECT_EQ(signature.size(), 64U);
  EXPECT_TRUE(public_key.verify(crypto::SignatureScheme::kEcdsaRaw, crypto::Digest::kSha512, message, signature));
}

TEST_F(Signing, SignsWithEveryRsaAlgorithm) {
  provision("Key.A", "", true);
  const crypto::PublicKey public_key = must(key("Key.A").path.front().public_key());
  for (const SignatureAlgorithm& algorithm : signature_algorithms()) {
    if (algorithm.key_type != KeyAlgorithmType::kRsa) continue;
    const auto scheme = algorithm.name.starts_with("rsa-pss") ? crypto::SignatureScheme::kRsaPss : crypto::SignatureScheme::kRsaPkcs1;
    const Bytes signature = must(sign(key("Key.A"), algorithm.name));
    EXPECT_TRUE(public_key.verify(scheme, algorithm.digest, message, signature)) << algorithm.name;
  }
}

TEST_F(Signing, ListsTheAlgorithmsThatFit) {
  provision("Key.A");
  const auto chosen = choose_signature_algorithm(key("Key.A"), "rsa-sha256");
  ASSERT_FALSE(chosen);
  EXPECT_EQ(chosen.error().hint, "it can sign with ecdsa-sha256, ecdsa-sha384, ecdsa-sha512");
}

TEST_F(Signing, CountsDownTheAttemptsAndThenSaysLocked) {
  provision("Key.A", "1234");
  EXPECT_EQ(pin_state(key("Key.A")), "PIN");
  Result<Bytes> signature = sign(key("Key.A"), "", "9999");
  EXPECT_EQ(signature.error().message, "the PIN is wrong");
  EXPECT_EQ(signature.error().hint, "2 attempts are left before the key locks");
  EXPECT_EQ(pin_state(key("Key.A")), "PIN, 2 of 3 attempts left");
  signature = sign(key("Key.A"), "", "9999");
  EXPECT_EQ(signature.error().hint, "1 attempt is left before the key locks");
  signature = sign(key("Key.A"), "", "9999");
  EXPECT_THAT(signature.error().message, HasSubstr("locked"));
  EXPECT_EQ(pin_state(key("Key.A")), "PIN locked");
  EXPECT_THAT(sign(key("Key.A"), "", "1234").error().message, HasSubstr("locked"));
}

TEST_F(Signing, DoesNotUseAKeyOfAnOpenSession) {
  const TestIssuer issuer(device);
  must(device.call(issuer.key_pair("Key.A")));
  EXPECT_EQ(pin_state(key("Key.A")), "being made");
  EXPECT_FALSE(choose_signature_algorithm(key("Key.A"), ""));
}

}  // namespace
}  // namespace airtight::agent
