// Reading key initialization.
#include "keygen2/internal/readers.h"
#include "keygen2/internal/values.h"
#include "keygen2/internal/vocabulary.h"

namespace airtight::keygen2::internal {
namespace {

Result<std::uint8_t> parse_pattern_restrictions(std::string_view text) {
  unsigned restrictions = 0;
  for (const std::string_view word : words_of(text)) restrictions |= std::to_underlying(TRY(parse_named<PatternRestriction>(word)));
  return static_cast<std::uint8_t>(restrictions);
}

Result<KeyPairRequest> read_key_pair(xml::Element e) {
  KeyPairRequest value;
  value.id = TRY(required(e, "ID", parse_id));
  value.key_usage = TRY(required(e, "KeyUsage", parse_named<KeyUsage>));
  value.issuer_seed = TRY(or_default(e, "IssuerSeed", parse_bytes32, Bytes(32)));
  value.biometric_protection = TRY(or_default(e, "BiometricProtection", parse_named<BiometricProtection>, BiometricProtection::kNone));
  value.private_key_backup = TRY(or_default(e, "PrivateKeyBackup", parse_boolean, false));
  value.export_policy = TRY(or_default(e, "ExportPolicy", parse_named<ExportPolicy>, ExportPolicy::kNonExportable));
  value.updatable = TRY(optional(e, "Updatable", parse_boolean));
  value.delete_policy = TRY(or_default(e, "DeletePolicy", parse_named<DeletePolicy>, DeletePolicy::kNone));
  value.enable_pin_caching = TRY(or_default(e, "EnablePINCaching", parse_boolean, false));
  value.import_private_key = TRY(or_default(e, "ImportPrivateKey", parse_boolean, false));
  value.friendly_name = TRY(or_default(e, "FriendlyName", parse_text, {}));
  value.algorithm = TRY(key_algorithm_in(e));
  return value;
}

Result<PresetPin> read_preset_pin(xml::Element e) {
  const xml::Element key_pair = TRY(only_child(e, kNamespace, "KeyPair"));
  PresetPin value;
  value.encrypted_value = TRY(required(e, "Value", parse_bytes));
  value.key = TRY(read_key_pair(key_pair));
  return value;
}

Result<PinPolicyRequest> read_pin_policy(xml::Element e) {
  PinPolicyRequest policy;
  policy.id = TRY(required(e, "ID", parse_id));
  policy.format = TRY(required(e, "Format", parse_named<PassphraseFormat>));
  policy.retry_limit = TRY(required(e, "RetryLimit", parse_number<std::uint8_t>));
  policy.min_length = TRY(required(e, "MinLength", parse_number<std::uint8_t>));
  policy.max_length = TRY(required(e, "MaxLength", parse_number<std::uint8_t>));
  policy.user_modifiable = TRY(optional(e, "UserModifiable", parse_boolean));
  policy.grouping = TRY(or_default(e, "Grouping", parse_named<Grouping>, Grouping::kNone));
  policy.pattern_restrictions = TRY(or_default(e, "PatternRestrictions", parse_pattern_restrictions, std::uint8_t{0}));
  policy.input_method = TRY(or_default(e, "InputMethod", parse_named<InputMethod>, InputMethod::kAny));
  const auto preset = e.children(kNamespace, "PresetPIN");
  if (preset.empty()) {
    policy.keys = TRY(read_all(e.children(kNamespace, "KeyPair"), read_key_pair));
  } else {
    policy.keys = TRY(read_all(preset, read_preset_pin));
  }
  return policy;
}

Result<PukPolicyRequest> read_puk_policy(xml::Element e) {
  PukPolicyRequest value;
  value.id = TRY(required(e, "ID", parse_id));
  value.encrypted_value = TRY(required(e, "Value", parse_bytes));
  value.format = TRY(required(e, "Format", parse_named<PassphraseFormat>));
  value.retry_limit = TRY(required(e, "RetryLimit", parse_number<std::uint8_t>));
  value.pin_policies = TRY(read_all(e.children(kNamespace, "PINPolicy"), read_pin_policy));
  return value;
}

Result<CreateObject> read_object(xml::Element e) {
  if (e.name() == "PUKPolicy") return TRY(read_puk_policy(e));
  if (e.name() == "PINPolicy") return TRY(read_pin_policy(e));
  if (e.name() == "KeyPair") return TRY(read_key_pair(e));
  const xml::Element key_pair = TRY(only_child(e, kNamespace, "KeyPair"));  // DevicePIN
  DevicePinRequest value;
  value.key = TRY(read_key_pair(key_pair));
  return value;
}

Result<GeneratedPublicKey> read_generated_public_key(xml::Element e) {
  GeneratedPublicKey key{.public_key = TRY(public_key_in(e))};
  key.id = TRY(required(e, "ID", parse_id));
  key.key_attestation = TRY(required(e, "KeyAttestation", parse_bytes));
  if (const auto private_key = e.child(kNamespace, "PrivateKey")) key.private_key = TRY(content_bytes(*private_key));
  return key;
}

}  // namespace

Result<std::variant<RsaKeyAlgorithm, EcKeyAlgorithm>> key_algorithm_in(xml::Element key_pair) {
  if (const auto rsa = key_pair.child(kNamespace, "RSA")) {
    RsaKeyAlgorithm value;
    value.key_size = TRY(required(*rsa, "KeySize", parse_number<std::uint16_t>));
    value.exponent = TRY(optional(*rsa, "Exponent", parse_number<std::uint32_t>));
    return value;
  }
  const xml::Element ec = TRY(only_child(key_pair, kNamespace, "EC"));
  return EcKeyAlgorithm{TRY(required(ec, "NamedCurve", parse_uri))};
}

Result<Message> read_key_initialization_request(xml::Element root) {
  const xml::Element create_object = TRY(only_child(root, kNamespace, "CreateObject"));
  KeyInitializationRequest message;
  TRY(read_session_request(root, message));
  message.key_attestation_algorithm = TRY(or_default(root, "KeyAttestationAlgorithm", parse_uri, std::string(uri::kKeyAttestation1)));
  message.deferred_certification = TRY(or_default(root, "DeferredCertification", parse_boolean, false));
  message.objects = TRY(read_all(create_object.children(), read_object));
  message.server_cookie = cookie_in(root);
  return message;
}

Result<Message> read_key_initialization_response(xml::Element root) {
  KeyInitializationResponse message;
  TRY(read_session_response(root, message));
  message.keys = TRY(read_all(root.children(kNamespace, "GeneratedPublicKey"), read_generated_public_key));
  message.server_cookie = cookie_in(root);
  return message;
}

}  // namespace airtight::keygen2::internal
