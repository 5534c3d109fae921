// Durable small files: written whole or not at all, readable by their owner alone.
#pragma once

#include <filesystem>
#include <optional>

#include "base/bytes.h"
#include "base/descriptor.h"
#include "base/result.h"
#include "base/secret_bytes.h"

namespace airtight::storage {

// 0600 or 0644, whatever the umask.
enum class FileMode : unsigned char { kPrivate, kPublic };

// All functions here name the path, the system's reason and the next step in their errors: Fault::kNotFound if something on the path
// is missing, Fault::kRefused if the system does not permit it, Fault::kStorage if the medium is full or fails.

// Writes a new file or replaces one atomically (temporary file, fsync, rename, fsync of the folder): after a crash there is the old
// content or the new one. A symbolic link at `path` is replaced, not followed. A device or pipe, and what /dev and /proc call an open file,
// is written to as it is.
[[nodiscard]] Result<> write_file(const std::filesystem::path& path, ByteView content, FileMode mode);

// The same, but never replaces: Fault::kRefused if there is anything at `path`.
[[nodiscard]] Result<> write_new_file(const std::filesystem::path& path, ByteView content, FileMode mode);

// Moves a file to another name in its folder, durably and atomically; replaces what is there.
[[nodiscard]] Result<> rename_file(const std::filesystem::path& from, const std::filesystem::path& to);

// The same, but never replaces: Fault::kRefused if there is anything at `to`.
[[nodiscard]] Result<> rename_new_file(const std::filesystem::path& from, const std::filesystem::path& to);

// Removes a file, durably.
[[nodiscard]] Result<> remove_file(const std::filesystem::path& path);

// Reads a file of at most `max_size` bytes; Fault::kBadInput if it is larger, a folder, or a named pipe, which might be waited for for
// ever. A shell's <(...), /dev/stdin and devices are read to their end.
[[nodiscard]] Result<Bytes> read_file(const std::filesystem::path& path, std::size_t max_size);

// The same for secrets; refuses (Fault::kRefused) a file that others than its owner can read or write.
[[nodiscard]] Result<SecretBytes> read_secret_file(const std::filesystem::path& path, std::size_t max_size);

// Nothing, or a file; Fault::kRefused for anything else. For files of a known place: to open a pipe there would be to wait for ever.
[[nodiscard]] Result<> refuse_special_file(const std::filesystem::path& path);

// Fault::kRefused for a file or folder that belongs neither to this user nor to root, or that others can write: for what decides about
// others, such as a configuration.
[[nodiscard]] Result<> require_unwritable_by_others(const std::filesystem::path& path);

// The lock that the file `path` (made if need be) stands for, until the descriptor is closed or the process ends, however it ends; nothing
// if somebody else has it.
[[nodiscard]] Result<std::optional<Descriptor>> try_lock(const std::filesystem::path& path);
// The same of the folder `path`, which has to be there: nothing is made in it.
[[nodiscard]] Result<std::optional<Descriptor>> try_lock_folder(const std::filesystem::path& path);

// Copies the file `from`, of any size, to the new file `to` (0600); never replaces: Fault::kRefused if there is anything at `to`, or if
// `from` is no regular file.
[[nodiscard]] Result<> copy_new_file(const std::filesystem::path& from, const std::filesystem::path& to);

// Makes a folder (0700) and its parents (0700 too); succeeds if it is there already, and then leaves its mode alone.
[[nodiscard]] Result<> make_private_folder(const std::filesystem::path& path);

}  // namespace airtight::storage
