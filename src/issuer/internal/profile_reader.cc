#include "issuer/internal/profile_reader.h"

#include <algorithm>
#include <set>
#include <sstream>

#include "base/text.h"
#include "crypto/certificate.h"
#include "crypto/certificate_builder.h"
#include "storage/files.h"

namespace airtight::issuer {
namespace {

constexpr std::size_t kMaxCertificateFile = 256U << 10;
constexpr std::int64_t kDefaultReserve = 16;

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

struct NamedLevel {
  std::string_view name;
  provenance::Level level;
};
constexpr std::array kLevels = {NamedLevel{"vendor", provenance::Level::kVendor}, NamedLevel{"class", provenance::Level::kDeviceClass},
                                NamedLevel{"device", provenance::Level::kDevice}};

struct NamedCurve {
  std::string_view name;
  crypto::Curve curve;
};
constexpr std::array kCurves = {NamedCurve{"p-256", crypto::Curve::kP256}, NamedCurve{"p-384", crypto::Curve::kP384},
                                NamedCurve{"p-521", crypto::Curve::kP521}};

template <typename Table>
std::string names_in(const Table& table) {
  std::string all;
  for (const auto& entry : table) all.append(all.empty() ? "" : ", ").append(entry.name);
  return all;
}

template <typename Table>
auto find_named(const Table& table, std::string_view name) -> decltype(&table[0]) {
  for (const auto& entry : table) {
    if (entry.name == name) return &entry;
  }
  return nullptr;
}

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

// An ID of a policy or key (sks.md section 1; keygen2.md section 6: they all differ).
class Ids {
 public:
  Result<std::string> read(TomlTable& table) {
    std::string id = TRY(table.required_text("id"));
    if (!is_sks_id(id)) {
      return Failure(
          table.error_at("id", "'" + id + "' is not an ID", "an ID has 1 to 32 bytes: a letter, then letters, digits, '.', '-' and '_'"));
    }
    if (id == "Device") return Failure(table.error_at("id", "nothing may be called 'Device'", "that name stands for the device's own PIN"));
    if (!used_.insert(id).second) {
      return Failure(
          table.error_at("id", "the ID '" + id + "' is used twice", "PUK policies, PIN policies and keys of a profile have different IDs"));
    }
    return id;
  }

 private:
  std::set<std::string> used_;
};

Result<PukPolicy> read_puk_policy(TomlTable& table, Ids& ids) {
  PukPolicy puk;
  puk.id = TRY(ids.read(table));
  puk.format = TRY(table.choice<PassphraseFormat>("format")).value_or(PassphraseFormat::kNumeric);
  puk.retry_limit = static_cast<std::uint8_t>(TRY(table.required_integer("retry_limit", 0, 255)));
  puk.length = static_cast<std::uint8_t>(TRY(table.required_integer("length", 4, 100)));
  TRY(table.finish());
  return puk;
}

Result<std::uint8_t> read_patterns(TomlTable& table, PassphraseFormat format) {
  std::uint8_t patterns = 0;
  for (const std::string& word : TRY(table.texts("pattern_restrictions"))) {
    const auto pattern = value_named<PatternRestriction>(word);
    if (!pattern) return Failure(table.not_one_of("pattern_restrictions", word, TomlTable::names_of<PatternRestriction>()));
    patterns = static_cast<std::uint8_t>(patterns | std::to_underlying(*pattern));
    if (*pattern == PatternRestriction::kMissingGroup && format != PassphraseFormat::kAlphanumeric && format != PassphraseFormat::kString) {
      return Failure(table.error_at("pattern_restrictions", "missing-group goes only with the formats alphanumeric and string"));
    }
  }
  return patterns;
}

Result<PinPolicy> read_pin_policy(TomlTable& table, Ids& ids, const std::vector<PukPolicy>& puk_policies) {
  PinPolicy pin;
  pin.id = TRY(ids.read(table));
  pin.puk_policy = TRY(table.text("puk_policy"));
  if (pin.puk_policy && std::ranges::find(puk_policies, *pin.puk_policy, &PukPolicy::id) == puk_policies.end()) {
    return Failure(table.error_at("puk_policy", "there is no PUK policy '" + *pin.puk_policy + "' in this profile"));
  }
  pin.format = TRY(table.choice<PassphraseFormat>("format")).value_or(PassphraseFormat::kNumeric);
  pin.retry_limit = static_cast<std::uint8_t>(TRY(table.required_integer("retry_limit", 1, 255)));
  pin.min_length = static_cast<std::uint8_t>(TRY(table.required_integer("min_length", 1, 100)));
  pin.max_length = static_cast<std::uint8_t>(TRY(table.required_integer("max_length", pin.min_length, 100)));
  pin.user_modifiable = TRY(table.boolean("user_modifiable")).value_or(true);
  pin.grouping = TRY(table.choice<Grouping>("grouping")).value_or(Grouping::kNone);
  pin.pattern_restrictions = TRY(read_patterns(table, pin.format));
  pin.input_method = TRY(table.choice<InputMethod>("input_method")).value_or(InputMethod::kAny);
  TRY(table.finish());
  return pin;
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

Result<> read_certificate(TomlTable& table, const std::string& name, KeyProfile& key) {
  key.certificate.name = name + "/" + key.id;
  apply_default_key_usage(key);
  std::optional<TomlTable> certificate = TRY(table.table("certificate"));
  if (!certificate) return {};
  const std::optional<std::int64_t> days = TRY(certificate->integer("validity_days", 1, 36500));
  if (days) key.certificate.validity_days = static_cast<std::uint32_t>(*days);
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
  return certificate->finish();
}

// sks.md section 7, "Refused with ERROR_OPTION", and what closeProvisioningSession would refuse.
Result<> check_protection(const TomlTable& table, const KeyProfile& key, const std::vector<PinPolicy>& pin_policies) {
  const auto pin = key.pin_policy ? std::ranges::find(pin_policies, *key.pin_policy, &PinPolicy::id) : pin_policies.end();
  if (key.pin_policy && pin == pin_policies.end()) {
    return Failure(table.error_at("pin_policy", "there is no PIN policy '" + *key.pin_policy + "' in this profile"));
  }
  const bool has_pin = pin != pin_policies.end();
  const bool has_puk = has_pin && pin->puk_policy.has_value();
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
  if (key.usage == KeyUsage::kTransport && key.export_policy != ExportPolicy::kNonExportable) {
    return Failure(table.error_at("export_policy", "a transport key cannot be exportable"));
  }
  if (key.usage == KeyUsage::kSymmetricKey) {
    return Failure(table.error_at("usage", "symmetric keys cannot be provisioned by this version",
                                  "allowed: signature, authentication, encryption, universal, transport"));
  }
  return {};
}

Result<KeyProfile> read_key(TomlTable& table, Ids& ids, const Profile& profile) {
  KeyProfile key;
  key.id = TRY(ids.read(table));
  key.pin_policy = TRY(table.text("pin_policy"));
  const std::optional<KeyUsage> usage = TRY(table.choice<KeyUsage>("usage"));
  if (!usage)
    return Failure(table.error_at("id", "the key '" + key.id + "' lacks its 'usage'", "allowed: " + TomlTable::names_of<KeyUsage>()));
  key.usage = *usage;
  key.algorithm = TRY(read_algorithm(table));
  key.friendly_name = TRY(table.text("friendly_name")).value_or("");
  if (key.friendly_name.size() > 100) return Failure(table.error_at("friendly_name", "friendly_name has at most 100 bytes"));
  key.export_policy = TRY(table.choice<ExportPolicy>("export_policy")).value_or(ExportPolicy::kNonExportable);
  key.delete_policy = TRY(table.choice<DeletePolicy>("delete_policy")).value_or(DeletePolicy::kNone);
  key.updatable = TRY(table.boolean("updatable")).value_or(profile.updatable);
  key.enable_pin_caching = TRY(table.boolean("enable_pin_caching")).value_or(false);
  TRY(read_certificate(table, profile.name, key));
  TRY(check_protection(table, key, profile.pin_policies));
  TRY(table.finish());
  return key;
}

// Where a snapshot has the certificate itself, the configuration names its file.
Result<crypto::Certificate> read_accepted_certificate(TomlTable& table, const std::filesystem::path& folder) {
  const std::optional<std::string> file = TRY(table.text("certificate"));
  std::optional<std::string> pem = TRY(table.text("certificate_pem"));
  if (file.has_value() == pem.has_value()) {
    return Failure(
        table.error_at("certificate", "an accepted device needs either 'certificate', a file, or 'certificate_pem', the text of one"));
  }
  if (file) {
    const Result<Bytes> content = storage::read_file(folder / *file, kMaxCertificateFile);
    if (!content) return Failure(table.error_at("certificate", content.error().message, content.error().hint));
    pem = to_text(*content);
  }
  const std::string_view where = file ? "certificate" : "certificate_pem";
  const Result<std::vector<crypto::Certificate>> read = crypto::certificates_from_pem(*pem);
  if (!read) return Failure(table.error_at(where, read.error().message, read.error().hint));
  if (read->size() != 1)
    return Failure(table.error_at(where, "exactly one certificate is wanted, and there are " + std::to_string(read->size())));
  return read->front();
}

Result<provenance::DevicePolicy> read_devices(TomlTable& profile_table, const std::filesystem::path& folder) {
  provenance::DevicePolicy policy;
  std::optional<TomlTable> table = TRY(profile_table.table("devices"));
  if (!table)
    return Failure(profile_table.error_at("devices", "the profile does not say which devices it accepts",
                                          "add a table 'devices' with 'accepted' or 'accept_any = true'"));
  policy.accept_any = TRY(table->boolean("accept_any")).value_or(false);
  for (TomlTable& entry : TRY(table->tables("accepted"))) {
    const std::string word = TRY(entry.required_text("level"));
    const NamedLevel* level = find_named(kLevels, word);
    if (level == nullptr) return Failure(entry.not_one_of("level", word, names_in(kLevels)));
    std::optional<std::string> name = TRY(entry.text("name"));
    crypto::Certificate certificate = TRY(read_accepted_certificate(entry, folder));
    if (!name) name = certificate.subject();
    TRY(entry.finish());
    policy.accepted.push_back({level->level, *std::move(name), std::move(certificate)});
  }
  if (policy.accept_any && !policy.accepted.empty()) {
    return Failure(
        table->error_at("accept_any", "with accept_any = true the list of accepted devices has no effect", "remove one of them"));
  }
  if (!policy.accept_any && policy.accepted.empty()) {
    return Failure(table->error_at({}, "the profile accepts no device at all", "list accepted devices, or say accept_any = true"));
  }
  TRY(table->finish());
  return policy;
}

Result<> read_protected_keys(TomlTable& table, Profile& profile) {
  Ids ids;
  for (TomlTable& puk : TRY(table.tables("puk_policies"))) profile.puk_policies.push_back(TRY(read_puk_policy(puk, ids)));
  for (TomlTable& pin : TRY(table.tables("pin_policies")))
    profile.pin_policies.push_back(TRY(read_pin_policy(pin, ids, profile.puk_policies)));
  for (TomlTable& key : TRY(table.tables("keys"))) profile.keys.push_back(TRY(read_key(key, ids, profile)));
  if (profile.keys.empty())
    return Failure(table.error_at("keys", "the profile asks for no key", "add a table [[profiles." + profile.name + ".keys]]"));
  // SKS closeProvisioningSession: "There are no unreferenced PIN or PUK policy objects".
  for (const PinPolicy& pin : profile.pin_policies) {
    if (std::ranges::find(profile.keys, std::optional(pin.id), &KeyProfile::pin_policy) == profile.keys.end()) {
      return Failure(
          table.error_at("pin_policies", "no key uses the PIN policy '" + pin.id + "'", "remove it, or name it in a key's pin_policy"));
    }
  }
  for (const PukPolicy& puk : profile.puk_policies) {
    if (std::ranges::find(profile.pin_policies, std::optional(puk.id), &PinPolicy::puk_policy) == profile.pin_policies.end()) {
      return Failure(
          table.error_at("puk_policies", "no PIN policy uses the PUK policy '" + puk.id + "'", "remove it, or name it in a puk_policy"));
    }
  }
  return {};
}

// The table as text with the accepted certificates inside instead of their files.
std::string snapshot_of(const TomlTable& table, const Profile& profile) {
  toml::table copy = table.raw();
  copy.insert_or_assign("name", profile.name);
  if (toml::array* accepted = copy["devices"]["accepted"].as_array()) {
    for (std::size_t i = 0; i < accepted->size(); ++i) {
      toml::table& entry = *accepted->get(i)->as_table();
      entry.erase("certificate");
      entry.insert_or_assign("certificate_pem", crypto::to_pem(profile.devices.accepted[i].certificate));
    }
  }
  std::ostringstream text;
  text << copy;
  return std::move(text).str();
}

}  // namespace

Result<Profile> read_profile(TomlTable& table, const std::string& name, const std::filesystem::path& folder) {
  Profile profile;
  profile.name = name;
  profile.subject = TRY(table.text("subject"));
  if (profile.subject) {
    const Result<Bytes> encoded = crypto::name_from_text(*profile.subject);
    if (!encoded) return Failure(table.error_at("subject", encoded.error().message, encoded.error().hint));
  }
  profile.session_life_time = static_cast<std::uint32_t>(TRY(table.required_integer("session_life_time", 10, 10000000)));
  profile.updatable = TRY(table.boolean("updatable")).value_or(false);
  const std::int64_t reserve = TRY(table.integer("session_key_reserve", 0, 60000)).value_or(kDefaultReserve);
  profile.devices = TRY(read_devices(table, folder));
  TRY(read_protected_keys(table, profile));
  const std::int64_t limit = reserve + session_key_uses(profile);
  if (limit > 0xFFFF) {
    return Failure(table.error_at("keys", "the profile needs " + std::to_string(limit) + " uses of the session key, and 65535 are possible",
                                  "ask for fewer keys"));
  }
  profile.session_key_limit = static_cast<std::uint16_t>(limit);
  TRY(table.finish());
  profile.snapshot = snapshot_of(table, profile);
  profile.digest = crypto::sha256(bytes_of(profile.snapshot));
  return profile;
}

}  // namespace airtight::issuer
