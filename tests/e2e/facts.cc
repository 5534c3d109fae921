#include "tests/e2e/facts.h"

#include <utility>

#include "base/encoding.h"
#include "crypto/digest.h"
#include "sks/methods.h"
#include "tests/support/must.h"

namespace airtight::e2e {
namespace {

using tests::must;

template <typename E>
std::string name_of_byte(std::uint8_t byte) {
  return std::string(name_of(static_cast<E>(byte)));
}

std::string truth(bool value) { return value ? "true" : "false"; }

std::string algorithm_of(const crypto::Certificate& certificate) {
  const crypto::PublicKey key = must(certificate.public_key());
  if (const auto rsa = key.rsa()) {
    std::uint64_t exponent = 0;
    for (const std::byte b : rsa->exponent) exponent = exponent << 8U | std::to_integer<std::uint64_t>(b);
    return "rsa " + std::to_string(rsa->modulus.size() * 8) + " " + std::to_string(exponent);
  }
  return key.curve() == crypto::Curve::kP256 ? "p-256" : key.curve() == crypto::Curve::kP384 ? "p-384" : "p-521";
}

std::string patterns(std::uint8_t bits) {
  std::string out;
  for (const auto& [bit, name] : kNames<PatternRestriction>) {
    if ((bits & std::to_underlying(bit)) != 0) out += (out.empty() ? "" : " ") + std::string(name);
  }
  return out;
}

void add_protection(Facts& facts, const sks::GetKeyProtectionInfo::Response& info) {
  std::string status;
  for (const auto& [bit, name] :
       std::initializer_list<std::pair<std::uint8_t, std::string_view>>{{sks::kPinProtected, "pin"},
                                                                        {sks::kPukProtected, "puk"},
                                                                        {sks::kPinLocked, "pin-locked"},
                                                                        {sks::kPukLocked, "puk-locked"},
                                                                        {sks::kDevicePinProtected, "device-pin"}}) {
    if ((info.protection_status & bit) != 0) status += (status.empty() ? "" : " ") + std::string(name);
  }
  facts["protection"] = status.empty() ? "none" : status;
  facts["puk_retry_limit"] = std::to_string(info.puk_retry_limit);
  facts["puk_errors"] = std::to_string(info.puk_error_count);
  facts["user_modifiable"] = truth(info.user_modifiable);
  facts["format"] = name_of_byte<PassphraseFormat>(info.format);
  facts["retry_limit"] = std::to_string(info.retry_limit);
  facts["grouping"] = name_of_byte<Grouping>(info.grouping);
  facts["pattern_restrictions"] = patterns(info.pattern_restrictions);
  facts["min_length"] = std::to_string(info.min_length);
  facts["max_length"] = std::to_string(info.max_length);
  facts["input_method"] = name_of_byte<InputMethod>(info.input_method);
  facts["pin_errors"] = std::to_string(info.pin_error_count);
  facts["biometric_protection"] = name_of_byte<BiometricProtection>(info.biometric_protection);
  facts["private_key_backup"] = truth(info.private_key_backup);
  facts["export_policy"] = name_of_byte<ExportPolicy>(info.export_policy);
  facts["updatable"] = truth(info.updatable);
  facts["delete_policy"] = name_of_byte<DeletePolicy>(info.delete_policy);
  facts["enable_pin_caching"] = truth(info.enable_pin_caching);
  facts["import_private_key"] = truth(info.import_private_key);
}

std::string join(const std::vector<std::string>& parts) {
  std::string out;
  for (const std::string& part : parts) out += (out.empty() ? "" : " ") + part;
  return out;
}

}  // namespace

Facts facts_of(sks::Channel& store, const agent::KeyEntry& key) {
  Facts facts;
  const crypto::Certificate& certificate = key.path.front();
  facts["id"] = key.key.id.value;
  facts["usage"] = name_of_byte<KeyUsage>(key.key.key_usage);
  facts["friendly_name"] = to_text(key.key.friendly_name);
  facts["algorithm"] = algorithm_of(certificate);
  facts["subject"] = certificate.subject();
  facts["issuer"] = certificate.issuer();
  facts["emails"] = join(certificate.emails());
  facts["path_length"] = std::to_string(key.path.size());
  facts["expires"] = format_time(certificate.not_after());
  facts["handle"] = std::to_string(key.handle);
  facts["session"] = std::to_string(key.key.provisioning_handle);
  std::vector<std::string> endorsed;
  for (const Bytes& algorithm : key.key.endorsed_algorithms) endorsed.push_back(to_text(algorithm));
  facts["endorsed_algorithms"] = join(endorsed);
  add_protection(facts, *key.protection);
  for (const std::string& type : key.key.extension_types.values) {
    const auto object = must(sks::call(store, sks::GetExtensionObject{key.handle, to_bytes(type)}));
    const std::string qualifier = to_text(object.qualifier);
    facts["extension " + type] = name_of_byte<ExtensionBaseType>(object.base_type) + (qualifier.empty() ? "" : " " + qualifier) + " " +
                                 to_text(object.extension_data.value.expose_secret());
  }
  return facts;
}

std::string picture_of(sks::Channel& store) {
  std::string picture;
  for (const auto& [handle, session] : must(agent::list_sessions(store))) {
    picture += "session " + std::to_string(handle) + (session.is_open ? " open " : " closed ") + session.server_session_id.value + " " +
               session.client_session_id.value + " " + to_text(session.issuer_uri) + " " +
               std::to_string(session.client_time.milliseconds) + " " + std::to_string(session.session_life_time) + "\n";
  }
  for (const agent::KeyEntry& key : must(agent::list_keys(store))) {
    picture += "key " + std::to_string(key.handle) + " " + key.key.id.value + (key.is_usable() ? "\n" : " in the making\n");
    if (!key.is_usable()) continue;
    for (const auto& [name, value] : facts_of(store, key)) picture += "  " + name + ": " + value + "\n";
    for (const crypto::Certificate& certificate : key.path) picture += "  certificate " + hex_encode(certificate.sha256()) + "\n";
  }
  return picture;
}

}  // namespace airtight::e2e
