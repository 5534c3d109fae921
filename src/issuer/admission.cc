// What has to hold of a device beyond its verdict, once it has proved which one it is, and what follows from that: a device that was
// registered before is enrolled for whom it was registered (provenance.md section 5).
#include "issuer/device_list.h"
#include "issuer/enrolment_subject.h"
#include "issuer/internal/step.h"

namespace airtight::issuer {

namespace {

// Empty where it was no client.
Result<std::string> client_of(storage::Database& database, std::int64_t enrolment_id) {
  const auto client = TRY(storage::query_one(database, "SELECT COALESCE(client, '') FROM issuer_enrolments WHERE id = ?", {enrolment_id},
                                             [](const storage::Row& row) { return row.text(0); }));
  return client.value_or("");
}

}  // namespace

Verified<> admit_device(Turn& turn, const crypto::Certificate& device) {
  Session& session = turn.session;
  const Profile& profile = turn.profile;
  std::string subject = profile.subject.value_or("");
  if (profile.enrolment.listed_devices) {
    const std::optional<ListedDevice> listed = TRY(find_device(turn.database, profile.name, session.device_id, device.sha256()));
    if (!listed)
      return refuse(kForbidden, "device.not-listed", "The device " + session.device_id + " is not registered for this enrolment");
    if (!listed->subject.empty()) subject = listed->subject;
    // Nor does what was said before, as by a URL from the time when the profile took any device, make the device somebody else's.
    if (!listed->subject.empty() && !profile.clones()) session.subject.clear();
  }
  if (!session.subject.empty() || profile.clones()) return {};
  const std::string client = TRY(client_of(turn.database, session.enrolment_id));
  const Result<std::string> filled =
      fill_subject(subject, profile, {.email = session.email, .client = client, .device_id = session.device_id});
  if (!filled) return Refused(no_value(filled.error()));
  session.subject = *filled;
  return {};
}

}  // namespace airtight::issuer
