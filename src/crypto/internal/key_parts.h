// What key.cc and key_codec.cc share: the parsed form behind PublicKey and PrivateKey.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "crypto/internal/openssl.h"
#include "crypto/key.h"

namespace airtight::crypto {

struct PublicKey::Parsed {
  PkeyHandle pkey;
  Bytes spki;
  KeyAlgorithmType type;
  unsigned bits;
  std::optional<Curve> curve;
  Bytes point;        // EC
  RsaParameters rsa;  // RSA
};

// Contexts that are ready to sign with one key, one kind for each scheme and digest: making one costs as much as a tenth of a signature.
// Whoever signs takes one, or makes it if all are taken, and gives it back.
class SigningContexts {
 public:
  [[nodiscard]] PkeyContext take(SignatureScheme scheme, Digest digest);  // null: all are taken
  void give_back(SignatureScheme scheme, Digest digest, PkeyContext context);

 private:
  struct Kind {
    SignatureScheme scheme;
    Digest digest;
    PkeyContext context;
  };
  std::mutex mutex_;
  std::vector<Kind> ready_;
};

struct PrivateKey::Parsed {
  PkeyHandle pkey;
  PublicKey public_key;
  std::unique_ptr<SigningContexts> signing = std::make_unique<SigningContexts>();
};

struct CurveFacts {
  Curve curve;
  const char* group;     // OpenSSL's name
  std::string_view oid;  // dotted
  std::string_view uri;
  std::size_t coordinate;  // bytes
  unsigned bits;
};
[[nodiscard]] const CurveFacts& facts_of(Curve curve);
[[nodiscard]] const CurveFacts* facts_of_oid(std::string_view oid);

inline constexpr std::string_view kRsaOid = "1.2.840.113549.1.1.1";
inline constexpr std::string_view kEcOid = "1.2.840.10045.2.1";

// OpenSSL's form of keys given by their numbers (big-endian). Fault::kBadInput for a point off the curve.
[[nodiscard]] Result<PkeyHandle> make_rsa(const RsaParameters& parameters);
[[nodiscard]] Result<PkeyHandle> make_ec(const CurveFacts& facts, ByteView point);
[[nodiscard]] Result<PkeyHandle> make_ec_private(const CurveFacts& facts, ByteView point, ByteView secret_scalar);

// A key whose parameters, and nothing else of it, serve to make others on the same curve. Lives as long as the process.
[[nodiscard]] EVP_PKEY* curve_template(Curve curve);

struct RsaPrivateNumbers {
  ByteView n, e, d, p, q, dp, dq, qi;
};
[[nodiscard]] Result<PkeyHandle> make_rsa_private(const RsaPrivateNumbers& numbers);

// scalar * generator as 04 || x || y; Fault::kBadInput unless 0 < scalar < order.
[[nodiscard]] Result<Bytes> point_of(const CurveFacts& facts, ByteView secret_scalar);

}  // namespace airtight::crypto
