// restorePrivateKey and PrivateKeyBackup, and exportKey (the SKS document, sks.md section 7).
#include <gtest/gtest.h>

#include "tests/sks/device.h"
#include "tests/support/must.h"

namespace airtight::sks {
namespace {

using testing::CertifiedKey;
using testing::status;
using testing::TestDevice;
using testing::TestIssuer;
using tests::must;

class RestoredKeys : public ::testing::Test {
 protected:
  // A key announced with ImportPrivateKey, certified for `certified`, in the open session of `issuer`.
  CertifiedKey announce(TestIssuer& issuer, const crypto::PublicKey& certified, KeyUsage usage = KeyUsage::kAuthentication) {
    auto request = issuer.key_pair();
    request.import_private_key = true;
    request.export_policy = static_cast<std::uint8_t>(ExportPolicy::kNone);
    request.key_usage = static_cast<std::uint8_t>(usage);
    const auto made = must(device.call(request));
    SetCertificatePath path{issuer.handle(), made.key_handle, {issuer.ca().certify(certified).der()}, {}};
    path.mac = issuer.mac("setCertificatePath", {made.generated_public_key, bytes_of("Key.1"), path.x509_certificates[0]});
    must(device.call(path));
    return {"Key.1", made.key_handle, made.generated_public_key, path.x509_certificates[0]};
  }
  Status restore(const crypto::PublicKey& certified, ByteView restored) {
    TestIssuer issuer(device);
    return status(device.call(issuer.private_key(announce(issuer, certified), restored)));
  }

  TestDevice device;
  crypto::PrivateKey key = must(crypto::PrivateKey::generate(crypto::EcSpec{crypto::Curve::kP256}));
  SecretBytes pkcs8 = must(key.pkcs8());
};

TEST_F(RestoredKeys, SignAsTheKeyThatWasRestored) {
  TestIssuer issuer(device);
  const CertifiedKey announced = announce(issuer, key.public_key());
  must(device.call(issuer.private_key(announced, pkcs8.expose_secret())));
  must(device.call(issuer.close()));
  const auto signature = must(device.call(
      SignHashedData{announced.handle, std::string(uri::kEcdsaSha256), {}, crypto::digest(crypto::Digest::kSha256, {bytes_of("m")})}));
  EXPECT_TRUE(
      key.public_key().verify(crypto::SignatureScheme::kEcdsaRaw, crypto::Digest::kSha256, bytes_of("m"), signature.result).has_value());
  EXPECT_TRUE(equal(must(device.call(ExportKey{announced.handle, {}})).raw_key.expose_secret(), pkcs8.expose_secret()));
}

TEST_F(RestoredKeys, MayBeOfAnotherTypeThanTheGeneratedOne) {
  const auto rsa = must(crypto::PrivateKey::generate(crypto::RsaSpec{1024}));
  EXPECT_EQ(restore(rsa.public_key(), must(rsa.pkcs8()).expose_secret()), Status::kOk);
}

TEST_F(RestoredKeys, FitTheCertificate) {
  const auto other = must(crypto::PrivateKey::generate(crypto::EcSpec{crypto::Curve::kP256}));
  EXPECT_EQ(restore(other.public_key(), pkcs8.expose_secret()), Status::kCrypto);
}

TEST_F(RestoredKeys, ArePkcs8) {
  EXPECT_EQ(restore(key.public_key(), bytes_of("no key")), Status::kCrypto);
  EXPECT_EQ(restore(key.public_key(), {}), Status::kCrypto);
  Bytes longer = to_bytes(pkcs8.expose_secret());
  longer.push_back(std::byte{0});
  EXPECT_EQ(restore(key.public_key(), longer), Status::kCrypto);
}

TEST_F(RestoredKeys, AreAnnouncedByImportPrivateKey) {
  TestIssuer issuer(device);
  const CertifiedKey generated = issuer.certified(issuer.key_pair());
  EXPECT_EQ(status(device.call(issuer.private_key(generated, pkcs8.expose_secret()))), Status::kNotAllowed);
}

TEST_F(RestoredKeys, AreRestoredOnceAndAfterTheCertificate) {
  TestIssuer issuer(device);
  const CertifiedKey announced = announce(issuer, key.public_key());
  must(device.call(issuer.private_key(announced, pkcs8.expose_secret())));
  EXPECT_EQ(status(device.call(issuer.private_key(announced, pkcs8.expose_secret()))), Status::kNotAllowed);
  TestIssuer early(device);
  auto request = early.key_pair();
  request.import_private_key = true;
  const auto made = must(device.call(request));
  EXPECT_EQ(status(device.call(early.private_key({"", made.key_handle, {}, {}}, pkcs8.expose_secret()))), Status::kNotAllowed);
}

TEST_F(RestoredKeys, ASessionDoesNotCloseWithoutThem) {
  TestIssuer issuer(device);
  announce(issuer, key.public_key());
  EXPECT_EQ(status(device.call(issuer.close())), Status::kSessionVerify);
}

TEST_F(RestoredKeys, WrongPaddingAndWrongMacLookTheSame) {
  for (const bool padding : {false, true}) {
    TestIssuer issuer(device);
    auto request = issuer.private_key(announce(issuer, key.public_key()), pkcs8.expose_secret());
    (padding ? request.private_key.back() : request.mac[0]) ^= std::byte{0x40};
    const auto result = device.call(request);
    EXPECT_EQ(status(result), Status::kMac);
    EXPECT_EQ(result.error().message, "restorePrivateKey: the MAC does not match the data");
  }
}

TEST_F(RestoredKeys, ABackupIsTheGeneratedKey) {
  TestIssuer issuer(device);
  auto request = issuer.key_pair();
  request.private_key_backup = true;
  const auto made = must(device.call(request));
  const SecretBytes backup = must(decrypt(issuer.keys(), {"createKeyPair", 0}, made.private_key.value()));
  EXPECT_EQ(must(crypto::PrivateKey::from_pkcs8(backup.expose_secret())).public_key().spki(), made.generated_public_key);
}

class ExportedKeys : public ::testing::Test {
 protected:
  Handle provision(ExportPolicy policy, bool with_pin) {
    TestIssuer issuer(device);
    Handle pin_policy = 0;
    if (with_pin) {
      const Handle puk = must(device.call(issuer.puk_policy())).puk_policy_handle;
      pin_policy = must(device.call(issuer.pin_policy("PIN.1", puk))).pin_policy_handle;
    }
    auto request = issuer.key_pair("Key.1", pin_policy, with_pin ? "1634" : "");
    request.export_policy = static_cast<std::uint8_t>(policy);
    const auto made = issuer.provision(request);
    public_key = made.generated_public_key;
    return made.key_handle;
  }
  Status exported(Handle key, std::string_view authorization = "") {
    return status(device.call(ExportKey{key, SecretBytes::copy_of(bytes_of(authorization))}));
  }

  TestDevice device;
  Bytes public_key;
};

TEST_F(ExportedKeys, ArePkcs8) {
  const Handle key = provision(ExportPolicy::kNone, false);
  const auto raw = must(device.call(ExportKey{key, {}})).raw_key.clone();
  EXPECT_EQ(must(crypto::PrivateKey::from_pkcs8(raw.expose_secret())).public_key().spki(), public_key);
}

TEST_F(ExportedKeys, ANonExportableKeyStays) {
  const Handle key = provision(ExportPolicy::kNonExportable, true);
  EXPECT_EQ(exported(key), Status::kNotAllowed);
  EXPECT_EQ(exported(key, "1634"), Status::kNotAllowed);
  EXPECT_EQ(exported(key + 1), Status::kNoKey);
}

TEST_F(ExportedKeys, NoneTakesNoAuthorization) {
  const Handle key = provision(ExportPolicy::kNone, true);
  EXPECT_EQ(exported(key, "1634"), Status::kOption);
  EXPECT_EQ(exported(key), Status::kOk);
}

TEST_F(ExportedKeys, PinCountsErrorsAndLocks) {
  const Handle key = provision(ExportPolicy::kPin, true);
  EXPECT_EQ(exported(key), Status::kAuthorization);
  EXPECT_EQ(exported(key, "1634"), Status::kOk);
  EXPECT_EQ(exported(key, "0123456789"), Status::kAuthorization) << "the PUK is no PIN";
  EXPECT_EQ(must(device.call(GetKeyProtectionInfo{key})).pin_error_count, 1);
  for (int i = 0; i < 2; ++i) EXPECT_EQ(exported(key, "9999"), Status::kAuthorization);
  EXPECT_EQ(exported(key, "1634"), Status::kAuthorization) << "locked";
}

TEST_F(ExportedKeys, PukCountsErrorsAndLocks) {
  const Handle key = provision(ExportPolicy::kPuk, true);
  EXPECT_EQ(exported(key, "1634"), Status::kAuthorization);
  EXPECT_EQ(must(device.call(GetKeyProtectionInfo{key})).puk_error_count, 1);
  EXPECT_EQ(exported(key, "0123456789"), Status::kOk);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(exported(key, "x"), Status::kAuthorization);
  EXPECT_EQ(exported(key, "0123456789"), Status::kAuthorization) << "locked";
  EXPECT_NE(must(device.call(GetKeyProtectionInfo{key})).protection_status & kPukLocked, 0);
}

}  // namespace
}  // namespace airtight::sks
