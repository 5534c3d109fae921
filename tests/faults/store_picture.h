// What a key store has on its disk, without what is random: two pictures are equal if the stores are, row by row and counter by counter.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "sks/methods.h"

namespace airtight::faults {

struct StorePicture {
  std::string rows;                      // lines of text, one a row
  std::vector<std::int64_t> pin_errors;  // by PIN
  std::vector<std::int64_t> counters;    // the next handle of each kind
  bool has_open_session = false;

  // Without regard to the PIN errors.
  friend bool operator==(const StorePicture& a, const StorePicture& b) { return a.rows == b.rows; }
};

// Of the store in `folder`, which nobody has open: as a restart finds it.
[[nodiscard]] StorePicture picture_of(const std::filesystem::path& folder);

}  // namespace airtight::faults
