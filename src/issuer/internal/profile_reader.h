// Reads and validates one profile table. Configuration and session snapshots have the same form, so there is one reader.
#pragma once

#include <filesystem>
#include <string>

#include "base/result.h"
#include "issuer/internal/toml_table.h"
#include "issuer/profile.h"

namespace airtight::issuer {

// Reads the profile `name`; files that it names are relative to `folder`. Fills snapshot and digest.
[[nodiscard]] Result<Profile> read_profile(TomlTable& table, const std::string& name, const std::filesystem::path& folder);

}  // namespace airtight::issuer
