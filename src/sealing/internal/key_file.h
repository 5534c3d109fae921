// The key file of a seal: 32 random bytes in hex on one line, 0600. It opens the seal beside it and nothing else.
#pragma once

#include <filesystem>

#include "base/bytes.h"
#include "base/random.h"
#include "base/result.h"
#include "base/secret_bytes.h"

namespace airtight::sealing::internal {

// Fault::kNotFound if it is missing, Fault::kRefused if it is no key file or others than its owner can read it.
[[nodiscard]] Result<SecretBytes> read_key_file(const std::filesystem::path& path);

// The key in `path`, made there if there is none. One that is there belongs to a creation that was cut short, and stays.
[[nodiscard]] Result<SecretBytes> read_or_make_key_file(const std::filesystem::path& path, RandomSource& random);

// What the seal file keeps to recognise the key: 16 bytes that tell nothing about it.
[[nodiscard]] Bytes key_id(const SecretBytes& key);

// The key that wraps the master key.
[[nodiscard]] SecretBytes wrapping_key(const SecretBytes& key);

}  // namespace airtight::sealing::internal
