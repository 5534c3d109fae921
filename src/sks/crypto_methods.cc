// What keys are for: signHashedData, asymmetricKeyDecrypt, keyAgreement, performHMAC and symmetricKeyEncrypt.
#include <algorithm>

#include "base/algorithms.h"
#include "sks/capabilities.h"
#include "sks/engine.h"
#include "sks/internal/key_protection.h"

namespace airtight::sks {
namespace {

using crypto::kAesBlock;
using internal::wants_use;

// sks.md section 7, "Key usage in the user API".
bool may_sign(KeyUsage usage) {
  return usage == KeyUsage::kSignature || usage == KeyUsage::kAuthentication || usage == KeyUsage::kUniversal;
}
bool may_decrypt(KeyUsage usage) { return usage == KeyUsage::kEncryption || usage == KeyUsage::kUniversal; }

Result<> check_usage(bool allowed) {
  if (!allowed) return fail(Status::kNotAllowed, "the KeyUsage of the key does not allow this");
  return {};
}

// RSA with RSA, ECDSA with EC; and PSS needs room for hash and salt (RFC 8017 9.1.1).
bool fits(const SignatureAlgorithm& algorithm, const crypto::PublicKey& key) {
  if ((algorithm.scheme == crypto::SignatureScheme::kEcdsaRaw) != (key.type() == KeyAlgorithmType::kEcc)) return false;
  if (algorithm.scheme != crypto::SignatureScheme::kRsaPss) return true;
  return (key.bits() - 1 + 7) / 8 >= 2 * crypto::digest_size(algorithm.digest) + 2;
}

// The symmetric key of `handle`, which may be used with `algorithm`.
Result<Call::UserKey> symmetric_user_key(Call& call, Handle handle, std::string_view algorithm, bool is_supported) {
  Call::UserKey user = TRY(call.user_key(handle));
  TRY(check_usage(user.key->usage == KeyUsage::kSymmetricKey));
  if (!is_supported) return fail(Status::kAlgorithm, "Algorithm is not supported");
  if (std::ranges::find(user.key->endorsed_algorithms, algorithm) == user.key->endorsed_algorithms.end()) {
    return fail(Status::kAlgorithm, "Algorithm is not endorsed for this key");
  }
  return user;
}

// sks.md section 9: "an empty IV argument means the IV stands before the cipher text in Data".
Result<> check_lengths(const SymmetricCipher& cipher, const SymmetricKeyEncrypt& request) {
  const std::size_t size = request.data.value.size();
  if (cipher.mode == crypto::BlockMode::kEcb && !request.iv.empty()) return fail(Status::kOption, "ECB has no IV");
  if (!request.iv.empty() && request.iv.size() != kAesBlock) return fail(Status::kOption, "IV has neither 0 nor 16 bytes");
  if (request.encrypt) {
    if (!cipher.padding && size % kAesBlock != 0) return fail(Status::kOption, "Data are not of whole blocks");
    return {};
  }
  const std::size_t least = cipher.padding ? kAesBlock : 0;
  const bool iv_in_data = cipher.mode == crypto::BlockMode::kCbc && request.iv.empty();
  if (size % kAesBlock != 0 || size < least + (iv_in_data ? kAesBlock : 0)) {
    return fail(Status::kCrypto, "Data are no cipher text of this algorithm");
  }
  return {};
}

SecretBytes encrypt(const SymmetricCipher& cipher, ByteView key, const SymmetricKeyEncrypt& request, RandomSource& random) {
  const ByteView data = request.data.value.expose_secret();
  SecretBytes padded;
  if (cipher.padding) padded = crypto::pad_pkcs7(data);
  const ByteView blocks = cipher.padding ? padded.expose_secret() : data;
  if (cipher.mode == crypto::BlockMode::kEcb) return crypto::encrypt_aes(cipher.mode, key, {}, blocks);
  if (!request.iv.empty()) return crypto::encrypt_aes(cipher.mode, key, request.iv, blocks);
  const Bytes iv = random.bytes(kAesBlock);
  const SecretBytes cipher_text = crypto::encrypt_aes(cipher.mode, key, iv, blocks);
  return SecretBytes::copy_of(concat({iv, cipher_text.expose_secret()}));
}

Result<SecretBytes> decrypt(const SymmetricCipher& cipher, ByteView key, const SymmetricKeyEncrypt& request) {
  ByteView data = request.data.value.expose_secret();
  ByteView iv = request.iv;
  if (cipher.mode == crypto::BlockMode::kCbc && iv.empty()) {
    iv = data.first(kAesBlock);
    data = data.subspan(kAesBlock);
  }
  SecretBytes blocks = crypto::decrypt_aes(cipher.mode, key, iv, data);
  if (!cipher.padding) return blocks;
  auto plain = crypto::unpad(std::move(blocks), *cipher.padding);
  if (!plain) return fail(Status::kCrypto, "Data do not decrypt with this key");
  return std::move(*plain);
}

}  // namespace

// sks.md section 4, the order of errors of the user API: key, usage, algorithm, lengths, PIN.
Result<Authorization> authorize(Call& call, const SignHashedData& request) {
  const Call::UserKey user = TRY(call.user_key(request.key_handle));
  TRY(check_usage(may_sign(user.key->usage)));
  const SignatureAlgorithm* const algorithm = signature_algorithm(request.signature_algorithm);
  if (algorithm == nullptr) return fail(Status::kAlgorithm, "SignatureAlgorithm is not supported");
  const crypto::PrivateKey key = TRY(call.state.private_key(*user.key));
  if (!fits(*algorithm, key.public_key())) return fail(Status::kAlgorithm, "SignatureAlgorithm does not fit the key");
  if (request.hashed_data.size() != crypto::digest_size(algorithm->digest)) {
    return fail(Status::kOption, "HashedData has the wrong length for SignatureAlgorithm");
  }
  return wants_use(call, user, method_of<SignHashedData>().name, request.pin);
}

Result<SignHashedData::Response> perform(Call& call, const SignHashedData& request) {
  const Call::UserKey user = TRY(call.user_key(request.key_handle));
  const SignatureAlgorithm* const algorithm = signature_algorithm(request.signature_algorithm);
  const crypto::PrivateKey key = TRY(call.state.private_key(*user.key));
  return SignHashedData::Response{TRY(key.sign_hash(algorithm->scheme, algorithm->digest, request.hashed_data))};
}

Result<Authorization> authorize(Call& call, const AsymmetricKeyDecrypt& request) {
  const Call::UserKey user = TRY(call.user_key(request.key_handle));
  TRY(check_usage(may_decrypt(user.key->usage)));
  const crypto::PrivateKey key = TRY(call.state.private_key(*user.key));
  if (decryption_algorithm(request.algorithm) == nullptr || key.public_key().type() != KeyAlgorithmType::kRsa) {
    return fail(Status::kAlgorithm, "Algorithm is not supported, or does not fit the key");
  }
  if (request.encrypted_data.size() != (key.public_key().bits() + 7) / 8) {
    return fail(Status::kCrypto, "EncryptedData are not as long as the modulus of the key");
  }
  return wants_use(call, user, method_of<AsymmetricKeyDecrypt>().name, request.pin);
}

Result<AsymmetricKeyDecrypt::Response> perform(Call& call, const AsymmetricKeyDecrypt& request) {
  const Call::UserKey user = TRY(call.user_key(request.key_handle));
  const crypto::PrivateKey key = TRY(call.state.private_key(*user.key));
  auto plain = key.decrypt(decryption_algorithm(request.algorithm)->scheme, request.encrypted_data);
  if (!plain) return fail(Status::kCrypto, "EncryptedData do not decrypt with this key");
  return AsymmetricKeyDecrypt::Response{std::move(*plain)};
}

Result<Authorization> authorize(Call& call, const KeyAgreement& request) {
  const Call::UserKey user = TRY(call.user_key(request.key_handle));
  TRY(check_usage(may_decrypt(user.key->usage)));
  const crypto::PrivateKey key = TRY(call.state.private_key(*user.key));
  if (request.algorithm != uri::kEcdhRaw || key.public_key().type() != KeyAlgorithmType::kEcc) {
    return fail(Status::kAlgorithm, "Algorithm is not supported, or does not fit the key");
  }
  return wants_use(call, user, method_of<KeyAgreement>().name, request.pin);
}

Result<KeyAgreement::Response> perform(Call& call, const KeyAgreement& request) {
  const Call::UserKey user = TRY(call.user_key(request.key_handle));
  const crypto::PrivateKey key = TRY(call.state.private_key(*user.key));
  const auto peer = crypto::PublicKey::from_spki(request.public_key);
  if (!peer) return fail(Status::kCrypto, "PublicKey is no SubjectPublicKeyInfo of a point on its curve");
  auto shared = key.agree(*peer);
  if (!shared) return fail(Status::kCrypto, "PublicKey is not on the curve of the key");
  return KeyAgreement::Response{std::move(*shared)};
}

Result<Authorization> authorize(Call& call, const PerformHmac& request) {
  const bool is_supported = hmac_algorithm(request.algorithm) != nullptr;
  const Call::UserKey user = TRY(symmetric_user_key(call, request.key_handle, request.algorithm, is_supported));
  return wants_use(call, user, method_of<PerformHmac>().name, request.pin);
}

Result<PerformHmac::Response> perform(Call& call, const PerformHmac& request) {
  const Call::UserKey user = TRY(call.user_key(request.key_handle));
  const SharedSecret key = TRY(call.state.symmetric_key(*user.key));
  const HmacAlgorithm* const algorithm = hmac_algorithm(request.algorithm);
  return PerformHmac::Response{crypto::hmac(algorithm->digest, key->expose_secret(), request.data.value.expose_secret())};
}

Result<Authorization> authorize(Call& call, const SymmetricKeyEncrypt& request) {
  const SymmetricCipher* const cipher = symmetric_cipher(request.algorithm);
  const Call::UserKey user = TRY(symmetric_user_key(call, request.key_handle, request.algorithm, cipher != nullptr));
  TRY(check_lengths(*cipher, request));
  return wants_use(call, user, method_of<SymmetricKeyEncrypt>().name, request.pin);
}

Result<SymmetricKeyEncrypt::Response> perform(Call& call, const SymmetricKeyEncrypt& request) {
  const Call::UserKey user = TRY(call.user_key(request.key_handle));
  const SharedSecret key = TRY(call.state.symmetric_key(*user.key));
  const SymmetricCipher& cipher = *symmetric_cipher(request.algorithm);
  SymmetricKeyEncrypt::Response response;
  response.data.value =
      request.encrypt ? encrypt(cipher, key->expose_secret(), request, call.random) : TRY(decrypt(cipher, key->expose_secret(), request));
  return response;
}

}  // namespace airtight::sks
