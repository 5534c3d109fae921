// A lock on the folder of a store, for as long as this object or its process lives: shared by those who open the store, and taken alone by
// whoever puts another database into its place, so that nobody opens the one while it is exchanged for the other.
#pragma once

#include <filesystem>
#include <string_view>
#include <utility>

#include "base/descriptor.h"
#include "base/result.h"

namespace airtight::device::internal {

// Says what there is of a store (store_folder.cc); it is this file that is locked.
inline constexpr std::string_view kStateFile = "store.state";

class StoreLock {
 public:
  // Fault::kUnavailable while somebody has taken it alone; kNotFound if there is no such file.
  [[nodiscard]] static Result<StoreLock> share(const std::filesystem::path& folder);
  // Fault::kUnavailable while somebody shares it.
  [[nodiscard]] static Result<StoreLock> take(const std::filesystem::path& folder);

 private:
  explicit StoreLock(Descriptor file) : file_(std::move(file)) {}
  Descriptor file_;
};

}  // namespace airtight::device::internal
