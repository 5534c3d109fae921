#include "issuer/internal/profile_reader.h"

#include <algorithm>
#include <sstream>

#include "base/text.h"
#include "ca/template.h"
#include "http/message.h"
#include "storage/files.h"

namespace airtight::issuer {
namespace {

constexpr std::int64_t kDefaultReserve = 16;

// Of a session: what a person needs to choose PINs; beyond certificates that come later by themselves; and where an operator has to act.
constexpr std::uint32_t kDefaultLifeTime = 3600;
constexpr std::uint32_t kLifeTimeUntilApproval = 7 * 24 * 3600;

// SKS closeProvisioningSession: "There are no unreferenced PIN or PUK policy objects".
Result<> check_references(const TomlTable& table, const Profile& profile) {
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

Result<> read_objects(TomlTable& table, ProfileReading& reading, Profile& profile) {
  for (TomlTable& puk : TRY(table.tables("puk_policies"))) profile.puk_policies.push_back(TRY(read_puk_policy(puk, reading)));
  for (TomlTable& pin : TRY(table.tables("pin_policies"))) profile.pin_policies.push_back(TRY(read_pin_policy(pin, reading, profile)));
  for (TomlTable& key : TRY(table.tables("keys"))) profile.keys.push_back(TRY(read_key(key, reading, profile)));
  for (TomlTable& lookup : TRY(table.tables("lookups"))) profile.lookups.push_back(TRY(read_lookup(lookup, reading, profile)));
  const bool deletes = std::ranges::any_of(profile.lookups, &LookupProfile::remove);
  if (profile.keys.empty() && !deletes) {
    return Failure(
        table.error_at("keys", "the profile asks for no key, and deletes none", "add a table [[profiles." + profile.name + ".keys]]"));
  }
  return check_references(table, profile);
}

Result<std::optional<Deferral>> read_deferral(TomlTable& table) {
  const bool deferred = TRY(table.boolean("deferred_certification")).value_or(false);
  const std::optional<std::int64_t> seconds = TRY(table.integer("deferred_seconds", 0, 10000000));
  if (seconds && !deferred)
    return Failure(table.error_at("deferred_seconds", "certificates come at once, and not after deferred_seconds",
                                  "add deferred_certification = true"));
  if (!deferred) return std::optional<Deferral>();
  Deferral deferral;
  if (seconds) deferral.seconds = static_cast<std::uint32_t>(*seconds);
  return std::optional(deferral);
}

// How the session goes, apart from what is made in it.
Result<> read_session(TomlTable& table, ProfileReading& reading, Profile& profile) {
  const std::optional<std::int64_t> life_time = TRY(table.integer("session_life_time", 10, 10000000));
  profile.updatable = TRY(table.boolean("updatable")).value_or(false);
  profile.session_key_reserve = static_cast<std::uint32_t>(TRY(table.integer("session_key_reserve", 0, 60000)).value_or(kDefaultReserve));
  profile.server_cookie = TRY(table.boolean("server_cookie")).value_or(false);
  profile.by_files = TRY(table.boolean("by_files")).value_or(false);
  profile.sign_requests = TRY(table.boolean("sign_requests")).value_or(false);
  profile.abort_url = TRY(table.text("abort_url"));
  if (profile.abort_url) {
    const Result<http::Url> url = http::Url::parse(*profile.abort_url);
    if (!url) return Failure(table.error_at("abort_url", url.error().message, "write it as \"https://www.example.com/cancelled\""));
  }
  profile.deferral = TRY(read_deferral(table));
  profile.default_life_time = !life_time;
  profile.session_life_time = life_time ? static_cast<std::uint32_t>(*life_time)
                                        : kDefaultLifeTime + (profile.deferral ? profile.deferral->seconds.value_or(0) : 0);
  if (profile.deferral && profile.deferral->seconds.value_or(0) >= profile.session_life_time) {
    return Failure(
        table.error_at("deferred_seconds", "the certificates would come after the session has expired", "raise session_life_time"));
  }
  profile.logotypes = TRY(read_issuer_logotypes(table, reading));
  profile.wanted_algorithms = TRY(table.texts("wanted_algorithms"));
  profile.wanted_extensions = TRY(table.texts("wanted_extensions"));
  for (const std::string_view name : {"wanted_algorithms", "wanted_extensions"}) {
    const auto& list = name == "wanted_algorithms" ? profile.wanted_algorithms : profile.wanted_extensions;
    const auto is_bad = [](const std::string& uri) {
      return uri.find(':') == std::string::npos || uri.find_first_of(" \t\r\n") != std::string::npos;
    };
    if (std::ranges::any_of(list, is_bad)) return Failure(table.error_at(name, std::string(name) + " must hold URIs"));
  }
  return {};
}

// Section 5 of keygen2.md has keys and certificates, and nothing else.
Result<> check_basic(const TomlTable& table, const Profile& profile) {
  constexpr std::array kForeign = std::to_array<std::string_view>(
      {"devices", "updatable", "session_key_reserve", "server_cookie", "by_files", "sign_requests", "abort_url", "deferred_certification",
       "logotypes", "wanted_algorithms", "wanted_extensions", "lookups", "puk_policies", "pin_policies"});
  for (const std::string_view name : kForeign) {
    if (table.has(name))
      return Failure(table.error_at(name, "the basic profile has no " + std::string(name), "remove it, or basic = true"));
  }
  constexpr std::array kOfKeys =
      std::to_array<std::string_view>({"id", "usage", "algorithm", "rsa_size", "rsa_exponent", "certificate", "friendly_name"});
  for (const KeyProfile& key : profile.keys) {
    const auto* keys = table.raw().get_as<toml::array>("keys");
    for (const toml::node& node : *keys) {
      const toml::table& one = *node.as_table();
      if (one["id"].value_or(std::string()) != key.id) continue;
      for (const auto& [name, value] : one) {
        if (std::ranges::find(kOfKeys, name.str()) == kOfKeys.end())
          return Failure(table.error_at("keys", "the basic profile's key '" + key.id + "' has no " + std::string(name.str()),
                                        "allowed: id, usage, algorithm, certificate"));
      }
    }
    if (key.usage == KeyUsage::kSymmetricKey) return Failure(table.error_at("keys", "the basic profile has no symmetric keys"));
  }
  return {};
}

}  // namespace

Result<std::string> ProfileReading::id(TomlTable& table) {
  std::string id = TRY(table.required_text("id"));
  if (!is_sks_id(id)) {
    return Failure(
        table.error_at("id", "'" + id + "' is not an ID", "an ID has 1 to 32 bytes: a letter, then letters, digits, '.', '-' and '_'"));
  }
  if (id == "Device") return Failure(table.error_at("id", "nothing may be called 'Device'", "that name stands for the device's own PIN"));
  if (!ids_.insert(id).second) {
    return Failure(table.error_at("id", "the ID '" + id + "' is used twice",
                                  "PUK policies, PIN policies, keys and lookups of a profile have different IDs"));
  }
  return id;
}

Result<Bytes> ProfileReading::file(const TomlTable& table, std::string_view name, const std::string& file_name, std::size_t max_size,
                                   std::string_view snapshot_name, std::string (*encode)(ByteView)) {
  Result<Bytes> content = storage::read_file(folder_ / file_name, max_size);
  if (!content) return Failure(table.error_at(name, content.error().message, content.error().hint));
  replacements_.insert_or_assign(&table.raw(), Replacement{std::string(name), std::string(snapshot_name), encode(*content)});
  return content;
}

void ProfileReading::replace_in(const toml::table& original, toml::table& copy) const {
  for (const auto& [key, value] : original) {
    toml::node* twin = copy.get(key.str());
    if (const toml::table* inner = value.as_table()) {
      replace_in(*inner, *twin->as_table());
    } else if (const toml::array* array = value.as_array()) {
      for (std::size_t i = 0; i < array->size(); ++i) {
        if (const toml::table* item = array->get(i)->as_table()) replace_in(*item, *twin->as_array()->get(i)->as_table());
      }
    }
  }
  const auto found = replacements_.find(&original);
  if (found == replacements_.end()) return;
  copy.erase(found->second.name);
  copy.insert_or_assign(found->second.snapshot_name, found->second.content);
}

std::string ProfileReading::snapshot_of(const TomlTable& table, const std::string& name) const {
  toml::table copy = table.raw();
  replace_in(table.raw(), copy);
  copy.insert_or_assign("name", name);
  std::ostringstream text;
  text << copy;
  return std::move(text).str();
}

Result<Profile> read_profile(TomlTable& table, const std::string& name, const std::filesystem::path& folder) {
  ProfileReading reading(folder);
  Profile profile;
  profile.name = name;
  profile.subject = TRY(table.text("subject"));
  if (profile.subject) {
    const Result<ca::NameTemplate> subject = ca::NameTemplate::parse(*profile.subject);
    if (!subject) return Failure(table.error_at("subject", subject.error().message, subject.error().hint));
  }
  profile.basic = TRY(table.boolean("basic")).value_or(false);
  TRY(read_session(table, reading, profile));
  if (!profile.basic) profile.devices = TRY(read_devices(table, reading));
  TRY(read_objects(table, reading, profile));
  if (profile.basic) TRY(check_basic(table, profile));
  TRY(read_enrolment(table, profile));
  if (profile.default_life_time && profile.deferral && !profile.deferral->seconds) profile.session_life_time = kLifeTimeUntilApproval;
  TRY(check_lookup_texts(table, profile));
  const std::uint32_t limit = profile.session_key_reserve + session_key_uses(profile);
  if (limit > 0xFFFF) {
    return Failure(table.error_at("keys", "the profile needs " + std::to_string(limit) + " uses of the session key, and 65535 are possible",
                                  "ask for fewer keys"));
  }
  profile.session_key_limit = static_cast<std::uint16_t>(limit);
  TRY(table.finish());
  profile.snapshot = reading.snapshot_of(table, name);
  profile.digest = crypto::sha256(bytes_of(profile.snapshot));
  return profile;
}

}  // namespace airtight::issuer
