// The two kinds of counters: in a file, and in a TPM. Each belongs to one anchor of one store by `key`, which is derived for it alone.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "base/result.h"
#include "base/secret_bytes.h"
#include "sealing/anchor.h"

namespace airtight::sealing::internal {

// A file with the count and its MAC. It starts at a number of its own. Fault::kRefused if there is anything at `path`.
[[nodiscard]] Result<> make_file_counter(const std::filesystem::path& path, const SecretBytes& key);
[[nodiscard]] std::unique_ptr<Counter> file_counter(const std::filesystem::path& path, SecretBytes key);
// Removes it, if it is there and is this one.
[[nodiscard]] Result<> remove_file_counter(const std::filesystem::path& path, SecretBytes key);

// A counter (TPM2_NT_COUNTER) in the NV memory of the TPM at `tcti`, used by `key` alone and over an HMAC session, so that the bus can
// neither advance it nor lie about it. It starts where the TPM starts it: above every counter that it ever had.
// Fault::kRefused if `index` is in use, kStorage if the TPM has no room.
[[nodiscard]] Result<> make_tpm2_counter(const std::string& tcti, std::uint32_t index, const SecretBytes& key);
// Connects at once, so that a counter that is out of reach is noticed now.
[[nodiscard]] Result<std::unique_ptr<Counter>> tpm2_counter(const std::string& tcti, std::uint32_t index, SecretBytes key);
// Removes it, if it is there and is this one.
[[nodiscard]] Result<> remove_tpm2_counter(const std::string& tcti, std::uint32_t index, SecretBytes key);

inline constexpr std::uint32_t kFirstIndex = 0x01800000;  // the owner's range of the TCG's registry of handles
inline constexpr std::uint32_t kLastIndex = 0x01BFFFFF;

}  // namespace airtight::sealing::internal
