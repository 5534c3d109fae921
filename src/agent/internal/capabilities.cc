#include "agent/internal/capabilities.h"

#include <algorithm>
#include <string>
#include <variant>
#include <vector>

#include "agent/internal/refusal.h"
#include "agent/printable.h"
#include "base/algorithms.h"
#include "otp/one_time_password.h"

namespace airtight::agent {
namespace {

using keygen2::ClientError;

bool offers(const DeviceInfo& device, std::string_view algorithm) {
  return std::ranges::find(device.algorithms.values, algorithm) != device.algorithms.values.end();
}

Failure unsupported(std::string what) {
  return refuse(ClientError::kUnsupportedFeatureRequested, "the issuer asks for " + std::move(what) + ", which is not supported here");
}

Failure too_much(std::string message, const std::string& option) {
  return refuse(ClientError::kGeneralError, std::move(message), "if that is what you want, allow more with " + option);
}

std::string at_most(std::size_t limit) { return ", and at most " + std::to_string(limit) + " are allowed"; }

Result<> check_count(std::size_t count, std::string_view what, std::size_t limit) {
  if (count <= limit) return {};
  return too_much("the issuer " + std::string(what) + ' ' + std::to_string(count) + " keys" + at_most(limit), "--max-keys");
}

bool fits_exponent(const keygen2::KeyPairRequest& key, const DeviceInfo& device) {
  const auto* rsa = std::get_if<keygen2::KeyPairRequest::Rsa>(&key.algorithm);
  return rsa == nullptr || !rsa->exponent || device.rsa_exponent_support;
}

// No user could give such a PIN: the answer is the key store's to createPINPolicy (ERROR_OPTION), before anybody is asked.
Result<> check_pin_policy(const keygen2::PinPolicyRequest& policy) {
  if (policy.min_length > 0 && policy.min_length <= policy.max_length) return {};
  return unsupported("PINs of at least " + std::to_string(policy.min_length) + " and at most " + std::to_string(policy.max_length) +
                     " characters (policy '" + policy.id + "')");
}

std::size_t size_of(const keygen2::ExtensionObject& object) {
  if (const auto* bag = std::get_if<keygen2::PropertyBag>(&object)) return bag->canonical.size();
  if (const auto* logotype = std::get_if<keygen2::Logotype>(&object)) return logotype->image.size();
  return std::get<keygen2::Extension>(object).data.size();
}

// The device's limit counts plain bytes (keygen2.md section 6): what travels encrypted is for the key store to measure.
bool is_encrypted(const keygen2::ExtensionObject& object) {
  const auto* extension = std::get_if<keygen2::Extension>(&object);
  return extension != nullptr && extension->encrypted;
}

}  // namespace

keygen2::BasicCapabilities capabilities_of(const DeviceInfo& device) {
  keygen2::BasicCapabilities capabilities{
      .algorithms = device.algorithms.values,
      .extensions = {std::string(keygen2::kRenewalUrlExtension), std::string(otp::kHotpType), std::string(otp::kTotpType)},
      .rsa_key_sizes = device.rsa_key_sizes,
      .settable_exponent = device.rsa_exponent_support};
  // Its key initialization takes MACs for which KeyGen2 has no attributes.
  std::erase(capabilities.algorithms, uri::kSessionKey2);
  return capabilities;
}

Result<> check_session_request(const keygen2::ProvisioningSessionRequest& request, const DeviceInfo& device,
                               const EnrollmentLimits& limits) {
  if (!offers(device, request.session_key_algorithm) || request.session_key_algorithm == uri::kSessionKey2) {
    return refuse(ClientError::kNegotiationFailure, "the session key algorithm " + printable(request.session_key_algorithm) +
                                                        " is not one that device and KeyGen2 have in common");
  }
  if (request.session_life_time > limits.max_session_life_time) {
    return too_much(
        "the issuer wants a session of " + std::to_string(request.session_life_time) + " seconds" + at_most(limits.max_session_life_time),
        "--max-lifetime");
  }
  return {};
}

Result<> check_requested_keys(const keygen2::KeyInitializationRequest& request, const DeviceInfo& device, const EnrollmentLimits& limits) {
  const std::vector<keygen2::RequestedKey> keys = keygen2::requested_keys(request);
  TRY(check_count(keys.size(), "asks for", limits.max_keys));
  if (!offers(device, request.key_attestation_algorithm))
    return unsupported("the key attestation algorithm " + printable(request.key_attestation_algorithm));
  for (const keygen2::RequestedKey& requested : keys) {
    const keygen2::KeyPairRequest& key = *requested.key;
    if (requested.pin_policy != nullptr) TRY(check_pin_policy(*requested.pin_policy));
    if (key.biometric_protection != BiometricProtection::kNone && !device.biometric_support)
      return unsupported("biometric protection (key '" + key.id + "')");
    if (!fits_exponent(key, device)) return unsupported("an RSA exponent of its own choice (key '" + key.id + "')");
  }
  return {};
}

Result<> check_deployment(const keygen2::CredentialDeploymentRequest& request, const DeviceInfo& device, const EnrollmentLimits& limits) {
  TRY(check_count(request.delete_keys.size(), "wants to delete", limits.max_keys));
  std::size_t total = 0;
  for (const keygen2::CertifiedPublicKey& key : request.keys) {
    for (const keygen2::ExtensionObject& object : key.extensions) {
      const std::size_t size = size_of(object);
      if (size > device.extension_data_size && !is_encrypted(object))
        return unsupported("an extension of " + std::to_string(size) + " bytes (key '" + key.id + "')");
      total += size;
    }
  }
  if (total > limits.max_extension_bytes) {
    return too_much("the issuer sent extensions of " + std::to_string(total) + " bytes" + at_most(limits.max_extension_bytes),
                    "--max-extension-bytes");
  }
  return {};
}

}  // namespace airtight::agent
