#include "issuer/server.h"

#include <array>

#include "base/encoding.h"
#include "ca/audit.h"
#include "issuer/internal/service_impl.h"
#include "issuer/pages.h"
#include "issuer/publication.h"
#include "issuer/sweep.h"

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
                                  HandlerRow{MessageKind::kCredentialDiscoveryResponse, handle_credential_discovery},
                                  HandlerRow{MessageKind::kKeyInitializationResponse, handle_key_initialization},
                                  HandlerRow{MessageKind::kCredentialDeploymentResponse, handle_credential_deployment},
                                  HandlerRow{MessageKind::kKeyOperationResponse, handle_key_operation},
                                  HandlerRow{MessageKind::kBasicCredentialDeploymentResponse, handle_basic_deployment},
                                  HandlerRow{MessageKind::kClientErrorResponse, handle_client_error}};

constexpr std::size_t kMaxCompiledProfiles = 256;

std::string key_of(ByteView digest) { return std::string(text_of(digest)); }

// Until keys are certified a step promises nothing that outlives its session, and a session that is lost to a power cut is begun again.
storage::Access access_for(keygen2::ServerState next) {
  switch (next) {
    case keygen2::ServerState::kAwaitProvisioningSessionResponse:
    case keygen2::ServerState::kAwaitCredentialDiscoveryResponse:
    case keygen2::ServerState::kAwaitKeyInitializationResponse: return storage::Access::kWriteEarly;
    default: return storage::Access::kWrite;
  }
}

// Null for messages that carry none.
const keygen2::ServerCookie* server_cookie_of(const keygen2::Message& message) {
  return std::visit(
      []<typename M>(const M& one) -> const keygen2::ServerCookie* {
        if constexpr (requires { one.server_cookie; }) return &one.server_cookie;
        return nullptr;
      },
      message);
}

std::string server_session_id_of(const keygen2::Message& message) {
  return std::visit(
      []<typename M>(const M& one) -> std::string {
        if constexpr (requires { one.server_session_id; }) return one.server_session_id;
        return {};
      },
      message);
}

Refusal replayed() { return {kConflict, std::string(kReplayedId), "The message was answered already; a session takes each message once"}; }

// Sessions refer to their profile by its digest.
Result<> record_profiles(Database& database, const Configuration& configuration, const Clock& clock, const Log& log) {
  storage::Transaction transaction = TRY(storage::Transaction::begin(database, storage::Access::kWrite));
  for (const Profile& profile : configuration.profiles) {
    TRY(insert_profile(database, profile.digest, profile.name, profile.snapshot, clock.now()));
    if (profile.devices.accept_any) log.warning("this profile accepts any device", {{"profile", profile.name}});
  }
  return transaction.commit();
}

}  // namespace

IssuerService::IssuerService(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
IssuerService::~IssuerService() = default;

Result<std::unique_ptr<IssuerService>> IssuerService::create(ServiceParts parts) {
  xml::Schema schema = TRY(keygen2::compile_schema());
  const DatabasePool::Lease database = TRY(parts.pool.take());
  const ca::OpenOptions options{.publication_url = parts.configuration.publication_url.value_or(parts.base_url),
                                .access = parts.key_access};
  ca::Authority authority = TRY(ca::Authority::open(*database, parts.master_key, parts.clock, parts.random, options));
  std::optional<RequestSigner> signer;
  if (const auto& files = parts.configuration.signing) signer = TRY(read_signer(files->certificate, files->key));
  TRY(record_profiles(*database, parts.configuration, parts.clock, parts.log));
  return std::unique_ptr<IssuerService>(
      new IssuerService(std::make_unique<Impl>(std::move(parts), std::move(authority), std::move(schema), std::move(signer))));
}

Result<> IssuerService::adopt(const Configuration& next) const {
  const ServiceParts& parts = impl_->parts;
  for (const Profile& profile : next.profiles) {
    if (profile.enrolment.mail && !parts.configuration.mail)
      return fail(Fault::kRefused, "the profile '" + profile.name + "' wants mail to be sent, and [mail] is read when the server starts",
                  "start the server again");
  }
  auto offer = std::make_shared<Configuration>(parts.configuration);
  offer->profiles = next.profiles;
  offer->client_cas = next.client_cas;
  offer->url_validity_hours = next.url_validity_hours;
  const DatabasePool::Lease database = TRY(parts.pool.take());
  TRY(record_profiles(*database, *offer, parts.clock, parts.log));
  const std::lock_guard lock(impl_->profiles_mutex);
  impl_->offer = std::move(offer);
  return {};
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
  if (refusal.status == kMethodNotAllowed) refused.headers.set("Allow", request.path().ends_with("/submit") ? "POST" : "GET");
  if (refusal.status == kUnauthorized) refused.headers.set("WWW-Authenticate", "Bearer realm=\"airtight\"");
  if (refusal.status == kTooMany) refused.headers.set("Retry-After", "600");
  return refused;
}

Result<> IssuerService::clean_up() const {
  const DatabasePool::Lease database = TRY(impl_->parts.pool.take());
  const Instant now = impl_->parts.clock.now();
  const Result<> published = impl_->publisher.refresh(*database);
  if (!TRY(has_expired(*database, now))) return published;
  storage::Transaction transaction = TRY(storage::Transaction::begin(*database, storage::Access::kWrite));
  const Sweep done = TRY(sweep_expired(*database, impl_->parts.clock));
  TRY(transaction.commit());
  impl_->parts.log.info("cleaned up", {{"sessions", std::to_string(done.expired_sessions)},
                                       {"urls", std::to_string(done.expired_urls)},
                                       {"withdrawn", std::to_string(done.withdrawn_credentials)}});
  return published;
}

Verified<http::Response> IssuerService::Impl::dispatch(const http::Request& request) {
  if (is_publication(request)) {
    const DatabasePool::Lease database = TRY(parts.pool.take());
    return publish(publisher, *database, request);
  }
  if (request.path().starts_with(kEntrancePrefix)) return enter(request, request.path().substr(kEntrancePrefix.size()));
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
  if (path->handle == kRenewalHandle) return begin_renewal(request, path->last);
  return begin_or_resume(request, *path);
}

Verified<http::Response> IssuerService::Impl::submit(const http::Request& request, std::string_view handle) {
  const DatabasePool::Lease database = TRY(parts.pool.take());
  Posted posted(request, handle, schema);
  std::optional<Session> session = TRY(session_of(*database, posted));
  if (!session) return refuse(kForbidden, "session.unknown", "There is no session with this cookie");
  const std::shared_ptr<const Profile> profile = TRY(profile_of(*database, *session));
  Turn turn{environment, *profile, parts.clock.now(), *database, *std::move(session)};

  const Verified<Answer> step = answer(posted, turn);
  Verified<http::Response> response = step ? apply(*database, turn, *step) : Verified<http::Response>(std::unexpect, step.error());
  if (!response && response.error().ends_session()) end_session(*database, turn.session, response.error());
  return response;
}

// The session of a message: by its HTTP cookie, or, where a message is carried by hand, by the ServerCookie in it.
Verified<std::optional<Session>> IssuerService::Impl::session_of(Database& database, Posted& posted) {
  if (const std::optional<std::string> cookie = posted.request().cookie(kCookieName)) {
    return TRY(find_session_by_cookie(database, hash_of_token(*cookie)));
  }
  const Refused without_cookie = refuse(kForbidden, "session.cookie", "The message came without the cookie of its session");
  const Result<keygen2::Received>& received = posted.message();
  if (!received) return without_cookie;
  const keygen2::ServerCookie* cookie = server_cookie_of(received->message);
  if (cookie == nullptr || !*cookie) return without_cookie;
  std::optional<Session> session = TRY(find_session_by_server_id(database, server_session_id_of(received->message)));
  if (!session || !posted.is_at(session->url)) return without_cookie;
  const std::shared_ptr<const Profile> profile = TRY(profile_of(database, *session));
  if (!profile->server_cookie || !TRY(is_server_cookie(environment, *session, *cookie))) return without_cookie;
  return session;
}

// Reads the message, finds its row in the state machine, and lets its handler judge.
Verified<Answer> IssuerService::Impl::answer(Posted& posted, Turn& turn) const {
  const Session& session = turn.session;
  if (keygen2::is_final(session.state)) return refuse(kConflict, "session.ended", "The session has ended already");
  if (session.expires_at < turn.now) return refuse(kGone, "session.expired", "The session was not finished in time");
  if (!posted.is_at(session.url)) {
    return refuse(kForbidden, "session.url", "The message was sent to another session's address than its cookie's");
  }
  if (posted.request().media_type() != keygen2::kMediaType) {
    return refuse(kUnsupportedMediaType, "message.media-type", "A message must have the media type " + std::string(keygen2::kMediaType));
  }
  const Result<keygen2::Received>& received = posted.message();
  if (!received) return refuse(kBadMessage, "message.invalid", "The message is not KeyGen2: " + received.error().message);
  const MessageKind kind = keygen2::kind_of(received->message);
  if (!keygen2::find_transition(session.state, kind)) {
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
  // Until its first step a session lives as long as its URL.
  if (session.step == 0) session.expires_at = turn.now.plus(std::chrono::seconds(session.session_life_time));
  storage::Transaction transaction = TRY(storage::Transaction::begin(database, access_for(answer.next)));
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
      TRY(withdraw_credentials(database, parts.clock, session.id, refusal.sentence));
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

std::shared_ptr<const Configuration> IssuerService::Impl::offered() {
  const std::lock_guard lock(profiles_mutex);
  return offer;
}

Result<std::shared_ptr<const Profile>> IssuerService::Impl::profile_of(Database& database, const Session& session) {
  std::shared_ptr<const Profile> profile = TRY(compiled_profile(database, session.profile_digest));
  if (!session.renews) return profile;
  const std::optional<Credential> credential = TRY(find_credential(database, *session.renews));
  if (!credential) return fail(Fault::kInternal, "a session renews a credential that is not in the database");
  const Bytes serial = TRY(hex_decode(credential->serial));
  return std::make_shared<const Profile>(TRY(renewal_of(*profile, credential->key_id, serial)));
}

Result<std::shared_ptr<const Profile>> IssuerService::Impl::compiled_profile(Database& database, ByteView digest) {
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
