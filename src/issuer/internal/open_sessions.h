// Sessions under way that an operator ends, because what they are about is taken back.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "issuer/session_store.h"
#include "storage/database.h"

namespace airtight::issuer {

struct OpenSession {
  std::int64_t id;
  std::string server_session_id;
};
// From a row of these two columns.
[[nodiscard]] OpenSession open_session_from(const storage::Row& row);

// Those in which a registered device, or a client, is given what `profile` gives.
[[nodiscard]] Result<std::vector<OpenSession>> open_sessions_of_device(storage::Database& database, std::string_view profile,
                                                                       std::string_view device_id);
[[nodiscard]] Result<std::vector<OpenSession>> open_sessions_of_client(storage::Database& database, std::string_view client);

// Ends `sessions` and withdraws what they have issued, within the caller's transaction. Returns the ServerSessionIDs of those that were
// open still.
[[nodiscard]] Result<std::vector<std::string>> end_sessions(storage::Database& database, const Clock& clock,
                                                            const std::vector<OpenSession>& sessions, const Ending& ending);

}  // namespace airtight::issuer
