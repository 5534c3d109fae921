// CredentialDeploymentRequest carries the certificates and the MACs under which the device takes them; its response proves that it did.
// SKS setCertificatePath, closeProvisioningSession; keygen2.md section 4 item 3.
#include <memory>

#include "base/encoding.h"
#include "ca/audit.h"
#include "crypto/certificate_builder.h"
#include "issuer/internal/step.h"
#include "issuer/pages.h"
#include "issuer/verdict_record.h"
#include "sks/session_security.h"

namespace airtight::issuer {
namespace {

using keygen2::CredentialDeploymentRequest;
using keygen2::GeneratedPublicKey;

// What the transaction that issues needs of the step.
struct Deployment {
  const Turn& turn;
  SecretBytes session_key;
  std::vector<GeneratedPublicKey> keys;
};

Bytes to_bytes_of(const crypto::Sha256Value& value) { return to_bytes(ByteView(value)); }

// Data = KeyHandle.GeneratedPublicKey || KeyHandle.ID || X509Certificate...
keygen2::CertifiedPublicKey certified_key(const Deployment& deployment, const GeneratedPublicKey& key,
                                          std::vector<crypto::Certificate> path, std::uint16_t counter) {
  std::vector<ByteView> data = {key.public_key.spki(), bytes_of(key.id)};
  for (const crypto::Certificate& certificate : path) data.emplace_back(certificate.der());
  keygen2::CertifiedPublicKey certified;
  certified.id = key.id;
  certified.mac = to_bytes_of(sks::method_mac("setCertificatePath", deployment.session_key, counter, std::span<const ByteView>(data)));
  certified.certificate_path = std::move(path);
  return certified;
}

Result<crypto::Certificate> issue_credential(storage::Database& database, const Deployment& deployment, const GeneratedPublicKey& key,
                                             const provenance::Verdict& verdict) {
  const KeyProfile* key_profile = deployment.turn.profile.find_key(key.id);
  if (key_profile == nullptr) return fail(Fault::kInternal, "the session's profile has no key " + key.id);
  const ca::Subject subject{TRY(crypto::name_from_text(deployment.turn.session.subject)), {}, {}};
  const crypto::Certificate certificate =
      TRY(deployment.turn.environment.authority.issue(database, key_profile->certificate, subject, key.public_key, verdict));
  TRY(insert_credential(database, deployment.turn.session.id,
                        {.key_id = key.id,
                         .certificate = certificate.der(),
                         .fingerprint = to_bytes_of(certificate.sha256()),
                         .serial = hex_encode(certificate.serial()),
                         .issued_at = deployment.turn.now,
                         .not_after = certificate.not_after(),
                         .confirmed_at = {}}));
  return certificate;
}

Result<http::Response> deploy(storage::Database& database, const Deployment& deployment) {
  const Session& session = deployment.turn.session;
  const provenance::Verdict verdict = TRY(verdict_from_json(session.verdict));
  CredentialDeploymentRequest request;
  request.id = session.server_session_id;
  request.client_session_id = session.client_session_id;
  request.issuer_uri = submit_url(session);
  request.server_time = session.server_time;
  request.submit_url = request.issuer_uri;
  std::uint16_t counter = 0;
  for (const GeneratedPublicKey& key : deployment.keys) {
    const crypto::Certificate certificate = TRY(issue_credential(database, deployment, key, verdict));
    request.keys.push_back(certified_key(deployment, key, {certificate, deployment.turn.environment.authority.issuing()}, counter++));
  }
  // Data = ClientSessionID || ServerSessionID || IssuerURI
  request.close_session_mac = to_bytes_of(
      sks::method_mac("closeProvisioningSession", deployment.session_key, counter,
                      {bytes_of(session.client_session_id), bytes_of(session.server_session_id), bytes_of(request.issuer_uri)}));
  return message_response(TRY(message_text(std::move(request))));
}

}  // namespace

Answer deploy_credentials(Turn& turn, SecretBytes session_key, std::vector<GeneratedPublicKey> keys) {
  Session& session = turn.session;
  const auto count = static_cast<std::uint16_t>(keys.size());
  session.server_time = format_time(turn.now);
  session.mac_sequence_counter = static_cast<std::uint16_t>(count + 1);  // one a key, and the close MAC
  session.session_key_uses += count + 1U;
  const auto deployment = std::make_shared<const Deployment>(Deployment{turn, std::move(session_key), std::move(keys)});
  return {keygen2::ServerState::kAwaitCredentialDeploymentResponse,
          [deployment](storage::Database& database) -> Verified<http::Response> { return TRY(deploy(database, *deployment)); }};
}

Verified<Answer> handle_credential_deployment(Turn& turn, const keygen2::Received& received) {
  const auto& response = std::get<keygen2::CredentialDeploymentResponse>(received.message);
  Session& session = turn.session;
  TRY(check_both_sessions(session, response.server_session_id, response.id, response.server_cookie));
  const SecretBytes session_key = TRY(open_session_key(turn));
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
                  TRY(confirm_credentials(database, closed.id, turn.now));
                  TRY(ca::record(database, turn.environment.clock, "session.confirmed",
                                 "session: " + closed.server_session_id + "\ndevice: " + closed.device_id + "\n"));
                  return page(200, "Your credentials are ready", "The device has confirmed them to the issuer. You may close this page.");
                }};
}

}  // namespace airtight::issuer
