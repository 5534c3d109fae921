// One step of a KeyGen2 session: a handler gets the session as stored and one message that the state machine allows, and returns what the
// session becomes and how to answer. What a handler reads from the database may be stale; what must hold is in Answer::respond.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "base/time.h"
#include "ca/authority.h"
#include "crypto/digest.h"
#include "http/message.h"
#include "issuer/credential_store.h"
#include "issuer/profile.h"
#include "issuer/refusal.h"
#include "issuer/request_signer.h"
#include "issuer/seed_store.h"
#include "issuer/session_store.h"
#include "keygen2/messages.h"
#include "keygen2/state_machines.h"
#include "sealing/master_key.h"
#include "storage/database.h"
#include "xml/schema.h"

namespace airtight::issuer {

// What handlers use besides their arguments; the same for every session.
struct Environment {
  const sealing::MasterKey& master_key;
  const ca::Authority& authority;
  const Clock& clock;
  RandomSource& random;
  const xml::Schema& schema;
  const RequestSigners& signers;                       // of requests; lookups are signed by the authority
  std::optional<crypto::Sha256Value> tls_fingerprint;  // SHA-256 of the server's own TLS certificate; absent without TLS
};

struct Turn {
  const Environment& environment;
  const Profile& profile;
  Instant now;
  storage::Database& database;  // for reading
  Session session;              // handlers change it
};

struct Answer {
  keygen2::ServerState next;
  // Called in the step's write transaction, after the session has advanced and before it commits; the turn is still there.
  std::function<Verified<http::Response>(storage::Database&)> respond;
};

// Platform negotiation (platform_negotiation.cc).
[[nodiscard]] keygen2::PlatformNegotiationRequest make_platform_negotiation_request(const Session& session, const Profile& profile);
[[nodiscard]] Verified<Answer> handle_platform_negotiation(Turn& turn, const keygen2::Received& received);

// Provisioning session, keygen2.md section 4 item 1 (provisioning_session.cc).
[[nodiscard]] Verified<Answer> handle_provisioning_session(Turn& turn, const keygen2::Received& received);

// What has to hold of the device beyond its verdict, and the subject where that follows from it (admission.cc).
[[nodiscard]] Verified<> admit_device(Turn& turn, const crypto::Certificate& device);

// Credential discovery (credential_discovery.cc).
[[nodiscard]] Verified<Answer> discover_credentials(Turn& turn);
[[nodiscard]] Verified<Answer> handle_credential_discovery(Turn& turn, const keygen2::Received& received);

// Key initialization, item 2 (key_initialization_request.cc, key_initialization.cc). Without keys the session goes on to deployment.
[[nodiscard]] Verified<Answer> initialize_keys(Turn& turn, const SecretBytes& session_key, std::vector<Target> targets);
[[nodiscard]] Verified<Answer> handle_key_initialization(Turn& turn, const keygen2::Received& received);

// Deferred certification (deferred_certification.cc): the page that the device gets, and what the resume URL does once they are ready.
[[nodiscard]] Verified<Answer> defer_certification(Turn& turn, Bytes keys_response);
[[nodiscard]] bool is_certified(const Session& session, Instant now);
[[nodiscard]] Verified<Answer> resume_with_certificates(Turn& turn);
[[nodiscard]] http::Response not_ready_page(const Session& session, const std::string& token, Instant now);

// Credential deployment, item 3 (credential_deployment.cc). `keys` are those that KeyInitializationResponse brought, in order, verified.
[[nodiscard]] Answer deploy_credentials(Turn& turn, SecretBytes session_key, std::vector<keygen2::GeneratedPublicKey> keys,
                                        std::vector<Target> new_targets = {});
[[nodiscard]] Verified<Answer> handle_credential_deployment(Turn& turn, const keygen2::Received& received);

// The certificate of a key, with what the session knows about it (deployment.cc). Fault::kRefused where its profile wants more than that.
[[nodiscard]] Result<crypto::Certificate> issue_certificate(storage::Database& database, const Turn& turn, const KeyProfile& profile,
                                                            const crypto::PublicKey& key, const provenance::Verdict& verdict);

// The basic profile (basic_profile.cc, keygen2.md section 5).
[[nodiscard]] keygen2::KeyOperationRequest make_key_operation_request(const Session& session, const Profile& profile);
[[nodiscard]] Verified<Answer> handle_key_operation(Turn& turn, const keygen2::Received& received);
[[nodiscard]] Verified<Answer> handle_basic_deployment(Turn& turn, const keygen2::Received& received);

// ClientErrorResponse (client_error.cc).
[[nodiscard]] Verified<Answer> handle_client_error(Turn& turn, const keygen2::Received& received);

// The SubmitURL of a session's messages, which is SKS's IssuerURI, and its AbortURL.
[[nodiscard]] std::string submit_url(const Session& session);
[[nodiscard]] std::string abort_url(const Session& session);

// One lookup of a profile is asked once for each issuing CA that there was: those after the first have IDs of their own.
[[nodiscard]] bool is_of_first_authority(const Profile& profile, std::string_view lookup_id);

// A request of the session that is answered at `step`, with ServerCookie and signature where the profile has them (request_text.cc).
[[nodiscard]] Result<Bytes> request_text(const Environment& environment, const Profile& profile, const Session& session, std::int64_t step,
                                         keygen2::Message message);
// That of the step which `turn` takes.
[[nodiscard]] Result<Bytes> request_text(const Turn& turn, keygen2::Message message);
[[nodiscard]] http::Response message_response(Bytes text);

// Whether `cookie` is the one that the session's last request carried, which nobody else can make. It is there.
[[nodiscard]] Result<bool> is_server_cookie(const Environment& environment, const Session& session, const keygen2::ServerCookie& cookie);

// Every response but the first names both sessions, and returns the ServerCookie that was sent.
[[nodiscard]] Verified<> check_server_session(const Turn& turn, std::string_view server_session_id, const keygen2::ServerCookie& cookie);
[[nodiscard]] Verified<> check_both_sessions(const Turn& turn, std::string_view server_session_id, std::string_view client_session_id,
                                             const keygen2::ServerCookie& cookie);

// Secrets of a session, sealed for their place.
[[nodiscard]] Bytes seal_in_session(const Environment& environment, const Session& session, std::string_view place,
                                    const SecretBytes& secret);
[[nodiscard]] Result<SecretBytes> open_in_session(const sealing::MasterKey& master_key, std::string_view server_session_id,
                                                  std::string_view place, ByteView sealed);
inline constexpr std::string_view kEphemeralKeyPlace = "ephemeral-key";
inline constexpr std::string_view kSessionKeyPlace = "session-key";
[[nodiscard]] Result<SecretBytes> open_session_key(const Environment& environment, const Session& session);

// Wipes what only an open session needs.
void forget_secrets(Session& session);

// A refusal for what a profile wants to say and the enrolment does not know.
[[nodiscard]] Refusal no_value(const Error& error);

// A refusal where the pool has no seed that a key can take: the session goes on once there is one.
[[nodiscard]] Refusal no_seed();

}  // namespace airtight::issuer
