// Asymmetric keys. A PrivateKey or PublicKey is immutable and validated when made, cheap to copy (shared), and keeps OpenSSL's parsed
// form, because parsing costs more than using.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/key_attributes.h"
#include "base/random.h"
#include "base/result.h"
#include "base/secret_bytes.h"
#include "crypto/digest.h"

namespace airtight::crypto {

enum class Curve : std::uint8_t { kP256, kP384, kP521 };

// "urn:oid:1.2.840.10045.3.1.7" and the like.
[[nodiscard]] std::string_view curve_uri(Curve curve);
[[nodiscard]] std::optional<Curve> curve_of_uri(std::string_view uri);
// Bytes of a coordinate: 32, 48, 66.
[[nodiscard]] std::size_t coordinate_size(Curve curve);

// How a message or hash is signed. The ECDSA form is what its URI or X.509 wants.
enum class SignatureScheme : std::uint8_t {
  kRsaPkcs1,  // RSASSA-PKCS1-v1_5
  kRsaPss,    // RSASSA-PSS, MGF1 with the same hash, salt as long as the hash
  kEcdsaDer,  // ECDSA, ASN.1 DER (X.509, SessionAttestation)
  kEcdsaRaw,  // ECDSA, r || s (XML Signature)
};

enum class RsaEncryption : std::uint8_t {
  kPkcs1,     // RSAES-PKCS1-v1_5
  kOaepSha1,  // RSAES-OAEP with SHA-1, MGF1 with SHA-1, and an empty label
};

struct RsaParameters {
  Bytes modulus;   // big-endian, no leading zero
  Bytes exponent;  // big-endian, no leading zero
};

class PublicKey {
 public:
  // From DER SubjectPublicKeyInfo: RSA, or EC with a named curve of ours and an uncompressed point on it; strict DER, no trailing bytes.
  // Fault::kBadInput otherwise.
  [[nodiscard]] static Result<PublicKey> from_spki(ByteView der);
  [[nodiscard]] static Result<PublicKey> from_rsa(const RsaParameters& parameters);
  // `point` is 04 || x || y.
  [[nodiscard]] static Result<PublicKey> from_ec_point(Curve curve, ByteView point);

  [[nodiscard]] const Bytes& spki() const;  // the exact DER
  [[nodiscard]] KeyAlgorithmType type() const;
  [[nodiscard]] unsigned bits() const;                     // RSA: of the modulus; EC: of the field
  [[nodiscard]] std::optional<Curve> curve() const;        // EC only
  [[nodiscard]] std::optional<Bytes> ec_point() const;     // EC only: 04 || x || y
  [[nodiscard]] std::optional<RsaParameters> rsa() const;  // RSA only

  // Fails with Fault::kRefused if `signature` is not this key's over `message` (which is hashed here), or if the scheme does not fit the
  // key.
  [[nodiscard]] Result<> verify(SignatureScheme scheme, Digest digest, ByteView message, ByteView signature) const;

  friend bool operator==(const PublicKey& a, const PublicKey& b) { return equal(a.spki(), b.spki()); }

 private:
  friend class PrivateKey;
  friend class OpenSslKeyAccess;
  struct Parsed;
  explicit PublicKey(std::shared_ptr<const Parsed> parsed) : parsed_(std::move(parsed)) {}
  std::shared_ptr<const Parsed> parsed_;
};

struct RsaSpec {
  unsigned bits;
  std::uint32_t exponent = 65537;  // odd, at least 3
};
struct EcSpec {
  Curve curve;
};

class PrivateKey {
 public:
  [[nodiscard]] static Result<PrivateKey> generate(const RsaSpec& spec);
  [[nodiscard]] static Result<PrivateKey> generate(const EcSpec& spec);
  // From PKCS #8 DER (unencrypted), strict; Fault::kBadInput otherwise.
  [[nodiscard]] static Result<PrivateKey> from_pkcs8(ByteView der);

  [[nodiscard]] Result<SecretBytes> pkcs8() const;
  [[nodiscard]] const PublicKey& public_key() const;

  // Signs `hash`, the output of `digest`. Fault::kRefused if the scheme does not fit the key or the length the digest.
  [[nodiscard]] Result<Bytes> sign_hash(SignatureScheme scheme, Digest digest, ByteView hash) const;
  // Hashes and signs.
  [[nodiscard]] Result<Bytes> sign(SignatureScheme scheme, Digest digest, ByteView message) const;

  // RSA decryption of as many bytes as the modulus has; Fault::kRefused for another length, for a number that is not below the modulus, and
  // for an EC key. PKCS #1 v1.5 rejects implicitly (draft-irtf-cfrg-rsa-guidance): a wrong padding yields a message that depends on key and
  // cipher text alone. OAEP refuses one with Fault::kRefused.
  [[nodiscard]] Result<SecretBytes> decrypt(RsaEncryption scheme, ByteView encrypted) const;

  // ECC CDH: the x coordinate, with leading zeros. Fault::kRefused unless both are EC keys of one curve.
  [[nodiscard]] Result<SecretBytes> agree(const PublicKey& peer) const;

 private:
  friend class OpenSslKeyAccess;
  struct Parsed;
  explicit PrivateKey(std::shared_ptr<const Parsed> parsed) : parsed_(std::move(parsed)) {}
  std::shared_ptr<const Parsed> parsed_;
};

// The scheme in which X.509 and session attestations use a key of this type.
[[nodiscard]] constexpr SignatureScheme x509_scheme(KeyAlgorithmType type) {
  return type == KeyAlgorithmType::kRsa ? SignatureScheme::kRsaPkcs1 : SignatureScheme::kEcdsaDer;
}

// The hash that X.509 uses it with: as strong as the curve (RFC 5480, section 4), SHA-256 with RSA.
[[nodiscard]] Digest x509_digest(const PublicKey& key);

}  // namespace airtight::crypto
