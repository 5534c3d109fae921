// BASE/enroll/PROFILE, the address of a profile: where a session begins without a one-time URL that somebody made before.
#include "issuer/enrolment_subject.h"
#include "issuer/internal/service_impl.h"
#include "issuer/visits.h"

namespace airtight::issuer {
namespace {

using storage::Database;
using storage::Row;

Refusal unknown() { return {kNotFound, "enrolment.unknown", "This enrolment address is not known, or it has expired"}; }

Refusal too_many() {
  return {kTooMany, "enrolment.too-many", "There are too many enrolments from this address at the moment; try again later"};
}

// What keeps an open enrolment from filling the database: sessions that nobody goes on with end after a short time.
Verified<> admit_visitor(Database& database, const Profile& profile, const std::string& peer, Instant now) {
  if (!TRY(count_visit(database, "open", peer, profile.enrolment.visits_per_hour, now))) return Refused(too_many());
  const auto open =
      TRY(storage::query_one(database,
                             "SELECT COUNT(*) FROM issuer_sessions s JOIN issuer_enrolments e ON e.id = s.enrolment_id WHERE s.is_open = 1 "
                             "AND e.way = ? AND e.profile = ?",
                             {name_of(Way::kOpen), std::string_view(profile.name)}, [](const Row& row) { return row.integer(0); }));
  if (open.value_or(0) < profile.enrolment.open_sessions) return {};
  return refuse(kTooMany, "enrolment.busy", "The issuer has as many enrolments under way as it takes at a time; try again later");
}

}  // namespace

Verified<http::Response> IssuerService::Impl::enter(const http::Request& request, std::string_view profile_name) {
  const Result<const Profile*> found = parts.configuration.find_profile(profile_name);
  if (!found) return Refused(unknown());
  const Profile& profile = **found;
  const EnrolmentRules& rules = profile.enrolment;
  const DatabasePool::Lease database = TRY(parts.pool.take());
  if (rules.open) return enter_openly(*database, request, profile);
  return Refused(unknown());
}

Verified<http::Response> IssuerService::Impl::enter_openly(Database& database, const http::Request& request, const Profile& profile) {
  if (request.method != "GET") return refuse(kMethodNotAllowed, "method", "This address is fetched with GET");
  Beginning beginning{.profile = profile, .enrolment = {}, .admit = {}, .life_time = kFirstStepTime};
  beginning.enrolment.way = Way::kOpen;
  beginning.enrolment.subject = TRY(subject_at_first(profile.subject.value_or(""), profile, {}));
  beginning.admit = [&](Database& writing) { return admit_visitor(writing, profile, request.peer, parts.clock.now()); };
  return begin_at_once(database, request, beginning);
}

}  // namespace airtight::issuer
