// KeyInitializationResponse: every key is verified against the request as it was sent, and attested. keygen2.md section 4 item 2;
// SKS createKeyPair, "A conforming server MUST ...".
#include <map>

#include "issuer/internal/key_checks.h"
#include "issuer/internal/step.h"
#include "sks/session_security.h"

namespace airtight::issuer {
namespace {

using keygen2::GeneratedPublicKey;
using keygen2::KeyInitializationRequest;
using keygen2::KeyPairRequest;
using keygen2::RequestedKey;

// The PUKs and preset PINs of a request in clear, by the ID of their policy or key, as they went encrypted into it.
using Passphrases = std::map<std::string, SecretBytes>;

Result<Passphrases> open_passphrases(const KeyInitializationRequest& request, const SecretBytes& session_key) {
  Passphrases values;
  for (const RequestedKey& key : keygen2::requested_keys(request)) {
    if (key.puk_policy != nullptr && !values.contains(key.puk_policy->id))
      values.emplace(key.puk_policy->id, TRY(sks::decrypt(session_key, key.puk_policy->encrypted_value)));
    if (key.preset_pin != nullptr) values.emplace(key.key->id, TRY(sks::decrypt(session_key, key.preset_pin->encrypted_value)));
  }
  return values;
}

// What the device must have attested for `asked` and the key that it made.
Verified<> check_key_attestation(const RequestedKey& asked, const GeneratedPublicKey& made, const Turn& turn,
                                 const SecretBytes& session_key, const Passphrases& passphrases) {
  const KeyPairRequest& request = *asked.key;
  const sks::AttestedKey key{.id = request.id,
                             .issuer_seed = request.issuer_seed,
                             .public_key = made.public_key.spki(),
                             .private_key_backup = request.private_key_backup,
                             .biometric_protection = request.biometric_protection,
                             .export_policy = request.export_policy,
                             .updatable = request.updatable.value_or(turn.session.updatable),
                             .delete_policy = request.delete_policy,
                             .enable_pin_caching = request.enable_pin_caching,
                             .import_private_key = request.import_private_key,
                             .key_usage = request.key_usage,
                             .friendly_name = request.friendly_name};
  sks::PinProtection protection = sks::NoPin();
  if (asked.device_pin) protection = sks::DevicePin();
  if (const keygen2::PinPolicyRequest* pin = asked.pin_policy) {
    protection = sks::AttestedPin{.id = pin->id,
                                  .issuer_value = asked.preset_pin != nullptr ? &passphrases.at(request.id) : nullptr,
                                  .user_modifiable = pin->is_user_modifiable(),
                                  .format = pin->format,
                                  .retry_limit = pin->retry_limit,
                                  .grouping = pin->grouping,
                                  .pattern_restrictions = pin->pattern_restrictions,
                                  .min_length = pin->min_length,
                                  .max_length = pin->max_length,
                                  .input_method = pin->input_method};
  }
  std::optional<sks::AttestedPuk> puk;
  if (const keygen2::PukPolicyRequest* policy = asked.puk_policy)
    puk = sks::AttestedPuk{policy->id, policy->retry_limit, &passphrases.at(policy->id), policy->format};
  if (equal_in_constant_time(sks::key_attestation(session_key, key, protection, puk), made.key_attestation)) return {};
  return refuse(
      kForbidden, "key-attestation.mismatch",
      "KeyAttestation of " + request.id + " does not verify: the device did not make that key with the attributes the issuer asked for");
}

// PrivateKey is there exactly where a backup was asked for, and is the private half of the public key.
Verified<> check_backup(const KeyPairRequest& asked, const GeneratedPublicKey& made, const SecretBytes& session_key) {
  if (!made.private_key) {
    if (!asked.private_key_backup) return {};
    return refuse(kForbidden, "key.no-private-key", "The device does not return the private key " + made.id + " for its backup");
  }
  if (!asked.private_key_backup)
    return refuse(kForbidden, "key.private-key", "The device returns the private key " + made.id + ", which was not asked for");
  const Result<SecretBytes> plain = sks::decrypt(session_key, *made.private_key);
  if (plain) {
    const Result<crypto::PrivateKey> key = crypto::PrivateKey::from_pkcs8(plain->expose_secret());
    if (key && key->public_key() == made.public_key) return {};
  }
  return refuse(kForbidden, "key.backup", "The private key " + made.id + " that the device returns is not the one of its public key");
}

}  // namespace

Verified<Answer> handle_key_initialization(Turn& turn, const keygen2::Received& received) {
  const auto& response = std::get<keygen2::KeyInitializationResponse>(received.message);
  Session& session = turn.session;
  TRY(check_both_sessions(turn, response.server_session_id, response.id, response.server_cookie));
  const keygen2::Received sent = TRY(keygen2::read_message(session.request, turn.environment.schema));
  const auto& request = std::get<KeyInitializationRequest>(sent.message);
  const std::vector<RequestedKey> asked = keygen2::requested_keys(request);
  std::vector<std::string_view> asked_ids;
  std::vector<std::string_view> made_ids;
  for (const RequestedKey& key : asked) asked_ids.emplace_back(key.key->id);
  for (const GeneratedPublicKey& key : response.keys) made_ids.emplace_back(key.id);
  TRY(check_key_ids(asked_ids, made_ids));

  SecretBytes session_key = TRY(open_session_key(turn.environment, session));
  const Passphrases passphrases = TRY(open_passphrases(request, session_key));
  for (std::size_t i = 0; i < asked.size(); ++i) {
    const GeneratedPublicKey& made = response.keys[i];
    TRY(check_public_key(asked[i].key->algorithm, made.public_key, made.id));
    TRY(check_key_attestation(asked[i], made, turn, session_key, passphrases));
    TRY(check_backup(*asked[i].key, made, session_key));
    session.session_key_uses += made.private_key ? 2U : 1U;
  }
  session.request.clear();
  if (turn.profile.deferral) return defer_certification(turn, received.document.serialize());
  return deploy_credentials(turn, std::move(session_key), response.keys);
}

}  // namespace airtight::issuer
