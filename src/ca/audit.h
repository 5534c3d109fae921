// The audit log: what the authority and the issuer decided and did, append-only. Each row carries a hash over itself and the hash of the
// row before, so that a changed, inserted or deleted row shows.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "crypto/digest.h"
#include "storage/database.h"

namespace airtight::ca {

struct AuditEntry {
  std::int64_t id;  // from 1, without gaps
  Instant time;
  std::string event;   // stable: "certificate.issued", ...
  std::string detail;  // for people; lines
};

// Appends one row in the caller's open write transaction on `database`, whose ca tables are there (Authority::create makes them).
[[nodiscard]] Result<> record(storage::Database& database, const Clock& clock, std::string_view event, std::string_view detail);

// Up to `limit` rows with an id above `after`, in order.
[[nodiscard]] Result<std::vector<AuditEntry>> list_audit_log(storage::Database& database, std::size_t limit, std::int64_t after = 0);

// The end of the log. Whoever writes it down elsewhere can later prove that the log was not rewritten since.
struct AuditHead {
  std::int64_t last_id = 0;  // 0 while the log is empty
  crypto::Sha256Value
      hash{};  // SHA-256(hash before || id, time, then event and detail each behind its length, 8 bytes each); zeros at the start
  friend bool operator==(const AuditHead&, const AuditHead&) = default;
};

// Computes the whole chain again, outside of a transaction; others may write meanwhile. Fault::kRefused says at which row it breaks: a row
// changed, missing, added, or the end cut off.
[[nodiscard]] Result<AuditHead> verify_audit_log(storage::Database& database);

}  // namespace airtight::ca
