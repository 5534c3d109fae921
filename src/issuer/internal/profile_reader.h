// Reads and validates one profile table, each part in a file of its own. Configuration and session snapshots have the same form, so there
// is one reader.
#pragma once

#include <filesystem>
#include <map>
#include <set>
#include <string>

#include "base/result.h"
#include "issuer/internal/toml_table.h"
#include "issuer/profile.h"

namespace airtight::issuer {

// Reads the profile `name`; files that it names are relative to `folder`. Fills snapshot and digest.
[[nodiscard]] Result<Profile> read_profile(TomlTable& table, const std::string& name, const std::filesystem::path& folder);

// What the parts of a profile's reader share.
class ProfileReading {
 public:
  explicit ProfileReading(std::filesystem::path folder) : folder_(std::move(folder)) {}

  // An ID of a policy or key: they all differ (sks.md section 1; keygen2.md section 6).
  [[nodiscard]] Result<std::string> id(TomlTable& table);

  // The content of the file that `name` names, at most `max_size` bytes. In the snapshot of the profile it stands as the text
  // `snapshot_name`, as `encode` writes it.
  [[nodiscard]] Result<Bytes> file(const TomlTable& table, std::string_view name, const std::string& file_name, std::size_t max_size,
                                   std::string_view snapshot_name, std::string (*encode)(ByteView));

  // The table as text, with what files hold in place of their names.
  [[nodiscard]] std::string snapshot_of(const TomlTable& table, const std::string& name) const;

 private:
  struct Replacement {
    std::string name;
    std::string snapshot_name;
    std::string content;
  };
  void replace_in(const toml::table& original, toml::table& copy) const;

  std::filesystem::path folder_;
  std::set<std::string> ids_;
  std::map<const toml::table*, Replacement> replacements_;
};

// A table's name for itself, in lists of what is allowed.
template <typename Table>
[[nodiscard]] std::string names_in(const Table& table) {
  std::string all;
  for (const auto& entry : table) all.append(all.empty() ? "" : ", ").append(entry.name);
  return all;
}

template <typename Table>
[[nodiscard]] auto find_named(const Table& table, std::string_view name) -> decltype(&table[0]) {
  for (const auto& entry : table) {
    if (entry.name == name) return &entry;
  }
  return nullptr;
}

// device_reader.cc, policy_reader.cc, key_reader.cc, extension_reader.cc, lookup_reader.cc,
// enrolment_reader.cc: the parts, in the order of reading.
[[nodiscard]] Result<provenance::DevicePolicy> read_devices(TomlTable& profile_table, ProfileReading& reading);
[[nodiscard]] Result<PukPolicy> read_puk_policy(TomlTable& table, ProfileReading& reading);
[[nodiscard]] Result<PinPolicy> read_pin_policy(TomlTable& table, ProfileReading& reading, const Profile& profile);
[[nodiscard]] Result<KeyProfile> read_key(TomlTable& table, ProfileReading& reading, const Profile& profile);
[[nodiscard]] Result<std::vector<ExtensionObjectProfile>> read_extensions(TomlTable& key_table, ProfileReading& reading);
[[nodiscard]] Result<LookupProfile> read_lookup(TomlTable& table, ProfileReading& reading, const Profile& profile);
// Reads the table 'enrolment' of a profile that is read otherwise; an operator's approval defers certification.
[[nodiscard]] Result<> read_enrolment(TomlTable& profile_table, Profile& profile);
// What lookups ask for must be known when they are asked: once everything else has been read.
[[nodiscard]] Result<> check_lookup_texts(TomlTable& profile_table, const Profile& profile);
[[nodiscard]] Result<std::vector<IssuerLogotypeProfile>> read_issuer_logotypes(TomlTable& profile_table, ProfileReading& reading);

// A MIME type of an image, and its bytes from `file` or, in a snapshot, `base64`.
struct ImageProfile {
  std::string mime_type;
  Bytes image;
};
[[nodiscard]] Result<ImageProfile> read_image(TomlTable& table, ProfileReading& reading);
// A text that is a template of names that can be known.
[[nodiscard]] Result<> check_template(const TomlTable& table, std::string_view name, std::string_view text);

}  // namespace airtight::issuer
