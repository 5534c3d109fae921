// What an issuer may ask of this device and this agent, decided from getDeviceInfo before the key store is asked.
#pragma once

#include <cstddef>

#include "base/result.h"
#include "keygen2/messages.h"
#include "sks/methods.h"

namespace airtight::agent {

using DeviceInfo = sks::GetDeviceInfo::Response;

// What device and agent have together, for keygen2::supported_of. This agent applies no extensions.
[[nodiscard]] keygen2::BasicCapabilities capabilities_of(const DeviceInfo& device);

// negotiation-failure if the session key algorithm is not the device's.
[[nodiscard]] Result<> check_session_key_algorithm(const keygen2::ProvisioningSessionRequest& request, const DeviceInfo& device);

// unsupported-feature-requested for what this device or agent cannot do; general-error for more than `max_keys` keys.
[[nodiscard]] Result<> check_requested_keys(const keygen2::KeyInitializationRequest& request, const DeviceInfo& device,
                                            std::size_t max_keys);

// unsupported-feature-requested for what this agent cannot apply: symmetric keys, restored keys, extensions, updates, deletions.
[[nodiscard]] Result<> check_deployment(const keygen2::CredentialDeploymentRequest& request);

}  // namespace airtight::agent
