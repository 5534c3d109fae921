// KeyInitializationRequest is made from the profile. A key that updates another one is asked for without a PIN, because it takes over that
// of the other (sks.md section 8); policies that then protect nothing are left out.
#include <algorithm>
#include <memory>

#include "issuer/internal/step.h"
#include "issuer/passphrase_choice.h"
#include "sks/session_security.h"

namespace airtight::issuer {
namespace {

using keygen2::KeyInitializationRequest;
using keygen2::KeyPairRequest;

constexpr std::size_t kIssuerSeedSize = 32;

// Makes the objects of one request, and what is kept of them.
class RequestMaker {
 public:
  RequestMaker(Turn& turn, const SecretBytes& session_key, const std::vector<Target>& targets)
      : turn_(turn), session_key_(session_key), targets_(targets) {}

  Result<> make();

  [[nodiscard]] KeyInitializationRequest take_request() { return std::move(request_); }
  [[nodiscard]] std::vector<SealedPassphrase> take_passphrases() { return std::move(passphrases_); }

 private:
  [[nodiscard]] bool is_update(const KeyProfile& key) const {
    return std::ranges::any_of(targets_, [&](const Target& target) { return target.key_id == key.id; });
  }
  [[nodiscard]] std::vector<const KeyProfile*> keys_under(const PinPolicy& pin) const;
  [[nodiscard]] KeyPairRequest key_pair(const KeyProfile& key) const;
  [[nodiscard]] Result<std::optional<keygen2::PinPolicyRequest>> pin_policy(const PinPolicy& pin);
  [[nodiscard]] Result<> add_puk_policy(const PukPolicy& puk);
  [[nodiscard]] Bytes encrypt_and_keep(Passphrase passphrase);

  Turn& turn_;
  const SecretBytes& session_key_;
  const std::vector<Target>& targets_;
  KeyInitializationRequest request_;
  std::vector<SealedPassphrase> passphrases_;
};

std::vector<const KeyProfile*> RequestMaker::keys_under(const PinPolicy& pin) const {
  std::vector<const KeyProfile*> keys;
  for (const KeyProfile& key : turn_.profile.keys) {
    if (key.pin_policy == pin.id && !is_update(key)) keys.push_back(&key);
  }
  return keys;
}

KeyPairRequest RequestMaker::key_pair(const KeyProfile& key) const {
  KeyPairRequest request;
  request.id = key.id;
  request.key_usage = key.usage;
  request.issuer_seed = turn_.environment.random.bytes(kIssuerSeedSize);
  request.biometric_protection = key.biometric_protection;
  request.private_key_backup = key.private_key_backup;
  request.export_policy = key.export_policy;
  if (key.updatable != turn_.session.updatable) request.updatable = key.updatable;
  request.delete_policy = key.delete_policy;
  request.enable_pin_caching = key.enable_pin_caching;
  request.import_private_key = key.source != KeySource::kDevice;
  request.friendly_name = key.friendly_name;
  if (const auto* rsa = std::get_if<RsaKey>(&key.algorithm)) {
    request.algorithm = KeyPairRequest::Rsa{rsa->size, rsa->exponent};
  } else {
    request.algorithm = KeyPairRequest::Ec{std::string(crypto::curve_uri(std::get<EcKey>(key.algorithm).curve))};
  }
  return request;
}

Bytes RequestMaker::encrypt_and_keep(Passphrase passphrase) {
  const Environment& environment = turn_.environment;
  Bytes encrypted = sks::encrypt(session_key_, passphrase.value.expose_secret(), environment.random);
  ++turn_.session.session_key_uses;
  passphrases_.push_back(seal_passphrase(environment.master_key, turn_.session.server_session_id, passphrase, environment.random));
  return encrypted;
}

Result<std::optional<keygen2::PinPolicyRequest>> RequestMaker::pin_policy(const PinPolicy& pin) {
  const std::vector<const KeyProfile*> keys = keys_under(pin);
  if (keys.empty()) return std::optional<keygen2::PinPolicyRequest>();
  keygen2::PinPolicyRequest request;
  request.id = pin.id;
  request.format = pin.format;
  request.retry_limit = pin.retry_limit;
  request.min_length = pin.min_length;
  request.max_length = pin.max_length;
  request.grouping = pin.grouping;
  request.pattern_restrictions = pin.pattern_restrictions;
  request.input_method = pin.input_method;
  if (pin.user_modifiable == pin.preset_length.has_value()) request.user_modifiable = pin.user_modifiable;
  if (!pin.preset_length) {
    std::vector<KeyPairRequest> pairs;
    for (const KeyProfile* key : keys) pairs.push_back(key_pair(*key));
    request.keys = std::move(pairs);
    return std::optional(std::move(request));
  }
  std::vector<KeyUsage> usages;
  for (const KeyProfile* key : keys) usages.push_back(key->usage);
  std::vector<SecretBytes> values = TRY(choose_pins(pin, usages, turn_.environment.random));
  std::vector<keygen2::PresetPin> presets;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    Bytes encrypted = encrypt_and_keep({PassphraseKind::kPin, keys[i]->id, pin.format, std::move(values[i])});
    presets.push_back({std::move(encrypted), key_pair(*keys[i])});
  }
  request.keys = std::move(presets);
  return std::optional(std::move(request));
}

Result<> RequestMaker::add_puk_policy(const PukPolicy& puk) {
  keygen2::PukPolicyRequest object;
  object.id = puk.id;
  object.format = puk.format;
  object.retry_limit = puk.retry_limit;
  for (const PinPolicy& pin : turn_.profile.pin_policies) {
    if (pin.puk_policy != puk.id) continue;
    std::optional<keygen2::PinPolicyRequest> policy = TRY(pin_policy(pin));
    if (policy) object.pin_policies.push_back(*std::move(policy));
  }
  if (object.pin_policies.empty()) return {};
  object.encrypted_value = encrypt_and_keep({PassphraseKind::kPuk, puk.id, puk.format, choose_puk(puk, turn_.environment.random)});
  request_.objects.emplace_back(std::move(object));
  return {};
}

Result<> RequestMaker::make() {
  Session& session = turn_.session;
  session.server_time = format_time(turn_.now);
  request_.id = session.server_session_id;
  request_.client_session_id = session.client_session_id;
  request_.server_time = session.server_time;
  request_.submit_url = submit_url(session);
  request_.deferred_certification = turn_.profile.deferral.has_value();
  for (const PukPolicy& puk : turn_.profile.puk_policies) TRY(add_puk_policy(puk));
  for (const PinPolicy& pin : turn_.profile.pin_policies) {
    if (pin.puk_policy) continue;
    std::optional<keygen2::PinPolicyRequest> policy = TRY(pin_policy(pin));
    if (policy) request_.objects.emplace_back(*std::move(policy));
  }
  for (const KeyProfile& key : turn_.profile.keys) {
    if (key.pin_policy && !is_update(key)) continue;
    if (key.device_pin && !is_update(key)) {
      request_.objects.emplace_back(keygen2::DevicePinRequest{key_pair(key)});
    } else {
      request_.objects.emplace_back(key_pair(key));
    }
  }
  return {};
}

// What comes later must be there, so that the device does not make keys for nothing.
Verified<> check_can_be_provisioned(const Turn& turn, const std::vector<Target>& targets) {
  const Environment& environment = turn.environment;
  for (const KeyProfile& key : turn.profile.keys) {
    if (key.source == KeySource::kRestored &&
        !TRY(find_kept_private_key(turn.database, environment.master_key, turn.session.subject, key.restored_key))) {
      return refuse(kConflict, "key.no-backup", "There is no backup of an earlier key " + key.restored_key + " of this subject");
    }
    if (!key.symmetric_key || !key.symmetric_key->seed_pool) continue;
    const bool updates = std::ranges::any_of(targets, [&](const Target& target) { return target.key_id == key.id; });
    const SeedWish wish = TRY(wish_of(turn.profile, key, turn.session.subject, updates, turn.now));
    if (!TRY(find_seed(turn.database, wish))) return Refused(no_seed());
  }
  return {};
}

}  // namespace

Verified<Answer> initialize_keys(Turn& turn, const SecretBytes& session_key, std::vector<Target> targets) {
  if (turn.profile.keys.empty()) {
    if (targets.empty()) return refuse(kConflict, "discovery.nothing-found", "There is nothing to do: no credential was found");
    return deploy_credentials(turn, session_key.clone(), {}, std::move(targets));
  }
  TRY(check_can_be_provisioned(turn, targets));
  RequestMaker maker(turn, session_key, targets);
  TRY(maker.make());
  turn.session.request = TRY(request_text(turn, maker.take_request()));
  const auto passphrases = std::make_shared<const std::vector<SealedPassphrase>>(maker.take_passphrases());
  return Answer{keygen2::ServerState::kAwaitKeyInitializationResponse,
                [request = turn.session.request, id = turn.session.id, passphrases,
                 targets = std::move(targets)](storage::Database& database) -> Verified<http::Response> {
                  TRY(insert_targets(database, id, targets));
                  for (const SealedPassphrase& passphrase : *passphrases) TRY(insert_passphrase(database, id, passphrase));
                  return message_response(request);
                }};
}

}  // namespace airtight::issuer
