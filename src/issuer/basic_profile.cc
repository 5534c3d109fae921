// The basic profile, for containers without a key store (keygen2.md section 5): keys that sign themselves, and certificates. Nothing says
// where a key is, so what is issued is marked as without provenance.
#include <memory>

#include "base/encoding.h"
#include "ca/audit.h"
#include "issuer/internal/key_checks.h"
#include "issuer/internal/step.h"
#include "issuer/pages.h"
#include "issuer/verdict_record.h"

namespace airtight::issuer {
namespace {

using keygen2::ServerState;

provenance::Verdict no_provenance() {
  provenance::Verdict verdict;
  verdict.decision = provenance::Decision::kAllow;
  verdict.rule = "the basic profile";
  verdict.findings.push_back({"provenance.none", "", "nothing is known about where the key was made and is kept"});
  return verdict;
}

Result<crypto::Certificate> issue(storage::Database& database, const Turn& turn, const keygen2::BasicGeneratedKey& key) {
  const KeyProfile* profile = turn.profile.find_key(key.id);
  if (profile == nullptr) return fail(Fault::kInternal, "the session's profile has no key " + key.id);
  const crypto::Certificate certificate = TRY(issue_certificate(database, turn, *profile, key.public_key, no_provenance()));
  Credential credential;
  credential.session_id = turn.session.id;
  credential.key_id = key.id;
  credential.key_usage = profile->usage;
  credential.provenance = false;
  credential.certificate = certificate.der();
  credential.fingerprint = to_bytes(ByteView(certificate.sha256()));
  credential.serial = hex_encode(certificate.serial());
  credential.issued_at = turn.now;
  credential.not_after = certificate.not_after();
  TRY(insert_credential(database, credential));
  return certificate;
}

Result<http::Response> deploy(storage::Database& database, const Turn& turn, const std::vector<keygen2::BasicGeneratedKey>& keys) {
  keygen2::BasicCredentialDeploymentRequest request;
  request.id = turn.session.server_session_id;
  request.server_time = turn.session.server_time;
  request.submit_url = submit_url(turn.session);
  for (const keygen2::BasicGeneratedKey& key : keys) {
    const crypto::Certificate certificate = TRY(issue(database, turn, key));
    request.keys.push_back({key.id, TRY(turn.environment.authority.path_of(certificate))});
  }
  return message_response(TRY(request_text(turn, std::move(request))));
}

Verified<> check_request_id(const Turn& turn, std::string_view id) {
  if (id == turn.session.server_session_id) return {};
  return refuse(kForbidden, "server-session-id", "The message names another session of the issuer than its cookie");
}

}  // namespace

keygen2::KeyOperationRequest make_key_operation_request(const Session& session, const Profile& profile) {
  keygen2::KeyOperationRequest request;
  request.request_id = session.server_session_id;
  request.submit_url = submit_url(session);
  for (const KeyProfile& key : profile.keys) {
    keygen2::BasicKeyPair pair{key.id, key.usage, {}};
    if (const auto* rsa = std::get_if<RsaKey>(&key.algorithm)) {
      pair.algorithm = keygen2::RsaKeyAlgorithm{rsa->size, rsa->exponent};
    } else {
      pair.algorithm = keygen2::EcKeyAlgorithm{std::string(crypto::curve_uri(std::get<EcKey>(key.algorithm).curve))};
    }
    request.keys.push_back(std::move(pair));
  }
  return request;
}

Verified<Answer> handle_key_operation(Turn& turn, const keygen2::Received& received) {
  const auto& response = std::get<keygen2::KeyOperationResponse>(received.message);
  TRY(check_request_id(turn, response.request_id));
  const keygen2::KeyOperationRequest asked = make_key_operation_request(turn.session, turn.profile);
  std::vector<std::string_view> asked_ids;
  std::vector<std::string_view> made_ids;
  for (const keygen2::BasicKeyPair& key : asked.keys) asked_ids.emplace_back(key.id);
  for (const keygen2::BasicGeneratedKey& key : response.keys) made_ids.emplace_back(key.id);
  TRY(check_key_ids(asked_ids, made_ids));
  for (std::size_t i = 0; i < asked.keys.size(); ++i)
    TRY(check_public_key(asked.keys[i].algorithm, response.keys[i].public_key, asked.keys[i].id));
  if (const Result<> signed_by_themselves = keygen2::verify_generated_keys(received.document); !signed_by_themselves) {
    return refuse(kForbidden, "key-signature",
                  "A key does not prove that its private half is there: " + signed_by_themselves.error().message);
  }
  turn.session.server_time = format_time(turn.now);
  turn.session.verdict = verdict_to_json(no_provenance());
  const auto keys = std::make_shared<const std::vector<keygen2::BasicGeneratedKey>>(response.keys);
  return Answer{ServerState::kAwaitBasicCredentialDeploymentResponse,
                [&turn, keys](storage::Database& database) -> Verified<http::Response> { return TRY(deploy(database, turn, *keys)); }};
}

Verified<Answer> handle_basic_deployment(Turn& turn, const keygen2::Received& received) {
  const auto& response = std::get<keygen2::BasicCredentialDeploymentResponse>(received.message);
  TRY(check_request_id(turn, response.server_session_id));
  forget_secrets(turn.session);
  return Answer{ServerState::kDone, [&turn](storage::Database& database) -> Verified<http::Response> {
                  TRY(confirm_credentials(database, turn.session.id, turn.now));
                  TRY(ca::record(database, turn.environment.clock, "session.confirmed",
                                 "session: " + turn.session.server_session_id + "\nwithout provenance\n"));
                  return page(200, "Your certificates are ready", "You may close this page.");
                }};
}

}  // namespace airtight::issuer
