// The user API: signHashedData and getKeyProtectionInfo, and enumerateKeys.
#include "sks/capabilities.h"
#include "sks/engine.h"

namespace airtight::sks {
namespace {

bool may_sign(KeyUsage usage) {
  return usage == KeyUsage::kSignature || usage == KeyUsage::kAuthentication || usage == KeyUsage::kUniversal;
}

// RSA with RSA, ECDSA with EC; and PSS needs room for hash and salt (RFC 8017 9.1.1).
bool fits(const SignatureAlgorithm& algorithm, const crypto::PublicKey& key) {
  if ((algorithm.scheme == crypto::SignatureScheme::kEcdsaRaw) != (key.type() == KeyAlgorithmType::kEcc)) return false;
  if (algorithm.scheme != crypto::SignatureScheme::kRsaPss) return true;
  return (key.bits() - 1 + 7) / 8 >= 2 * crypto::digest_size(algorithm.digest) + 2;
}

// The PIN of `key`, and that a PIN was given exactly if there is one. An empty PIN is refused without being counted.
Result<std::optional<PinCheck>> pin_check(const Call& call, const Key& key, const SecretBytes& given) {
  if (key.pin == 0) {
    if (!given.empty()) return fail(Status::kOption, "there is a PIN for a key that has none");
    return std::optional<PinCheck>();
  }
  auto pin = TRY(call.state.pin(key.pin));
  const auto policy = TRY(call.state.pin_policy(key.pin_policy));
  if (!pin || !policy) return fail(Status::kInternal, "the PIN of the key is missing");
  if (given.empty()) return fail(Status::kAuthorization, "the key needs a PIN");
  return std::optional<PinCheck>(PinCheck{std::move(*pin), policy->retry_limit});
}

}  // namespace

Result<EnumerateKeys::Response> perform(Call& call, const EnumerateKeys& request) {
  Handle from = request.key_handle + 1;  // kNoHandle + 1 is 0
  while (const auto key = TRY(call.state.key_from(from))) {
    from = key->handle + 1;
    const auto session = call.unless_expired(TRY(call.state.session(key->session)));
    if (!session) continue;
    EnumerateKeys::Key listed;
    listed.provisioning_handle = key->session;
    listed.id.value = key->id;
    listed.key_usage = static_cast<std::uint8_t>(key->usage);
    listed.friendly_name = to_bytes(key->friendly_name);
    if (!session->open) listed.x509_certificates = key->certificate_path;
    return EnumerateKeys::Response{key->handle, std::move(listed)};
  }
  return EnumerateKeys::Response{};
}

// sks.md section 4, the order of errors of the user API: key, usage, algorithm, lengths, PIN.
Result<std::optional<PinCheck>> authorize(Call& call, const SignHashedData& request) {
  const Key key = TRY(call.provisioned_key(request.key_handle));
  if (!may_sign(key.usage)) return fail(Status::kNotAllowed, "the KeyUsage of the key does not allow it to sign");
  const auto algorithm = signature_algorithm(request.signature_algorithm);
  if (!algorithm) return fail(Status::kAlgorithm, "SignatureAlgorithm is not supported");
  const crypto::PrivateKey private_key = TRY(call.state.private_key(key));
  if (!fits(*algorithm, private_key.public_key())) return fail(Status::kAlgorithm, "SignatureAlgorithm does not fit the key");
  if (request.hashed_data.size() != crypto::digest_size(algorithm->digest)) {
    return fail(Status::kOption, "HashedData has the wrong length for SignatureAlgorithm");
  }
  return pin_check(call, key, request.pin);
}

Result<SignHashedData::Response> perform(Call& call, const SignHashedData& request) {
  const Key key = TRY(call.provisioned_key(request.key_handle));
  const auto algorithm = signature_algorithm(request.signature_algorithm);
  const crypto::PrivateKey private_key = TRY(call.state.private_key(key));
  Bytes result = TRY(private_key.sign_hash(algorithm->scheme, algorithm->digest, request.hashed_data));
  return SignHashedData::Response{std::move(result)};
}

Result<GetKeyProtectionInfo::Response> perform(Call& call, const GetKeyProtectionInfo& request) {
  const Key key = TRY(call.provisioned_key(request.key_handle));
  GetKeyProtectionInfo::Response info;
  info.biometric_protection = static_cast<std::uint8_t>(key.biometric_protection);
  info.private_key_backup = key.private_key_backup;
  info.export_policy = static_cast<std::uint8_t>(key.export_policy);
  info.updatable = key.updatable;
  info.delete_policy = static_cast<std::uint8_t>(key.delete_policy);
  info.enable_pin_caching = key.enable_pin_caching;
  info.import_private_key = key.import_private_key;
  if (key.pin == 0) return info;
  const auto policy = TRY(call.state.pin_policy(key.pin_policy));
  const auto pin = TRY(call.state.pin(key.pin));
  if (!policy || !pin) return fail(Status::kInternal, "the PIN of the key is missing");
  info.protection_status = kPinProtected;
  info.user_modifiable = policy->user_modifiable;
  info.format = static_cast<std::uint8_t>(policy->rules.format);
  info.retry_limit = policy->retry_limit;
  info.grouping = static_cast<std::uint8_t>(policy->grouping);
  info.pattern_restrictions = policy->rules.pattern_restrictions;
  info.min_length = policy->rules.min_length;
  info.max_length = policy->rules.max_length;
  info.input_method = static_cast<std::uint8_t>(policy->input_method);
  info.pin_error_count = pin->error_count;
  if (pin->error_count >= policy->retry_limit) info.protection_status |= kPinLocked;
  if (policy->puk_policy == 0) return info;
  const auto puk = TRY(call.state.puk_policy(policy->puk_policy));
  if (!puk) return fail(Status::kInternal, "the PUK of the key is missing");
  info.protection_status |= kPukProtected;
  info.puk_retry_limit = puk->retry_limit;
  info.puk_error_count = puk->error_count;
  if (puk->retry_limit != 0 && puk->error_count >= puk->retry_limit) info.protection_status |= kPukLocked;
  return info;
}

}  // namespace airtight::sks
