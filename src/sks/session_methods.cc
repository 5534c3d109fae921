// createProvisioningSession, getProvisioningSession, abortProvisioningSession and signProvisioningSessionData.
#include "base/algorithms.h"
#include "base/encoding.h"
#include "base/text.h"
#include "crypto/der.h"
#include "sks/capabilities.h"
#include "sks/engine.h"

namespace airtight::sks {
namespace {

constexpr std::size_t kEphemeralKeySize = 91;  // SubjectPublicKeyInfo of P-256 with a named curve and an uncompressed point
constexpr std::size_t kMaxIssuerUri = 1024;

// The issuer's ephemeral key. ERROR_ALGORITHM for an EC key on a curve that getDeviceInfo does not list, ERROR_CRYPTO for all else that is
// no key of P-256.
Result<crypto::PublicKey> read_ephemeral_key(const StoreOptions& options, ByteView spki) {
  const auto curve_of = [](ByteView der) -> Result<std::string> {
    crypto::der::Reader outer(der);
    crypto::der::Reader info = TRY(outer.enter(crypto::der::Tag::kSequence));
    crypto::der::Reader algorithm = TRY(info.enter(crypto::der::Tag::kSequence));
    const std::string key_type = TRY(algorithm.object_id());
    if (key_type != "1.2.840.10045.2.1") return fail(Status::kCrypto, "no EC key");
    return algorithm.object_id();
  };
  const auto curve = curve_of(spki);
  if (curve && !key_curve(options, "urn:oid:" + *curve)) {
    return fail(Status::kAlgorithm, "ServerEphemeralKey is on a curve that is not supported");
  }
  auto key = crypto::PublicKey::from_spki(spki);
  if (!key || spki.size() != kEphemeralKeySize || key->curve() != crypto::Curve::kP256) {
    return fail(Status::kCrypto, "ServerEphemeralKey is no uncompressed point of P-256 in SubjectPublicKeyInfo form");
  }
  return key;
}

Result<> check_names(const CreateProvisioningSession& request) {
  if (!is_sks_id(request.server_session_id.value)) return fail(Status::kOption, "ServerSessionID is no NCName of 1 to 32 bytes");
  if (request.issuer_uri.empty() || request.issuer_uri.size() > kMaxIssuerUri || !is_utf8(request.issuer_uri)) {
    return fail(Status::kOption, "IssuerURI is not 1 to 1024 bytes of UTF-8");
  }
  if (request.session_life_time == 0) return fail(Status::kOption, "SessionLifeTime is 0");
  if (request.session_key_limit == 0) return fail(Status::kOption, "SessionKeyLimit is 0");
  return {};
}

Result<SessionAlgorithm> read_algorithm(const StoreOptions& options, std::string_view uri) {
  if (uri == uri::kSessionKey1) return SessionAlgorithm::kSk1;
  if (uri == uri::kSessionKey2 && options.sk2) return SessionAlgorithm::kSk2;
  return fail(Status::kAlgorithm, "SessionKeyAlgorithm is not supported");
}

}  // namespace

Result<CreateProvisioningSession::Response> perform(Call& call, const CreateProvisioningSession& request) {
  Session session;
  session.algorithm = TRY(read_algorithm(call.state.device().options, request.session_key_algorithm));
  const crypto::PublicKey server_key = TRY(read_ephemeral_key(call.state.device().options, request.server_ephemeral_key));
  TRY(check_names(request));

  const auto ephemeral = crypto::PrivateKey::generate(crypto::EcSpec{crypto::Curve::kP256});
  if (!ephemeral) return fail(Status::kInternal, "no ephemeral key could be made");
  const auto z = ephemeral->agree(server_key);
  if (!z) return fail(Status::kCrypto, "ServerEphemeralKey does not agree with a key of ours");

  const SessionParameters parameters{.client_session_id = "C-" + hex_encode(call.random.bytes(15)),
                                     .server_session_id = request.server_session_id.value,
                                     .issuer_uri = to_text(request.issuer_uri),
                                     .server_ephemeral_key = request.server_ephemeral_key,
                                     .client_ephemeral_key = ephemeral->public_key().spki(),
                                     .updatable = request.updatable,
                                     .client_time = Instant{static_cast<std::int64_t>(request.client_time.milliseconds)},
                                     .session_life_time = request.session_life_time,
                                     .session_key_limit = request.session_key_limit};
  session.server_session_id = parameters.server_session_id;
  session.client_session_id = parameters.client_session_id;
  session.issuer_uri = parameters.issuer_uri;
  session.updatable = request.updatable;
  session.client_time = request.client_time.milliseconds;
  session.life_time = request.session_life_time;
  session.key_limit = request.session_key_limit;
  session.created_at = call.now;
  session.session_key = share(derive_session_key(*z, parameters, call.state.device().certificate_path.front(), session.algorithm));

  CreateProvisioningSession::Response response;
  response.client_session_id.value = parameters.client_session_id;
  response.client_ephemeral_key = parameters.client_ephemeral_key;
  response.session_attestation = TRY(call.state.sign_attestation(session_attestation_data(session_key_of(session), parameters)));
  session.handle = static_cast<Handle>(TRY(call.state.draw_handle(HandleKind::kSession)));
  response.provisioning_handle = session.handle;
  call.add_session(std::move(session));
  return response;
}

Result<GetProvisioningSession::Response> perform(Call& call, const GetProvisioningSession& request) {
  if (!is_sks_id(request.server_session_id.value) || !is_sks_id(request.client_session_id.value)) {
    return fail(Status::kOption, "a session ID is no NCName of 1 to 32 bytes");
  }
  const auto found = call.unless_expired(
      TRY(call.state.open_session(request.server_session_id.value, request.client_session_id.value, text_of(request.issuer_uri))));
  if (!found) return fail(Status::kNoSession, "there is no open provisioning session with these names");
  return GetProvisioningSession::Response{found->session.handle};
}

Result<Nothing> perform(Call& call, const AbortProvisioningSession& request) {
  TRY(call.open_session(request.provisioning_handle));
  call.remove_session(call.changes.at(request.provisioning_handle).before);
  return Nothing{};
}

Result<SignProvisioningSessionData::Response> perform(Call& call, const SignProvisioningSessionData& request) {
  Session& session = TRY(call.open_session(request.provisioning_handle))->session;
  TRY(Call::use_session_key(session, 1));
  return SignProvisioningSessionData::Response{external_signature(session_key_of(session), request.data)};
}

}  // namespace airtight::sks
