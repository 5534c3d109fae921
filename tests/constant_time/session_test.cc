// Session keys and symmetric keys through whole calls.
#include <algorithm>

#include "base/algorithms.h"
#include "tests/constant_time/unsealed_store.h"

namespace airtight::sks {
namespace {

using testing::hidden;
using testing::SecretsOfAStore;
using testing::status;
using testing::TestIssuer;

using SessionKeyOfAStore = SecretsOfAStore;

TEST_F(SessionKeyOfAStore, IsNotShownByAWholeSession) { EXPECT_EQ(sign(provision("2580").key_handle, "2580"), Status::kOk); }

// Were secrets not hidden all the way from the database to the answer, the other tests would say nothing.
TEST_F(SessionKeyOfAStore, IsHiddenWhenItComesFromTheDatabase) {
  SignProvisioningSessionData request;
  request.provisioning_handle = issuer_.handle();
  request.data = to_bytes("data");
  store_.device().reopen();
  const auto response = store_.device().store().call(wire::encode(method_of<SignProvisioningSessionData>().number, request));
  ASSERT_TRUE(response.has_value());
  ASSERT_EQ(response->size(), 1U + 2U + 32U);
  EXPECT_TRUE(airtight::testing::is_hidden(response->expose_secret().subspan(3)));
}

TEST_F(SessionKeyOfAStore, IsNotShownByAMacThatIsWrong) {
  auto close = issuer_.close();
  close.mac[31] ^= std::byte{1};
  EXPECT_EQ(status(call(store_, close)), Status::kMac);
}

TEST_F(SessionKeyOfAStore, IsNotShownByAnExternalSignature) {
  SignProvisioningSessionData request;
  request.provisioning_handle = issuer_.handle();
  request.data = to_bytes("data");
  EXPECT_EQ(status(call(store_, request)), Status::kOk);
}

TEST_F(SessionKeyOfAStore, IsNotShownByABackupOfAKey) {
  auto request = issuer_.key_pair();
  request.private_key_backup = true;
  const auto key = call(store_, request);
  ASSERT_TRUE(key.has_value());
  EXPECT_TRUE(sks::decrypt(issuer_.session_key(), *key->private_key).has_value());
}

TEST_F(SessionKeyOfAStore, OfTheOriginalSessionIsNotShownByADeletion) {
  auto updatable = issuer_.key_pair();
  updatable.updatable = true;
  const auto key = issuer_.certified(updatable);
  ASSERT_EQ(status(call(store_, issuer_.close())), Status::kOk);
  TestIssuer second(store_, store_.device().certificate(), {.server_session_id = "S-2"});
  EXPECT_EQ(status(call(store_, second.delete_key(issuer_, key))), Status::kOk);
  auto again = second.delete_key(issuer_, key);
  again.mac[0] ^= std::byte{1};
  EXPECT_NE(status(call(store_, again)), Status::kOk);
}

// Encrypted data under a MAC: wrong padding, wrong MAC, and both right.
class EncryptedUnderAMac : public SecretsOfAStore {
 protected:
  enum class Damage : std::uint8_t { kNone, kPadding, kMac };

  template <typename Request>
  Status answer(Request& request, Bytes& encrypted, Damage damage) {
    if (damage == Damage::kPadding) encrypted[encrypted.size() - 17] ^= std::byte{1};  // turns the last byte of the padding around
    if (damage == Damage::kMac) request.mac[0] ^= std::byte{1};
    return status(call(store_, request));
  }

  Status set_symmetric_key(Damage damage) {
    auto pair = issuer_.key_pair();
    pair.key_usage = static_cast<std::uint8_t>(KeyUsage::kSymmetricKey);
    const auto key = issuer_.certified(pair);
    key_ = key.handle;
    auto request = issuer_.symmetric_key(key, bytes_of("0123456789abcdef"), {uri::kHmacSha256, uri::kAes128Cbc});
    return answer(request, request.symmetric_key, damage);
  }

  Status add_extension(Damage damage) {
    const auto key = issuer_.certified(issuer_.key_pair());
    auto request = issuer_.extension(key, ExtensionBaseType::kEncryptedExtension, "https://example.com/seed", bytes_of("a seed"));
    return answer(request, request.extension_data.value, damage);
  }

  Status restore_private_key(Damage damage) {
    auto pair = issuer_.key_pair();
    pair.import_private_key = true;
    const auto own = crypto::PrivateKey::generate(crypto::EcSpec{crypto::Curve::kP256}).value();
    const auto made = call(store_, pair).value();
    SetCertificatePath path{issuer_.handle(), made.key_handle, {issuer_.ca().certify(own.public_key()).der()}, {}};
    path.mac = issuer_.mac("setCertificatePath", {made.generated_public_key, bytes_of("Key.1"), path.x509_certificates[0]});
    EXPECT_EQ(status(call(store_, path)), Status::kOk);
    const SecretBytes pkcs8 = own.pkcs8().value();
    auto request =
        issuer_.private_key({"Key.1", made.key_handle, made.generated_public_key, path.x509_certificates[0]}, pkcs8.expose_secret());
    return answer(request, request.private_key, damage);
  }

  Handle key_ = 0;
};

TEST_F(EncryptedUnderAMac, SymmetricKeyIsNotShownByItsPadding) { EXPECT_EQ(set_symmetric_key(Damage::kPadding), Status::kMac); }
TEST_F(EncryptedUnderAMac, SymmetricKeyIsNotShownByItsMac) { EXPECT_EQ(set_symmetric_key(Damage::kMac), Status::kMac); }
TEST_F(EncryptedUnderAMac, PrivateKeyIsNotShownByItsPadding) { EXPECT_EQ(restore_private_key(Damage::kPadding), Status::kMac); }
TEST_F(EncryptedUnderAMac, PrivateKeyIsNotShownByItsMac) { EXPECT_EQ(restore_private_key(Damage::kMac), Status::kMac); }
TEST_F(EncryptedUnderAMac, PrivateKeyThatIsRightIsRestored) { EXPECT_EQ(restore_private_key(Damage::kNone), Status::kOk); }
TEST_F(EncryptedUnderAMac, ExtensionIsNotShownByItsPadding) { EXPECT_EQ(add_extension(Damage::kPadding), Status::kMac); }
TEST_F(EncryptedUnderAMac, ExtensionIsNotShownByItsMac) { EXPECT_EQ(add_extension(Damage::kMac), Status::kMac); }
TEST_F(EncryptedUnderAMac, ExtensionThatIsRightIsNotShownByItsStorage) { EXPECT_EQ(add_extension(Damage::kNone), Status::kOk); }

TEST_F(EncryptedUnderAMac, SymmetricKeyIsNotShownByItsUse) {
  ASSERT_EQ(set_symmetric_key(Damage::kNone), Status::kOk);
  ASSERT_EQ(status(call(store_, issuer_.close())), Status::kOk);
  PerformHmac hmac;
  hmac.key_handle = key_;
  hmac.algorithm = uri::kHmacSha256;
  hmac.data.value = hidden("data");
  EXPECT_EQ(status(call(store_, hmac)), Status::kOk);
  SymmetricKeyEncrypt cipher;
  cipher.key_handle = key_;
  cipher.algorithm = uri::kAes128Cbc;
  cipher.encrypt = true;
  cipher.data.value = hidden("a text of two blocks");
  auto encrypted = call(store_, cipher);
  ASSERT_TRUE(encrypted.has_value());
  cipher.encrypt = false;
  cipher.data.value = encrypted->data.value.clone();
  EXPECT_EQ(status(call(store_, cipher)), Status::kOk);
  cipher.data.value.expose_secret_for_writing()[31] ^= std::byte{0xF0};  // the padding is out of bounds
  EXPECT_EQ(status(call(store_, cipher)), Status::kCrypto);
}

}  // namespace
}  // namespace airtight::sks
