#include "agent/internal/key_creation.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "sks/methods.h"

namespace airtight::agent {
namespace {

using keygen2::KeyPairRequest;
using keygen2::PinPolicyRequest;
using keygen2::PukPolicyRequest;

constexpr std::uint32_t kNoPolicy = 0;

class KeyCreation {
 public:
  KeyCreation(sks::Channel& channel, const OpenSession& session, const keygen2::KeyInitializationRequest& request, const ChosenPins& pins)
      : channel_(channel), session_(session), request_(request), pins_(pins) {}

  Result<std::vector<CreatedKey>> run() {
    for (const keygen2::CreateObject& object : request_.objects) {
      TRY(std::visit([this](const auto& what) { return create(what); }, object));
    }
    return std::move(created_);
  }

 private:
  Result<> create(const PukPolicyRequest& policy) {
    sks::CreatePukPolicy call;
    call.provisioning_handle = session_.handle;
    call.id = {policy.id};
    call.puk_value = policy.encrypted_value;
    call.format = std::to_underlying(policy.format);
    call.retry_limit = policy.retry_limit;
    const auto answer = TRY(sks::call(channel_, call));
    for (const PinPolicyRequest& pin_policy : policy.pin_policies) TRY(create(pin_policy, answer.puk_policy_handle));
    return {};
  }

  Result<> create(const PinPolicyRequest& policy, std::uint32_t puk_policy_handle = kNoPolicy) {
    sks::CreatePinPolicy call;
    call.provisioning_handle = session_.handle;
    call.id = {policy.id};
    call.puk_policy_handle = puk_policy_handle;
    call.user_defined = policy.user_defined();
    call.user_modifiable = policy.is_user_modifiable();
    call.format = std::to_underlying(policy.format);
    call.retry_limit = policy.retry_limit;
    call.grouping = std::to_underlying(policy.grouping);
    call.pattern_restrictions = policy.pattern_restrictions;
    call.min_length = policy.min_length;
    call.max_length = policy.max_length;
    call.input_method = std::to_underlying(policy.input_method);
    const auto answer = TRY(sks::call(channel_, call));
    return std::visit([&](const auto& keys) { return create_under(answer.pin_policy_handle, keys); }, policy.keys);
  }

  Result<> create_under(std::uint32_t pin_policy_handle, const std::vector<KeyPairRequest>& keys) {
    for (const KeyPairRequest& key : keys) {
      const auto pin = pins_.find(key.id);
      if (pin == pins_.end()) return fail(Fault::kInternal, "no PIN was chosen for key '" + key.id + "'");
      TRY(create_key(key, pin_policy_handle, pin->second.clone()));
    }
    return {};
  }

  Result<> create_under(std::uint32_t pin_policy_handle, const std::vector<keygen2::PresetPin>& pins) {
    for (const keygen2::PresetPin& pin : pins) {
      TRY(create_key(pin.key, pin_policy_handle, SecretBytes::copy_of(pin.encrypted_value)));
    }
    return {};
  }

  Result<> create(const keygen2::DevicePinRequest& request) { return create_key(request.key, sks::kDevicePinHandle, {}); }

  Result<> create(const KeyPairRequest& key) { return create_key(key, kNoPolicy, {}); }

  Result<> create_key(const KeyPairRequest& key, std::uint32_t pin_policy_handle, SecretBytes pin) {
    sks::CreateKeyPair call;
    call.provisioning_handle = session_.handle;
    call.attestation_algorithm = request_.key_attestation_algorithm;
    if (key.issuer_seed.size() != call.issuer_seed.size()) return fail(Fault::kInternal, "an IssuerSeed of another length than 32");
    std::ranges::copy(key.issuer_seed, call.issuer_seed.begin());
    call.id = {key.id};
    call.pin_policy_handle = pin_policy_handle;
    call.pin_value = std::move(pin);
    call.biometric_protection = std::to_underlying(key.biometric_protection);
    call.private_key_backup = key.private_key_backup;
    call.export_policy = std::to_underlying(key.export_policy);
    call.updatable = key.updatable.value_or(session_.updatable);
    call.delete_policy = std::to_underlying(key.delete_policy);
    call.enable_pin_caching = key.enable_pin_caching;
    call.import_private_key = key.import_private_key;
    call.key_usage = std::to_underlying(key.key_usage);
    call.friendly_name = to_bytes(key.friendly_name);
    if (const auto* rsa = std::get_if<KeyPairRequest::Rsa>(&key.algorithm)) {
      call.key_algorithm = sks::RsaKeySpec{.rsa_key_size = rsa->key_size, .rsa_exponent = rsa->exponent.value_or(0)};
    } else {
      call.key_algorithm = sks::EccKeySpec{.named_curve = std::get<KeyPairRequest::Ec>(key.algorithm).named_curve};
    }
    auto answer = TRY(sks::call(channel_, call));
    crypto::PublicKey public_key = TRY(crypto::PublicKey::from_spki(answer.generated_public_key));
    created_.push_back({.handle = answer.key_handle,
                        .generated = {.id = key.id,
                                      .key_attestation = std::move(answer.key_attestation),
                                      .public_key = std::move(public_key),
                                      .private_key = std::move(answer.private_key)}});
    return {};
  }

  sks::Channel& channel_;
  const OpenSession& session_;
  const keygen2::KeyInitializationRequest& request_;
  const ChosenPins& pins_;
  std::vector<CreatedKey> created_;
};

}  // namespace

Result<std::vector<CreatedKey>> create_keys(sks::Channel& channel, const OpenSession& session,
                                            const keygen2::KeyInitializationRequest& request, const ChosenPins& pins) {
  return KeyCreation(channel, session, request, pins).run();
}

}  // namespace airtight::agent
