// createProvisioningSession to signProvisioningSessionData, and getDeviceInfo.
#include <algorithm>
#include <set>

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
Result<crypto::PublicKey> read_ephemeral_key(ByteView spki) {
  const auto curve_of = [](ByteView der) -> Result<std::string> {
    crypto::der::Reader outer(der);
    crypto::der::Reader info = TRY(outer.enter(crypto::der::Tag::kSequence));
    crypto::der::Reader algorithm = TRY(info.enter(crypto::der::Tag::kSequence));
    const std::string key_type = TRY(algorithm.object_id());
    if (key_type != "1.2.840.10045.2.1") return fail(Status::kCrypto, "no EC key");
    return algorithm.object_id();
  };
  const auto curve = curve_of(spki);
  if (curve && "urn:oid:" + *curve != uri::kP256) return fail(Status::kAlgorithm, "ServerEphemeralKey is on a curve that is not supported");
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

// sks.md section 7: what keeps a session from being closed once its MAC is right.
Result<> check_complete(const Call& call, const Session& session, const std::vector<Key>& keys) {
  std::set<Handle> used_pin_policies;
  std::set<ByteView, decltype([](ByteView a, ByteView b) { return std::ranges::lexicographical_compare(a, b); })> certificates;
  for (const Key& key : keys) {
    const std::string name = "key " + key.id;
    if (key.certificate_path.empty()) return fail(Status::kSessionVerify, name + " has no certificate");
    if (key.usage == KeyUsage::kSymmetricKey) return fail(Status::kSessionVerify, name + " has no symmetric key");
    if (key.import_private_key) return fail(Status::kSessionVerify, name + " has not got the private key that ImportPrivateKey announced");
    if (!certificates.insert(key.certificate_path.front()).second || TRY(call.state.is_provisioned(key.certificate_path.front()))) {
      return fail(Status::kSessionVerify, name + " has the same end-entity certificate as another key");
    }
    used_pin_policies.insert(key.pin_policy);
  }
  std::set<Handle> used_puk_policies;
  for (const PinPolicy& policy : TRY(call.state.pin_policies(session.handle))) {
    if (!used_pin_policies.contains(policy.handle)) return fail(Status::kSessionVerify, "PIN policy " + policy.id + " is unreferenced");
    used_puk_policies.insert(policy.puk_policy);
  }
  for (const PukPolicy& policy : TRY(call.state.puk_policies(session.handle))) {
    if (!used_puk_policies.contains(policy.handle)) return fail(Status::kSessionVerify, "PUK policy " + policy.id + " is unreferenced");
  }
  for (const Key& key : keys) {
    const bool wants_pin = key.delete_policy == DeletePolicy::kPin || key.export_policy == ExportPolicy::kPin;
    const bool wants_puk = key.delete_policy == DeletePolicy::kPuk || key.export_policy == ExportPolicy::kPuk;
    if (wants_pin && key.pin_policy == 0) return fail(Status::kSessionVerify, "key " + key.id + " has a policy of pin but no PIN");
    if (!wants_puk) continue;
    const auto policy = TRY(call.state.pin_policy(key.pin_policy));
    if (!policy || policy->puk_policy == 0) return fail(Status::kSessionVerify, "key " + key.id + " has a policy of puk but no PUK");
  }
  return {};
}

}  // namespace

Result<CreateProvisioningSession::Response> perform(Call& call, const CreateProvisioningSession& request) {
  if (request.session_key_algorithm != uri::kSessionKey1) return fail(Status::kAlgorithm, "SessionKeyAlgorithm is not supported");
  const crypto::PublicKey server_key = TRY(read_ephemeral_key(request.server_ephemeral_key));
  TRY(check_names(request));

  const auto ephemeral = crypto::PrivateKey::generate(crypto::EcSpec{crypto::Curve::kP256});
  if (!ephemeral) return fail(Status::kInternal, "no ephemeral key could be made");
  const auto z = ephemeral->agree(server_key);
  if (!z) return fail(Status::kCrypto, "ServerEphemeralKey does not agree with a key of ours");

  SessionParameters parameters{.client_session_id = "C-" + hex_encode(call.random.bytes(15)),
                               .server_session_id = request.server_session_id.value,
                               .issuer_uri = to_text(request.issuer_uri),
                               .server_ephemeral_key = request.server_ephemeral_key,
                               .client_ephemeral_key = ephemeral->public_key().spki(),
                               .updatable = request.updatable,
                               .client_time = Instant{static_cast<std::int64_t>(request.client_time.milliseconds)},
                               .session_life_time = request.session_life_time,
                               .session_key_limit = request.session_key_limit};
  Session session;
  session.handle = TRY(call.state.next_handle(HandleKind::kSession));
  session.server_session_id = parameters.server_session_id;
  session.client_session_id = parameters.client_session_id;
  session.issuer_uri = parameters.issuer_uri;
  session.updatable = request.updatable;
  session.client_time = request.client_time.milliseconds;
  session.life_time = request.session_life_time;
  session.key_limit = request.session_key_limit;
  session.created_at = call.now;
  session.session_key = derive_session_key(*z, parameters, call.state.device().certificate_path.front());

  CreateProvisioningSession::Response response;
  response.client_session_id.value = parameters.client_session_id;
  response.client_ephemeral_key = parameters.client_ephemeral_key;
  response.session_attestation = TRY(call.state.sign_attestation(session_attestation_data(session.session_key, parameters)));
  response.provisioning_handle = session.handle;
  call.changes.emplace_back(InsertSession{std::move(session)});
  return response;
}

Result<CloseProvisioningSession::Response> perform(Call& call, const CloseProvisioningSession& request) {
  Session session = TRY(call.open_session(request.provisioning_handle));
  TRY(call.use_session_key(session, 2));  // the MAC and the attestation
  const std::array<ByteView, 3> data = {bytes_of(session.client_session_id), bytes_of(session.server_session_id),
                                        bytes_of(session.issuer_uri)};
  TRY(call.verify_mac(session, method_of<CloseProvisioningSession>().name, data, request.mac));
  const std::vector<Key> keys = TRY(call.state.keys(session.handle));
  TRY(check_complete(call, session, keys));

  CloseProvisioningSession::Response response;
  response.attested_response = close_attestation(session.session_key, session.mac_counter);
  if (keys.empty()) {
    call.changes.emplace_back(RemoveSession{session.handle});  // nothing is left that it could own
  } else {
    call.advance(session);
    call.changes.emplace_back(CloseSession{session.handle});
  }
  return response;
}

Result<GetProvisioningSession::Response> perform(Call& call, const GetProvisioningSession& request) {
  if (!is_sks_id(request.server_session_id.value) || !is_sks_id(request.client_session_id.value)) {
    return fail(Status::kOption, "a session ID is no NCName of 1 to 32 bytes");
  }
  const auto session = call.unless_expired(
      TRY(call.state.open_session(request.server_session_id.value, request.client_session_id.value, text_of(request.issuer_uri))));
  if (!session) return fail(Status::kNoSession, "there is no open provisioning session with these names");
  return GetProvisioningSession::Response{session->handle};
}

Result<EnumerateProvisioningSessions::Response> perform(Call& call, const EnumerateProvisioningSessions& request) {
  // kNoHandle + 1 is 0: the start of a round and the step to the next handle are the same sum.
  Handle from = request.provisioning_handle + 1;
  while (auto found = TRY(call.state.session_from(from))) {
    from = found->handle + 1;
    const auto session = call.unless_expired(std::move(found));
    if (!session) continue;
    EnumerateProvisioningSessions::Session listed;
    listed.is_open = session->open;
    listed.client_time.milliseconds = session->client_time;
    listed.session_life_time = session->life_time;
    listed.server_session_id.value = session->server_session_id;
    listed.client_session_id.value = session->client_session_id;
    listed.issuer_uri = to_bytes(session->issuer_uri);
    return EnumerateProvisioningSessions::Response{session->handle, std::move(listed)};
  }
  return EnumerateProvisioningSessions::Response{};
}

Result<Nothing> perform(Call& call, const AbortProvisioningSession& request) {
  const Session session = TRY(call.open_session(request.provisioning_handle));
  call.changes.emplace_back(RemoveSession{session.handle});
  return Nothing{};
}

Result<SignProvisioningSessionData::Response> perform(Call& call, const SignProvisioningSessionData& request) {
  Session session = TRY(call.open_session(request.provisioning_handle));
  TRY(call.use_session_key(session, 1));
  SignProvisioningSessionData::Response response{external_signature(session.session_key, request.data)};
  call.advance(session);
  return response;
}

Result<GetDeviceInfo::Response> perform(Call& call, const GetDeviceInfo&) {
  const DeviceIdentity& device = call.state.device();
  GetDeviceInfo::Response response;
  response.vendor_name = device.vendor_name;
  response.vendor_description = device.vendor_description;
  response.x509_certificates = device.certificate_path;
  for (std::string_view algorithm : algorithms()) response.algorithms.values.emplace_back(algorithm);
  response.rsa_key_sizes.assign(kRsaKeySizes.begin(), kRsaKeySizes.end());
  response.extension_data_size = kExtensionDataSize;
  return response;
}

}  // namespace airtight::sks
