// Whom an operator invites by mail.
#include "issuer/enrolment.h"
#include "issuer/enrolment_subject.h"
#include "issuer/issuer.h"
#include "issuer/session_store.h"

namespace airtight::issuer {

Result<> Issuer::invite(std::string_view profile_name, std::string_view address, const std::optional<std::string>& subject,
                        const SendMail& send) {
  const Profile* profile = TRY(configuration_.find_profile(profile_name));
  if (!profile->enrolment.mail) {
    return fail(Fault::kRefused, "nobody enrols with the profile '" + profile->name + "' by mail",
                "add \"mail\" to 'by' in [profiles." + profile->name + ".enrolment]");
  }
  Enrolment enrolment{.profile = profile->name, .way = Way::kMail, .created_at = clock_->now()};
  enrolment.email = TRY(read_address(address));
  if (!takes_address(profile->enrolment, enrolment.email))
    return fail(Fault::kRefused, "the profile '" + profile->name + "' does not take addresses of this domain", "see its mail_domains");
  enrolment.expires_at = enrolment.created_at.plus(std::chrono::hours(configuration_.url_validity_hours));
  enrolment.subject = subject ? TRY(given_subject(*subject, *profile, {.email = enrolment.email}))
                              : TRY(subject_at_first(profile->subject.value_or(""), *profile, {.email = enrolment.email}));
  const Token token = make_token(*random_);
  const DatabasePool::Lease database = TRY(pool_.take());
  const std::string base = TRY(base_url(*database));
  const mail::Message message = TRY(write_invitation(*configuration_.mail, {.address = enrolment.email,
                                                                            .url = session_url(base, token.hash) + "/" + token.text,
                                                                            .profile = profile->name,
                                                                            .expires = enrolment.expires_at}));
  storage::Transaction transaction = TRY(storage::Transaction::begin(*database, storage::Access::kWrite));
  TRY(insert_enrolment(*database, token.hash, enrolment));
  const std::int64_t id = (*database).last_insert_id();
  TRY(transaction.commit());
  const Result<> sent = send ? send(message, {}) : sender_for(*configuration_.mail, *clock_, *random_)(message, {});
  if (sent) return {};
  storage::Transaction withdrawal = TRY(storage::Transaction::begin(*database, storage::Access::kWrite));
  TRY(remove_enrolment(*database, id));
  TRY(withdrawal.commit());
  return sent;
}

}  // namespace airtight::issuer
