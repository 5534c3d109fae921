// ProvisioningSessionResponse: which device is it, does the profile accept it, and do we share a session key with it alone?
// keygen2.md section 4 item 1; SKS createProvisioningSession, "Server Response Validation".
#include "issuer/internal/step.h"
#include "issuer/verdict_record.h"
#include "provenance/verdict.h"
#include "sks/session_security.h"
#include "xml/signature.h"

namespace airtight::issuer {
namespace {

using Response = keygen2::ProvisioningSessionResponse;

Verified<> check_server_time(const Session& session, const Response& response) {
  if (response.server_time == session.server_time) return {};
  return refuse(kForbidden, "server-time", "ServerTime is not the one that the issuer sent");
}

// "ServerCertificateFingerprint is its own": there is a straight line between device and issuer.
// A file shows no certificate.
Verified<> check_fingerprint(const Turn& turn, const Response& response) {
  const Environment& environment = turn.environment;
  const auto& sent = response.server_certificate_fingerprint;
  if (!environment.tls_fingerprint) {
    if (!sent) return {};
    return refuse(kForbidden, "server-certificate-fingerprint",
                  "The device saw a TLS certificate where this issuer has none: somebody is in between");
  }
  if (!sent && turn.profile.by_files) return {};
  if (!sent) return refuse(kForbidden, "server-certificate-fingerprint.missing", "The device does not say which TLS certificate it saw");
  if (equal(*sent, *environment.tls_fingerprint)) return {};
  return refuse(kForbidden, "server-certificate-fingerprint",
                "The device saw another TLS certificate than the issuer's: somebody is in between");
}

Verified<> check_device(Turn& turn, const Response& response) {
  if (response.device_certificate_path.empty()) return refuse(kForbidden, "device.no-certificate", "The device shows no certificate");
  const provenance::Verdict verdict = provenance::appraise_device(response.device_certificate_path, turn.profile.devices, turn.now);
  turn.session.device_certificate = response.device_certificate_path.front().der();
  turn.session.device_id = verdict.device_id;
  turn.session.verdict = verdict_to_json(verdict);
  if (verdict.decision == provenance::Decision::kAllow) return {};
  std::string why = verdict.findings.empty() ? verdict.rule : verdict.findings.back().sentence;
  return refuse(kForbidden, "device.not-accepted", "The device is not accepted by this enrolment's policy: " + std::move(why));
}

sks::SessionParameters session_parameters(const Session& session, const Response& response) {
  return {.client_session_id = response.id,
          .server_session_id = session.server_session_id,
          .issuer_uri = submit_url(session),
          .server_ephemeral_key = session.server_ephemeral_key,
          .client_ephemeral_key = response.client_ephemeral_key.spki(),
          .updatable = session.updatable,
          .client_time = response.client_time,
          .session_life_time = session.session_life_time,
          .session_key_limit = session.session_key_limit};
}

Result<SecretBytes> agree_on_session_key(const Turn& turn, const Response& response, const sks::SessionParameters& parameters) {
  const Session& session = turn.session;
  const SecretBytes encoded =
      TRY(open_in_session(turn.environment.master_key, session.server_session_id, kEphemeralKeyPlace, session.sealed_ephemeral_key));
  const crypto::PrivateKey ephemeral = TRY(crypto::PrivateKey::from_pkcs8(encoded.expose_secret()));
  const SecretBytes z = TRY(ephemeral.agree(response.client_ephemeral_key));
  return sks::derive_session_key(z, parameters, response.device_certificate_path.front().der());
}

Verified<> check_response_signature(const keygen2::Received& received, const SecretBytes& session_key) {
  const SecretBytes key = sks::external_signature_key(session_key);
  const Result<> verified = xml::verify_hmac(received.document.root(), key.expose_secret(), keygen2::kSessionKeyName);
  if (verified) return {};
  return refuse(kForbidden, "hmac-signature",
                "The signature of the response under the session key does not verify: " + verified.error().message);
}

Verified<> check_session_attestation(const Response& response, const sks::SessionParameters& parameters, const SecretBytes& session_key) {
  const Result<crypto::PublicKey> device_key = response.device_certificate_path.front().public_key();
  if (!device_key) {
    return refuse(kForbidden, "session-attestation.key", "The key of the device certificate cannot be used: " + device_key.error().message);
  }
  const crypto::Sha256Value data = sks::session_attestation_data(session_key, parameters);
  if (device_key->verify(crypto::x509_scheme(device_key->type()), crypto::Digest::kSha256, data, response.session_attestation)) return {};
  return refuse(
      kForbidden, "session-attestation.signature",
      "SessionAttestation does not verify under the device certificate: the session was not created by that device as the issuer asked");
}

}  // namespace

Verified<Answer> handle_provisioning_session(Turn& turn, const keygen2::Received& received) {
  const auto& response = std::get<Response>(received.message);
  Session& session = turn.session;
  TRY(check_server_session(turn, response.server_session_id, response.server_cookie));
  TRY(check_server_time(session, response));
  TRY(check_fingerprint(turn, response));
  if (response.client_ephemeral_key.curve() != crypto::Curve::kP256) {
    return refuse(kForbidden, "client-ephemeral-key", "ClientEphemeralKey is not on the curve of ServerEphemeralKey");
  }
  TRY(check_device(turn, response));
  const sks::SessionParameters parameters = session_parameters(session, response);
  const SecretBytes session_key = TRY(agree_on_session_key(turn, response, parameters));
  TRY(check_session_attestation(response, parameters, session_key));
  TRY(check_response_signature(received, session_key));
  TRY(admit_device(turn, response.device_certificate_path.front()));

  session.client_session_id = response.id;
  session.client_time = response.client_time;
  session.sealed_ephemeral_key.clear();
  session.sealed_session_key = seal_in_session(turn.environment, session, kSessionKeyPlace, session_key);
  session.session_key_uses = 1;  // the signature of the response

  if (!turn.profile.lookups.empty()) return discover_credentials(turn);
  return initialize_keys(turn, session_key, {});
}

}  // namespace airtight::issuer
