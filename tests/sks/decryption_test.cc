// asymmetricKeyDecrypt and keyAgreement, and keys on the curves that a store may offer (sks.md sections 7, 9 and 10).
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "base/encoding.h"
#include "tests/sks/device.h"
#include "tests/support/must.h"

namespace airtight::sks {
namespace {

using testing::CertifiedKey;
using testing::DeviceOptions;
using testing::status;
using testing::TestDevice;
using testing::TestIssuer;
using tests::must;

class Decryption : public ::testing::Test {
 protected:
  Decryption() {
    std::ifstream file(AIRTIGHT_SOURCE_DIR "/tests/vectors/crypto/rsa_decrypt.txt");
    for (std::string line; std::getline(file, line);) {
      std::istringstream words(line);
      std::string name, equals, key, scheme, encrypted;
      words >> name >> equals >> key >> scheme >> encrypted;
      if (name == "key-1") pkcs8 = must(hex_decode(key));
      if (name == "right") right = must(hex_decode(encrypted));
      if (name == "corrupted") corrupted = must(hex_decode(encrypted));
      if (name == "oaep") oaep = must(hex_decode(encrypted));
    }
  }
  // A key of this usage with the RSA key of the vectors, by restorePrivateKey.
  Handle restored(KeyUsage usage) {
    TestIssuer issuer(device);
    auto request = issuer.key_pair();
    request.import_private_key = true;
    request.key_usage = static_cast<std::uint8_t>(usage);
    const auto made = must(device.call(request));
    const auto key = must(crypto::PrivateKey::from_pkcs8(pkcs8));
    SetCertificatePath path{issuer.handle(), made.key_handle, {issuer.ca().certify(key.public_key()).der()}, {}};
    path.mac = issuer.mac("setCertificatePath", {made.generated_public_key, bytes_of("Key.1"), path.x509_certificates[0]});
    must(device.call(path));
    must(device.call(issuer.private_key({"", made.key_handle, {}, path.x509_certificates[0]}, pkcs8)));
    must(device.call(issuer.close()));
    return made.key_handle;
  }
  Handle provision(KeyUsage usage, std::string_view curve = uri::kP256) {
    TestIssuer issuer(device);
    auto request = issuer.key_pair();
    request.key_usage = static_cast<std::uint8_t>(usage);
    request.key_algorithm = EccKeySpec{std::string(curve)};
    const auto made = issuer.provision(request);
    public_key = made.generated_public_key;
    return made.key_handle;
  }
  Result<AsymmetricKeyDecrypt::Response> decrypt(Handle key, std::string_view algorithm, const Bytes& encrypted) {
    return device.call(AsymmetricKeyDecrypt{key, std::string(algorithm), {}, encrypted});
  }
  Status agree(Handle key, const Bytes& peer, std::string_view algorithm = uri::kEcdhRaw) {
    return status(device.call(KeyAgreement{key, std::string(algorithm), {}, peer}));
  }

  TestDevice device{DeviceOptions{.store = {.p384 = true, .p521 = true}}};
  Bytes pkcs8, right, corrupted, oaep, public_key;
};

TEST_F(Decryption, OpensPkcs1AndOaep) {
  for (const KeyUsage usage : {KeyUsage::kEncryption, KeyUsage::kUniversal}) {
    const Handle key = restored(usage);
    EXPECT_EQ(to_text(must(decrypt(key, uri::kRsa15, right)).data.expose_secret()), "Hello World");
    EXPECT_EQ(to_text(must(decrypt(key, uri::kRsaOaep, oaep)).data.expose_secret()), "Hello World");
    must(device.call(DeleteKey{key, {}}));
  }
}

TEST_F(Decryption, AWrongPkcs1PaddingIsNotToBeTold) {
  const Handle key = restored(KeyUsage::kEncryption);
  const auto once = must(decrypt(key, uri::kRsa15, corrupted));
  EXPECT_EQ(once.data.size(), 81U);
  EXPECT_TRUE(equal(once.data.expose_secret(), must(decrypt(key, uri::kRsa15, corrupted)).data.expose_secret()));
}

TEST_F(Decryption, RefusesWhatDoesNotFit) {
  const Handle key = restored(KeyUsage::kEncryption);
  Bytes shorter = right;
  shorter.pop_back();
  Bytes changed = oaep;
  changed.back() ^= std::byte{1};
  EXPECT_EQ(status(decrypt(key, uri::kRsa15, shorter)), Status::kCrypto);
  EXPECT_EQ(status(decrypt(key, uri::kRsa15, Bytes(257))), Status::kCrypto);
  EXPECT_EQ(status(decrypt(key, uri::kRsa15, Bytes(256, std::byte{0xFF}))), Status::kCrypto);
  EXPECT_EQ(status(decrypt(key, uri::kRsaOaep, changed)), Status::kCrypto);
  EXPECT_EQ(status(decrypt(key, uri::kRsaSha256, right)), Status::kAlgorithm);
  EXPECT_EQ(status(decrypt(key, uri::kEcdhRaw, right)), Status::kAlgorithm);
  EXPECT_EQ(status(decrypt(key + 1, uri::kRsa15, right)), Status::kNoKey);
}

TEST_F(Decryption, IsForKeysThatMayDecrypt) {
  EXPECT_EQ(status(decrypt(restored(KeyUsage::kAuthentication), uri::kRsa15, right)), Status::kNotAllowed);
  const Handle ec = provision(KeyUsage::kEncryption);
  EXPECT_EQ(status(decrypt(ec, uri::kRsa15, right)), Status::kAlgorithm) << "an EC key";
  EXPECT_EQ(status(device.call(SignHashedData{ec, std::string(uri::kEcdsaSha256), {}, Bytes(32)})), Status::kNotAllowed);
  for (const KeyUsage usage : {KeyUsage::kSignature, KeyUsage::kAuthentication, KeyUsage::kTransport}) {
    const Handle key = provision(usage);
    EXPECT_EQ(agree(key, public_key), Status::kNotAllowed);
    EXPECT_EQ(status(decrypt(key, uri::kRsa15, right)), Status::kNotAllowed);
  }
}

TEST_F(Decryption, KeysAgreeOnEachCurve) {
  for (const auto& [uri, curve] :
       {std::pair{uri::kP256, crypto::Curve::kP256}, {uri::kP384, crypto::Curve::kP384}, {uri::kP521, crypto::Curve::kP521}}) {
    const Handle key = provision(KeyUsage::kEncryption, uri);
    const auto peer = must(crypto::PrivateKey::generate(crypto::EcSpec{curve}));
    const auto shared = must(device.call(KeyAgreement{key, std::string(uri::kEcdhRaw), {}, peer.public_key().spki()}));
    const auto expected = must(peer.agree(must(crypto::PublicKey::from_spki(public_key))));
    EXPECT_TRUE(equal(shared.shared_secret.expose_secret(), expected.expose_secret()));
    EXPECT_EQ(shared.shared_secret.size(), crypto::coordinate_size(curve));
  }
}

TEST_F(Decryption, ABadPeerKeyIsRefused) {
  const Handle key = provision(KeyUsage::kUniversal);
  const auto other_curve = must(crypto::PrivateKey::generate(crypto::EcSpec{crypto::Curve::kP384}));
  Bytes off_curve = public_key;
  off_curve.back() ^= std::byte{1};
  EXPECT_EQ(agree(key, public_key), Status::kOk);
  EXPECT_EQ(agree(key, other_curve.public_key().spki()), Status::kCrypto);
  EXPECT_EQ(agree(key, off_curve), Status::kCrypto);
  EXPECT_EQ(agree(key, {}), Status::kCrypto);
  EXPECT_EQ(agree(key, public_key, uri::kRsa15), Status::kAlgorithm);
  EXPECT_EQ(agree(restored(KeyUsage::kEncryption), public_key), Status::kAlgorithm) << "an RSA key";
}

TEST_F(Decryption, LargerCurvesSignToo) {
  for (const auto& [curve, algorithm, digest, size] : {std::tuple{uri::kP384, uri::kEcdsaSha384, crypto::Digest::kSha384, 96U},
                                                       {uri::kP521, uri::kEcdsaSha512, crypto::Digest::kSha512, 132U}}) {
    const Handle key = provision(KeyUsage::kSignature, curve);
    const auto signature = must(device.call(SignHashedData{key, std::string(algorithm), {}, crypto::digest(digest, {bytes_of("m")})}));
    EXPECT_EQ(signature.result.size(), size);
    EXPECT_TRUE(must(crypto::PublicKey::from_spki(public_key))
                    .verify(crypto::SignatureScheme::kEcdsaRaw, digest, bytes_of("m"), signature.result)
                    .has_value());
  }
}

TEST_F(Decryption, OnlyOfferedCurvesAreListedAndMade) {
  const auto lists = [](TestDevice& of, std::string_view uri) {
    const auto algorithms = must(of.call(GetDeviceInfo{})).algorithms.values;
    return std::ranges::find(algorithms, uri) != algorithms.end();
  };
  TestDevice plain;
  for (const std::string_view uri : {uri::kP384, uri::kP521}) {
    EXPECT_TRUE(lists(device, uri));
    EXPECT_FALSE(lists(plain, uri));
    TestIssuer issuer(plain);
    auto request = issuer.key_pair();
    request.key_algorithm = EccKeySpec{std::string(uri)};
    EXPECT_EQ(status(plain.call(request)), Status::kAlgorithm);
  }
}

}  // namespace
}  // namespace airtight::sks
