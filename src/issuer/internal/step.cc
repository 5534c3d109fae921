#include "issuer/internal/step.h"

namespace airtight::issuer {
namespace {

constexpr std::string_view kSealPurpose = "issuer session";

std::string seal_context(std::string_view server_session_id, std::string_view place) {
  return std::string(server_session_id).append("/").append(place);
}

}  // namespace

std::string submit_url(const Session& session) { return session.url + "/submit"; }

std::string abort_url(const Session& session) { return session.url + "/abort"; }

Bytes seal_in_session(const Environment& environment, const Session& session, std::string_view place, const SecretBytes& secret) {
  const std::string context = seal_context(session.server_session_id, place);
  return environment.master_key.seal(kSealPurpose, bytes_of(context), secret.expose_secret(), environment.random);
}

Result<SecretBytes> open_in_session(const sealing::MasterKey& master_key, std::string_view server_session_id, std::string_view place,
                                    ByteView sealed) {
  return master_key.open(kSealPurpose, bytes_of(seal_context(server_session_id, place)), sealed);
}

Result<SecretBytes> open_session_key(const Environment& environment, const Session& session) {
  return open_in_session(environment.master_key, session.server_session_id, kSessionKeyPlace, session.sealed_session_key);
}

void forget_secrets(Session& session) {
  session.sealed_ephemeral_key.clear();
  session.sealed_session_key.clear();
  session.request.clear();
  session.keys_response.clear();
}

Refusal no_seed() { return {kUnavailable, "key.no-seed", "The issuer has no seed left for this enrolment"}; }

Refusal no_value(const Error& error) {
  return {kConflict, "template.no-value", "The enrolment cannot say what its profile wants: " + error.message};
}

}  // namespace airtight::issuer
