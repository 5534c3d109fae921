// What is fetched: enrolment, resume and renewal URLs. Until a session has taken its first step its URL gives the same first request again,
// each time with a new cookie, so that an answer which got lost costs nothing; whoever fetched it last goes on.
#include "base/encoding.h"
#include "issuer/internal/service_impl.h"
#include "issuer/pages.h"

namespace airtight::issuer {
namespace {

using keygen2::ServerState;
using storage::Database;

constexpr std::size_t kServerSessionIdBytes = 15;  // "S-" and 30 hex digits: 32 characters

std::string cookie_text(const std::string& token, const Session& session, bool secure) {
  const std::string_view url = session.url;
  const std::string path(url.substr(url.find(kPathPrefix)));
  return std::string(kCookieName) + "=" + token + "; Path=" + path + "; HttpOnly; SameSite=Strict" + (secure ? "; Secure" : "");
}

Refusal used() { return {kGone, "enrolment.used", "This enrolment address was used already; ask for a new one"}; }

Refusal not_renewable() {
  return {kGone, "renewal.unavailable", "The credential cannot be renewed: it is not known, not valid any more, or was renewed already"};
}

}  // namespace

Session IssuerService::Impl::new_session(const Profile& profile, const crypto::Sha256Value& token_hash, const Token& cookie) const {
  Session session;
  session.state = profile.basic ? ServerState::kAwaitKeyOperationResponse : ServerState::kAwaitPlatformNegotiationResponse;
  session.cookie_hash = to_bytes(ByteView(cookie.hash));
  session.profile_digest = to_bytes(ByteView(profile.digest));
  if (profile.sign_requests) session.signer = to_bytes(ByteView(signers.newest().certificate.sha256()));
  session.url = session_url(parts.base_url, token_hash);
  session.server_session_id = "S-" + hex_encode(parts.random.bytes(kServerSessionIdBytes));
  session.updatable = profile.updatable;
  session.session_life_time = profile.session_life_time;
  session.session_key_limit = profile.session_key_limit;
  session.created_at = parts.clock.now();
  return session;
}

Verified<http::Response> IssuerService::Impl::first_request(const Session& session, const Profile& profile,
                                                            const std::string& cookie) const {
  const Bytes text =
      profile.basic ? TRY(request_text(environment, profile, session, session.step, make_key_operation_request(session, profile)))
                    : TRY(request_text(environment, profile, session, session.step, make_platform_negotiation_request(session, profile)));
  http::Response response = message_response(text);
  response.headers.set("Set-Cookie", cookie_text(cookie, session, parts.tls_fingerprint.has_value()));
  return response;
}

Verified<http::Response> IssuerService::Impl::begin_or_resume(const http::Request& request, const Path& path) {
  const crypto::Sha256Value token_hash = hash_of_token(path.last);
  const DatabasePool::Lease database = TRY(parts.pool.take());
  if (const std::optional<Enrolment> enrolment = TRY(find_enrolment(*database, token_hash))) {
    return begin_session(*database, request, token_hash, *enrolment);
  }
  std::optional<Session> session = TRY(find_session_by_resume_token(*database, token_hash));
  if (session && session->url.ends_with("/" + std::string(path.handle))) {
    return resume_session(*database, *std::move(session), std::string(path.last));
  }
  return refuse(kNotFound, "enrolment.unknown", "This enrolment address is not known, or it has expired");
}

Verified<http::Response> IssuerService::Impl::begin_session(Database& database, const http::Request& request,
                                                            const crypto::Sha256Value& token_hash, const Enrolment& enrolment) {
  const Instant now = parts.clock.now();
  if (enrolment.used) {
    const std::optional<Session> session = TRY(find_session_of_enrolment(database, enrolment.id));
    if (!session || session->step != 0 || keygen2::is_final(session->state) || session->expires_at < now) return Refused(used());
    return begin_again(database, *session);
  }
  if (enrolment.expires_at < now) return refuse(kGone, "enrolment.expired", "This enrolment address has expired; ask for a new one");
  const std::shared_ptr<const Configuration> configuration = offered();
  const Result<const Profile*> profile = configuration->find_profile(enrolment.profile);
  if (!profile) return refuse(kGone, "enrolment.profile", "The issuer no longer offers what this enrolment address was made for");
  const Token cookie = make_token(parts.random);
  Session session = new_session(**profile, token_hash, cookie);
  session.enrolment_id = enrolment.id;
  session.subject = enrolment.subject;
  session.email = enrolment.email;
  session.expires_at = enrolment.expires_at;
  http::Response response = TRY(first_request(session, **profile, cookie.text));

  storage::Transaction transaction = TRY(storage::Transaction::begin(database, storage::Access::kWriteEarly));
  if (!TRY(use_enrolment(database, enrolment.id, now))) return Refused(used());
  TRY(insert_session(database, session));
  TRY(transaction.commit());
  parts.log.info(
      "session begins",
      {{"session", session.server_session_id}, {"profile", enrolment.profile}, {"subject", session.subject}, {"peer", request.peer}});
  return response;
}

Verified<http::Response> IssuerService::Impl::begin_again(Database& database, Session session) {
  const std::shared_ptr<const Profile> profile = TRY(profile_of(database, session));
  const Token cookie = make_token(parts.random);
  session.cookie_hash = to_bytes(ByteView(cookie.hash));
  http::Response response = TRY(first_request(session, *profile, cookie.text));
  storage::Transaction transaction = TRY(storage::Transaction::begin(database, storage::Access::kWriteEarly));
  if (!TRY(replace_cookie(database, session.id, 0, cookie.hash))) return Refused(used());
  TRY(transaction.commit());
  return response;
}

Verified<http::Response> IssuerService::Impl::begin_renewal(const http::Request& request, std::string_view serial) {
  const DatabasePool::Lease database = TRY(parts.pool.take());
  const std::optional<Credential> credential = TRY(find_credential_by_serial(*database, serial));
  if (!credential || !TRY(can_be_renewed(*database, *credential))) return Refused(not_renewable());
  const Instant now = parts.clock.now();
  const std::optional<Session> unbegun = TRY(find_unbegun_renewal(*database, credential->id));
  if (unbegun && unbegun->expires_at >= now) return begin_again(*database, *unbegun);

  const std::optional<Session> origin = TRY(find_session(*database, credential->session_id));
  if (!origin) return Refused(not_renewable());
  const std::shared_ptr<const Profile> before = TRY(compiled_profile(*database, origin->profile_digest));
  const std::shared_ptr<const Configuration> configuration = offered();
  const Result<const Profile*> profile = configuration->find_profile(before->name);
  const Bytes number = TRY(hex_decode(credential->serial));
  const Result<Profile> part = profile ? renewal_of(**profile, credential->key_id, number) : Result<Profile>(Failure(profile.error()));
  if (!part) return refuse(kGone, "renewal.profile", "The issuer no longer renews credentials of this kind");

  Beginning beginning{.profile = *part, .enrolment = {}, .life_time = std::chrono::seconds(part->session_life_time)};
  beginning.enrolment.way = Way::kRenewal;
  beginning.enrolment.subject = origin->subject;
  beginning.enrolment.email = origin->email;
  beginning.renews = credential->id;
  return begin_at_once(*database, request, beginning);
}

Verified<http::Response> IssuerService::Impl::begin_at_once(Database& database, const http::Request& request, const Beginning& beginning) {
  const Instant now = parts.clock.now();
  const Token cookie = make_token(parts.random);
  const Token enrolment_token = make_token(parts.random);
  Session session = new_session(beginning.profile, enrolment_token.hash, cookie);
  session.renews = beginning.renews;
  session.subject = beginning.enrolment.subject;
  session.email = beginning.enrolment.email;
  session.expires_at = now.plus(std::min(beginning.life_time, std::chrono::seconds(session.session_life_time)));
  Enrolment enrolment = beginning.enrolment;
  enrolment.profile = beginning.profile.name;
  enrolment.used = true;
  enrolment.created_at = now;
  enrolment.expires_at = session.expires_at;
  http::Response response = TRY(first_request(session, beginning.profile, cookie.text));
  storage::Transaction transaction = TRY(storage::Transaction::begin(database, storage::Access::kWrite));
  if (beginning.admit) TRY(beginning.admit(database));
  TRY(insert_enrolment(database, enrolment_token.hash, enrolment));
  session.enrolment_id = database.last_insert_id();
  TRY(insert_session(database, session));
  TRY(transaction.commit());
  parts.log.info("session begins", {{"session", session.server_session_id},
                                    {"by", std::string(name_of(enrolment.way))},
                                    {"profile", enrolment.profile},
                                    {"subject", session.subject},
                                    {"client", enrolment.client},
                                    {"peer", request.peer}});
  return response;
}

Verified<http::Response> IssuerService::Impl::resume_session(Database& database, Session session, const std::string& token) {
  const Instant now = parts.clock.now();
  if (session.refusal_id == kDeniedId) return refuse(kForbidden, session.refusal_id, session.refusal);
  if (keygen2::is_final(session.state)) return refuse(kGone, "session.ended", "The session has ended already");
  if (session.expires_at < now) return refuse(kGone, "session.expired", "The session was not finished in time");
  const bool waits = session.state == ServerState::kAwaitCertification;
  if (waits && !is_certified(session, now)) return not_ready_page(session, token, now);
  const Token cookie = make_token(parts.random);
  const auto with_cookie = [&](http::Response response) {
    response.headers.set("Set-Cookie", cookie_text(cookie.text, session, parts.tls_fingerprint.has_value()));
    return response;
  };
  if (!waits) {
    storage::Transaction transaction = TRY(storage::Transaction::begin(database, storage::Access::kWrite));
    if (!TRY(replace_cookie(database, session.id, session.step, cookie.hash)))
      return refuse(kConflict, "session.ended", "The session has gone on meanwhile");
    TRY(transaction.commit());
    return with_cookie(message_response(session.request));
  }
  const std::shared_ptr<const Profile> profile = TRY(profile_of(database, session));
  Turn turn{environment, *profile, now, database, session};
  Verified<Answer> step = resume_with_certificates(turn);
  if (step) {
    step->respond = [&, respond = step->respond](Database& writing) -> Verified<http::Response> {
      http::Response response = TRY(respond(writing));
      TRY(replace_cookie(writing, session.id, session.step + 1, cookie.hash));
      return response;
    };
  }
  Verified<http::Response> response = step ? apply(database, turn, *step) : Verified<http::Response>(std::unexpect, step.error());
  if (response) return with_cookie(*std::move(response));
  if (response.error().ends_session() && response.error().id != kReplayedId) end_session(database, turn.session, response.error());
  return response;
}

}  // namespace airtight::issuer
