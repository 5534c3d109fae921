#include "tests/faults/provisioning_script.h"

#include <algorithm>
#include <array>
#include <expected>
#include <utility>

#include "base/algorithms.h"
#include "crypto/digest.h"

namespace airtight::faults {
namespace {

using Step = ProvisioningScript::Step;

constexpr std::string_view kKeyWithPin = "Key.1";
constexpr std::string_view kKeyWithoutPin = "Key.2";
constexpr std::string_view kMessage = "I owe you one.";

constexpr std::array kSteps = {
    Step::kCreateSession,   Step::kCreatePukPolicy, Step::kCreatePinPolicy, Step::kCreateKeyWithPin, Step::kCreateKeyWithoutPin,
    Step::kSignSessionData, Step::kSetFirstPath,    Step::kSetSecondPath,   Step::kCloseSession,     Step::kRightPin,
    Step::kWrongPin,        Step::kRightPin,        Step::kRightPin,        Step::kWrongPin,         Step::kWrongPin,
    Step::kRightPin,        Step::kWrongPin,        Step::kWrongPin,        Step::kWrongPin,         Step::kRightPin};

}  // namespace

std::span<const Step> ProvisioningScript::steps() { return kSteps; }

std::size_t ProvisioningScript::provisioning_steps() {
  return static_cast<std::size_t>(std::ranges::find(kSteps, Step::kCloseSession) - kSteps.begin()) + 1;
}

std::int64_t ProvisioningScript::wrong_pins_after(std::size_t count) {
  std::int64_t wrong = 0;
  for (const Step step : steps().first(count)) {
    if (step == Step::kWrongPin) ++wrong;
    if (step == Step::kRightPin && wrong < kRetryLimit) wrong = 0;
  }
  return wrong;
}

sks::Status ProvisioningScript::expected_status(std::size_t index) {
  const bool locked = wrong_pins_after(index) == kRetryLimit;
  return locked || kSteps.at(index) == Step::kWrongPin ? sks::Status::kAuthorization : sks::Status::kOk;
}

Result<> ProvisioningScript::take(Step step, sks::Channel& store) {
  switch (step) {
    case Step::kCreateSession: return create_session(store);
    case Step::kCreatePukPolicy: puk_policy_ = TRY(sks::call(store, issuer_->puk_policy())).puk_policy_handle; return {};
    case Step::kCreatePinPolicy:
      pin_policy_ = TRY(sks::call(store, issuer_->pin_policy("PIN.1", puk_policy_))).pin_policy_handle;
      return {};
    case Step::kCreateKeyWithPin: return create_key(store, key_with_pin_, issuer_->key_pair(std::string(kKeyWithPin), pin_policy_, kPin));
    case Step::kCreateKeyWithoutPin: return create_key(store, key_without_pin_, issuer_->key_pair(std::string(kKeyWithoutPin)));
    case Step::kSignSessionData:
      TRY(sks::call(store, sks::SignProvisioningSessionData{issuer_->handle(), to_bytes(bytes_of(kMessage))}));
      return {};
    case Step::kSetFirstPath: return set_path(store, first_path_, kKeyWithPin, key_with_pin_);
    case Step::kSetSecondPath: return set_path(store, second_path_, kKeyWithoutPin, key_without_pin_);
    case Step::kCloseSession:
      if (!close_) close_ = issuer_->close();
      TRY(sks::call(store, *close_));
      return {};
    case Step::kRightPin: return sign_with_pin(store, kPin);
    case Step::kWrongPin: return sign_with_pin(store, kOtherPin);
  }
  return fail(Fault::kInternal, "there is no such step");
}

Result<> ProvisioningScript::create_session(sks::Channel& store) {
  try {
    issuer_.emplace(store, device_);
  } catch (const std::bad_expected_access<Error>& refused) {
    return Failure(refused.error());
  }
  return {};
}

Result<> ProvisioningScript::create_key(sks::Channel& store, std::optional<sks::CreateKeyPair::Response>& key,
                                        const sks::CreateKeyPair& request) {
  key = TRY(sks::call(store, request));
  return {};
}

Result<> ProvisioningScript::set_path(sks::Channel& store, std::optional<sks::SetCertificatePath>& request, std::string_view id,
                                      const std::optional<sks::CreateKeyPair::Response>& key) {
  if (!request) request = issuer_->certificate_path(id, *key);
  TRY(sks::call(store, *request));
  return {};
}

Result<> ProvisioningScript::abort(sks::Channel& store) const {
  TRY(sks::call(store, sks::AbortProvisioningSession{issuer_->handle()}));
  return {};
}

std::array<sks::Handle, 5> ProvisioningScript::handles() const {
  return {issuer_ ? issuer_->handle() : 0, puk_policy_, pin_policy_, key_with_pin_ ? key_with_pin_->key_handle : 0,
          key_without_pin_ ? key_without_pin_->key_handle : 0};
}

Result<> ProvisioningScript::sign_with_pin(sks::Channel& store, std::string_view pin) const { return sign(store, *key_with_pin_, pin); }

Result<> ProvisioningScript::sign_without_pin(sks::Channel& store) const { return sign(store, *key_without_pin_, ""); }

Result<> ProvisioningScript::sign(sks::Channel& store, const sks::CreateKeyPair::Response& key, std::string_view pin) const {
  const auto hash = crypto::sha256(bytes_of(kMessage));
  const auto answer = TRY(sks::call(
      store, sks::SignHashedData{key.key_handle, std::string(uri::kEcdsaSha256), SecretBytes::copy_of(bytes_of(pin)), to_bytes(hash)}));
  const crypto::PublicKey public_key = TRY(crypto::PublicKey::from_spki(key.generated_public_key));
  return public_key.verify(crypto::SignatureScheme::kEcdsaRaw, crypto::Digest::kSha256, bytes_of(kMessage), answer.result);
}

}  // namespace airtight::faults
