#include "issuer/sweep.h"

#include "issuer/credential_store.h"
#include "issuer/session_store.h"
#include "issuer/visits.h"

namespace airtight::issuer {
namespace {

using storage::Database;
using storage::Row;

// Begun by whoever came, and by nobody's decision: rows of these would only pile up.
Result<std::int64_t> remove_unbegun_sessions(Database& database, Instant now) {
  const std::vector<std::int64_t> enrolments = TRY(storage::query_all(
      database,
      "SELECT s.enrolment_id FROM issuer_sessions s JOIN issuer_enrolments e ON e.id = s.enrolment_id WHERE s.is_open = 1 AND s.step = 0 "
      "AND e.way IN ('open', 'client', 'renewal') AND s.expires_at < ?",
      {now.milliseconds}, [](const Row& row) { return row.integer(0); }));
  for (const std::int64_t id : enrolments) {
    TRY(database.execute("DELETE FROM issuer_sessions WHERE enrolment_id = ?", {id}));
    TRY(database.execute("DELETE FROM issuer_enrolments WHERE id = ?", {id}));
  }
  return static_cast<std::int64_t>(enrolments.size());
}

}  // namespace

Result<bool> has_expired(Database& database, Instant now) {
  const auto expired = TRY(storage::query_one(database,
                                              "SELECT EXISTS (SELECT 1 FROM issuer_sessions WHERE is_open = 1 AND expires_at < ?1) OR "
                                              "EXISTS (SELECT 1 FROM issuer_enrolments WHERE state = 'unused' AND expires_at < ?1)",
                                              {now.milliseconds}, [](const Row& row) { return row.integer(0) != 0; }));
  if (expired.value_or(false)) return true;
  return has_old_visits(database, now);
}

Result<Sweep> sweep_expired(Database& database, const Clock& clock) {
  const Instant now = clock.now();
  Sweep done;
  done.expired_sessions = TRY(remove_unbegun_sessions(database, now));
  const std::vector<std::int64_t> sessions =
      TRY(storage::query_all(database, "SELECT id FROM issuer_sessions WHERE is_open = 1 AND expires_at < ?", {now.milliseconds},
                             [](const Row& row) { return row.integer(0); }));
  for (const std::int64_t id : sessions) {
    Session session;
    session.id = id;
    if (!TRY(abort_session(database, session, {"session.expired", "the session was not finished in time"}, now))) continue;
    done.withdrawn_credentials += TRY(withdraw_credentials(database, clock, id, "the device did not confirm it in time"));
    ++done.expired_sessions;
  }
  done.expired_urls = TRY(database.execute("DELETE FROM issuer_enrolments WHERE state = 'unused' AND expires_at < ?", {now.milliseconds}));
  TRY(forget_old_visits(database, now));
  return done;
}

}  // namespace airtight::issuer
