// SQLite's C objects with owners, and its return codes as errors of ours.
#pragma once

#include <sqlite3.h>

#include <memory>
#include <string_view>

#include "base/result.h"

namespace airtight::storage::internal {

struct CloseConnection {
  void operator()(sqlite3* connection) const { sqlite3_close_v2(connection); }
};
struct FinalizeStatement {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using ConnectionHandle = std::unique_ptr<sqlite3, CloseConnection>;
using StatementHandle = std::unique_ptr<sqlite3_stmt, FinalizeStatement>;

// The error for result code `code` of a call on `connection` (which may be null) while doing `action`; Fault as storage/database.h says.
[[nodiscard]] Failure sqlite_failure(std::string_view action, sqlite3* connection, int code);

}  // namespace airtight::storage::internal
