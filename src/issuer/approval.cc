// What operators decide about sessions that wait for them: the passport-office case of provenance.md section 5. The device has made its
// keys and proved itself by then; the operator compares the device ID that its owner reads out.
#include <algorithm>

#include "base/text.h"
#include "ca/audit.h"
#include "issuer/issuer.h"
#include "issuer/operator_line.h"
#include "issuer/session_store.h"
#include "issuer/verdict_record.h"

namespace airtight::issuer {
namespace {

using storage::Database;
using storage::Row;

constexpr std::size_t kLongestReason = 500;

Failure not_waiting(std::string_view id) {
  return fail(Fault::kRefused, "the session " + std::string(id) + " does not wait for an approval",
              "'airtight issuer waiting' lists those that do");
}

Result<Session> waiting_session(Database& database, std::string_view id, Instant now) {
  std::optional<Session> session = TRY(find_session_by_server_id(database, id));
  if (!session) return fail(Fault::kNotFound, "there is no session " + std::string(id));
  if (session->state != keygen2::ServerState::kAwaitCertification || session->certify_at || session->expires_at < now)
    return not_waiting(id);
  return *std::move(session);
}

std::string record_of(const Session& session, const Decision& decision) {
  return "session: " + session.server_session_id + "\nsubject: " + session.subject + "\ndevice: " + session.device_id + "\n" +
         operator_line(decision.by);
}

// What is said does not depend on how much of the device ID was right.
Result<bool> is_device_of(const Session& session, std::string_view device_id) {
  const std::string given = TRY(read_device_id(device_id));
  return equal_in_constant_time(bytes_of(given), bytes_of(session.device_id));
}

WaitingSession waiting_from(const Row& row) {
  WaitingSession session{};
  session.server_session_id = row.text(0);
  session.profile = row.text(1);
  session.subject = row.text(2);
  session.email = row.is_null(3) ? std::string() : row.text(3);
  session.device_id = row.text(4);
  session.vendor = row.text(5);  // the verdict, until it is read
  session.device = row.text(6);  // the profile's snapshot, until it is read
  session.since = {row.integer(7)};
  session.expires_at = {row.integer(8)};
  return session;
}

}  // namespace

Result<> Issuer::approve(std::string_view server_session_id, const Decision& decision) {
  const DatabasePool::Lease database = TRY(pool_.take());
  storage::Transaction transaction = TRY(storage::Transaction::begin(*database, storage::Access::kWrite));
  const Session session = TRY(waiting_session(*database, server_session_id, clock_->now()));
  const std::string snapshot = TRY(find_profile_snapshot(*database, session.profile_digest));
  const Profile profile = TRY(read_snapshot(snapshot));
  if (decision.device_id.empty()) {
    if (profile.enrolment.operator_approves)
      return fail(Fault::kRefused, "the profile '" + profile.name + "' wants the device ID compared",
                  "have it read out, and give it with --device-id");
  } else if (!TRY(is_device_of(session, decision.device_id))) {
    TRY(ca::record(*database, *clock_, "session.approval-refused", record_of(session, decision) + "why: another device ID was given\n"));
    TRY(transaction.commit());
    return fail(Fault::kRefused, "this is not the device ID of the session's device",
                "have it read out again; if it stays another one, somebody else's device is in the session: 'airtight issuer deny'");
  }
  if (!TRY(set_certify_at(*database, session.id, clock_->now()))) return not_waiting(server_session_id);
  TRY(ca::record(*database, *clock_, "session.approved",
                 record_of(session, decision) + (decision.device_id.empty() ? "" : "the device ID was compared\n")));
  return transaction.commit();
}

Result<> Issuer::deny(std::string_view server_session_id, std::string_view why, const Decision& decision) {
  if (why.empty() || why.size() > kLongestReason || !is_line(why))
    return fail(Fault::kBadInput, "the reason has to be one line of UTF-8 of at most 500 bytes");
  const DatabasePool::Lease database = TRY(pool_.take());
  storage::Transaction transaction = TRY(storage::Transaction::begin(*database, storage::Access::kWrite));
  const Session session = TRY(waiting_session(*database, server_session_id, clock_->now()));
  const std::string sentence = "An operator of the issuer has denied the enrolment: " + std::string(why);
  if (!TRY(abort_session(*database, session, {kDeniedId, sentence}, clock_->now()))) return not_waiting(server_session_id);
  TRY(ca::record(*database, *clock_, "session.denied", record_of(session, decision) + "why: " + std::string(why) + "\n"));
  return transaction.commit();
}

Result<std::vector<WaitingSession>> Issuer::waiting() {
  const DatabasePool::Lease database = TRY(pool_.take());
  std::vector<WaitingSession> sessions = TRY(
      storage::query_all(*database,
                         "SELECT s.server_session_id, p.name, s.subject, s.email, s.device_id, s.verdict, p.snapshot, s.updated_at, "
                         "s.expires_at FROM issuer_sessions s JOIN issuer_profiles p ON p.digest = s.profile_digest WHERE s.is_open = 1 "
                         "AND s.state = ? AND s.certify_at IS NULL AND s.expires_at >= ? ORDER BY s.updated_at, s.id",
                         {keygen2::name_of(keygen2::ServerState::kAwaitCertification), clock_->now().milliseconds}, waiting_from));
  for (WaitingSession& session : sessions) {
    const provenance::Verdict verdict = TRY(verdict_from_json(session.vendor));
    session.device_id_wanted = TRY(read_snapshot(session.device)).enrolment.operator_approves;
    session.device = verdict.device;
    session.device_class = verdict.device_class;
    session.vendor = verdict.vendor;
  }
  return sessions;
}

}  // namespace airtight::issuer
