// The first two phases: what both sides can do, and a session of the key store.
#include <utility>

#include "agent/internal/capabilities.h"
#include "agent/internal/run.h"
#include "base/algorithms.h"
#include "xml/signature.h"

namespace airtight::agent {
namespace {

Result<std::vector<crypto::Certificate>> certificates_of(const std::vector<Bytes>& encoded) {
  std::vector<crypto::Certificate> certificates;
  for (const Bytes& der : encoded) certificates.push_back(TRY(crypto::Certificate::parse(der)));
  return certificates;
}

Result<> sign_with_session_key(const Run& run, xml::Document& response) {
  const auto sign = [&run](ByteView signed_info) -> Result<Bytes> {
    const auto answer = TRY(sks::call(run.tools.key_store, sks::SignProvisioningSessionData{*run.session, to_bytes(signed_info)}));
    return to_bytes(answer.result);
  };
  return xml::sign_enveloped(response.root(), uri::kHmacSha256, {.key_name = std::string(keygen2::kSessionKeyName)}, sign);
}

sks::CreateProvisioningSession session_call(const keygen2::ProvisioningSessionRequest& request, Instant now) {
  sks::CreateProvisioningSession call;
  call.session_key_algorithm = request.session_key_algorithm;
  call.server_session_id = {request.id};
  call.server_ephemeral_key = request.server_ephemeral_key.spki();
  call.issuer_uri = to_bytes(request.submit_url);
  call.updatable = request.updatable;
  call.client_time = {static_cast<std::uint64_t>(now.milliseconds)};
  call.session_life_time = request.session_life_time;
  call.session_key_limit = request.session_key_limit;
  return call;
}

}  // namespace

Answer negotiate(Run& run, keygen2::PlatformNegotiationRequest& request) {
  run.tools.user.progress(Step::kNegotiating, run.issuer.host);
  run.record.abort_url = request.abort_url;
  run.issuer.logotypes = std::move(request.logotypes);
  TRY(meet(run));
  run.device = TRY(sks::call(run.tools.key_store, sks::GetDeviceInfo{}));
  return keygen2::write_message(
      keygen2::PlatformNegotiationResponse{.server_session_id = request.id,
                                           .capabilities = keygen2::supported_of(request.capabilities, capabilities_of(run.device)),
                                           .server_cookie = std::move(request.server_cookie)});
}

Answer open_session(Run& run, keygen2::ProvisioningSessionRequest& request) {
  run.tools.user.progress(Step::kCreatingSession, request.id);
  run.device = TRY(sks::call(run.tools.key_store, sks::GetDeviceInfo{}));
  TRY(check_session_request(request, run.device, run.options.limits));
  const Instant now = run.tools.clock.now().whole_seconds();
  auto answer = TRY(sks::call(run.tools.key_store, session_call(request, now)));
  run.session = answer.provisioning_handle;
  run.record.client_session_id = run.outcome.client_session_id = answer.client_session_id.value;
  run.record.issuer_uri = request.submit_url;
  run.record.life_time = request.session_life_time;
  run.record.updatable = request.updatable;

  crypto::PublicKey client_ephemeral_key = TRY(crypto::PublicKey::from_spki(answer.client_ephemeral_key));
  std::vector<crypto::Certificate> device_path = TRY(certificates_of(run.device.x509_certificates));
  std::optional<Bytes> fingerprint;
  if (run.record.origin) fingerprint = to_bytes(run.record.origin->sha256());
  xml::Document response =
      TRY(keygen2::write_message(keygen2::ProvisioningSessionResponse{.id = answer.client_session_id.value,
                                                                      .server_session_id = request.id,
                                                                      .server_time = request.server_time,
                                                                      .client_time = now,
                                                                      .session_attestation = std::move(answer.session_attestation),
                                                                      .server_certificate_fingerprint = std::move(fingerprint),
                                                                      .client_ephemeral_key = std::move(client_ephemeral_key),
                                                                      .device_certificate_path = std::move(device_path),
                                                                      .server_cookie = std::move(request.server_cookie)}));
  TRY(sign_with_session_key(run, response));
  return response;
}

}  // namespace airtight::agent
