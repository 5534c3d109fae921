// What a key store has on its disk, without what is random, but with PINs and PUKs in clear: two pictures are equal if the stores are, row
// by row and counter by counter.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "sks/methods.h"

namespace airtight::faults {

struct StorePicture {
  std::string rows;                            // lines of text, one a row
  std::map<std::string, std::int64_t> errors;  // by "PIN 7" or "PUK 3"
  std::vector<std::int64_t> counters;          // the next handle of each kind
  bool has_open_session = false;

  // 0 where there is no such PIN or PUK.
  [[nodiscard]] std::int64_t errors_of(const std::string& what) const;

  // Without the numbers of things, which differ where a call that failed has used up a handle.
  [[nodiscard]] std::string shape() const;

  // Without regard to the PIN and PUK errors.
  friend bool operator==(const StorePicture& a, const StorePicture& b) { return a.rows == b.rows; }
};

// Of the store in `folder`, which nobody has open: as a restart finds it.
[[nodiscard]] StorePicture picture_of(const std::filesystem::path& folder);

}  // namespace airtight::faults
