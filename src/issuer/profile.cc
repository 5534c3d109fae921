#include "issuer/profile.h"

#include <algorithm>

#include "issuer/internal/profile_reader.h"
#include "issuer/internal/toml_table.h"
#include "keygen2/messages.h"

namespace airtight::issuer {
namespace {

template <typename T>
const T* find_id(const std::vector<T>& list, std::string_view id) {
  const auto found = std::ranges::find(list, id, &T::id);
  return found == list.end() ? nullptr : &*found;
}

// Of one key from its making to its last extension.
std::uint32_t uses_of(const KeyProfile& key, const Profile& profile) {
  constexpr std::uint32_t kCreateAndCertify = 2;
  constexpr std::uint32_t kMacAndDecryption = 2;
  std::uint32_t uses = kCreateAndCertify;
  const PinPolicy* pin = key.pin_policy ? profile.find_pin_policy(*key.pin_policy) : nullptr;
  if (pin != nullptr && pin->preset_length) ++uses;
  if (key.private_key_backup) ++uses;
  if (key.symmetric_key) uses += kMacAndDecryption;
  if (key.symmetric_key && key.symmetric_key->seed_pool) ++uses;  // its property bag
  if (key.source != KeySource::kDevice) uses += kMacAndDecryption;
  if (key.renewable) ++uses;
  for (const ExtensionObjectProfile& extension : key.extensions) {
    const auto* plain = std::get_if<ExtensionProfile>(&extension);
    uses += plain != nullptr && plain->encrypted ? kMacAndDecryption : 1;
  }
  return uses;
}

}  // namespace

Instant moment_of(const TimeLimit& limit, Instant now) {
  if (const auto* moment = std::get_if<Instant>(&limit)) return *moment;
  return now.plus(-std::get<std::chrono::days>(limit)).whole_seconds();
}

const KeyProfile* Profile::find_key(std::string_view id) const { return find_id(keys, id); }
const PinPolicy* Profile::find_pin_policy(std::string_view id) const { return find_id(pin_policies, id); }
const LookupProfile* Profile::find_lookup(std::string_view id) const { return find_id(lookups, id); }

bool Profile::clones() const { return std::ranges::any_of(lookups, &LookupProfile::clone); }

std::vector<std::string_view> Profile::templates() const {
  std::vector<std::string_view> out;
  for (const LookupProfile& lookup : lookups) {
    if (lookup.email) out.emplace_back(*lookup.email);
  }
  for (const KeyProfile& key : keys) {
    for (const ExtensionObjectProfile& extension : key.extensions) {
      if (const auto* bag = std::get_if<PropertyBagProfile>(&extension)) {
        for (const PropertyProfile& property : bag->properties) out.emplace_back(property.value);
      } else if (const auto* plain = std::get_if<ExtensionProfile>(&extension)) {
        if (const auto* text = std::get_if<std::string>(&plain->data)) out.emplace_back(*text);
      }
    }
  }
  return out;
}

std::uint32_t session_key_uses(const Profile& profile) {
  constexpr std::uint32_t kSessionResponseSignature = 1;
  constexpr std::uint32_t kClose = 2;
  std::uint32_t uses = kSessionResponseSignature + static_cast<std::uint32_t>(profile.puk_policies.size()) + kClose;
  for (const KeyProfile& key : profile.keys) uses += uses_of(key, profile);
  for (const LookupProfile& lookup : profile.lookups) {
    if (lookup.remove) {
      uses += lookup.most;
    } else if (lookup.update) {
      ++uses;
    }
  }
  return uses;
}

Result<Profile> read_snapshot(std::string_view snapshot) {
  Result<Profile> profile = [&]() -> Result<Profile> {
    const toml::table document = TRY(parse_toml(snapshot, "snapshot"));
    TomlTable root(document, "", "snapshot");
    const std::string name = TRY(root.required_text("name"));
    return read_profile(root, name, {});
  }();
  if (!profile) return fail(Fault::kInternal, "a stored profile cannot be read: " + profile.error().message);
  return profile;
}

Result<Profile> renewal_of(const Profile& profile, std::string_view key_id, ByteView serial) {
  const KeyProfile* key = profile.find_key(key_id);
  if (key == nullptr || !key->renewable) {
    return fail(Fault::kNotFound, "the profile '" + profile.name + "' does not renew a key '" + std::string(key_id) + "'");
  }
  Profile part = profile;
  if (part.enrolment.operator_approves) {  // who it is was decided when the credential was issued
    part.enrolment.operator_approves = false;
    part.deferral.reset();
  }
  LookupProfile lookup;
  lookup.id = key->id == "Lookup" ? "Lookup.1" : "Lookup";
  lookup.serial = keygen2::decimal_of(serial);
  lookup.update = key->id;
  lookup.required = true;
  lookup.most = 1;
  part.keys = {*key};
  part.keys.front().pin_policy.reset();  // it takes over the PIN of the key that it updates
  part.keys.front().device_pin = false;
  part.puk_policies.clear();
  part.pin_policies.clear();
  part.lookups = {std::move(lookup)};
  part.session_key_limit = static_cast<std::uint16_t>(std::min<std::uint32_t>(0xFFFF, session_key_uses(part) + part.session_key_reserve));
  return part;
}

}  // namespace airtight::issuer
