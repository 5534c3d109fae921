// Ends what has expired: sessions that nobody finished, with the credentials that no device confirmed, and enrolment URLs that nobody used.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "base/time.h"
#include "storage/database.h"

namespace airtight::issuer {

struct Sweep {
  std::int64_t expired_sessions = 0;
  std::int64_t expired_urls = 0;
  std::int64_t withdrawn_credentials = 0;
};

// Whether anything has expired: asked first, so that an idle issuer writes nothing.
[[nodiscard]] Result<bool> has_expired(storage::Database& database, Instant now);

// In the caller's write transaction. A renewal that never took a step leaves nothing behind; any other session stays as aborted.
[[nodiscard]] Result<Sweep> sweep_expired(storage::Database& database, const Clock& clock);

}  // namespace airtight::issuer
