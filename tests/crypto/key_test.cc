// Keys: what is read, what is refused, and that both halves fit (RFC 5280, 5208, 5915, 8017).
#include "crypto/key.h"

#include <gtest/gtest.h>

#include "base/encoding.h"

namespace airtight::crypto {
namespace {

PrivateKey ec_key(Curve curve = Curve::kP256) { return PrivateKey::generate(EcSpec{curve}).value(); }

TEST(PublicKey, KeepsItsExactBytes) {
  for (Curve curve : {Curve::kP256, Curve::kP384, Curve::kP521}) {
    const PublicKey key = ec_key(curve).public_key();
    EXPECT_EQ(PublicKey::from_spki(key.spki()).value(), key);
    EXPECT_EQ(PublicKey::from_ec_point(curve, key.ec_point().value()).value(), key);
    EXPECT_EQ(key.ec_point()->size(), 1 + 2 * coordinate_size(curve));
  }
  EXPECT_EQ(ec_key().public_key().spki().size(), 91U);
  const PublicKey rsa = PrivateKey::generate(RsaSpec{1024}).value().public_key();
  EXPECT_EQ(PublicKey::from_spki(rsa.spki()).value(), rsa);
  EXPECT_EQ(PublicKey::from_rsa(rsa.rsa().value()).value(), rsa);
}

TEST(PublicKey, ReadsAModulusWithOrWithoutALeadingZero) {
  const PublicKey rsa = PrivateKey::generate(RsaSpec{1024}).value().public_key();
  RsaParameters padded = rsa.rsa().value();
  padded.modulus.insert(padded.modulus.begin(), std::byte{0});
  EXPECT_EQ(PublicKey::from_rsa(padded).value(), rsa);
}

TEST(PublicKey, RefusesPointsThatAreCompressedOffTheCurveOrAtInfinity) {
  const Bytes point = ec_key().public_key().ec_point().value();
  EXPECT_FALSE(PublicKey::from_ec_point(Curve::kP256, ByteView(point).first(64)));
  EXPECT_FALSE(PublicKey::from_ec_point(Curve::kP384, point));
  Bytes off = point;
  off[64] ^= std::byte{1};
  EXPECT_FALSE(PublicKey::from_ec_point(Curve::kP256, off));
  Bytes compressed = point;
  compressed[0] = std::byte{2};
  EXPECT_FALSE(PublicKey::from_ec_point(Curve::kP256, compressed));
  EXPECT_FALSE(PublicKey::from_ec_point(Curve::kP256, Bytes(1)));
  Bytes too_large(65, std::byte{0xFF});
  too_large[0] = std::byte{4};
  EXPECT_FALSE(PublicKey::from_ec_point(Curve::kP256, too_large));
}

TEST(PublicKey, RefusesEveryChangedOrMissingByteOfItsFrame) {
  const Bytes spki = ec_key().public_key().spki();
  for (std::size_t i = 0; i < 27; ++i) {  // all before the coordinates
    Bytes changed = spki;
    changed[i] ^= std::byte{1};
    EXPECT_FALSE(PublicKey::from_spki(changed)) << i;
  }
  for (std::size_t i = 0; i < spki.size(); ++i) EXPECT_FALSE(PublicKey::from_spki(ByteView(spki).first(i)));
  Bytes longer = spki;
  longer.push_back(std::byte{0});
  EXPECT_FALSE(PublicKey::from_spki(longer));
}

TEST(PublicKey, RefusesAbsurdRsaNumbers) {
  const RsaParameters good = PrivateKey::generate(RsaSpec{1024}).value().public_key().rsa().value();
  const auto accepts = [](RsaParameters parameters) { return PublicKey::from_rsa(parameters).has_value(); };
  Bytes even = good.modulus;
  even.back() &= std::byte{0xFE};
  EXPECT_FALSE(accepts({even, good.exponent}));
  EXPECT_FALSE(accepts({{}, good.exponent}));
  EXPECT_FALSE(accepts({Bytes(3000, std::byte{0xFF}), good.exponent}));
  EXPECT_FALSE(accepts({good.modulus, {}}));
  EXPECT_FALSE(accepts({good.modulus, {std::byte{1}}}));
  EXPECT_FALSE(accepts({good.modulus, {std::byte{4}}}));
  EXPECT_FALSE(accepts({good.modulus, Bytes(9, std::byte{0xFF})}));
}

TEST(PrivateKey, SurvivesPkcs8) {
  for (const PrivateKey& key : {ec_key(), ec_key(Curve::kP384), ec_key(Curve::kP521), PrivateKey::generate(RsaSpec{1024, 3}).value()}) {
    const PrivateKey again = PrivateKey::from_pkcs8(key.pkcs8().value().expose_secret()).value();
    EXPECT_EQ(again.public_key(), key.public_key());
    const SignatureScheme scheme = x509_scheme(key.public_key().type());
    EXPECT_TRUE(
        key.public_key().verify(scheme, Digest::kSha256, bytes_of("m"), again.sign(scheme, Digest::kSha256, bytes_of("m")).value()));
  }
}

TEST(PrivateKey, RefusesEveryChangedByteOfPkcs8) {
  for (const PrivateKey& key : {ec_key(), PrivateKey::generate(RsaSpec{1024}).value()}) {
    const SecretBytes der = key.pkcs8().value();
    for (std::size_t i = 0; i < der.size(); ++i) {
      SecretBytes changed = der.clone();
      changed.expose_secret_for_writing()[i] ^= std::byte{1};
      EXPECT_FALSE(PrivateKey::from_pkcs8(changed.expose_secret())) << "byte " << i << " of " << der.size();
    }
  }
}

TEST(Signatures, VerifyOnlyUnderTheirOwnSchemeKeyAndMessage) {
  const PrivateKey key = ec_key();
  const Bytes der = key.sign(SignatureScheme::kEcdsaDer, Digest::kSha256, bytes_of("message")).value();
  const Bytes raw = key.sign(SignatureScheme::kEcdsaRaw, Digest::kSha256, bytes_of("message")).value();
  EXPECT_EQ(raw.size(), 64U);
  const PublicKey& verifier = key.public_key();
  EXPECT_TRUE(verifier.verify(SignatureScheme::kEcdsaDer, Digest::kSha256, bytes_of("message"), der));
  EXPECT_TRUE(verifier.verify(SignatureScheme::kEcdsaRaw, Digest::kSha256, bytes_of("message"), raw));
  EXPECT_FALSE(verifier.verify(SignatureScheme::kEcdsaRaw, Digest::kSha256, bytes_of("message"), der));
  EXPECT_FALSE(verifier.verify(SignatureScheme::kEcdsaDer, Digest::kSha256, bytes_of("massage"), der));
  EXPECT_FALSE(verifier.verify(SignatureScheme::kEcdsaDer, Digest::kSha384, bytes_of("message"), der));
  EXPECT_FALSE(verifier.verify(SignatureScheme::kRsaPkcs1, Digest::kSha256, bytes_of("message"), der));
  EXPECT_FALSE(ec_key().public_key().verify(SignatureScheme::kEcdsaDer, Digest::kSha256, bytes_of("message"), der));
}

TEST(Signatures, RefuseAHashOfAnotherLength) {
  EXPECT_FALSE(ec_key().sign_hash(SignatureScheme::kEcdsaDer, Digest::kSha256, Bytes(20)));
  EXPECT_FALSE(ec_key().sign_hash(SignatureScheme::kRsaPkcs1, Digest::kSha256, Bytes(32)));
}

TEST(Agreement, GivesBothSidesTheSameX) {
  const PrivateKey a = ec_key();
  const PrivateKey b = ec_key();
  EXPECT_TRUE(equal(a.agree(b.public_key()).value().expose_secret(), b.agree(a.public_key()).value().expose_secret()));
  EXPECT_EQ(a.agree(b.public_key())->size(), 32U);
  EXPECT_FALSE(a.agree(ec_key(Curve::kP384).public_key()));
}

// NIST CAVS 14.1, ECC CDH primitive, P-256, COUNT = 0.
TEST(Agreement, NistVector) {
  const Bytes scalar = hex_decode("7d7dc5f71eb29ddaf80d6214632eeae03d9058af1fb6d22ed80badb62bc1a534").value();
  const Bytes point = hex_decode(
                          "04700c48f77f56584c5cc632ca65640db91b6bacce3a4df6b42ce7cc838833d287db71e509e3fd9b060ddb20ba5c51dcc5948d46fbf640df"
                          "e0441782cab85fa4ac")
                          .value();
  const Bytes pkcs8 = concat({hex_decode("304102010030130607"
                                         "2a8648ce3d0201"
                                         "06082a8648ce3d030107"
                                         "0427"
                                         "3025020101"
                                         "0420")
                                  .value(),
                              scalar});
  const auto key = PrivateKey::from_pkcs8(pkcs8);
  ASSERT_TRUE(key.has_value()) << key.error().message;
  const SecretBytes z = key->agree(PublicKey::from_ec_point(Curve::kP256, point).value()).value();
  EXPECT_EQ(hex_encode(z.expose_secret()), "46fc62106420ff012e54a434fbdd2d25ccc5852060561e68040dd7778997bd7b");
}

}  // namespace
}  // namespace airtight::crypto
