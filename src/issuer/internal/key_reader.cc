// One key of a profile: what the device is asked for, and what comes with its certificate.
#include <algorithm>

#include "base/algorithms.h"
#include "base/text.h"
#include "crypto/certificate_builder.h"
#include "issuer/internal/profile_reader.h"
#include "keygen2/messages.h"
#include "sks/capabilities.h"

namespace airtight::issuer {
namespace {

constexpr std::size_t kMaxSymmetricKey = 4096;

struct NamedBit {
  std::string_view name;
  crypto::KeyUsageBit bit;
};
constexpr std::array kKeyUsageNames = {
    NamedBit{"digital-signature", crypto::KeyUsageBit::kDigitalSignature},
    NamedBit{"non-repudiation", crypto::KeyUsageBit::kNonRepudiation}, NamedBit{"key-encipherment", crypto::KeyUsageBit::kKeyEncipherment},
    NamedBit{"data-encipherment", crypto::KeyUsageBit::kDataEncipherment}, NamedBit{"key-agreement", crypto::KeyUsageBit::kKeyAgreement}};

struct NamedOid {
  std::string_view name;
  std::string_view oid;
};
constexpr std::array kExtendedKeyUsageNames = {
    NamedOid{"client-auth", "1.3.6.1.5.5.7.3.2"}, NamedOid{"email-protection", "1.3.6.1.5.5.7.3.4"},
    NamedOid{"code-signing", "1.3.6.1.5.5.7.3.3"}, NamedOid{"smart-card-logon", "1.3.6.1.4.1.311.20.2.2"},
    NamedOid{"document-signing", "1.3.6.1.5.5.7.3.36"}};

struct NamedCurve {
  std::string_view name;
  crypto::Curve curve;
};
constexpr std::array kCurves = {NamedCurve{"p-256", crypto::Curve::kP256}, NamedCurve{"p-384", crypto::Curve::kP384},
                                NamedCurve{"p-521", crypto::Curve::kP521}};

bool is_oid(std::string_view text) {
  int arcs = 1;
  bool digit = false;
  for (const char c : text) {
    if (c == '.' && digit) {
      ++arcs;
      digit = false;
    } else if (c >= '0' && c <= '9') {
      digit = true;
    } else {
      return false;
    }
  }
  return digit && arcs >= 3 && text.front() <= '2' && text[1] == '.';
}

Result<std::variant<RsaKey, EcKey>> read_algorithm(TomlTable& table) {
  const std::string word = TRY(table.required_text("algorithm"));
  const std::optional<std::int64_t> size = TRY(table.integer("rsa_size", 2048, 4096));
  const std::optional<std::int64_t> exponent = TRY(table.integer("rsa_exponent", 3, 0xFFFFFFFF));
  if (const NamedCurve* curve = find_named(kCurves, word)) {
    if (size) return Failure(table.error_at("rsa_size", "an elliptic curve key has no rsa_size"));
    if (exponent) return Failure(table.error_at("rsa_exponent", "an elliptic curve key has no rsa_exponent"));
    return EcKey{curve->curve};
  }
  if (word != "rsa") return Failure(table.not_one_of("algorithm", word, "rsa, " + names_in(kCurves)));
  if (!size) return Failure(table.error_at("algorithm", "an rsa key needs rsa_size", "add a line 'rsa_size = 2048'"));
  if (*size % 1024 != 0)
    return Failure(table.error_at("rsa_size", "rsa_size cannot be " + std::to_string(*size), "allowed: 2048, 3072, 4096"));
  if (exponent && *exponent % 2 == 0) return Failure(table.error_at("rsa_exponent", "rsa_exponent must be odd"));
  RsaKey rsa{static_cast<std::uint16_t>(*size)};
  if (exponent) rsa.exponent = static_cast<std::uint32_t>(*exponent);
  return rsa;
}

// What certificates of a key say unless the profile says otherwise.
void apply_default_key_usage(KeyProfile& key) {
  using enum crypto::KeyUsageBit;
  const bool rsa = std::holds_alternative<RsaKey>(key.algorithm);
  const auto sign = std::to_underlying(kDigitalSignature);
  const auto encrypt = rsa ? std::to_underlying(kKeyEncipherment) : std::to_underlying(kKeyAgreement);
  const auto both = static_cast<std::uint16_t>(sign | encrypt);
  switch (key.usage) {
    case KeyUsage::kSignature: key.certificate.key_usage = static_cast<std::uint16_t>(sign | std::to_underlying(kNonRepudiation)); return;
    case KeyUsage::kAuthentication: key.certificate.key_usage = sign; return;
    case KeyUsage::kEncryption: key.certificate.key_usage = encrypt; return;
    case KeyUsage::kUniversal:
    case KeyUsage::kTransport:
    case KeyUsage::kSymmetricKey: key.certificate.key_usage = both; return;
  }
}

std::string purposes() {
  std::string all;
  for (const std::string_view name : ca::purpose_names()) all.append(all.empty() ? "" : ", ").append(name);
  return all;
}

// The templates of the subject and of alternative names.
Result<> read_names(TomlTable& certificate, KeyProfile& key) {
  using Kind = ca::AlternativeName::Kind;
  constexpr std::array kKinds = {std::pair{"email", Kind::kEmail}, std::pair{"dns", Kind::kDns}, std::pair{"ip", Kind::kIp},
                                 std::pair{"uri", Kind::kUri}, std::pair{"upn", Kind::kUpn}};
  if (const std::optional<std::string> text = TRY(certificate.text("subject"))) {
    const Result<ca::NameTemplate> name = ca::NameTemplate::parse(*text);
    if (!name) return Failure(certificate.error_at("subject", name.error().message, name.error().hint));
    key.certificate.subject = *name;
  }
  for (const auto& [name, kind] : kKinds) {
    for (const std::string& text : TRY(certificate.texts(name))) {
      const Result<ca::Template> value = ca::Template::parse(text);
      if (!value) return Failure(certificate.error_at(name, value.error().message, value.error().hint));
      key.certificate.alternative_names.push_back({kind, *value});
    }
  }
  return {};
}

Result<> read_certificate(TomlTable& table, const std::string& name, KeyProfile& key) {
  key.certificate.name = name + "/" + key.id;
  apply_default_key_usage(key);
  std::optional<TomlTable> certificate = TRY(table.table("certificate"));
  if (!certificate) return {};
  const std::optional<std::int64_t> days = TRY(certificate->integer("validity_days", 1, 36500));
  if (days) key.certificate.validity_days = static_cast<std::uint32_t>(*days);
  if (const std::optional<std::string> word = TRY(certificate->text("purpose"))) {
    const std::optional<ca::Purpose> purpose = ca::purpose_named(*word);
    if (!purpose) return Failure(certificate->not_one_of("purpose", *word, purposes()));
    key.certificate.purpose = *purpose;
    if (*purpose != ca::Purpose::kGeneral) key.certificate.key_usage = 0;
  }
  TRY(read_names(*certificate, key));
  std::uint16_t usage = 0;
  for (const std::string& word : TRY(certificate->texts("key_usage"))) {
    const NamedBit* named = find_named(kKeyUsageNames, word);
    if (named == nullptr) return Failure(certificate->not_one_of("key_usage", word, names_in(kKeyUsageNames)));
    usage = static_cast<std::uint16_t>(usage | std::to_underlying(named->bit));
  }
  if (certificate->has("key_usage")) key.certificate.key_usage = usage;
  for (const std::string& word : TRY(certificate->texts("extended_key_usage"))) {
    const NamedOid* named = find_named(kExtendedKeyUsageNames, word);
    if (named == nullptr && !is_oid(word)) {
      return Failure(
          certificate->not_one_of("extended_key_usage", word, names_in(kExtendedKeyUsageNames) + ", or an OID such as 1.3.6.1.5.5.7.3.2"));
    }
    key.certificate.extended_key_usage.emplace_back(named != nullptr ? named->oid : word);
  }
  for (const std::string& word : TRY(certificate->texts("policies"))) {
    if (!is_oid(word)) return Failure(certificate->not_one_of("policies", word, "OIDs such as 1.2.752.1.1"));
    key.certificate.policies.push_back(word);
  }
  const KeyAlgorithmType type = std::holds_alternative<RsaKey>(key.algorithm) ? KeyAlgorithmType::kRsa : KeyAlgorithmType::kEcc;
  Result<> checked = ca::check_profile(key.certificate);
  if (checked) {
    if (const Result<std::uint16_t> bits = ca::key_usage_of(key.certificate, type); !bits) checked = Failure(bits.error());
  }
  if (!checked) return Failure(table.error_at("certificate", checked.error().message, checked.error().hint));
  return certificate->finish();
}

// What closeProvisioningSession would refuse.
Result<> check_policies(const TomlTable& table, const KeyProfile& key, const Profile& profile) {
  const PinPolicy* pin = key.pin_policy ? profile.find_pin_policy(*key.pin_policy) : nullptr;
  if (key.pin_policy && pin == nullptr) {
    return Failure(table.error_at("pin_policy", "there is no PIN policy '" + *key.pin_policy + "' in this profile"));
  }
  const bool has_pin = pin != nullptr || key.device_pin;
  const bool has_puk = pin != nullptr && pin->puk_policy.has_value();
  const std::string no_pin = "' needs a PIN, which key '" + key.id + "' has not";
  const std::string no_puk = "' needs a PUK, which key '" + key.id + "' has not";
  if (key.export_policy == ExportPolicy::kPin && !has_pin)
    return Failure(table.error_at("export_policy", "the export policy 'pin" + no_pin));
  if (key.export_policy == ExportPolicy::kPuk && !has_puk)
    return Failure(table.error_at("export_policy", "the export policy 'puk" + no_puk));
  if (key.delete_policy == DeletePolicy::kPin && !has_pin)
    return Failure(table.error_at("delete_policy", "the delete policy 'pin" + no_pin));
  if (key.delete_policy == DeletePolicy::kPuk && !has_puk)
    return Failure(table.error_at("delete_policy", "the delete policy 'puk" + no_puk));
  if (key.device_pin && key.pin_policy)
    return Failure(table.error_at("device_pin", "the key '" + key.id + "' has a PIN policy, and so not the device's PIN"));
  if (key.biometric_protection == BiometricProtection::kExclusive && has_pin)
    return Failure(table.error_at("biometric_protection", "a key that is protected by biometrics alone has no PIN"));
  if ((key.biometric_protection == BiometricProtection::kAlternative || key.biometric_protection == BiometricProtection::kCombined) &&
      !has_pin)
    return Failure(table.error_at("biometric_protection", "biometrics beside a PIN need a PIN, which key '" + key.id + "' has not"));
  if (key.enable_pin_caching && !has_pin)
    return Failure(table.error_at("enable_pin_caching", "a PIN cannot be cached where key '" + key.id + "' has none"));
  return {};
}

// sks.md section 7, "Refused with ERROR_OPTION".
Result<> check_usage(const TomlTable& table, const KeyProfile& key, const Profile& profile) {
  const bool imported = key.source != KeySource::kDevice;
  const bool no_copies = key.usage == KeyUsage::kTransport || key.usage == KeyUsage::kSymmetricKey;
  if (key.usage == KeyUsage::kTransport && key.export_policy != ExportPolicy::kNonExportable) {
    return Failure(table.error_at("export_policy", "a transport key cannot be exportable"));
  }
  if (no_copies && key.private_key_backup)
    return Failure(table.error_at("private_key_backup", "a " + std::string(name_of(key.usage)) + " key has no backup"));
  if (no_copies && imported)
    return Failure(table.error_at("private_key", "a " + std::string(name_of(key.usage)) + " key cannot be imported"));
  if (imported && key.private_key_backup)
    return Failure(table.error_at("private_key_backup", "the issuer has the private key '" + key.id + "' already, and so no backup"));
  if ((key.usage == KeyUsage::kSymmetricKey) != key.symmetric_key.has_value()) {
    return Failure(table.error_at(key.symmetric_key ? "symmetric_key" : "usage",
                                  key.symmetric_key ? "only a key of usage symmetric-key has a table symmetric_key"
                                                    : "a key of usage symmetric-key needs a table symmetric_key",
                                  "write symmetric_key = { algorithms = [\"...\"], length = 20 }"));
  }
  if (key.renewable && !(key.updatable && profile.updatable))
    return Failure(table.error_at("renewable", "the key '" + key.id + "' cannot be renewed, because it is not updatable",
                                  "set updatable = true for the profile, and not false for the key"));
  return {};
}

Result<std::optional<SymmetricKeyProfile>> read_symmetric_key(TomlTable& key_table) {
  std::optional<TomlTable> table = TRY(key_table.table("symmetric_key"));
  if (!table) return std::optional<SymmetricKeyProfile>();
  SymmetricKeyProfile key;
  key.endorsed_algorithms = TRY(table->texts("algorithms"));
  if (key.endorsed_algorithms.empty())
    return Failure(table->error_at("algorithms", "the symmetric key endorses no algorithm",
                                   "add algorithms = [\"" + std::string(uri::kHmacSha1) + "\"]"));
  std::ranges::sort(key.endorsed_algorithms);
  if (std::ranges::adjacent_find(key.endorsed_algorithms) != key.endorsed_algorithms.end())
    return Failure(table->error_at("algorithms", "an algorithm is listed twice"));
  const std::optional<std::int64_t> length = TRY(table->integer("length", 1, kMaxSymmetricKey));
  key.seed_pool = TRY(table->text("seeds"));
  if (length.has_value() == key.seed_pool.has_value())
    return Failure(
        table->error_at("length", "a symmetric key has either a 'length', and is random, or is taken from the 'seeds' of a pool"));
  key.length = static_cast<std::uint16_t>(length.value_or(0));
  for (const std::string& algorithm : key.endorsed_algorithms) {
    const auto fits = [&](std::size_t size) { return sks::fits_symmetric_key(algorithm, size); };
    if (!fits(16) && !fits(20) && !fits(24) && !fits(32))
      return Failure(table->error_at("algorithms", "'" + algorithm + "' is not a symmetric algorithm",
                                     "for one-time passwords: " + std::string(uri::kHmacSha1)));
    if (length && !fits(key.length))
      return Failure(table->error_at("length", "the algorithm " + algorithm + " takes no key of " + std::to_string(*length) + " bytes"));
  }
  TRY(table->finish());
  return std::optional(std::move(key));
}

struct NamedSource {
  std::string_view name;
  KeySource source;
};
constexpr std::array kSources = {NamedSource{"device", KeySource::kDevice}, NamedSource{"issuer", KeySource::kIssuer},
                                 NamedSource{"restored", KeySource::kRestored}};

Result<> read_source(TomlTable& table, KeyProfile& key) {
  const std::string word = TRY(table.text("private_key")).value_or("device");
  const NamedSource* source = find_named(kSources, word);
  if (source == nullptr) return Failure(table.not_one_of("private_key", word, names_in(kSources)));
  key.source = source->source;
  const std::optional<std::string> restored = TRY(table.text("restored_key"));
  if (restored && key.source != KeySource::kRestored)
    return Failure(table.error_at("restored_key", "only a key with private_key = \"restored\" has a restored_key"));
  key.restored_key = restored.value_or(key.id);
  return {};
}

}  // namespace

Result<KeyProfile> read_key(TomlTable& table, ProfileReading& reading, const Profile& profile) {
  KeyProfile key;
  key.id = TRY(reading.id(table));
  key.pin_policy = TRY(table.text("pin_policy"));
  key.device_pin = TRY(table.boolean("device_pin")).value_or(false);
  const std::optional<KeyUsage> usage = TRY(table.choice<KeyUsage>("usage"));
  if (!usage)
    return Failure(table.error_at("id", "the key '" + key.id + "' lacks its 'usage'", "allowed: " + TomlTable::names_of<KeyUsage>()));
  key.usage = *usage;
  key.algorithm = TRY(read_algorithm(table));
  key.friendly_name = TRY(table.text("friendly_name")).value_or("");
  if (key.friendly_name.size() > 100) return Failure(table.error_at("friendly_name", "friendly_name has at most 100 bytes"));
  if (!is_line(key.friendly_name))
    return Failure(table.error_at("friendly_name", "friendly_name is one line of text, without control characters"));
  key.biometric_protection = TRY(table.choice<BiometricProtection>("biometric_protection")).value_or(BiometricProtection::kNone);
  key.export_policy = TRY(table.choice<ExportPolicy>("export_policy")).value_or(ExportPolicy::kNonExportable);
  key.delete_policy = TRY(table.choice<DeletePolicy>("delete_policy")).value_or(DeletePolicy::kNone);
  key.updatable = TRY(table.boolean("updatable")).value_or(profile.updatable);
  key.enable_pin_caching = TRY(table.boolean("enable_pin_caching")).value_or(false);
  key.private_key_backup = TRY(table.boolean("private_key_backup")).value_or(false);
  TRY(read_source(table, key));
  key.symmetric_key = TRY(read_symmetric_key(table));
  key.extensions = TRY(read_extensions(table, reading));
  key.renewable = TRY(table.boolean("renewable")).value_or(false);
  const bool own_type = std::ranges::any_of(key.extensions, [](const ExtensionObjectProfile& extension) {
    return std::visit([](const auto& one) { return one.type == keygen2::kRenewalUrlExtension; }, extension);
  });
  if (own_type) return Failure(table.error_at("extensions", "the renewal URL is added by renewable = true, and not as an extension"));
  TRY(read_certificate(table, profile.name, key));
  TRY(check_policies(table, key, profile));
  TRY(check_usage(table, key, profile));
  TRY(table.finish());
  return key;
}

}  // namespace airtight::issuer
