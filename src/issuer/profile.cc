#include "issuer/profile.h"

#include <algorithm>

#include "issuer/internal/profile_reader.h"
#include "issuer/internal/toml_table.h"

namespace airtight::issuer {

const KeyProfile* Profile::find_key(std::string_view id) const {
  const auto found = std::ranges::find(keys, id, &KeyProfile::id);
  return found == keys.end() ? nullptr : &*found;
}

std::uint32_t session_key_uses(const Profile& profile) {
  constexpr std::uint32_t kSessionResponseSignature = 1;
  constexpr std::uint32_t kCreateKeyPairAndSetCertificatePath = 2;
  constexpr std::uint32_t kClose = 2;
  return kSessionResponseSignature + static_cast<std::uint32_t>(profile.puk_policies.size()) +
         kCreateKeyPairAndSetCertificatePath * static_cast<std::uint32_t>(profile.keys.size()) + kClose;
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

}  // namespace airtight::issuer
