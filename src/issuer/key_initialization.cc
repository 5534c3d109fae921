// KeyInitializationRequest is made from the profile; of its response every key is verified against the request as it was sent, and
// attested. keygen2.md section 4 item 2; SKS createKeyPair, "A conforming server MUST ...".
#include <map>

#include "issuer/internal/step.h"
#include "sks/session_security.h"

namespace airtight::issuer {
namespace {

using keygen2::GeneratedPublicKey;
using keygen2::KeyInitializationRequest;
using keygen2::KeyPairRequest;
using keygen2::RequestedKey;

constexpr std::size_t kIssuerSeedSize = 32;
constexpr std::string_view kDigits = "0123456789";
constexpr std::string_view kDigitsAndLetters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

// A PUK with every character of its format equally likely. Strings are made of digits and letters, which every keyboard has.
SecretBytes random_puk(const PukPolicy& policy, RandomSource& random) {
  if (policy.format == PassphraseFormat::kBinary) return random.secret(policy.length);
  const std::string_view alphabet = policy.format == PassphraseFormat::kNumeric ? kDigits : kDigitsAndLetters;
  const std::size_t fair = 256 / alphabet.size() * alphabet.size();
  SecretBytes value(policy.length);
  for (std::byte& place : value.expose_secret_for_writing()) {
    for (;;) {
      const SecretBytes draw = random.secret(1);
      const auto number = std::to_integer<std::size_t>(draw.expose_secret()[0]);
      if (number >= fair) continue;
      place = static_cast<std::byte>(alphabet[number % alphabet.size()]);
      break;
    }
  }
  return value;
}

KeyPairRequest key_pair_request(const KeyProfile& key, const Session& session, RandomSource& random) {
  KeyPairRequest request;
  request.id = key.id;
  request.key_usage = key.usage;
  request.issuer_seed = random.bytes(kIssuerSeedSize);
  request.export_policy = key.export_policy;
  if (key.updatable != session.updatable) request.updatable = key.updatable;
  request.delete_policy = key.delete_policy;
  request.enable_pin_caching = key.enable_pin_caching;
  request.friendly_name = key.friendly_name;
  if (const auto* rsa = std::get_if<RsaKey>(&key.algorithm)) {
    request.algorithm = KeyPairRequest::Rsa{rsa->size, rsa->exponent};
  } else {
    request.algorithm = KeyPairRequest::Ec{std::string(crypto::curve_uri(std::get<EcKey>(key.algorithm).curve))};
  }
  return request;
}

keygen2::PinPolicyRequest pin_policy_request(const PinPolicy& pin, const Turn& turn) {
  keygen2::PinPolicyRequest request;
  request.id = pin.id;
  request.format = pin.format;
  request.retry_limit = pin.retry_limit;
  request.min_length = pin.min_length;
  request.max_length = pin.max_length;
  if (!pin.user_modifiable) request.user_modifiable = false;
  request.grouping = pin.grouping;
  request.pattern_restrictions = pin.pattern_restrictions;
  request.input_method = pin.input_method;
  std::vector<KeyPairRequest> keys;
  for (const KeyProfile& key : turn.profile.keys) {
    if (key.pin_policy == pin.id) keys.push_back(key_pair_request(key, turn.session, turn.environment.random));
  }
  request.keys = std::move(keys);
  return request;
}

// What the device must have attested for `asked` and the key that it made.
Verified<> check_key_attestation(const RequestedKey& asked, const GeneratedPublicKey& made, const Turn& turn,
                                 const SecretBytes& session_key, const SecretBytes* puk_value) {
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
  if (const keygen2::PinPolicyRequest* pin = asked.pin_policy) {
    protection = sks::AttestedPin{.id = pin->id,
                                  .issuer_value = nullptr,
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
  if (puk_value != nullptr)
    puk = sks::AttestedPuk{asked.puk_policy->id, asked.puk_policy->retry_limit, puk_value, asked.puk_policy->format};
  if (equal_in_constant_time(sks::key_attestation(session_key, key, protection, puk), made.key_attestation)) return {};
  return refuse(
      kForbidden, "key-attestation.mismatch",
      "KeyAttestation of " + request.id + " does not verify: the device did not make that key with the attributes the issuer asked for");
}

Verified<> check_rsa_key(const KeyPairRequest::Rsa& asked, const crypto::PublicKey& made, const std::string& id) {
  constexpr std::uint32_t kDefaultExponent = 65537;  // sks.md section 7
  const std::optional<crypto::RsaParameters> rsa = made.rsa();
  if (!rsa) return refuse(kForbidden, "public-key.type", "The public key " + id + " is not an RSA key");
  if (made.bits() != asked.key_size) {
    return refuse(kForbidden, "public-key.size",
                  "The public key " + id + " has " + std::to_string(made.bits()) + " bits where " + std::to_string(asked.key_size) +
                      " were asked for");
  }
  std::uint64_t exponent = 0;
  for (const std::byte byte : rsa->exponent) {
    if (exponent >> 56U != 0) break;
    exponent = exponent << 8U | std::to_integer<std::uint64_t>(byte);
  }
  if (exponent != asked.exponent.value_or(kDefaultExponent)) {
    return refuse(kForbidden, "public-key.exponent", "The public key " + id + " has another exponent than was asked for");
  }
  return {};
}

Verified<> check_public_key(const KeyPairRequest& asked, const crypto::PublicKey& made) {
  if (const auto* rsa = std::get_if<KeyPairRequest::Rsa>(&asked.algorithm)) return check_rsa_key(*rsa, made, asked.id);
  const std::optional<crypto::Curve> curve = made.curve();
  if (!curve) return refuse(kForbidden, "public-key.type", "The public key " + asked.id + " is not an elliptic curve key");
  if (crypto::curve_uri(*curve) != std::get<KeyPairRequest::Ec>(asked.algorithm).named_curve) {
    return refuse(kForbidden, "public-key.curve", "The public key " + asked.id + " is on another curve than was asked for");
  }
  return {};
}

// "number, order and IDs of the keys"
Verified<> check_ids(const std::vector<RequestedKey>& asked, const std::vector<GeneratedPublicKey>& made) {
  if (made.size() != asked.size()) {
    return refuse(kForbidden, "key-count",
                  "The device returns " + std::to_string(made.size()) + " keys where " + std::to_string(asked.size()) + " were asked for");
  }
  std::size_t in_place = 0;
  std::size_t known = 0;
  for (std::size_t i = 0; i < made.size(); ++i) {
    if (made[i].id == asked[i].key->id) ++in_place;
    for (const RequestedKey& key : asked) known += key.key->id == made[i].id ? 1U : 0U;
  }
  if (in_place == asked.size()) return {};
  if (known == asked.size())
    return refuse(kForbidden, "key-order", "The device returns the keys in another order than they were asked for");
  return refuse(kForbidden, "key-id", "The device returns a key under an ID that was not asked for");
}

// PUK values in clear, as they went encrypted into `request`.
Result<std::map<std::string, SecretBytes>> open_puks(const KeyInitializationRequest& request, const SecretBytes& session_key) {
  std::map<std::string, SecretBytes> values;
  for (const keygen2::CreateObject& object : request.objects) {
    const auto* puk = std::get_if<keygen2::PukPolicyRequest>(&object);
    if (puk != nullptr) values.emplace(puk->id, TRY(sks::decrypt(session_key, puk->encrypted_value)));
  }
  return values;
}

}  // namespace

Result<KeyInitializationRequest> make_key_initialization_request(Turn& turn, const SecretBytes& session_key,
                                                                 std::vector<SecretBytes>& puk_values) {
  Session& session = turn.session;
  session.server_time = format_time(turn.now);
  KeyInitializationRequest request;
  request.id = session.server_session_id;
  request.client_session_id = session.client_session_id;
  request.server_time = session.server_time;
  request.submit_url = submit_url(session);
  for (const PukPolicy& puk : turn.profile.puk_policies) {
    keygen2::PukPolicyRequest object;
    object.id = puk.id;
    object.format = puk.format;
    object.retry_limit = puk.retry_limit;
    object.encrypted_value = sks::encrypt(session_key, puk_values.emplace_back(random_puk(puk, turn.environment.random)).expose_secret(),
                                          turn.environment.random);
    ++session.session_key_uses;
    for (const PinPolicy& pin : turn.profile.pin_policies) {
      if (pin.puk_policy == puk.id) object.pin_policies.push_back(pin_policy_request(pin, turn));
    }
    request.objects.emplace_back(std::move(object));
  }
  for (const PinPolicy& pin : turn.profile.pin_policies) {
    if (!pin.puk_policy) request.objects.emplace_back(pin_policy_request(pin, turn));
  }
  for (const KeyProfile& key : turn.profile.keys) {
    if (!key.pin_policy) request.objects.emplace_back(key_pair_request(key, session, turn.environment.random));
  }
  return request;
}

Verified<Answer> handle_key_initialization(Turn& turn, const keygen2::Received& received) {
  const auto& response = std::get<keygen2::KeyInitializationResponse>(received.message);
  Session& session = turn.session;
  TRY(check_both_sessions(session, response.server_session_id, response.id, response.server_cookie));
  const keygen2::Received sent = TRY(keygen2::read_message(session.request, turn.environment.schema));
  const auto& request = std::get<KeyInitializationRequest>(sent.message);
  const std::vector<RequestedKey> asked = keygen2::requested_keys(request);
  TRY(check_ids(asked, response.keys));

  SecretBytes session_key = TRY(open_session_key(turn));
  const std::map<std::string, SecretBytes> puk_values = TRY(open_puks(request, session_key));
  for (std::size_t i = 0; i < asked.size(); ++i) {
    const GeneratedPublicKey& made = response.keys[i];
    TRY(check_public_key(*asked[i].key, made.public_key));
    if (made.private_key)
      return refuse(kForbidden, "key.private-key", "The device returns the private key " + made.id + ", which was not asked for");
    const SecretBytes* puk = asked[i].puk_policy != nullptr ? &puk_values.at(asked[i].puk_policy->id) : nullptr;
    TRY(check_key_attestation(asked[i], made, turn, session_key, puk));
  }
  session.session_key_uses += static_cast<std::uint32_t>(asked.size());
  session.request.clear();
  return deploy_credentials(turn, std::move(session_key), response.keys);
}

}  // namespace airtight::issuer
