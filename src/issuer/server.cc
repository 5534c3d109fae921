#include "issuer/server.h"

#include <array>
#include <mutex>
#include <unordered_map>

#include "base/encoding.h"
#include "ca/audit.h"
#include "ca/authority.h"
#include "issuer/enrolment.h"
#include "issuer/internal/step.h"
#include "issuer/pages.h"
#include "issuer/profile.h"
#include "issuer/refusal.h"
#include "issuer/session_store.h"
#include "keygen2/messages.h"
#include "keygen2/state_machines.h"
#include "storage/database.h"
#include "xml/schema.h"

namespace airtight::issuer {
namespace {

using keygen2::MessageKind;
using storage::Database;

struct HandlerRow {
  MessageKind message;
  Verified<Answer> (*handle)(Turn& turn, const keygen2::Received& received);
};
constexpr std::array kHandlers = {HandlerRow{MessageKind::kPlatformNegotiationResponse, handle_platform_negotiation},
                                  HandlerRow{MessageKind::kProvisioningSessionResponse, handle_provisioning_session},
                                  HandlerRow{MessageKind::kKeyInitializationResponse, handle_key_initialization},
                                  HandlerRow{MessageKind::kCredentialDeploymentResponse, handle_credential_deployment},
                                  HandlerRow{MessageKind::kClientErrorResponse, handle_client_error}};

constexpr std::size_t kServerSessionIdBytes = 15;  // "S-" and 30 hex digits: 32 characters
constexpr std::size_t kMaxCompiledProfiles = 256;

std::string key_of(ByteView digest) { return std::string(text_of(digest)); }

std::string cookie_text(const std::string& token, const Session& session, bool secure) {
  const std::string_view url = session.url;
  const std::string path(url.substr(url.find(kPathPrefix)));
  return std::string(kCookieName) + "=" + token + "; Path=" + path + "; HttpOnly; SameSite=Strict" + (secure ? "; Secure" : "");
}

Refusal replayed() { return {kConflict, "message.replayed", "The message was answered already; a session takes each message once"}; }

}  // namespace

struct IssuerService::Impl {
  Impl(ServiceParts service_parts, ca::Authority certificate_authority, xml::Schema compiled_schema)
      : parts(std::move(service_parts)), authority(std::move(certificate_authority)), schema(std::move(compiled_schema)) {}
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  [[nodiscard]] Verified<http::Response> dispatch(const http::Request& request);
  // GET of an enrolment URL.
  [[nodiscard]] Verified<http::Response> begin_session(const http::Request& request, std::string_view token);
  [[nodiscard]] Verified<http::Response> begin_again(Database& database, const http::Request& request, const Enrolment& enrolment);
  [[nodiscard]] Verified<http::Response> first_request(const Session& session, const Profile& profile, const std::string* cookie) const;
  // POST of a message.
  [[nodiscard]] Verified<http::Response> submit(const http::Request& request, std::string_view handle);
  [[nodiscard]] Verified<Answer> answer(const http::Request& request, std::string_view handle, Turn& turn) const;
  [[nodiscard]] Verified<http::Response> apply(Database& database, Turn& turn, const Answer& answer) const;
  void end_session(Database& database, const Session& session, const Refusal& refusal) const;

  [[nodiscard]] Result<std::shared_ptr<const Profile>> profile_of(Database& database, ByteView digest);

  ServiceParts parts;
  ca::Authority authority;
  xml::Schema schema;
  Environment environment{parts.master_key, authority, parts.clock, parts.random, schema, parts.tls_fingerprint};
  std::mutex profiles_mutex;
  std::unordered_map<std::string, std::shared_ptr<const Profile>> profiles;  // compiled, by their digest
};

IssuerService::IssuerService(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
IssuerService::~IssuerService() = default;

Result<std::unique_ptr<IssuerService>> IssuerService::create(ServiceParts parts) {
  xml::Schema schema = TRY(keygen2::compile_schema());
  const DatabasePool::Lease database = TRY(parts.pool.take());
  ca::Authority authority = TRY(ca::Authority::open(*database, parts.master_key, parts.clock, parts.random));
  storage::Transaction transaction = TRY(storage::Transaction::begin(*database, storage::Access::kWrite));
  for (const Profile& profile : parts.configuration.profiles) {
    TRY(insert_profile(*database, profile.digest, profile.name, profile.snapshot, parts.clock.now()));
    if (profile.devices.accept_any) {
      parts.log.warning("this profile accepts any device", {{"profile", profile.name}});
    }
  }
  TRY(transaction.commit());
  return std::unique_ptr<IssuerService>(
      new IssuerService(std::make_unique<Impl>(std::move(parts), std::move(authority), std::move(schema))));
}

http::Response IssuerService::handle(const http::Request& request) const {
  Verified<http::Response> response = impl_->dispatch(request);
  if (response) return *std::move(response);
  const Refusal& refusal = response.error();
  if (refusal.ends_session()) {
    impl_->parts.log.warning("refused", {{"id", refusal.id}, {"reason", refusal.sentence}, {"peer", request.peer}});
  } else {
    impl_->parts.log.error("failed", {{"id", refusal.id}, {"reason", refusal.detail}, {"peer", request.peer}});
  }
  http::Response refused = refusal_response(refusal, request);
  if (refusal.status == kMethodNotAllowed) refused.headers.set("Allow", "GET, POST");
  return refused;
}

Result<> IssuerService::clean_up() const {
  const DatabasePool::Lease database = TRY(impl_->parts.pool.take());
  const Instant now = impl_->parts.clock.now();
  if (!TRY(has_expired(*database, now))) return {};
  storage::Transaction transaction = TRY(storage::Transaction::begin(*database, storage::Access::kWrite));
  const CleanUp done = TRY(remove_expired(*database, now));
  TRY(transaction.commit());
  impl_->parts.log.info("cleaned up", {{"sessions", std::to_string(done.expired_sessions)}, {"urls", std::to_string(done.expired_urls)}});
  return {};
}

Verified<http::Response> IssuerService::Impl::dispatch(const http::Request& request) {
  const std::optional<Path> path = parse_path(request.path());
  if (!path) return refuse(kNotFound, "url.unknown", "There is nothing at this address");
  const bool get = request.method == "GET";
  if (!get && request.method != "POST")
    return refuse(kMethodNotAllowed, "method", "This address is fetched with GET or given messages with POST");
  if (path->last == "submit") {
    if (get) return refuse(kMethodNotAllowed, "method", "This address takes KeyGen2 messages, by POST");
    return submit(request, path->handle);
  }
  if (!get) return refuse(kMethodNotAllowed, "method", "This address is fetched with GET");
  if (path->last == "abort")
    return page(200, "The enrolment was cancelled", "Nothing was issued that can be used. Ask for a new enrolment to try again.");
  return begin_session(request, path->last);
}

Verified<http::Response> IssuerService::Impl::begin_session(const http::Request& request, std::string_view token) {
  const crypto::Sha256Value token_hash = hash_of_token(token);
  const DatabasePool::Lease database = TRY(parts.pool.take());
  const std::optional<Enrolment> enrolment = TRY(find_enrolment(*database, token_hash));
  const Instant now = parts.clock.now();
  if (!enrolment) return refuse(kNotFound, "enrolment.unknown", "This enrolment address is not known, or it has expired");
  if (enrolment->used) return begin_again(*database, request, *enrolment);
  if (enrolment->expires_at < now) return refuse(kGone, "enrolment.expired", "This enrolment address has expired; ask for a new one");

  const Result<const Profile*> profile = parts.configuration.find_profile(enrolment->profile);
  if (!profile) return refuse(kGone, "enrolment.profile", "The issuer no longer offers what this enrolment address was made for");
  const Token cookie = make_token(parts.random);
  Session session;
  session.enrolment_id = enrolment->id;
  session.cookie_hash = to_bytes(cookie.hash);
  session.profile_digest = to_bytes((*profile)->digest);
  session.subject = enrolment->subject;
  session.url = session_url(parts.base_url, token_hash);
  session.server_session_id = "S-" + hex_encode(parts.random.bytes(kServerSessionIdBytes));
  session.updatable = (*profile)->updatable;
  session.session_life_time = (*profile)->session_life_time;
  session.session_key_limit = (*profile)->session_key_limit;
  session.created_at = now;
  session.expires_at = now.plus(std::chrono::seconds(session.session_life_time));
  http::Response response = TRY(first_request(session, **profile, &cookie.text));

  storage::Transaction transaction = TRY(storage::Transaction::begin(*database, storage::Access::kWrite));
  if (!TRY(use_enrolment(*database, enrolment->id, now)))
    return refuse(kGone, "enrolment.used", "This enrolment address was used already; ask for a new one");
  TRY(insert_session(*database, session));
  TRY(transaction.commit());
  parts.log.info(
      "session begins",
      {{"session", session.server_session_id}, {"profile", enrolment->profile}, {"subject", session.subject}, {"peer", request.peer}});
  return response;
}

// The client that has the session's cookie may fetch the first request again, until it is answered.
Verified<http::Response> IssuerService::Impl::begin_again(Database& database, const http::Request& request, const Enrolment& enrolment) {
  const std::optional<std::string> cookie = request.cookie(kCookieName);
  if (cookie) {
    const std::optional<Session> session = TRY(find_session_by_cookie(database, hash_of_token(*cookie)));
    if (session && session->enrolment_id == enrolment.id && session->state == keygen2::ServerState::kAwaitPlatformNegotiationResponse &&
        session->expires_at >= parts.clock.now()) {
      const std::shared_ptr<const Profile> profile = TRY(profile_of(database, session->profile_digest));
      return first_request(*session, *profile, nullptr);
    }
  }
  return refuse(kGone, "enrolment.used", "This enrolment address was used already; ask for a new one");
}

Verified<http::Response> IssuerService::Impl::first_request(const Session& session, const Profile& profile,
                                                            const std::string* cookie) const {
  http::Response response = message_response(TRY(message_text(make_platform_negotiation_request(session, profile))));
  if (cookie != nullptr) response.headers.set("Set-Cookie", cookie_text(*cookie, session, parts.tls_fingerprint.has_value()));
  return response;
}

Verified<http::Response> IssuerService::Impl::submit(const http::Request& request, std::string_view handle) {
  const std::optional<std::string> cookie = request.cookie(kCookieName);
  if (!cookie) return refuse(kForbidden, "session.cookie", "The message came without the cookie of its session");
  const DatabasePool::Lease database = TRY(parts.pool.take());
  std::optional<Session> session = TRY(find_session_by_cookie(*database, hash_of_token(*cookie)));
  if (!session) return refuse(kForbidden, "session.unknown", "There is no session with this cookie");
  const std::shared_ptr<const Profile> profile = TRY(profile_of(*database, session->profile_digest));
  Turn turn{environment, *profile, parts.clock.now(), *std::move(session)};

  const Verified<Answer> step = answer(request, handle, turn);
  Verified<http::Response> response = step ? apply(*database, turn, *step) : Verified<http::Response>(std::unexpect, step.error());
  if (!response && response.error().ends_session()) end_session(*database, turn.session, response.error());
  return response;
}

// Reads the message, finds its row in the state machine, and lets its handler judge.
Verified<Answer> IssuerService::Impl::answer(const http::Request& request, std::string_view handle, Turn& turn) const {
  const Session& session = turn.session;
  if (keygen2::is_final(session.state)) return refuse(kConflict, "session.ended", "The session has ended already");
  if (session.expires_at < turn.now) return refuse(kGone, "session.expired", "The session was not finished in time");
  if (!session.url.ends_with("/" + std::string(handle))) {
    return refuse(kForbidden, "session.url", "The message was sent to another session's address than its cookie's");
  }
  if (request.media_type() != keygen2::kMediaType) {
    return refuse(kUnsupportedMediaType, "message.media-type", "A message must have the media type " + std::string(keygen2::kMediaType));
  }
  const Result<keygen2::Received> received = keygen2::read_message(request.body, schema);
  if (!received) return refuse(kBadMessage, "message.invalid", "The message is not KeyGen2: " + received.error().message);
  const MessageKind kind = keygen2::kind_of(received->message);
  const std::optional<keygen2::ServerTransition> transition = keygen2::find_transition(session.state, kind);
  if (!transition) {
    return refuse(kConflict, "message.unexpected",
                  "The message " + std::string(keygen2::name_of(kind)) + " does not fit the session's state " +
                      std::string(keygen2::name_of(session.state)));
  }
  for (const HandlerRow& row : kHandlers) {
    if (row.message == kind) return row.handle(turn, *received);
  }
  return refuse(kConflict, "message.unexpected", "The issuer never asks for a " + std::string(keygen2::name_of(kind)));
}

// The step's one write transaction.
Verified<http::Response> IssuerService::Impl::apply(Database& database, Turn& turn, const Answer& answer) const {
  Session& session = turn.session;
  const keygen2::ServerState before = session.state;
  session.state = answer.next;
  session.updated_at = turn.now;
  storage::Transaction transaction = TRY(storage::Transaction::begin(database, storage::Access::kWrite));
  if (!TRY(advance_session(database, session, session.step))) return Refused(replayed());
  http::Response response = TRY(answer.respond(database));
  TRY(transaction.commit());
  if (answer.next == keygen2::ServerState::kFailed) {
    parts.log.info("device gave up", {{"session", session.server_session_id}, {"id", session.refusal_id}, {"reason", session.refusal}});
  } else {
    parts.log.info("step", {{"session", session.server_session_id},
                            {"from", std::string(keygen2::name_of(before))},
                            {"to", std::string(keygen2::name_of(answer.next))}});
  }
  return response;
}

// A failure here leaves the session to its expiry; the refusal is sent all the same.
void IssuerService::Impl::end_session(Database& database, const Session& session, const Refusal& refusal) const {
  const auto ended = [&]() -> Result<bool> {
    storage::Transaction transaction = TRY(storage::Transaction::begin(database, storage::Access::kWrite));
    const bool aborted = TRY(abort_session(database, session, {refusal.id, refusal.sentence}, parts.clock.now()));
    if (aborted) {
      TRY(ca::record(database, parts.clock, "session.aborted",
                     "session: " + session.server_session_id + "\nrefusal: " + refusal.id + "\ndevice: " + session.device_id + "\n"));
    }
    TRY(transaction.commit());
    return aborted;
  }();
  if (!ended) {
    parts.log.error("a refused session could not be ended", {{"session", session.server_session_id}, {"reason", ended.error().message}});
  } else if (*ended) {
    parts.log.info("session aborted", {{"session", session.server_session_id}, {"id", refusal.id}, {"device", session.device_id}});
  }
}

Result<std::shared_ptr<const Profile>> IssuerService::Impl::profile_of(Database& database, ByteView digest) {
  const std::string key = key_of(digest);
  {
    const std::lock_guard lock(profiles_mutex);
    if (const auto found = profiles.find(key); found != profiles.end()) return found->second;
  }
  const std::string snapshot = TRY(find_profile_snapshot(database, digest));
  auto profile = std::make_shared<const Profile>(TRY(read_snapshot(snapshot)));
  const std::lock_guard lock(profiles_mutex);
  if (profiles.size() >= kMaxCompiledProfiles) profiles.clear();
  profiles.emplace(key, profile);
  return profile;
}

}  // namespace airtight::issuer
