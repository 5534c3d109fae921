// Open files and folders of the operating system, closed by their owner, and its error numbers as errors of ours.
#pragma once

#include <filesystem>
#include <string_view>
#include <utility>

#include "base/result.h"

namespace airtight::storage::internal {

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&&) = delete;
  ~Descriptor();

  [[nodiscard]] bool is_open() const { return number_ >= 0; }
  [[nodiscard]] int number() const { return number_; }

 private:
  int number_;
};

// "cannot <action> <path>: <reason>" with what to do about it, for the error number `code`.
[[nodiscard]] Failure system_failure(std::string_view action, const std::filesystem::path& path, int code);

// The folder that holds `path`.
[[nodiscard]] std::filesystem::path folder_of(const std::filesystem::path& path);

// Makes the names in `folder` durable.
[[nodiscard]] Result<> sync_folder(const std::filesystem::path& folder);

// Refuses a file whose permission bits `mode` let others than its owner in.
[[nodiscard]] Result<> require_private(const std::filesystem::path& path, unsigned mode);

}  // namespace airtight::storage::internal
