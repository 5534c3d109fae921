// A turn at a key store: programs whose work is several calls that belong together, such as taking a counter's value and advancing it, do
// it one after the other. Only those who ask for a turn keep to it; the key store itself knows nothing of it.
#pragma once

#include <chrono>
#include <filesystem>
#include <utility>

#include "base/descriptor.h"
#include "base/result.h"

namespace airtight::device {

// Held as long as this object; a process that dies gives it back.
class Turn {
 public:
  // The turn at the key store in `folder`, or behind the socket `folder`: one for all who come to a store, whether through a daemon or not.
  // Waits for it as long as `patience`. Fault::kUnavailable if somebody else keeps it longer, kNotFound if there is no such folder,
  // kRefused if this user may not read the folder that the store, or its daemon's socket, is in.
  [[nodiscard]] static Result<Turn> take(const std::filesystem::path& folder, std::chrono::milliseconds patience);

 private:
  explicit Turn(Descriptor lock) : lock_(std::move(lock)) {}
  Descriptor lock_;
};

}  // namespace airtight::device
