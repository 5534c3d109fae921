#include "agent/internal/capabilities.h"

#include <algorithm>
#include <string>
#include <vector>

#include "agent/internal/refusal.h"
#include "agent/printable.h"

namespace airtight::agent {
namespace {

using keygen2::ClientError;

bool offers(const DeviceInfo& device, const std::string& algorithm) {
  return std::ranges::find(device.algorithms.values, algorithm) != device.algorithms.values.end();
}

Failure unsupported(std::string what) {
  return refuse(ClientError::kUnsupportedFeatureRequested, "the issuer asks for " + std::move(what) + ", which is not supported here");
}

}  // namespace

keygen2::BasicCapabilities capabilities_of(const DeviceInfo& device) {
  return {.algorithms = device.algorithms.values,
          .extensions = {},
          .rsa_key_sizes = device.rsa_key_sizes,
          .settable_exponent = device.rsa_exponent_support};
}

Result<> check_session_key_algorithm(const keygen2::ProvisioningSessionRequest& request, const DeviceInfo& device) {
  if (offers(device, request.session_key_algorithm)) return {};
  return refuse(ClientError::kNegotiationFailure,
                "the device does not know the session key algorithm " + printable(request.session_key_algorithm));
}

Result<> check_requested_keys(const keygen2::KeyInitializationRequest& request, const DeviceInfo& device, std::size_t max_keys) {
  const std::vector<keygen2::RequestedKey> keys = keygen2::requested_keys(request);
  if (keys.size() > max_keys) {
    return refuse(ClientError::kGeneralError,
                  "the issuer asks for " + std::to_string(keys.size()) + " keys, and at most " + std::to_string(max_keys) + " are allowed",
                  "if that is what you want, allow more with --max-keys");
  }
  if (!offers(device, request.key_attestation_algorithm))
    return unsupported("the key attestation algorithm " + printable(request.key_attestation_algorithm));
  for (const keygen2::RequestedKey& requested : keys) {
    const keygen2::KeyPairRequest& key = *requested.key;
    if (requested.device_pin) return unsupported("a device PIN (key '" + key.id + "')");
    if (key.key_usage == KeyUsage::kSymmetricKey) return unsupported("a symmetric key (key '" + key.id + "')");
    if (key.import_private_key) return unsupported("the import of a private key (key '" + key.id + "')");
    if (key.biometric_protection != BiometricProtection::kNone && !device.biometric_support)
      return unsupported("biometric protection (key '" + key.id + "')");
  }
  return {};
}

Result<> check_deployment(const keygen2::CredentialDeploymentRequest& request) {
  if (request.deletes_keys) return unsupported("the deletion of keys");
  for (const keygen2::CertifiedPublicKey& key : request.keys) {
    if (!key.further_elements.empty()) return unsupported("a " + printable(key.further_elements.front()) + " (key '" + key.id + "')");
  }
  return {};
}

}  // namespace airtight::agent
