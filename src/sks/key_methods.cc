// createPUKPolicy, createPINPolicy, createKeyPair and setCertificatePath.
#include <algorithm>

#include "base/algorithms.h"
#include "base/text.h"
#include "crypto/random.h"
#include "sks/capabilities.h"
#include "sks/engine.h"

namespace airtight::sks {
namespace {

constexpr std::size_t kMaxPassphrase = 100;  // bytes of a PIN or PUK
constexpr std::size_t kMaxFriendlyName = 100;

// Policy names: an id, and not `Device` (sks.md section 1), new in its name space.
template <typename Named>
Result<> check_new_id(const Id& id, const std::vector<Named>& existing, std::string_view what) {
  if (!is_sks_id(id.value)) return fail(Status::kOption, std::string(what) + " ID is no NCName of 1 to 32 bytes");
  if (std::ranges::any_of(existing, [&](const Named& other) { return other.id == id.value; })) {
    return fail(Status::kOption, "there is already a " + std::string(what) + " with the ID " + id.value);
  }
  return {};
}

Result<> check_policy_name(const Id& id) {
  if (id.value == "Device") return fail(Status::kOption, "a policy may not be called Device");
  return {};
}

template <typename E>
Result<E> enumerated(std::uint8_t byte, std::string_view name) {
  const auto value = value_of_byte<E>(byte);
  if (!value) return fail(Status::kOption, std::string(name) + " has no such value");
  return *value;
}

// What a key inherits from the policy above it.
struct Protection {
  std::optional<PinPolicy> pin;
  std::optional<PukPolicy> puk;
};

Result<Protection> find_protection(const Call& call, const Session& session, Handle pin_policy_handle) {
  Protection protection;
  if (pin_policy_handle == 0) return protection;
  if (pin_policy_handle == kNoHandle) return fail(Status::kOption, "this key store has no device PIN");
  protection.pin = TRY(call.state.pin_policy(pin_policy_handle));
  if (!protection.pin || protection.pin->session != session.handle) {
    return fail(Status::kOption, "there is no PIN policy with this handle in the provisioning session");
  }
  if (protection.pin->puk_policy != 0) protection.puk = TRY(call.state.puk_policy(protection.pin->puk_policy));
  return protection;
}

// The attributes of createKeyPair, checked one by one and against each other (sks.md section 7).
Result<Key> read_attributes(const CreateKeyPair& request) {
  Key key;
  key.id = request.id.value;
  key.pin_policy = request.pin_policy_handle;
  key.biometric_protection = TRY(enumerated<BiometricProtection>(request.biometric_protection, "BiometricProtection"));
  if (key.biometric_protection != BiometricProtection::kNone) return fail(Status::kOption, "this key store has no biometric protection");
  key.private_key_backup = request.private_key_backup;
  key.export_policy = TRY(enumerated<ExportPolicy>(request.export_policy, "ExportPolicy"));
  key.updatable = request.updatable;
  key.delete_policy = TRY(enumerated<DeletePolicy>(request.delete_policy, "DeletePolicy"));
  key.enable_pin_caching = request.enable_pin_caching;
  key.import_private_key = request.import_private_key;
  key.usage = TRY(enumerated<KeyUsage>(request.key_usage, "KeyUsage"));
  if (request.friendly_name.size() > kMaxFriendlyName || !is_utf8(request.friendly_name)) {
    return fail(Status::kOption, "FriendlyName is not 0 to 100 bytes of UTF-8");
  }
  key.friendly_name = to_text(request.friendly_name);
  const bool moves = key.private_key_backup || key.import_private_key;
  if (moves && (key.usage == KeyUsage::kTransport || key.usage == KeyUsage::kSymmetricKey)) {
    return fail(Status::kOption, "PrivateKeyBackup and ImportPrivateKey do not go with this KeyUsage");
  }
  if (key.private_key_backup && key.import_private_key) return fail(Status::kOption, "PrivateKeyBackup does not go with ImportPrivateKey");
  if (key.usage == KeyUsage::kTransport && key.export_policy != ExportPolicy::kNonExportable) {
    return fail(Status::kOption, "a transport key may not be exportable");
  }
  return key;
}

using GenerationSpec = std::variant<crypto::RsaSpec, crypto::EcSpec>;

Result<GenerationSpec> read_generation_spec(const CreateKeyPair& request) {
  if (const auto* ecc = std::get_if<EccKeySpec>(&request.key_algorithm)) {
    if (ecc->named_curve != uri::kP256) return fail(Status::kAlgorithm, "NamedCurve is not supported");
    return crypto::EcSpec{crypto::Curve::kP256};
  }
  const auto& rsa = std::get<RsaKeySpec>(request.key_algorithm);
  if (std::ranges::find(kRsaKeySizes, rsa.rsa_key_size) == kRsaKeySizes.end()) return fail(Status::kOption, "RSAKeySize is not offered");
  const std::uint32_t exponent = rsa.rsa_exponent == 0 ? kDefaultRsaExponent : rsa.rsa_exponent;
  if (exponent < 3 || exponent % 2 == 0) return fail(Status::kOption, "RSAExponent is not odd and at least 3");
  return crypto::RsaSpec{rsa.rsa_key_size, exponent};
}

// The PIN in clear: as the user gave it, or decrypted from the issuer.
Result<SecretBytes> read_pin(const Session& session, const PinPolicy& policy, const SecretBytes& value) {
  if (policy.user_defined) {
    TRY(check_user_pin(policy.rules, value.expose_secret()));
    return value.clone();
  }
  auto pin = decrypt(session.session_key, value.expose_secret());
  if (!pin || !length_fits(policy.rules, pin->expose_secret())) {
    return fail(Status::kCrypto, "PINValue does not decrypt to a PIN of this policy");  // one answer for both (sks.md section 6)
  }
  return pin;
}

// Whether `value` may stand beside the PINs already under the policy, and which of them it shares. 0: a PIN of its own.
Result<std::int64_t> place_in_group(const PinPolicy& policy, KeyUsage usage, const std::vector<Pin>& existing, const SecretBytes& value) {
  const PinHalf half = half_of(policy.grouping, usage);
  std::int64_t shared = 0;
  for (const Pin& other : existing) {
    const bool same = equal_in_constant_time(other.value.expose_secret(), value.expose_secret());
    const bool same_half = half != PinHalf::kOwn && other.half == half;
    if (same_half && !same) return fail(Status::kOption, "the PIN policy wants the same PIN as for the other keys of the group");
    if (same_half) shared = other.id;
    const bool must_differ = policy.grouping == Grouping::kUnique || (policy.grouping == Grouping::kSignatureStandard && !same_half);
    if (must_differ && same) return fail(Status::kOption, "the PIN policy wants another PIN than for the other keys of the group");
  }
  return shared;
}

PinProtection attested_protection(const Protection& protection, const SecretBytes& pin) {
  if (!protection.pin) return NoPin{};
  const PinPolicy& policy = *protection.pin;
  return AttestedPin{.id = policy.id,
                     .issuer_value = policy.user_defined ? nullptr : &pin,
                     .user_modifiable = policy.user_modifiable,
                     .format = policy.rules.format,
                     .retry_limit = policy.retry_limit,
                     .grouping = policy.grouping,
                     .pattern_restrictions = policy.rules.pattern_restrictions,
                     .min_length = policy.rules.min_length,
                     .max_length = policy.rules.max_length,
                     .input_method = policy.input_method};
}

Bytes attest_key(const Session& session, const Key& key, const Bytes32& issuer_seed, const Protection& protection, const SecretBytes& pin) {
  const AttestedKey attested{.id = key.id,
                             .issuer_seed = to_bytes(issuer_seed),
                             .public_key = key.public_key,
                             .private_key_backup = key.private_key_backup,
                             .biometric_protection = key.biometric_protection,
                             .export_policy = key.export_policy,
                             .updatable = key.updatable,
                             .delete_policy = key.delete_policy,
                             .enable_pin_caching = key.enable_pin_caching,
                             .import_private_key = key.import_private_key,
                             .key_usage = key.usage,
                             .friendly_name = key.friendly_name};
  std::optional<AttestedPuk> puk;
  if (protection.puk) puk = AttestedPuk{protection.puk->id, protection.puk->retry_limit, &protection.puk->value, protection.puk->format};
  return to_bytes(key_attestation(session.session_key, attested, attested_protection(protection, pin), puk));
}

// Checks PINValue and files it: as a new PIN among `changes`, or as a key more of a PIN that is there.
Result<SecretBytes> set_pin(Call& call, const Session& session, const Protection& protection, const SecretBytes& value, Key& key) {
  if (!protection.pin) {
    if (!value.empty()) return fail(Status::kOption, "there is a PINValue for a key without a PIN policy");
    return SecretBytes();
  }
  SecretBytes pin = TRY(read_pin(session, *protection.pin, value));
  const std::vector<Pin> existing = TRY(call.state.pins(protection.pin->handle));
  key.pin = TRY(place_in_group(*protection.pin, key.usage, existing, pin));
  if (key.pin != 0) return pin;
  key.pin = TRY(call.state.next_pin_id());
  Pin added;
  added.id = key.pin;
  added.policy = protection.pin->handle;
  added.half = half_of(protection.pin->grouping, key.usage);
  added.value = pin.clone();
  call.changes.emplace_back(InsertPin{std::move(added)});
  return pin;
}

Result<> check_path(const Key& key, const std::vector<Bytes>& path) {
  if (path.empty()) return fail(Status::kOption, "the certificate path is empty");
  std::vector<crypto::Certificate> certificates;
  for (const Bytes& der : path) {
    auto certificate = crypto::Certificate::parse(der);
    if (!certificate) return fail(Status::kCrypto, "a certificate cannot be read");
    certificates.push_back(std::move(*certificate));
  }
  if (!key.import_private_key && !equal(certificates.front().spki(), key.public_key)) {
    return fail(Status::kCrypto, "the end-entity certificate is for another key");
  }
  for (std::size_t i = 0; i + 1 < certificates.size(); ++i) {
    if (!certificates[i].verify_issued_by(certificates[i + 1])) return fail(Status::kCrypto, "the certificates form no path");
  }
  return {};
}

}  // namespace

Result<CreatePukPolicy::Response> perform(Call& call, const CreatePukPolicy& request) {
  Session session = TRY(call.open_session(request.provisioning_handle));
  TRY(call.use_session_key(session, 1));
  TRY(check_policy_name(request.id));
  const std::vector<PukPolicy> existing = TRY(call.state.puk_policies(session.handle));
  TRY(check_new_id(request.id, existing, "PUK policy"));
  PukPolicy policy;
  policy.format = TRY(enumerated<PassphraseFormat>(request.format, "Format"));
  auto value = decrypt(session.session_key, request.puk_value);
  if (!value || value->empty() || value->size() > kMaxPassphrase) {
    return fail(Status::kCrypto, "PUKValue does not decrypt to 1 to 100 bytes");
  }
  policy.handle = TRY(call.state.next_handle(HandleKind::kPukPolicy));
  policy.session = session.handle;
  policy.id = request.id.value;
  policy.retry_limit = request.retry_limit;
  policy.value = std::move(*value);
  const Handle handle = policy.handle;
  call.advance(session);
  call.changes.emplace_back(InsertPukPolicy{std::move(policy)});
  return CreatePukPolicy::Response{handle};
}

Result<CreatePinPolicy::Response> perform(Call& call, const CreatePinPolicy& request) {
  const Session session = TRY(call.open_session(request.provisioning_handle));
  if (request.puk_policy_handle != 0) {
    const auto puk = TRY(call.state.puk_policy(request.puk_policy_handle));
    if (!puk || puk->session != session.handle)
      return fail(Status::kOption, "there is no PUK policy with this handle in the provisioning session");
  }
  TRY(check_policy_name(request.id));
  const std::vector<PinPolicy> existing = TRY(call.state.pin_policies(session.handle));
  TRY(check_new_id(request.id, existing, "PIN policy"));
  PinPolicy policy;
  policy.rules.format = TRY(enumerated<PassphraseFormat>(request.format, "Format"));
  policy.grouping = TRY(enumerated<Grouping>(request.grouping, "Grouping"));
  policy.input_method = TRY(enumerated<InputMethod>(request.input_method, "InputMethod"));
  if (request.retry_limit == 0) return fail(Status::kOption, "RetryLimit of a PIN policy is 0");
  if (request.min_length == 0 || request.min_length > request.max_length || request.max_length > kMaxPassphrase) {
    return fail(Status::kOption, "MinLength and MaxLength are not 1 <= MinLength <= MaxLength <= 100");
  }
  if ((request.pattern_restrictions & ~kAllPatternRestrictions) != 0)
    return fail(Status::kOption, "PatternRestrictions has an unknown bit");
  const bool wants_groups = (request.pattern_restrictions & static_cast<std::uint8_t>(PatternRestriction::kMissingGroup)) != 0;
  if (wants_groups && policy.rules.format != PassphraseFormat::kAlphanumeric && policy.rules.format != PassphraseFormat::kString) {
    return fail(Status::kOption, "missing-group goes only with the formats alphanumeric and string");
  }
  policy.handle = TRY(call.state.next_handle(HandleKind::kPinPolicy));
  policy.session = session.handle;
  policy.id = request.id.value;
  policy.puk_policy = request.puk_policy_handle;
  policy.user_defined = request.user_defined;
  policy.user_modifiable = request.user_modifiable;
  policy.retry_limit = request.retry_limit;
  policy.rules.pattern_restrictions = request.pattern_restrictions;
  policy.rules.min_length = request.min_length;
  policy.rules.max_length = request.max_length;
  const Handle handle = policy.handle;
  call.changes.emplace_back(InsertPinPolicy{std::move(policy)});
  return CreatePinPolicy::Response{handle};
}

Result<CreateKeyPair::Response> perform(Call& call, const CreateKeyPair& request) {
  Session session = TRY(call.open_session(request.provisioning_handle));
  const Protection protection = TRY(find_protection(call, session, request.pin_policy_handle));
  const bool issuer_sets_pin = protection.pin && !protection.pin->user_defined;
  TRY(call.use_session_key(session, 1U + (issuer_sets_pin ? 1U : 0U) + (request.private_key_backup ? 1U : 0U)));
  if (request.attestation_algorithm != uri::kKeyAttestation1) return fail(Status::kAlgorithm, "AttestationAlgorithm is not supported");
  const std::vector<Key> existing = TRY(call.state.keys(session.handle));
  TRY(check_new_id(request.id, existing, "key"));
  Key key = TRY(read_attributes(request));
  const GenerationSpec spec = TRY(read_generation_spec(request));
  const SecretBytes pin = TRY(set_pin(call, session, protection, request.pin_value, key));

  // The seed is additional input and counts for no entropy: it cannot make the key weaker.
  crypto::stir_random(request.issuer_seed);
  auto made = std::visit([](const auto& wanted) { return crypto::PrivateKey::generate(wanted); }, spec);
  if (!made) return fail(Status::kInternal, "the key could not be generated");
  key.handle = TRY(call.state.next_handle(HandleKind::kKey));
  key.session = session.handle;
  key.public_key = made->public_key().spki();

  CreateKeyPair::Response response;
  response.generated_public_key = key.public_key;
  response.key_attestation = attest_key(session, key, request.issuer_seed, protection, pin);
  if (key.private_key_backup) {
    const SecretBytes pkcs8 = TRY(made->pkcs8());
    response.private_key = encrypt(session.session_key, pkcs8.expose_secret(), call.random);
  }
  response.key_handle = key.handle;
  call.advance(session);
  call.changes.emplace_back(InsertKey{std::move(key), std::move(*made)});
  return response;
}

Result<Nothing> perform(Call& call, const SetCertificatePath& request) {
  Session session = TRY(call.open_session(request.provisioning_handle));
  const Key key = TRY(call.key_of(session, request.key_handle));
  if (!key.certificate_path.empty()) return fail(Status::kNotAllowed, "the key has its certificate path already");
  TRY(call.use_session_key(session, 1));
  std::vector<ByteView> data = {key.public_key, bytes_of(key.id)};
  data.insert(data.end(), request.x509_certificates.begin(), request.x509_certificates.end());
  TRY(call.verify_mac(session, method_of<SetCertificatePath>().name, data, request.mac));
  TRY(check_path(key, request.x509_certificates));
  call.advance(session);
  call.changes.emplace_back(SetPath{key.handle, request.x509_certificates});
  return Nothing{};
}

}  // namespace airtight::sks
