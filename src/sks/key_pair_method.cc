// createKeyPair.
#include <algorithm>

#include "base/algorithms.h"
#include "crypto/random.h"
#include "sks/capabilities.h"
#include "sks/engine.h"
#include "sks/internal/arguments.h"
#include "sks/internal/key_protection.h"

namespace airtight::sks {
namespace {

using internal::enumerated;

constexpr std::size_t kMaxFriendlyName = 100;

// The policy above a key that is to be made.
struct ChosenProtection {
  const PinPolicy* pin = nullptr;  // null: none, or the device PIN
  const PukPolicy* puk = nullptr;
  bool is_device_pin = false;
  [[nodiscard]] bool has_pin() const { return pin != nullptr || is_device_pin; }
  [[nodiscard]] bool issuer_sets_pin() const { return pin != nullptr && !pin->user_defined; }
};

Result<ChosenProtection> find_protection(const Call& call, const SessionTree& tree, Handle pin_policy_handle) {
  ChosenProtection protection;
  if (pin_policy_handle == 0) return protection;
  if (pin_policy_handle == kDevicePinHandle) {
    const internal::Protection device = TRY(internal::device_pin(call));
    if (!device.tree) return fail(Status::kOption, "this key store has no device PIN");
    protection.is_device_pin = true;
    return protection;
  }
  protection.pin = tree.pin_policy(pin_policy_handle);
  if (protection.pin == nullptr) return fail(Status::kOption, "there is no PIN policy with this handle in the provisioning session");
  protection.puk = tree.puk_policy(protection.pin->puk_policy);
  return protection;
}

// sks.md section 12: all arguments but the handle. The issuer knows a policy by its ID and does not know a PIN that the user defines.
Result<> verify_mac_of_sk2(Session& session, const CreateKeyPair& request, const ChosenProtection& protection) {
  if (!request.mac) return {};
  const auto flag = [](bool value) { return MacInput::byte(static_cast<std::uint8_t>(value ? 1 : 0)); };
  std::vector<MacInput> data = {MacInput::text(request.attestation_algorithm), ByteView(request.issuer_seed),
                                MacInput::text(request.id.value)};
  if (protection.pin != nullptr) {
    data.push_back(MacInput::text(protection.pin->id));
  } else {
    data.push_back(MacInput::text(protection.is_device_pin ? "Device" : ""));
  }
  data.emplace_back(protection.issuer_sets_pin() ? request.pin_value.expose_secret() : ByteView());
  data.push_back(MacInput::byte(request.biometric_protection));
  data.push_back(flag(request.private_key_backup));
  data.push_back(MacInput::byte(request.export_policy));
  data.push_back(flag(request.updatable));
  data.push_back(MacInput::byte(request.delete_policy));
  data.push_back(flag(request.enable_pin_caching));
  data.push_back(flag(request.import_private_key));
  data.push_back(MacInput::byte(request.key_usage));
  data.emplace_back(ByteView(request.friendly_name));
  data.push_back(MacInput::byte(static_cast<std::uint8_t>(request.key_algorithm.index())));
  Bytes size;
  Bytes exponent;
  if (const auto* rsa = std::get_if<RsaKeySpec>(&request.key_algorithm)) {
    size = big_endian(rsa->rsa_key_size, 2);
    exponent = big_endian(rsa->rsa_exponent, 4);
    data.emplace_back(ByteView(size));
    data.emplace_back(ByteView(exponent));
  } else {
    data.push_back(MacInput::text(std::get<EccKeySpec>(request.key_algorithm).named_curve));
  }
  return Call::verify_mac(session, method_of<CreateKeyPair>().name, data, *request.mac);
}

// sks.md section 7, "Biometric Protection".
Result<> check_biometric(const Call& call, BiometricProtection biometric, bool has_pin) {
  if (biometric == BiometricProtection::kNone) return {};
  if (!call.state.has_approver()) return fail(Status::kOption, "this key store has no biometric protection");
  // That the others have a PIN is seen when the session closes: a key that is to update another one will have that key's.
  if (biometric == BiometricProtection::kExclusive && has_pin)
    return fail(Status::kOption, "a key that is protected by biometrics exclusively has no PIN");
  return {};
}

// The attributes of the key, checked one by one and against each other (sks.md section 7).
Result<Key> read_attributes(const Call& call, const CreateKeyPair& request, const ChosenProtection& protection) {
  Key key;
  key.id = request.id.value;
  key.pin_policy = request.pin_policy_handle;
  key.biometric_protection = TRY(enumerated<BiometricProtection>(request.biometric_protection, "BiometricProtection"));
  TRY(check_biometric(call, key.biometric_protection, protection.has_pin()));
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

Result<GenerationSpec> read_generation_spec(const StoreOptions& options, const CreateKeyPair& request) {
  if (const auto* ecc = std::get_if<EccKeySpec>(&request.key_algorithm)) {
    const auto curve = key_curve(options, ecc->named_curve);
    if (!curve) return fail(Status::kAlgorithm, "NamedCurve is not supported");
    return crypto::EcSpec{*curve};
  }
  const auto& rsa = std::get<RsaKeySpec>(request.key_algorithm);
  if (std::ranges::find(kRsaKeySizes, rsa.rsa_key_size) == kRsaKeySizes.end()) return fail(Status::kOption, "RSAKeySize is not offered");
  const std::uint32_t exponent = rsa.rsa_exponent == 0 ? kDefaultRsaExponent : rsa.rsa_exponent;
  if (exponent < 3 || exponent % 2 == 0) return fail(Status::kOption, "RSAExponent is not odd and at least 3");
  return crypto::RsaSpec{rsa.rsa_key_size, exponent};
}

// PINValue in clear: as the user gave it, or decrypted from the issuer; empty without a local policy.
Result<SecretBytes> read_pin(const Session& session, const MethodUse& use, const PinPolicy* policy, const SecretBytes& value) {
  if (policy == nullptr) {
    if (!value.empty()) return fail(Status::kOption, "there is a PINValue for a key without a PIN policy");
    return SecretBytes();
  }
  if (policy->user_defined) {
    TRY(check_user_pin(policy->rules, value.expose_secret()));
    return value.clone();
  }
  auto pin = decrypt(session_key_of(session), use, value.expose_secret());
  if (!pin || !length_fits(policy->rules, pin->expose_secret())) {
    return fail(Status::kCrypto, "PINValue does not decrypt to a PIN of this policy");  // one answer for both (sks.md section 6)
  }
  return pin;
}

PinProtection attested_protection(const ChosenProtection& protection, const SecretBytes& pin) {
  if (protection.is_device_pin) return DevicePin{};
  if (protection.pin == nullptr) return NoPin{};
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

Bytes attest_key(const Session& session, const Key& key, const Bytes32& issuer_seed, const ChosenProtection& protection,
                 const SecretBytes& pin) {
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
  if (protection.puk != nullptr) {
    puk = AttestedPuk{protection.puk->id, protection.puk->retry_limit, protection.puk->value.get(), protection.puk->format};
  }
  return to_bytes(key_attestation(session_key_of(session), attested, attested_protection(protection, pin), puk));
}

// Files the PIN of `key`: as one of its own, or as that of `shared`.
Result<> file_pin(const Call& call, SessionTree& tree, const PinPolicy& policy, const Pin* shared, SecretBytes value, Key& key) {
  if (shared != nullptr) {
    key.pin = shared->id;
    return {};
  }
  Pin added;
  added.id = TRY(call.state.draw_handle(HandleKind::kPin));
  added.policy = policy.handle;
  added.half = half_of(policy.grouping, key.usage);
  added.value = share(std::move(value));
  key.pin = added.id;
  tree.add(std::move(added));
  return {};
}

}  // namespace

Result<CreateKeyPair::Response> perform(Call& call, const CreateKeyPair& request) {
  SessionTree& tree = *TRY(call.open_session(request.provisioning_handle));
  TRY(call.check_mac_presence(tree.session, request.mac));
  const ChosenProtection protection = TRY(find_protection(call, tree, request.pin_policy_handle));
  TRY(Call::use_session_key(
      tree.session, 1U + (protection.issuer_sets_pin() ? 1U : 0U) + (request.private_key_backup ? 1U : 0U) + (request.mac ? 1U : 0U)));
  const MethodUse use{method_of<CreateKeyPair>().name, tree.session.mac_counter};
  TRY(verify_mac_of_sk2(tree.session, request, protection));
  if (request.attestation_algorithm != uri::kKeyAttestation1) return fail(Status::kAlgorithm, "AttestationAlgorithm is not supported");
  TRY(internal::check_new_id(request.id, tree.keys, "key"));
  Key key = TRY(read_attributes(call, request, protection));
  const GenerationSpec spec = TRY(read_generation_spec(call.state.device().options, request));
  SecretBytes pin = TRY(read_pin(tree.session, use, protection.pin, request.pin_value));
  const Pin* shared_pin = nullptr;
  if (protection.pin != nullptr) {
    const PinHalf half = half_of(protection.pin->grouping, key.usage);
    shared_pin = TRY(internal::place_in_group(*protection.pin, half, tree.pins, 0, pin));
  }

  // The seed is additional input and counts for no entropy: it cannot make the key weaker.
  crypto::stir_random(request.issuer_seed);
  auto made = std::visit([](const auto& wanted) { return crypto::PrivateKey::generate(wanted); }, spec);
  if (!made) return fail(Status::kInternal, "the key could not be generated");
  key.public_key = made->public_key().spki();

  CreateKeyPair::Response response;
  response.generated_public_key = key.public_key;
  response.key_attestation = attest_key(tree.session, key, request.issuer_seed, protection, pin);
  if (key.private_key_backup) {
    const SecretBytes pkcs8 = TRY(made->pkcs8());
    response.private_key = encrypt(session_key_of(tree.session), use, pkcs8.expose_secret(), call.random);
  }
  if (protection.pin != nullptr) TRY(file_pin(call, tree, *protection.pin, shared_pin, std::move(pin), key));
  key.handle = static_cast<Handle>(TRY(call.state.draw_handle(HandleKind::kKey)));
  response.key_handle = key.handle;
  tree.add(std::move(key));
  call.write(response.key_handle, PrivateKeyData{std::move(*made)});
  return response;
}

}  // namespace airtight::sks
