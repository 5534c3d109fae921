// One step of a KeyGen2 session: a handler gets the session as stored and one message that the state machine allows, and returns what the
// session becomes and how to answer. It touches no database: what must be in the step's transaction is in Answer::respond.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/random.h"
#include "base/time.h"
#include "ca/authority.h"
#include "crypto/digest.h"
#include "http/message.h"
#include "issuer/profile.h"
#include "issuer/refusal.h"
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
  std::optional<crypto::Sha256Value> tls_fingerprint;  // SHA-256 of the server's own TLS certificate; absent without TLS
};

struct Turn {
  const Environment& environment;
  const Profile& profile;
  Instant now;
  Session session;  // handlers change it
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
// Key initialization, item 2 (key_initialization.cc).
[[nodiscard]] Result<keygen2::KeyInitializationRequest> make_key_initialization_request(Turn& turn, const SecretBytes& session_key,
                                                                                        std::vector<SecretBytes>& puk_values);
[[nodiscard]] Verified<Answer> handle_key_initialization(Turn& turn, const keygen2::Received& received);
// Credential deployment, item 3 (credential_deployment.cc). `keys` are those that KeyInitializationResponse brought, in order, verified.
[[nodiscard]] Answer deploy_credentials(Turn& turn, SecretBytes session_key, std::vector<keygen2::GeneratedPublicKey> keys);
[[nodiscard]] Verified<Answer> handle_credential_deployment(Turn& turn, const keygen2::Received& received);
// ClientErrorResponse (client_error.cc).
[[nodiscard]] Verified<Answer> handle_client_error(Turn& turn, const keygen2::Received& received);

// The SubmitURL of a session's messages, which is SKS's IssuerURI, and its AbortURL.
[[nodiscard]] std::string submit_url(const Session& session);
[[nodiscard]] std::string abort_url(const Session& session);

// A KeyGen2 message as a response, its text also where it is to be kept.
[[nodiscard]] Result<Bytes> message_text(const keygen2::Message& message);
[[nodiscard]] http::Response message_response(Bytes text);

// Every response but the first names both sessions; none may bring a ServerCookie, because none was sent.
[[nodiscard]] Verified<> check_server_session(const Session& session, std::string_view server_session_id,
                                              const keygen2::ServerCookie& cookie);
[[nodiscard]] Verified<> check_both_sessions(const Session& session, std::string_view server_session_id, std::string_view client_session_id,
                                             const keygen2::ServerCookie& cookie);

// Secrets of a session, sealed for their place.
[[nodiscard]] Bytes seal_in_session(const Environment& environment, const Session& session, std::string_view place,
                                    const SecretBytes& secret);
[[nodiscard]] Result<SecretBytes> open_in_session(const sealing::MasterKey& master_key, std::string_view server_session_id,
                                                  std::string_view place, ByteView sealed);
inline constexpr std::string_view kEphemeralKeyPlace = "ephemeral-key";
inline constexpr std::string_view kSessionKeyPlace = "session-key";
inline constexpr std::string_view kPukPlace = "puk/";  // and the policy's ID
[[nodiscard]] Result<SecretBytes> open_session_key(const Turn& turn);

// Wipes what only an open session needs.
void forget_secrets(Session& session);

}  // namespace airtight::issuer
