// Reads the table [mail] of issuer.toml, and the files that it names.
#pragma once

#include <filesystem>
#include <optional>

#include "base/result.h"
#include "issuer/configuration.h"
#include "issuer/internal/toml_table.h"

namespace airtight::issuer {

[[nodiscard]] Result<std::optional<MailSettings>> read_mail(TomlTable& root, const std::filesystem::path& folder);

}  // namespace airtight::issuer
