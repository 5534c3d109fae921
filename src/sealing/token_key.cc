#include "sealing/token_key.h"

#include <algorithm>
#include <array>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "crypto/der.h"
#include "sealing/internal/attributes.h"
#include "sealing/internal/token.h"

namespace airtight::sealing {
namespace {

using crypto::Digest;
using crypto::PublicKey;
using crypto::SignatureScheme;
using internal::check_token;
using internal::data_of;
using internal::Template;
using internal::TokenSession;
using internal::TokenUri;

constexpr std::size_t kLargestSignature = 1024;  // bytes: RSA of 8192 bits
constexpr std::size_t kLargestAttribute = 2048;
constexpr std::size_t kKeyIdSize = 16;

Result<TokenUri> parse(const std::string& text) {
  TokenUri uri = TRY(TokenUri::parse(text));
  if (!uri.object_label().empty()) return uri;
  return fail(Fault::kBadInput, "\"" + text + "\" does not name a key in its token", "add ';object=LABEL' before any '?' of the URI");
}

std::string_view curve_oid(crypto::Curve curve) {
  // "urn:oid:1.2.840.10045.3.1.7"
  return crypto::curve_uri(curve).substr(std::string_view("urn:oid:").size());
}

Bytes curve_parameters(crypto::Curve curve) {
  crypto::der::Writer out;
  out.object_id(curve_oid(curve));
  return out.take();
}

Result<Bytes> attribute(TokenSession& session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type) {
  Bytes value(kLargestAttribute);
  CK_ATTRIBUTE wanted{type, value.data(), value.size()};
  TRY(check_token(session.functions().C_GetAttributeValue(session.handle(), object, &wanted, 1), "tell about a key"));
  if (wanted.ulValueLen > value.size()) return fail(Fault::kUnavailable, "the token's answer about a key cannot be read");
  value.resize(wanted.ulValueLen);
  return value;
}

// CKA_EC_POINT is the point in an OCTET STRING (PKCS #11, section 2.3.3); CKA_EC_PARAMS names the curve.
Result<PublicKey> read_ec_key(TokenSession& session, CK_OBJECT_HANDLE object) {
  const Bytes parameters = TRY(attribute(session, object, CKA_EC_PARAMS));
  const Bytes wrapped = TRY(attribute(session, object, CKA_EC_POINT));
  crypto::der::Reader reader(wrapped);
  const ByteView point = TRY(reader.octet_string());
  TRY(reader.expect_end());
  for (const crypto::Curve curve : {crypto::Curve::kP256, crypto::Curve::kP384, crypto::Curve::kP521}) {
    if (equal(parameters, curve_parameters(curve))) return PublicKey::from_ec_point(curve, point);
  }
  return fail(Fault::kRefused, "the key in the token is on a curve that is not supported", "use P-256, P-384 or P-521");
}

Result<PublicKey> read_public_key(TokenSession& session, CK_OBJECT_HANDLE object) {
  const Bytes type = TRY(attribute(session, object, CKA_KEY_TYPE));
  CK_ULONG number = 0;
  if (type.size() != sizeof number) return fail(Fault::kUnavailable, "the token does not say of what type its key is");
  std::ranges::copy(type, std::as_writable_bytes(std::span(&number, 1)).begin());
  if (number == CKK_EC) return read_ec_key(session, object);
  if (number != CKK_RSA) return fail(Fault::kRefused, "the key in the token is neither RSA nor EC");
  Bytes modulus = TRY(attribute(session, object, CKA_MODULUS));
  Bytes exponent = TRY(attribute(session, object, CKA_PUBLIC_EXPONENT));
  return PublicKey::from_rsa({std::move(modulus), std::move(exponent)});
}

Result<std::vector<CK_OBJECT_HANDLE>> find(TokenSession& session, CK_ULONG object_class, const std::string& label) {
  Bytes label_bytes = to_bytes(label);
  Template wanted;
  wanted.number(CKA_CLASS, object_class).bytes(CKA_LABEL, label_bytes);
  return internal::find_objects(session, wanted);
}

// DigestInfo of RSASSA-PKCS1-v1_5 (RFC 8017, section 9.2).
Bytes digest_info(Digest digest, ByteView hash) {
  const auto oid = [&]() -> std::string_view {
    switch (digest) {
      case Digest::kSha1: return "1.3.14.3.2.26";
      case Digest::kSha256: return "2.16.840.1.101.3.4.2.1";
      case Digest::kSha384: return "2.16.840.1.101.3.4.2.2";
      case Digest::kSha512: break;
    }
    return "2.16.840.1.101.3.4.2.3";
  }();
  crypto::der::Writer out;
  out.sequence([&](crypto::der::Writer& info) {
    info.sequence([&](crypto::der::Writer& algorithm) {
      algorithm.object_id(oid);
      algorithm.null();
    });
    info.octet_string(hash);
  });
  return out.take();
}

Bytes ecdsa_der(ByteView raw) {
  crypto::der::Writer out;
  out.sequence([&](crypto::der::Writer& numbers) {
    numbers.unsigned_integer(raw.first(raw.size() / 2));
    numbers.unsigned_integer(raw.last(raw.size() / 2));
  });
  return out.take();
}

class TokenSigner final : public crypto::Signer {
 public:
  TokenSigner(std::unique_ptr<TokenSession> session, CK_OBJECT_HANDLE private_key, PublicKey public_key)
      : session_(std::move(session)), private_key_(private_key), public_key_(std::move(public_key)) {}

  [[nodiscard]] const PublicKey& public_key() const override { return public_key_; }

  [[nodiscard]] Result<Bytes> sign(SignatureScheme scheme, Digest digest, ByteView message) const override {
    const Bytes hash = crypto::digest(digest, {message});
    const bool rsa = public_key_.type() == KeyAlgorithmType::kRsa;
    if (rsa) {
      if (scheme != SignatureScheme::kRsaPkcs1) return unsupported();
      return raw_signature(CKM_RSA_PKCS, digest_info(digest, hash));
    }
    if (scheme != SignatureScheme::kEcdsaDer && scheme != SignatureScheme::kEcdsaRaw) return unsupported();
    Bytes raw = TRY(raw_signature(CKM_ECDSA, hash));
    if (raw.size() != 2 * crypto::coordinate_size(*public_key_.curve())) {
      return fail(Fault::kUnavailable, "the token '" + session_->label() + "' made a signature of the wrong length");
    }
    return scheme == SignatureScheme::kEcdsaRaw ? std::move(raw) : ecdsa_der(raw);
  }

 private:
  static Failure unsupported() { return fail(Fault::kRefused, "a key in a token signs with RSASSA-PKCS1-v1_5 or ECDSA alone"); }

  // A PKCS #11 session does one thing at a time.
  [[nodiscard]] Result<Bytes> raw_signature(CK_MECHANISM_TYPE type, Bytes input) const {
    const std::lock_guard lock(mutex_);
    CK_MECHANISM mechanism = {type, nullptr, 0};
    Bytes out(kLargestSignature);
    CK_ULONG size = out.size();
    TRY(check_token(session_->functions().C_SignInit(session_->handle(), &mechanism, private_key_), "sign"));
    TRY(check_token(session_->functions().C_Sign(session_->handle(), data_of(input), input.size(), data_of(out), &size), "sign"));
    out.resize(std::min<std::size_t>(out.size(), size));
    return out;
  }

  mutable std::mutex mutex_;
  std::unique_ptr<TokenSession> session_;
  CK_OBJECT_HANDLE private_key_;
  PublicKey public_key_;
};

struct Pair {
  CK_OBJECT_HANDLE public_key = CK_INVALID_HANDLE;
  CK_OBJECT_HANDLE private_key = CK_INVALID_HANDLE;
};

Result<Pair> generate(TokenSession& session, const TokenKeySpec& spec, const std::string& label) {
  Bytes label_bytes = to_bytes(label);
  // The identifier ties the two objects together; certificates find them by it.
  Bytes key_id = to_bytes(ByteView(crypto::sha256(bytes_of(label))).first(kKeyIdSize));
  Template public_template;
  Template private_template;
  public_template.flag(CKA_TOKEN, true).flag(CKA_VERIFY, true).bytes(CKA_LABEL, label_bytes).bytes(CKA_ID, key_id);
  private_template.flag(CKA_TOKEN, true).flag(CKA_PRIVATE, true).flag(CKA_SENSITIVE, true).flag(CKA_EXTRACTABLE, false);
  private_template.flag(CKA_SIGN, true).flag(CKA_DECRYPT, false).flag(CKA_UNWRAP, false);
  private_template.bytes(CKA_LABEL, label_bytes).bytes(CKA_ID, key_id);
  std::array exponent = {std::byte{1}, std::byte{0}, std::byte{1}};
  CK_ULONG bits = 0;
  Bytes curve;
  CK_MECHANISM mechanism = {CKM_RSA_PKCS_KEY_PAIR_GEN, nullptr, 0};
  if (const auto* rsa = std::get_if<crypto::RsaSpec>(&spec)) {
    bits = rsa->bits;
    public_template.number(CKA_MODULUS_BITS, bits).bytes(CKA_PUBLIC_EXPONENT, exponent);
  } else {
    mechanism.mechanism = CKM_EC_KEY_PAIR_GEN;
    curve = curve_parameters(std::get<crypto::EcSpec>(spec).curve);
    public_template.bytes(CKA_EC_PARAMS, curve);
  }
  Pair pair;
  TRY(check_token(
      session.functions().C_GenerateKeyPair(session.handle(), &mechanism, public_template.data(), public_template.size(),
                                            private_template.data(), private_template.size(), &pair.public_key, &pair.private_key),
      "make a key pair"));
  return pair;
}

}  // namespace

Result<> check_token_key_uri(const std::string& uri) {
  TRY(parse(uri));
  return {};
}

Result<std::shared_ptr<const crypto::Signer>> make_token_key(const std::string& uri, const TokenKeySpec& spec,
                                                             const PassphrasePrompt& prompt) {
  const TokenUri parsed = TRY(parse(uri));
  auto session = TRY(TokenSession::open(parsed, TokenSession::Access::kWrite));
  TRY(session->log_in(prompt));
  for (const CK_ULONG object_class : {CKO_PRIVATE_KEY, CKO_PUBLIC_KEY}) {
    const std::vector<CK_OBJECT_HANDLE> there = TRY(find(*session, object_class, parsed.object_label()));
    if (there.empty()) continue;
    return fail(Fault::kRefused, "the token '" + session->label() + "' has a key '" + parsed.object_label() + "' already",
                "give the new key another label: ';object=LABEL'");
  }
  const Pair pair = TRY(generate(*session, spec, parsed.object_label()));
  PublicKey public_key = TRY(read_public_key(*session, pair.public_key));
  return std::make_shared<const TokenSigner>(std::move(session), pair.private_key, std::move(public_key));
}

Result<std::shared_ptr<const crypto::Signer>> open_token_key(const std::string& uri, const PassphrasePrompt& prompt) {
  const TokenUri parsed = TRY(parse(uri));
  auto session = TRY(TokenSession::open(parsed, TokenSession::Access::kRead));
  TRY(session->log_in(prompt));
  const std::vector<CK_OBJECT_HANDLE> private_keys = TRY(find(*session, CKO_PRIVATE_KEY, parsed.object_label()));
  const std::vector<CK_OBJECT_HANDLE> public_keys = TRY(find(*session, CKO_PUBLIC_KEY, parsed.object_label()));
  if (private_keys.empty() || public_keys.empty()) {
    return fail(Fault::kNotFound, "the token '" + session->label() + "' does not hold the key '" + parsed.object_label() + "'",
                "insert the token that the key was made in; a token of the same name is not enough");
  }
  if (private_keys.size() > 1 || public_keys.size() > 1) {
    return fail(Fault::kRefused, "the token '" + session->label() + "' has several keys '" + parsed.object_label() + "'",
                "rename those that are not the CA's with the token's own tool");
  }
  PublicKey public_key = TRY(read_public_key(*session, public_keys.front()));
  return std::make_shared<const TokenSigner>(std::move(session), private_keys.front(), std::move(public_key));
}

}  // namespace airtight::sealing
