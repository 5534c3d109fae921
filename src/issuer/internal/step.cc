#include "issuer/internal/step.h"

#include "issuer/pages.h"

namespace airtight::issuer {
namespace {

constexpr std::string_view kSealPurpose = "issuer session";

std::string seal_context(std::string_view server_session_id, std::string_view place) {
  return std::string(server_session_id).append("/").append(place);
}

}  // namespace

std::string submit_url(const Session& session) { return session.url + "/submit"; }

std::string abort_url(const Session& session) { return session.url + "/abort"; }

Result<Bytes> message_text(const keygen2::Message& message) { return TRY(keygen2::write_message(message)).serialize(); }

http::Response message_response(Bytes text) { return document(200, keygen2::kMediaType, std::move(text)); }

Verified<> check_server_session(const Session& session, std::string_view server_session_id, const keygen2::ServerCookie& cookie) {
  if (server_session_id != session.server_session_id) {
    return refuse(kForbidden, "server-session-id", "The message names another session of the issuer than its cookie");
  }
  if (cookie) return refuse(kForbidden, "server-cookie", "The message returns a ServerCookie that was never sent");
  return {};
}

Verified<> check_both_sessions(const Session& session, std::string_view server_session_id, std::string_view client_session_id,
                               const keygen2::ServerCookie& cookie) {
  TRY(check_server_session(session, server_session_id, cookie));
  if (client_session_id != session.client_session_id) {
    return refuse(kForbidden, "client-session-id", "The message names another session of the device than the one that was created");
  }
  return {};
}

Bytes seal_in_session(const Environment& environment, const Session& session, std::string_view place, const SecretBytes& secret) {
  const std::string context = seal_context(session.server_session_id, place);
  return environment.master_key.seal(kSealPurpose, bytes_of(context), secret.expose_secret(), environment.random);
}

Result<SecretBytes> open_in_session(const sealing::MasterKey& master_key, std::string_view server_session_id, std::string_view place,
                                    ByteView sealed) {
  return master_key.open(kSealPurpose, bytes_of(seal_context(server_session_id, place)), sealed);
}

Result<SecretBytes> open_session_key(const Turn& turn) {
  return open_in_session(turn.environment.master_key, turn.session.server_session_id, kSessionKeyPlace, turn.session.sealed_session_key);
}

void forget_secrets(Session& session) {
  session.sealed_ephemeral_key.clear();
  session.sealed_session_key.clear();
  session.request.clear();
}

}  // namespace airtight::issuer
