#include "ca/audit.h"

#include <algorithm>

namespace airtight::ca {
namespace {

using storage::Row;

crypto::Sha256Value hash_of(const AuditHead& previous, const AuditEntry& entry) {
  const auto number = [](std::int64_t value) { return big_endian(static_cast<std::uint64_t>(value), 8); };
  const auto length = [](std::string_view text) { return big_endian(text.size(), 8); };
  return crypto::sha256({ByteView(previous.hash), number(entry.id), number(entry.time.milliseconds), length(entry.event),
                         bytes_of(entry.event), length(entry.detail), bytes_of(entry.detail)});
}

crypto::Sha256Value hash_at(const Row& row, int column) {
  crypto::Sha256Value hash{};
  std::ranges::copy(row.blob(column), hash.begin());  // the table checks its length
  return hash;
}

Result<AuditHead> read_head(storage::Database& database) {
  const auto head = TRY(storage::query_one(database, "SELECT last_id, hash FROM audit_head WHERE id = 1", {},
                                           [](const Row& row) { return AuditHead{row.integer(0), hash_at(row, 1)}; }));
  if (!head) return fail(Fault::kRefused, "the audit log has lost its head", "restore the database from a backup");
  return *head;
}

AuditEntry read_entry(const Row& row) { return {row.integer(0), Instant{row.integer(1)}, row.text(2), row.text(3)}; }

Failure broken(std::int64_t id, std::string_view what) {
  return fail(Fault::kRefused, "the audit log is broken at row " + std::to_string(id) + ": " + std::string(what),
              "compare the database with a backup; someone changed it without this program");
}

}  // namespace

Result<> record(storage::Database& database, const Clock& clock, std::string_view event, std::string_view detail) {
  const AuditHead head = TRY(read_head(database));
  const AuditEntry entry{head.last_id + 1, clock.now(), std::string(event), std::string(detail)};
  const crypto::Sha256Value hash = hash_of(head, entry);
  TRY(database.execute("INSERT INTO audit_log (id, time, event, detail, hash) VALUES (?1, ?2, ?3, ?4, ?5)",
                       {entry.id, entry.time.milliseconds, event, detail, ByteView(hash)}));
  TRY(database.execute("UPDATE audit_head SET last_id = ?1, hash = ?2 WHERE id = 1", {entry.id, ByteView(hash)}));
  return {};
}

Result<std::vector<AuditEntry>> list_audit_log(storage::Database& database, std::size_t limit, std::int64_t after) {
  return storage::query_all(database, "SELECT id, time, event, detail FROM audit_log WHERE id > ?1 ORDER BY id LIMIT ?2",
                            {after, static_cast<std::int64_t>(limit)}, read_entry);
}

Result<AuditHead> verify_audit_log(storage::Database& database) {
  // One snapshot: rows that are written meanwhile would look like some that nobody wrote.
  const storage::Transaction snapshot = TRY(storage::Transaction::begin(database, storage::Access::kRead));
  const AuditHead claimed = TRY(read_head(database));
  AuditHead at;
  const auto cursor = TRY(database.query("SELECT id, time, event, detail, hash FROM audit_log ORDER BY id"));
  while (const Row* row = TRY(cursor->next())) {
    const AuditEntry entry = read_entry(*row);
    if (entry.id != at.last_id + 1) return broken(at.last_id + 1, "it is missing");
    const crypto::Sha256Value hash = hash_of(at, entry);
    if (hash != hash_at(*row, 4)) return broken(entry.id, "it was changed, or a row before it");
    at = {entry.id, hash};
  }
  if (at.last_id < claimed.last_id) return broken(at.last_id + 1, "it is missing, and all after it");
  if (at != claimed) return broken(at.last_id, "it is not the row that was written last");
  return at;
}

}  // namespace airtight::ca
