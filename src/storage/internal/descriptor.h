// Open files and folders of the operating system, and its error numbers as errors of ours.
#pragma once

#include <filesystem>
#include <string_view>

#include "base/descriptor.h"
#include "base/result.h"

namespace airtight::storage::internal {

using airtight::Descriptor;

// "cannot <action> <path>: <reason>" with what to do about it, for the error number `code`.
[[nodiscard]] Failure system_failure(std::string_view action, const std::filesystem::path& path, int code);

// The folder that holds `path`.
[[nodiscard]] std::filesystem::path folder_of(const std::filesystem::path& path);

// Makes the names in `folder` durable.
[[nodiscard]] Result<> sync_folder(const std::filesystem::path& folder);

// Refuses a file whose permission bits `mode` let others than its owner in.
[[nodiscard]] Result<> require_private(const std::filesystem::path& path, unsigned mode);

}  // namespace airtight::storage::internal
