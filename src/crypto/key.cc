#include "crypto/key.h"

#include <openssl/core_names.h>
#include <openssl/rsa.h>

#include <array>

#include "crypto/der.h"
#include "crypto/internal/key_parts.h"

namespace airtight::crypto {
namespace {

const EVP_MD* message_digest(Digest digest) {
  switch (digest) {
    case Digest::kSha1: return EVP_sha1();
    case Digest::kSha256: return EVP_sha256();
    case Digest::kSha384: return EVP_sha384();
    case Digest::kSha512: return EVP_sha512();
  }
  return nullptr;
}

bool is_ecdsa(SignatureScheme scheme) { return scheme == SignatureScheme::kEcdsaDer || scheme == SignatureScheme::kEcdsaRaw; }

Result<> check_scheme(SignatureScheme scheme, KeyAlgorithmType type) {
  if (is_ecdsa(scheme) != (type == KeyAlgorithmType::kEcc)) {
    return airtight::fail(Fault::kRefused, "the signature algorithm does not fit the type of the key");
  }
  return {};
}

// Sets padding and hash of a context on which sign_init or verify_init has run.
bool set_up(EVP_PKEY_CTX* context, SignatureScheme scheme, Digest digest) {
  if (EVP_PKEY_CTX_set_signature_md(context, message_digest(digest)) != 1) return false;
  if (is_ecdsa(scheme)) return true;
  if (scheme == SignatureScheme::kRsaPkcs1) return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1;
  return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1 &&
         EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) == 1;
}

Result<Bytes> raw_from_der(ByteView signature, std::size_t coordinate) {
  der::Reader outer(signature);
  der::Reader numbers = TRY(outer.enter(der::Tag::kSequence));
  TRY(outer.expect_end());
  const ByteView r = TRY(numbers.unsigned_integer());
  const ByteView s = TRY(numbers.unsigned_integer());
  TRY(numbers.expect_end());
  if (r.size() > coordinate || s.size() > coordinate)
    return airtight::fail(Fault::kBadInput, "an ECDSA signature is too long for its curve");
  Bytes out(coordinate - r.size());
  append(out, r);
  out.resize(out.size() + coordinate - s.size());
  append(out, s);
  return out;
}

Result<Bytes> der_from_raw(ByteView signature, std::size_t coordinate) {
  if (signature.size() != 2 * coordinate) return airtight::fail(Fault::kRefused, "an ECDSA signature has the wrong length");
  der::Writer writer;
  writer.sequence([&](der::Writer& numbers) {
    numbers.unsigned_integer(signature.first(coordinate));
    numbers.unsigned_integer(signature.last(coordinate));
  });
  return writer.take();
}

Result<PublicKey> public_part(const EVP_PKEY* pkey, std::optional<Curve> curve) {
  if (curve) {
    Bytes point(1 + 2 * facts_of(*curve).coordinate);
    std::size_t size = 0;
    require(EVP_PKEY_get_octet_string_param(pkey, OSSL_PKEY_PARAM_PUB_KEY, octets(std::span(point)), point.size(), &size) == 1 &&
                size == point.size(),
            "reading a generated key");
    return PublicKey::from_ec_point(*curve, point);
  }
  RsaParameters parameters;
  for (auto [name, out] : {std::pair{OSSL_PKEY_PARAM_RSA_N, &parameters.modulus}, std::pair{OSSL_PKEY_PARAM_RSA_E, &parameters.exponent}}) {
    BIGNUM* number = nullptr;
    require(EVP_PKEY_get_bn_param(pkey, name, &number) == 1, "reading a generated key");
    const CHandle<BIGNUM, BN_free> owner(number);
    out->resize(static_cast<std::size_t>(BN_num_bytes(number)));
    BN_bn2bin(number, octets(std::span(*out)));
  }
  return PublicKey::from_rsa(parameters);
}

}  // namespace

std::string_view curve_uri(Curve curve) { return facts_of(curve).uri; }

std::optional<Curve> curve_of_uri(std::string_view uri) {
  for (Curve curve : {Curve::kP256, Curve::kP384, Curve::kP521}) {
    if (facts_of(curve).uri == uri) return curve;
  }
  return std::nullopt;
}

std::size_t coordinate_size(Curve curve) { return facts_of(curve).coordinate; }

const Bytes& PublicKey::spki() const { return parsed_->spki; }
KeyAlgorithmType PublicKey::type() const { return parsed_->type; }
unsigned PublicKey::bits() const { return parsed_->bits; }
std::optional<Curve> PublicKey::curve() const { return parsed_->curve; }

Digest x509_digest(const PublicKey& key) {
  if (key.curve() == Curve::kP384) return Digest::kSha384;
  return key.curve() == Curve::kP521 ? Digest::kSha512 : Digest::kSha256;
}

std::optional<Bytes> PublicKey::ec_point() const {
  if (!parsed_->curve) return std::nullopt;
  return parsed_->point;
}

std::optional<RsaParameters> PublicKey::rsa() const {
  if (parsed_->curve) return std::nullopt;
  return parsed_->rsa;
}

Result<> PublicKey::verify(SignatureScheme scheme, Digest digest, ByteView message, ByteView signature) const {
  TRY(check_scheme(scheme, type()));
  Bytes converted;
  if (scheme == SignatureScheme::kEcdsaRaw) {
    converted = TRY(der_from_raw(signature, coordinate_size(*curve())));
    signature = converted;
  }
  const Bytes hash = crypto::digest(digest, {message});
  const PkeyContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, parsed_->pkey.get(), nullptr));
  require(context && EVP_PKEY_verify_init(context.get()) == 1, "starting to verify");
  if (!set_up(context.get(), scheme, digest)) return openssl_failure(Fault::kRefused, "this key does not verify so");
  if (EVP_PKEY_verify(context.get(), octets(signature), signature.size(), octets(hash), hash.size()) != 1) {
    forget_openssl_errors();
    return airtight::fail(Fault::kRefused, "the signature does not verify");
  }
  return {};
}

Result<PrivateKey> PrivateKey::generate(const RsaSpec& spec) {
  if (spec.bits < 512 || spec.bits > 16384 || spec.exponent < 3 || spec.exponent % 2 == 0) {
    return airtight::fail(Fault::kBadInput, "an RSA key of this size or exponent cannot be made");
  }
  const PkeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr));
  const CHandle<BIGNUM, BN_free> exponent(BN_new());
  require(context && exponent && BN_set_word(exponent.get(), spec.exponent) == 1 && EVP_PKEY_keygen_init(context.get()) == 1 &&
              EVP_PKEY_CTX_set_rsa_keygen_bits(context.get(), static_cast<int>(spec.bits)) == 1 &&
              EVP_PKEY_CTX_set1_rsa_keygen_pubexp(context.get(), exponent.get()) == 1,
          "starting to make an RSA key");
  EVP_PKEY* made = nullptr;
  if (EVP_PKEY_generate(context.get(), &made) != 1) return openssl_failure(Fault::kInternal, "making an RSA key");
  PkeyHandle pkey(made);
  PublicKey public_key = TRY(public_part(pkey.get(), std::nullopt));
  return PrivateKey(std::make_shared<const Parsed>(Parsed{std::move(pkey), std::move(public_key)}));
}

Result<PrivateKey> PrivateKey::generate(const EcSpec& spec) {
  const PkeyContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, curve_template(spec.curve), nullptr));
  EVP_PKEY* made = nullptr;
  if (!context || EVP_PKEY_keygen_init(context.get()) != 1 || EVP_PKEY_generate(context.get(), &made) != 1) {
    return openssl_failure(Fault::kInternal, "making an EC key");
  }
  PkeyHandle pkey(made);
  PublicKey public_key = TRY(public_part(pkey.get(), spec.curve));
  return PrivateKey(std::make_shared<const Parsed>(Parsed{std::move(pkey), std::move(public_key)}));
}

const PublicKey& PrivateKey::public_key() const { return parsed_->public_key; }

PkeyContext SigningContexts::take(SignatureScheme scheme, Digest digest) {
  const std::lock_guard lock(mutex_);
  for (Kind& kind : ready_) {
    if (kind.scheme != scheme || kind.digest != digest) continue;
    PkeyContext context = std::move(kind.context);
    std::swap(kind, ready_.back());
    ready_.pop_back();
    return context;
  }
  return nullptr;
}

void SigningContexts::give_back(SignatureScheme scheme, Digest digest, PkeyContext context) {
  constexpr std::size_t kMostKept = 16;
  const std::lock_guard lock(mutex_);
  if (ready_.size() < kMostKept) ready_.push_back({scheme, digest, std::move(context)});
}

Result<Bytes> PrivateKey::sign_hash(SignatureScheme scheme, Digest digest, ByteView hash) const {
  TRY(check_scheme(scheme, public_key().type()));
  if (hash.size() != digest_size(digest)) return airtight::fail(Fault::kRefused, "the hash has the wrong length for its algorithm");
  PkeyContext context = parsed_->signing->take(scheme, digest);
  if (!context) {
    context.reset(EVP_PKEY_CTX_new_from_pkey(nullptr, parsed_->pkey.get(), nullptr));
    require(context && EVP_PKEY_sign_init(context.get()) == 1, "starting to sign");
    if (!set_up(context.get(), scheme, digest)) return openssl_failure(Fault::kRefused, "this key does not sign so");
  }
  Bytes out(static_cast<std::size_t>(EVP_PKEY_get_size(parsed_->pkey.get())));
  std::size_t size = out.size();
  if (EVP_PKEY_sign(context.get(), octets(std::span(out)), &size, octets(hash), hash.size()) != 1) {
    return openssl_failure(Fault::kRefused, "the key cannot sign this hash");
  }
  parsed_->signing->give_back(scheme, digest, std::move(context));
  out.resize(size);
  if (scheme == SignatureScheme::kEcdsaRaw) return raw_from_der(out, coordinate_size(*public_key().curve()));
  return out;
}

Result<Bytes> PrivateKey::sign(SignatureScheme scheme, Digest digest, ByteView message) const {
  return sign_hash(scheme, digest, crypto::digest(digest, {message}));
}

Result<SecretBytes> PrivateKey::agree(const PublicKey& peer) const {
  if (!public_key().curve() || public_key().curve() != peer.curve()) {
    return airtight::fail(Fault::kRefused, "keys agree only if both are EC keys of the same curve");
  }
  const PkeyContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, parsed_->pkey.get(), nullptr));
  require(context && EVP_PKEY_derive_init(context.get()) == 1, "starting a key agreement");
  // The point was checked against the curve when `peer` was made.
  if (EVP_PKEY_derive_set_peer_ex(context.get(), peer.parsed_->pkey.get(), 0) != 1) {
    return openssl_failure(Fault::kRefused, "the keys do not agree");
  }
  std::size_t size = coordinate_size(*peer.curve());
  SecretBytes out(size);
  if (EVP_PKEY_derive(context.get(), octets(out.expose_secret_for_writing()), &size) != 1 || size != out.size()) {
    return openssl_failure(Fault::kRefused, "the keys do not agree");
  }
  return out;
}

}  // namespace airtight::crypto
