#include "issuer/internal/open_sessions.h"

#include "issuer/credential_store.h"

namespace airtight::issuer {

using storage::Database;

#define AIRTIGHT_SELECT_OPEN \
  "SELECT s.id, s.server_session_id FROM issuer_sessions s JOIN issuer_enrolments e ON e.id = s.enrolment_id WHERE s.is_open = 1 AND "

OpenSession open_session_from(const storage::Row& row) { return {row.integer(0), row.text(1)}; }

Result<std::vector<OpenSession>> open_sessions_of_device(Database& database, std::string_view profile, std::string_view device_id) {
  return storage::query_all(database, AIRTIGHT_SELECT_OPEN "e.profile = ? AND s.device_id = ?", {profile, device_id}, open_session_from);
}

Result<std::vector<OpenSession>> open_sessions_of_client(Database& database, std::string_view client) {
  return storage::query_all(database, AIRTIGHT_SELECT_OPEN "e.client = ?", {client}, open_session_from);
}

Result<std::vector<std::string>> end_sessions(Database& database, const Clock& clock, const std::vector<OpenSession>& sessions,
                                              const Ending& ending) {
  std::vector<std::string> ended;
  for (const OpenSession& open : sessions) {
    Session session;
    session.id = open.id;
    if (!TRY(abort_session(database, session, ending, clock.now()))) continue;
    TRY(withdraw_credentials(database, clock, open.id, ending.sentence));
    ended.push_back(open.server_session_id);
  }
  return ended;
}

}  // namespace airtight::issuer
