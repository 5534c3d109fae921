// What was done for somebody within the last hour, counted so that it can be limited on all nodes together. Who it was is stored as a hash
// alone, and for that hour alone.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "storage/database.h"

namespace airtight::issuer {

// Counts one visit for `purpose` by `who` in the caller's write transaction; false, and nothing counted, if there were `most` within the
// last hour. With `most` 0 any number is right, and none is counted.
[[nodiscard]] Result<bool> count_visit(storage::Database& database, std::string_view purpose, std::string_view who, std::uint32_t most,
                                       Instant now);

// Takes the last one back: what it was for did not come about.
[[nodiscard]] Result<> forget_visit(storage::Database& database, std::string_view purpose, std::string_view who);

// Forgets what is older than an hour.
[[nodiscard]] Result<> forget_old_visits(storage::Database& database, Instant now);
[[nodiscard]] Result<bool> has_old_visits(storage::Database& database, Instant now);

}  // namespace airtight::issuer
