// Durable small files: written whole or not at all, readable by their owner alone.
#pragma once

#include <filesystem>

#include "base/bytes.h"
#include "base/result.h"
#include "base/secret_bytes.h"

namespace airtight::storage {

// Writes a new file or replaces one atomically (temporary file, fsync, rename, fsync of the folder), mode 0600 or 0644.
enum class FileMode : unsigned char { kPrivate, kPublic };
[[nodiscard]] Result<> write_file(const std::filesystem::path& path, ByteView content, FileMode mode);

// Reads at most `max_size` bytes; Fault::kNotFound if there is no such file, Fault::kBadInput if it is larger.
[[nodiscard]] Result<Bytes> read_file(const std::filesystem::path& path, std::size_t max_size);

// The same for secrets; refuses (Fault::kRefused) a file that others than its owner can read or write.
[[nodiscard]] Result<SecretBytes> read_secret_file(const std::filesystem::path& path, std::size_t max_size);

// Makes a folder (0700) and its parents; succeeds if it is there already.
[[nodiscard]] Result<> make_private_folder(const std::filesystem::path& path);

}  // namespace airtight::storage
