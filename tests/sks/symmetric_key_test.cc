// Symmetric keys: setSymmetricKey, performHMAC and symmetricKeyEncrypt (the SKS document, sks.md sections 7 and 9).
#include <gtest/gtest.h>

#include "base/encoding.h"
#include "tests/sks/device.h"
#include "tests/support/must.h"

namespace airtight::sks {
namespace {

using testing::CertifiedKey;
using testing::SessionOptions;
using testing::status;
using testing::TestDevice;
using testing::TestIssuer;
using tests::must;

Bytes unhex(std::string_view text) { return hex_decode(text).value(); }
SecretBytes secret(std::string_view text) { return SecretBytes::copy_of(bytes_of(text)); }

class SymmetricKeys : public ::testing::Test {
 protected:
  // A certified key of KeyUsage symmetric-key in the open session of `issuer`.
  CertifiedKey made(TestIssuer& issuer, Handle policy = 0, std::string_view pin = "") {
    auto request = issuer.key_pair("Key.1", policy, pin);
    request.key_usage = static_cast<std::uint8_t>(KeyUsage::kSymmetricKey);
    request.export_policy = static_cast<std::uint8_t>(ExportPolicy::kNone);
    return issuer.certified(request);
  }
  // A provisioned key with this value and these algorithms.
  Handle provision(ByteView value, const std::vector<std::string_view>& algorithms) {
    TestIssuer issuer(device);
    const CertifiedKey key = made(issuer);
    must(device.call(issuer.symmetric_key(key, value, algorithms)));
    must(device.call(issuer.close()));
    return key.handle;
  }
  Status set(ByteView value, const std::vector<std::string_view>& algorithms) {
    TestIssuer issuer(device);
    const CertifiedKey key = made(issuer);
    return status(device.call(issuer.symmetric_key(key, value, algorithms)));
  }
  SymmetricKeyEncrypt cipher(Handle key, std::string_view algorithm, bool encrypt, ByteView data, ByteView iv = {}) {
    return {key, std::string(algorithm), encrypt, to_bytes(iv), {}, {SecretBytes::copy_of(data)}};
  }
  Bytes run(const SymmetricKeyEncrypt& request) { return to_bytes(must(device.call(request)).data.value.expose_secret()); }

  TestDevice device;
  Bytes key128 = unhex("2b7e151628aed2a6abf7158809cf4f3c");
};

TEST_F(SymmetricKeys, HmacIsThatOfRfc2202AndRfc4231) {
  const Handle key = provision(bytes_of("Jefe"), {uri::kHmacSha1, uri::kHmacSha256});
  const auto hmac = [&](std::string_view algorithm) {
    return hex_encode(must(device.call(PerformHmac{key, std::string(algorithm), {}, {secret("what do ya want for nothing?")}})).hmac);
  };
  EXPECT_EQ(hmac(uri::kHmacSha1), "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
  EXPECT_EQ(hmac(uri::kHmacSha256), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

TEST_F(SymmetricKeys, HmacKeysHaveAnyLengthFromOneByte) {
  EXPECT_EQ(set(bytes_of("k"), {uri::kHmacSha256}), Status::kOk);
  EXPECT_EQ(set(Bytes(1000), {uri::kHmacSha256}), Status::kOk);
  EXPECT_EQ(set({}, {uri::kHmacSha256}), Status::kAlgorithm);
}

TEST_F(SymmetricKeys, EcbIsThatOfSp80038a) {
  const Handle key = provision(key128, {uri::kAesEcbNoPad});
  const Bytes plain = unhex("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51");
  const Bytes encrypted = run(cipher(key, uri::kAesEcbNoPad, true, plain));
  EXPECT_EQ(hex_encode(encrypted), "3ad77bb40d7a3660a89ecaf32466ef97f5d3d58503b9699de785895a96fdbaaf");
  EXPECT_EQ(run(cipher(key, uri::kAesEcbNoPad, false, encrypted)), plain);
}

TEST_F(SymmetricKeys, CbcIsThatOfSp80038aWithAGivenIv) {
  const Handle key = provision(key128, {uri::kAes128Cbc});
  const Bytes iv = unhex("000102030405060708090a0b0c0d0e0f");
  const Bytes plain = unhex("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51");
  const Bytes encrypted = run(cipher(key, uri::kAes128Cbc, true, plain, iv));
  ASSERT_EQ(encrypted.size(), 48U) << "whole blocks get a block of padding";
  EXPECT_EQ(hex_encode(ByteView(encrypted).first(32)), "7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2");
  EXPECT_EQ(run(cipher(key, uri::kAes128Cbc, false, encrypted, iv)), plain);
}

TEST_F(SymmetricKeys, CbcPutsARandomIvBeforeTheCipherText) {
  const Handle key = provision(key128, {uri::kAes128Cbc});
  const Bytes one = run(cipher(key, uri::kAes128Cbc, true, bytes_of("message")));
  const Bytes two = run(cipher(key, uri::kAes128Cbc, true, bytes_of("message")));
  ASSERT_EQ(one.size(), 32U);
  EXPECT_NE(one, two);
  EXPECT_EQ(run(cipher(key, uri::kAes128Cbc, false, one)), to_bytes("message"));
  EXPECT_EQ(run(cipher(key, uri::kAes128Cbc, false, ByteView(one).last(16), ByteView(one).first(16))), to_bytes("message"));
}

TEST_F(SymmetricKeys, EcbWithPaddingTakesAnyLength) {
  const Handle key = provision(Bytes(24, std::byte{7}), {uri::kAesEcbPkcs5});
  for (const std::size_t size : {0U, 1U, 15U, 16U, 17U}) {
    const Bytes plain(size, std::byte{9});
    EXPECT_EQ(run(cipher(key, uri::kAesEcbPkcs5, false, run(cipher(key, uri::kAesEcbPkcs5, true, plain)))), plain) << size;
  }
}

// What `padding` makes of a block: encrypted without padding, decrypted with it.
TEST_F(SymmetricKeys, XmlEncryptionLooksAtTheLastByteOfThePaddingAlone) {
  const Handle key = provision(key128, {uri::kAes128Cbc, uri::kAesEcbNoPad, uri::kAesEcbPkcs5});
  const auto decrypt = [&](std::string_view algorithm, std::string_view block) {
    const Bytes encrypted = run(cipher(key, uri::kAesEcbNoPad, true, unhex(block)));
    const Bytes iv = algorithm == uri::kAes128Cbc ? Bytes(16) : Bytes();
    const auto answer = device.call(cipher(key, algorithm, false, encrypted, iv));
    return answer ? hex_encode(answer->data.value.expose_secret()) : std::string(name_of(status(answer)));
  };
  EXPECT_EQ(decrypt(uri::kAes128Cbc, "41424344454647484950515203020103"), "41424344454647484950515203");
  EXPECT_EQ(decrypt(uri::kAesEcbPkcs5, "41424344454647484950515203020103"), "ERROR_CRYPTO");
  EXPECT_EQ(decrypt(uri::kAesEcbPkcs5, "41424344454647484950515203030303"),
            "414243444546474849505152"
            "03");
  for (const std::string_view algorithm : {uri::kAes128Cbc, uri::kAesEcbPkcs5}) {
    EXPECT_EQ(decrypt(algorithm, "41424344454647484950515200000000"), "ERROR_CRYPTO");
    EXPECT_EQ(decrypt(algorithm, "41424344454647484950515211111111"), "ERROR_CRYPTO");
    EXPECT_EQ(decrypt(algorithm, "10101010101010101010101010101010"), "");
  }
}

TEST_F(SymmetricKeys, LengthsThatDoNotFitAreRefused) {
  const Handle key = provision(key128, {uri::kAes128Cbc, uri::kAesEcbNoPad, uri::kAesEcbPkcs5});
  const Bytes block(16);
  EXPECT_EQ(status(device.call(cipher(key, uri::kAesEcbNoPad, true, bytes_of("short")))), Status::kOption);
  EXPECT_EQ(status(device.call(cipher(key, uri::kAesEcbNoPad, false, bytes_of("short")))), Status::kCrypto);
  EXPECT_EQ(status(device.call(cipher(key, uri::kAesEcbNoPad, true, block, block))), Status::kOption) << "ECB takes no IV";
  EXPECT_EQ(status(device.call(cipher(key, uri::kAesEcbPkcs5, false, block, block))), Status::kOption);
  EXPECT_EQ(status(device.call(cipher(key, uri::kAesEcbPkcs5, false, {}))), Status::kCrypto);
  EXPECT_EQ(status(device.call(cipher(key, uri::kAes128Cbc, true, block, Bytes(15)))), Status::kOption);
  EXPECT_EQ(status(device.call(cipher(key, uri::kAes128Cbc, true, block, Bytes(17)))), Status::kOption);
  EXPECT_EQ(status(device.call(cipher(key, uri::kAes128Cbc, false, block))), Status::kCrypto) << "an IV and nothing after it";
  EXPECT_EQ(status(device.call(cipher(key, uri::kAes128Cbc, false, {}, block))), Status::kCrypto);
  EXPECT_EQ(status(device.call(cipher(key, uri::kAes128Cbc, false, Bytes(33)))), Status::kCrypto);
}

TEST_F(SymmetricKeys, ALargeMessageComesBackWhole) {
  const Handle key = provision(key128, {uri::kAes128Cbc});
  const Bytes plain((1U << 20) - 200, std::byte{0x5A});
  EXPECT_EQ(run(cipher(key, uri::kAes128Cbc, false, run(cipher(key, uri::kAes128Cbc, true, plain)))), plain);
}

TEST_F(SymmetricKeys, AnAlgorithmThatIsNotEndorsedIsRefused) {
  const Handle key = provision(key128, {uri::kAes128Cbc});
  EXPECT_EQ(status(device.call(PerformHmac{key, std::string(uri::kHmacSha256), {}, {secret("x")}})), Status::kAlgorithm);
  EXPECT_EQ(status(device.call(cipher(key, uri::kAesEcbNoPad, true, Bytes(16)))), Status::kAlgorithm);
  EXPECT_EQ(status(device.call(PerformHmac{key, std::string(uri::kAes128Cbc), {}, {secret("x")}})), Status::kAlgorithm);
  EXPECT_EQ(status(device.call(cipher(key, "urn:unknown", true, Bytes(16)))), Status::kAlgorithm);
}

TEST_F(SymmetricKeys, ItsPrivateKeyIsDisabled) {
  const Handle key = provision(key128, {uri::kAes128Cbc});
  EXPECT_EQ(status(device.call(SignHashedData{key, std::string(uri::kEcdsaSha256), {}, Bytes(32)})), Status::kNotAllowed);
  EXPECT_EQ(status(device.call(KeyAgreement{key, std::string(uri::kEcdhRaw), {}, {}})), Status::kNotAllowed);
}

TEST_F(SymmetricKeys, AsymmetricKeysTakeNoSymmetricMethods) {
  TestIssuer issuer(device);
  const Handle key = issuer.provision(issuer.key_pair()).key_handle;
  EXPECT_EQ(status(device.call(PerformHmac{key, std::string(uri::kHmacSha256), {}, {secret("x")}})), Status::kNotAllowed);
  EXPECT_EQ(status(device.call(cipher(key, uri::kAes128Cbc, true, {}))), Status::kNotAllowed);
}

TEST_F(SymmetricKeys, AreExportedBare) {
  const Handle key = provision(key128, {uri::kAes128Cbc});
  EXPECT_TRUE(equal(must(device.call(ExportKey{key, {}})).raw_key.expose_secret(), key128));
}

TEST_F(SymmetricKeys, AreEnumeratedWithTheirAlgorithms) {
  const Handle key = provision(key128, {uri::kHmacSha256, uri::kAes128Cbc});
  const auto listed = must(device.call(EnumerateKeys{}));
  ASSERT_EQ(listed.key_handle, key);
  EXPECT_EQ(listed.key->endorsed_algorithms, (std::vector<Bytes>{to_bytes(uri::kHmacSha256), to_bytes(uri::kAes128Cbc)}));
}

TEST_F(SymmetricKeys, EndorsedAlgorithmsAreSortedAndDifferAndThereIsOne) {
  EXPECT_EQ(set(key128, {}), Status::kOption);
  EXPECT_EQ(set(key128, {uri::kAes128Cbc, uri::kHmacSha256}), Status::kOption) << "2001/04/xmldsig-more comes before 2001/04/xmlenc";
  EXPECT_EQ(set(key128, {uri::kHmacSha256, uri::kHmacSha256}), Status::kOption);
  EXPECT_EQ(set(key128, {uri::kHmacSha1, uri::kHmacSha256, uri::kAes128Cbc, uri::kAesEcbNoPad, uri::kAesEcbPkcs5}), Status::kOk);
}

TEST_F(SymmetricKeys, EndorsedAlgorithmsAreSupportedAndFitTheKey) {
  EXPECT_EQ(set(key128, {uri::kAes192Cbc}), Status::kAlgorithm);
  EXPECT_EQ(set(key128, {uri::kAes256Cbc}), Status::kAlgorithm);
  EXPECT_EQ(set(Bytes(24), {uri::kAes192Cbc}), Status::kOk);
  EXPECT_EQ(set(Bytes(32), {uri::kAes256Cbc}), Status::kOk);
  EXPECT_EQ(set(Bytes(17), {uri::kAesEcbNoPad}), Status::kAlgorithm);
  EXPECT_EQ(set(key128, {uri::kRsaSha256}), Status::kAlgorithm);
  EXPECT_EQ(set(key128, {"urn:unknown"}), Status::kAlgorithm);
  EXPECT_EQ(set(key128, {uri::kHmacSha256, uri::kAes256Cbc}), Status::kAlgorithm);
}

TEST_F(SymmetricKeys, AreSetAfterTheCertificateAndOnce) {
  TestIssuer early(device);
  auto request = early.key_pair();
  request.key_usage = static_cast<std::uint8_t>(KeyUsage::kSymmetricKey);
  const auto pair = must(device.call(request));
  EXPECT_EQ(status(device.call(early.symmetric_key({"Key.1", pair.key_handle, {}, {}}, key128, {uri::kHmacSha1}))), Status::kNotAllowed);

  TestIssuer twice(device);
  const CertifiedKey key = made(twice);
  must(device.call(twice.symmetric_key(key, key128, {uri::kHmacSha1})));
  EXPECT_EQ(status(device.call(twice.symmetric_key(key, key128, {uri::kHmacSha1}))), Status::kNotAllowed);
  EXPECT_EQ(status(device.call(twice.close())), Status::kNoSession) << "the error ended the session";
}

TEST_F(SymmetricKeys, AreForKeysOfThatUsageAlone) {
  TestIssuer issuer(device);
  const CertifiedKey key = issuer.certified(issuer.key_pair());
  EXPECT_EQ(status(device.call(issuer.symmetric_key(key, key128, {uri::kHmacSha1}))), Status::kNotAllowed);
}

TEST_F(SymmetricKeys, ASessionDoesNotCloseWithoutThem) {
  TestIssuer issuer(device);
  made(issuer);
  EXPECT_EQ(status(device.call(issuer.close())), Status::kSessionVerify);
}

TEST_F(SymmetricKeys, WrongPaddingAndWrongMacLookTheSame) {
  const auto answer = [&](auto change) {
    TestIssuer issuer(device);
    const CertifiedKey key = made(issuer);
    auto request = issuer.symmetric_key(key, key128, {uri::kHmacSha1});
    change(request);
    const auto result = device.call(request);
    EXPECT_EQ(status(device.call(issuer.close())), Status::kNoSession);
    return std::pair(status(result), result ? "" : result.error().message);
  };
  const auto wrong_mac = answer([](SetSymmetricKey& request) { request.mac[0] ^= std::byte{1}; });
  EXPECT_EQ(wrong_mac.first, Status::kMac);
  EXPECT_EQ(answer([](SetSymmetricKey& request) { request.symmetric_key[31] ^= std::byte{1}; }), wrong_mac);
  EXPECT_EQ(answer([](SetSymmetricKey& request) { request.symmetric_key.pop_back(); }), wrong_mac);
  EXPECT_EQ(answer([](SetSymmetricKey& request) { request.symmetric_key.clear(); }), wrong_mac);
  EXPECT_EQ(answer([](SetSymmetricKey& request) { request.endorsed_algorithms[0] = to_bytes(uri::kHmacSha256); }), wrong_mac);
}

TEST_F(SymmetricKeys, CountTwoUsesOfTheSessionKey) {
  const auto with_limit = [&](std::uint16_t limit) {
    TestIssuer issuer(device, SessionOptions{.key_limit = limit});
    const CertifiedKey key = made(issuer);  // 1 for its attestation, 1 for its path
    return status(device.call(issuer.symmetric_key(key, key128, {uri::kHmacSha1})));
  };
  EXPECT_EQ(with_limit(4), Status::kOk);
  EXPECT_EQ(with_limit(3), Status::kNotAllowed);
}

TEST_F(SymmetricKeys, WantTheirPin) {
  TestIssuer issuer(device);
  const Handle policy = must(device.call(issuer.pin_policy())).pin_policy_handle;
  const CertifiedKey key = made(issuer, policy, "1634");
  must(device.call(issuer.symmetric_key(key, key128, {uri::kHmacSha1, uri::kAes128Cbc})));
  must(device.call(issuer.close()));
  auto request = cipher(key.handle, uri::kAes128Cbc, true, bytes_of("x"));
  EXPECT_EQ(status(device.call(request)), Status::kAuthorization);
  request.pin = secret("1634");
  EXPECT_EQ(status(device.call(request)), Status::kOk);
  EXPECT_EQ(status(device.call(PerformHmac{key.handle, std::string(uri::kHmacSha1), secret("9999"), {secret("x")}})),
            Status::kAuthorization);
  EXPECT_EQ(status(device.call(PerformHmac{key.handle, std::string(uri::kHmacSha1), secret("1634"), {secret("x")}})), Status::kOk);
}

}  // namespace
}  // namespace airtight::sks
