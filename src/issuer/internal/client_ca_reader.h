// Reads the tables [[client_cas]] of issuer.toml, and the certificates that they name.
#pragma once

#include <filesystem>
#include <vector>

#include "base/result.h"
#include "issuer/client_ca.h"
#include "issuer/internal/toml_table.h"
#include "issuer/profile.h"

namespace airtight::issuer {

// `profiles` are those that the tables may name.
[[nodiscard]] Result<std::vector<ClientCa>> read_client_cas(TomlTable& root, const std::filesystem::path& folder,
                                                            const std::vector<Profile>& profiles);

}  // namespace airtight::issuer
