// CredentialDeploymentRequest carries the certificates, and the MACs under which the device takes them; its response proves that it did.
// SKS setCertificatePath to closeProvisioningSession; keygen2.md section 4 item 3.
#include <memory>

#include "ca/audit.h"
#include "issuer/internal/deployment.h"
#include "issuer/pages.h"
#include "sks/session_security.h"

namespace airtight::issuer {

Answer deploy_credentials(Turn& turn, SecretBytes session_key, std::vector<keygen2::GeneratedPublicKey> keys,
                          std::vector<Target> new_targets) {
  struct Parts {
    SecretBytes session_key;
    std::vector<keygen2::GeneratedPublicKey> keys;
    std::vector<Target> new_targets;
  };
  turn.session.server_time = format_time(turn.now);
  const auto parts = std::make_shared<const Parts>(Parts{std::move(session_key), std::move(keys), std::move(new_targets)});
  return {keygen2::ServerState::kAwaitCredentialDeploymentResponse,
          [&turn, parts](storage::Database& database) -> Verified<http::Response> {
            TRY(insert_targets(database, turn.session.id, parts->new_targets));
            Deployment deployment(database, turn, parts->session_key);
            turn.session.request = TRY(deployment.make(parts->keys));
            TRY(set_deployment(database, turn.session));
            return message_response(turn.session.request);
          }};
}

Verified<Answer> handle_credential_deployment(Turn& turn, const keygen2::Received& received) {
  const auto& response = std::get<keygen2::CredentialDeploymentResponse>(received.message);
  Session& session = turn.session;
  TRY(check_both_sessions(turn, response.server_session_id, response.id, response.server_cookie));
  const SecretBytes session_key = TRY(open_session_key(turn.environment, session));
  if (!equal_in_constant_time(sks::close_attestation(session_key, session.mac_sequence_counter), response.close_session_attestation)) {
    return refuse(
        kForbidden, "close-attestation",
        "CloseSessionAttestation does not verify: the device has not finished as the issuer asked, and the credentials stay unconfirmed");
  }
  ++session.session_key_uses;
  Bytes kept = session.updatable ? session.sealed_session_key : Bytes();  // a later session proves with it that the keys are this issuer's
  forget_secrets(session);
  session.sealed_session_key = std::move(kept);
  return Answer{keygen2::ServerState::kDone, [&turn](storage::Database& database) -> Verified<http::Response> {
                  const Session& closed = turn.session;
                  const Clock& clock = turn.environment.clock;
                  const std::int64_t confirmed = TRY(confirm_credentials(database, closed.id, turn.now));
                  TRY(carry_out_targets(database, clock, closed.id));
                  TRY(ca::record(database, clock, "session.confirmed",
                                 "session: " + closed.server_session_id + "\ndevice: " + closed.device_id + "\n"));
                  if (confirmed == 0)
                    return page(200, "The credentials were removed", "The device has confirmed it. You may close this page.");
                  return page(200, "Your credentials are ready", "The device has confirmed them to the issuer. You may close this page.");
                }};
}

}  // namespace airtight::issuer
