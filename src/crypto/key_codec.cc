// Keys to and from DER: SubjectPublicKeyInfo (RFC 5280 4.1.2.7) and PKCS #8 (RFC 5208, RFC 5915, RFC 8017 A.1.2).
#include <openssl/x509.h>

#include <algorithm>

#include "crypto/der.h"
#include "crypto/internal/key_parts.h"

namespace airtight::crypto {
namespace {

using Pkcs8Handle = CHandle<PKCS8_PRIV_KEY_INFO, PKCS8_PRIV_KEY_INFO_free>;

constexpr std::size_t kMaxKeyDer = 16 * 1024;
constexpr unsigned kMaxRsaBits = 16384;

Bytes write_ec_spki(const CurveFacts& facts, ByteView point) {
  der::Writer writer;
  writer.sequence([&](der::Writer& spki) {
    spki.sequence([&](der::Writer& algorithm) {
      algorithm.object_id(kEcOid);
      algorithm.object_id(facts.oid);
    });
    spki.bit_string(point);
  });
  return writer.take();
}

Bytes write_rsa_spki(const RsaParameters& parameters) {
  der::Writer key;
  key.sequence([&](der::Writer& numbers) {
    numbers.unsigned_integer(parameters.modulus);
    numbers.unsigned_integer(parameters.exponent);
  });
  der::Writer writer;
  writer.sequence([&](der::Writer& spki) {
    spki.sequence([&](der::Writer& algorithm) {
      algorithm.object_id(kRsaOid);
      algorithm.null();
    });
    spki.bit_string(key.bytes());
  });
  return writer.take();
}

ByteView without_leading_zeros(ByteView magnitude) {
  const auto first = std::ranges::find_if(magnitude, [](std::byte b) { return b != std::byte{0}; });
  return magnitude.subspan(static_cast<std::size_t>(first - magnitude.begin()));
}

unsigned bit_length(ByteView magnitude) {
  if (magnitude.empty()) return 0;
  return static_cast<unsigned>((magnitude.size() - 1) * 8) + static_cast<unsigned>(std::bit_width(std::to_integer<unsigned>(magnitude[0])));
}

// AlgorithmIdentifier of a key: the curve for EC, nothing for RSA (whose parameters have to be NULL).
Result<const CurveFacts*> read_algorithm(der::Reader& reader) {
  der::Reader algorithm = TRY(reader.enter(der::Tag::kSequence));
  const std::string oid = TRY(algorithm.object_id());
  if (oid == kRsaOid) {
    TRY(algorithm.null());
    TRY(algorithm.expect_end());
    return nullptr;
  }
  if (oid != kEcOid) return airtight::fail(Fault::kBadInput, "a key is neither RSA nor EC (algorithm " + oid + ")");
  const std::string curve = TRY(algorithm.object_id());
  TRY(algorithm.expect_end());
  const CurveFacts* facts = facts_of_oid(curve);
  if (facts == nullptr) return airtight::fail(Fault::kBadInput, "an EC key is on a curve that is not supported (" + curve + ")");
  return facts;
}

Result<RsaPrivateNumbers> read_rsa_private(ByteView der) {
  der::Reader outer(der);
  der::Reader key = TRY(outer.enter(der::Tag::kSequence));
  TRY(outer.expect_end());
  const std::uint64_t version = TRY(key.small_integer());
  if (version != 0) return airtight::fail(Fault::kBadInput, "an RSA private key is of an unknown version");
  RsaPrivateNumbers numbers{};
  for (ByteView* part : {&numbers.n, &numbers.e, &numbers.d, &numbers.p, &numbers.q, &numbers.dp, &numbers.dq, &numbers.qi}) {
    *part = TRY(key.unsigned_integer());
  }
  TRY(key.expect_end());
  return numbers;
}

struct EcPrivateParts {
  ByteView scalar;
  std::optional<ByteView> point;
};

Result<EcPrivateParts> read_ec_private(ByteView der, const CurveFacts& facts) {
  der::Reader outer(der);
  der::Reader key = TRY(outer.enter(der::Tag::kSequence));
  TRY(outer.expect_end());
  const std::uint64_t version = TRY(key.small_integer());
  if (version != 1) return airtight::fail(Fault::kBadInput, "an EC private key is of an unknown version");
  EcPrivateParts parts{};
  parts.scalar = TRY(key.octet_string());
  if (const auto parameters = TRY(key.optional_element(der::context_constructed(0)))) {
    der::Reader inside(parameters->content);
    const std::string curve = TRY(inside.object_id());
    TRY(inside.expect_end());
    if (curve != facts.oid) return airtight::fail(Fault::kBadInput, "an EC private key names two curves");
  }
  const auto public_part = TRY(key.optional_element(der::context_constructed(1)));
  TRY(key.expect_end());
  if (public_part) {
    der::Reader inside(public_part->content);
    parts.point = TRY(inside.bit_string());
    TRY(inside.expect_end());
  }
  return parts;
}

// PKCS #8 of an EC key, written around a zero scalar first so that the scalar itself is only ever in secret memory.
SecretBytes write_ec_pkcs8(const CurveFacts& facts, ByteView point, const EVP_PKEY* pkey) {
  der::Writer tail;
  tail.nested(der::context_constructed(1), [&](der::Writer& w) { w.bit_string(point); });
  der::Writer key;
  key.sequence([&](der::Writer& w) {
    w.integer(1);
    w.octet_string(Bytes(facts.coordinate));
    w.raw(tail.bytes());
  });
  der::Writer writer;
  writer.sequence([&](der::Writer& w) {
    w.integer(0);
    w.sequence([&](der::Writer& algorithm) {
      algorithm.object_id(kEcOid);
      algorithm.object_id(facts.oid);
    });
    w.octet_string(key.bytes());
  });
  SecretBytes out = SecretBytes::copy_of(writer.bytes());
  BIGNUM* scalar = BN_secure_new();
  const CHandle<BIGNUM, BN_clear_free> owner_of_fresh(scalar);
  require(EVP_PKEY_get_bn_param(pkey, "priv", &scalar) == 1, "reading a private key");
  const std::size_t at = out.size() - tail.bytes().size() - facts.coordinate;
  require(BN_bn2binpad(scalar, octets(out.expose_secret_for_writing().subspan(at)), static_cast<int>(facts.coordinate)) ==
              static_cast<int>(facts.coordinate),
          "writing a private key");
  return out;
}

}  // namespace

Result<PublicKey> PublicKey::from_ec_point(Curve curve, ByteView point) {
  const CurveFacts& facts = facts_of(curve);
  if (point.size() != 1 + 2 * facts.coordinate || point[0] != std::byte{4}) {
    return airtight::fail(Fault::kBadInput, "an EC public key is no uncompressed point of its curve");
  }
  PkeyHandle pkey = TRY(make_ec(facts, point));
  return PublicKey(std::make_shared<const Parsed>(
      Parsed{std::move(pkey), write_ec_spki(facts, point), KeyAlgorithmType::kEcc, facts.bits, curve, to_bytes(point), {}}));
}

Result<PublicKey> PublicKey::from_rsa(const RsaParameters& parameters) {
  RsaParameters clean{to_bytes(without_leading_zeros(parameters.modulus)), to_bytes(without_leading_zeros(parameters.exponent))};
  const unsigned bits = bit_length(clean.modulus);
  if (bits < 512 || bits > kMaxRsaBits || (clean.modulus.back() & std::byte{1}) == std::byte{0}) {
    return airtight::fail(Fault::kBadInput, "an RSA modulus is even, or not of 512 to 16384 bits");
  }
  if (clean.exponent.empty() || clean.exponent.size() > 8 || (clean.exponent.back() & std::byte{1}) == std::byte{0} ||
      (clean.exponent.size() == 1 && clean.exponent[0] < std::byte{3})) {
    return airtight::fail(Fault::kBadInput, "an RSA exponent is even, less than 3, or of more than 64 bits");
  }
  PkeyHandle pkey = TRY(make_rsa(clean));
  Bytes spki = write_rsa_spki(clean);
  return PublicKey(std::make_shared<const Parsed>(
      Parsed{std::move(pkey), std::move(spki), KeyAlgorithmType::kRsa, bits, std::nullopt, {}, std::move(clean)}));
}

Result<PublicKey> PublicKey::from_spki(ByteView der) {
  der::Limits limits;
  limits.max_size = kMaxKeyDer;
  limits.max_depth = 4;
  TRY(der::read_one(der, limits));
  der::Reader outer(der);
  der::Reader spki = TRY(outer.enter(der::Tag::kSequence));
  const CurveFacts* facts = TRY(read_algorithm(spki));
  const ByteView bits = TRY(spki.bit_string());
  TRY(spki.expect_end());
  if (facts != nullptr) return from_ec_point(facts->curve, bits);
  der::Reader key(bits);
  der::Reader numbers = TRY(key.enter(der::Tag::kSequence));
  TRY(key.expect_end());
  const ByteView modulus = TRY(numbers.unsigned_integer());
  const ByteView exponent = TRY(numbers.unsigned_integer());
  TRY(numbers.expect_end());
  return from_rsa({to_bytes(modulus), to_bytes(exponent)});
}

Result<PrivateKey> PrivateKey::from_pkcs8(ByteView der) {
  if (der.size() > kMaxKeyDer) return airtight::fail(Fault::kBadInput, "a private key is larger than allowed");
  der::Reader outer(der);
  der::Reader info = TRY(outer.enter(der::Tag::kSequence));
  TRY(outer.expect_end());
  const std::uint64_t version = TRY(info.small_integer());
  if (version != 0) return airtight::fail(Fault::kBadInput, "a private key is of an unknown PKCS #8 version");
  const CurveFacts* facts = TRY(read_algorithm(info));
  const ByteView content = TRY(info.octet_string());
  TRY(info.optional_element(der::context_constructed(0)));  // attributes
  TRY(info.expect_end());
  if (facts == nullptr) {
    const RsaPrivateNumbers numbers = TRY(read_rsa_private(content));
    PublicKey public_key = TRY(PublicKey::from_rsa({to_bytes(numbers.n), to_bytes(numbers.e)}));
    PkeyHandle pkey = TRY(make_rsa_private(numbers));
    return PrivateKey(std::make_shared<const Parsed>(Parsed{std::move(pkey), std::move(public_key)}));
  }
  const EcPrivateParts parts = TRY(read_ec_private(content, *facts));
  if (parts.scalar.size() != facts->coordinate) return airtight::fail(Fault::kBadInput, "an EC private key has the wrong length");
  const Bytes point = TRY(point_of(*facts, parts.scalar));
  if (parts.point && !equal(*parts.point, point)) {
    return airtight::fail(Fault::kBadInput, "an EC private key does not fit the public key beside it");
  }
  PublicKey public_key = TRY(PublicKey::from_ec_point(facts->curve, point));
  PkeyHandle pkey = TRY(make_ec_private(*facts, point, parts.scalar));
  return PrivateKey(std::make_shared<const Parsed>(Parsed{std::move(pkey), std::move(public_key)}));
}

Result<SecretBytes> PrivateKey::pkcs8() const {
  const PublicKey::Parsed& known = *parsed_->public_key.parsed_;
  if (known.curve) return write_ec_pkcs8(facts_of(*known.curve), known.point, parsed_->pkey.get());
  const Pkcs8Handle info(EVP_PKEY2PKCS8(parsed_->pkey.get()));
  if (!info) return openssl_failure(Fault::kInternal, "writing a private key");
  const int size = i2d_PKCS8_PRIV_KEY_INFO(info.get(), nullptr);
  if (size <= 0) return openssl_failure(Fault::kInternal, "writing a private key");
  SecretBytes out(static_cast<std::size_t>(size));
  unsigned char* at = octets(out.expose_secret_for_writing());
  require(i2d_PKCS8_PRIV_KEY_INFO(info.get(), &at) == size, "writing a private key");
  return out;
}

}  // namespace airtight::crypto
