// Writing key initialization.
#include <algorithm>

#include "base/encoding.h"
#include "keygen2/internal/vocabulary.h"
#include "keygen2/internal/writers.h"

namespace airtight::keygen2::internal {
namespace {

template <typename E>
void set_unless(xml::Element element, std::string_view name, E value, E value_if_absent) {
  if (value != value_if_absent) element.set_attribute(name, name_of(value));
}

void add_algorithm(xml::Element key_pair, const RsaKeyAlgorithm& rsa) {
  xml::Element element = key_pair.add(kKeyGen2, "RSA");
  element.set_attribute("KeySize", std::to_string(rsa.key_size));
  if (rsa.exponent) element.set_attribute("Exponent", std::to_string(*rsa.exponent));
}

void add_algorithm(xml::Element key_pair, const EcKeyAlgorithm& ec) {
  key_pair.add(kKeyGen2, "EC").set_attribute("NamedCurve", ec.named_curve);
}

void add_object(xml::Element parent, const KeyPairRequest& key) {
  xml::Element element = parent.add(kKeyGen2, "KeyPair");
  element.set_attribute("ID", key.id);
  element.set_attribute("KeyUsage", name_of(key.key_usage));
  const bool has_seed = std::ranges::any_of(key.issuer_seed, [](std::byte byte) { return byte != std::byte{0}; });
  if (has_seed) set_bytes(element, "IssuerSeed", key.issuer_seed);
  set_unless(element, "BiometricProtection", key.biometric_protection, BiometricProtection::kNone);
  set_flag(element, "PrivateKeyBackup", key.private_key_backup);
  set_unless(element, "ExportPolicy", key.export_policy, ExportPolicy::kNonExportable);
  set_if_present(element, "Updatable", key.updatable);
  set_unless(element, "DeletePolicy", key.delete_policy, DeletePolicy::kNone);
  set_flag(element, "EnablePINCaching", key.enable_pin_caching);
  set_flag(element, "ImportPrivateKey", key.import_private_key);
  if (!key.friendly_name.empty()) element.set_attribute("FriendlyName", key.friendly_name);
  add_key_algorithm(element, key.algorithm);
}

void add_object(xml::Element parent, const PresetPin& preset) {
  xml::Element element = parent.add(kKeyGen2, "PresetPIN");
  set_bytes(element, "Value", preset.encrypted_value);
  add_object(element, preset.key);
}

void add_object(xml::Element parent, const DevicePinRequest& device_pin) { add_object(parent.add(kKeyGen2, "DevicePIN"), device_pin.key); }

std::string names_of_patterns(std::uint8_t restrictions) {
  std::string names;
  for (const auto& [value, name] : kNames<PatternRestriction>) {
    if ((restrictions & std::to_underlying(value)) == 0) continue;
    if (!names.empty()) names += ' ';
    names += name;
  }
  return names;
}

void add_object(xml::Element parent, const PinPolicyRequest& policy) {
  xml::Element element = parent.add(kKeyGen2, "PINPolicy");
  element.set_attribute("ID", policy.id);
  element.set_attribute("Format", name_of(policy.format));
  element.set_attribute("RetryLimit", std::to_string(policy.retry_limit));
  element.set_attribute("MinLength", std::to_string(policy.min_length));
  element.set_attribute("MaxLength", std::to_string(policy.max_length));
  set_if_present(element, "UserModifiable", policy.user_modifiable);
  set_unless(element, "Grouping", policy.grouping, Grouping::kNone);
  if (policy.pattern_restrictions != 0) element.set_attribute("PatternRestrictions", names_of_patterns(policy.pattern_restrictions));
  set_unless(element, "InputMethod", policy.input_method, InputMethod::kAny);
  const auto add_all = [&](const auto& keys) {
    for (const auto& key : keys) add_object(element, key);
  };
  std::visit(add_all, policy.keys);
}

void add_object(xml::Element parent, const PukPolicyRequest& policy) {
  xml::Element element = parent.add(kKeyGen2, "PUKPolicy");
  element.set_attribute("ID", policy.id);
  set_bytes(element, "Value", policy.encrypted_value);
  element.set_attribute("Format", name_of(policy.format));
  element.set_attribute("RetryLimit", std::to_string(policy.retry_limit));
  for (const PinPolicyRequest& pin_policy : policy.pin_policies) add_object(element, pin_policy);
}

void add_objects(xml::Element message, std::span<const CreateObject> objects) {
  const xml::Element element = message.add(kKeyGen2, "CreateObject");
  for (const CreateObject& object : objects) {
    std::visit([&](const auto& asked) { add_object(element, asked); }, object);
  }
}

}  // namespace

void add_key_algorithm(xml::Element key_pair, const std::variant<RsaKeyAlgorithm, EcKeyAlgorithm>& algorithm) {
  std::visit([&](const auto& one) { add_algorithm(key_pair, one); }, algorithm);
}

Result<> write(xml::Element root, const KeyInitializationRequest& message) {
  set_session_request(root, message);
  if (message.key_attestation_algorithm != uri::kKeyAttestation1)
    root.set_attribute("KeyAttestationAlgorithm", message.key_attestation_algorithm);
  set_flag(root, "DeferredCertification", message.deferred_certification);
  add_objects(root, message.objects);
  return {};
}

Result<> write(xml::Element root, const KeyInitializationResponse& message) {
  set_session_response(root, message);
  for (const GeneratedPublicKey& key : message.keys) {
    xml::Element element = root.add(kKeyGen2, "GeneratedPublicKey");
    element.set_attribute("ID", key.id);
    set_bytes(element, "KeyAttestation", key.key_attestation);
    xml::add_key_value(element, key.public_key);
    if (key.private_key) element.add(kKeyGen2, "PrivateKey").set_text(base64_encode(*key.private_key));
  }
  return {};
}

}  // namespace airtight::keygen2::internal
