// What an issuer may ask of this device and this agent, decided from getDeviceInfo before the key store is asked, and what is sane.
#pragma once

#include "agent/enrollment.h"
#include "base/result.h"
#include "keygen2/messages.h"
#include "sks/methods.h"

namespace airtight::agent {

using DeviceInfo = sks::GetDeviceInfo::Response;

// What device and agent have together, for keygen2::supported_of. Extensions are those to which this program gives a meaning; the key store
// keeps any other as well.
[[nodiscard]] keygen2::BasicCapabilities capabilities_of(const DeviceInfo& device);

// negotiation-failure if the session key algorithm is not one of device and protocol; general-error for a session that lives too long.
[[nodiscard]] Result<> check_session_request(const keygen2::ProvisioningSessionRequest& request, const DeviceInfo& device,
                                             const EnrollmentLimits& limits);

// unsupported-feature-requested for what this device cannot do; general-error for too many keys.
[[nodiscard]] Result<> check_requested_keys(const keygen2::KeyInitializationRequest& request, const DeviceInfo& device,
                                            const EnrollmentLimits& limits);

// unsupported-feature-requested for an extension that is too large for the device; general-error for too much of everything.
[[nodiscard]] Result<> check_deployment(const keygen2::CredentialDeploymentRequest& request, const DeviceInfo& device,
                                        const EnrollmentLimits& limits);

}  // namespace airtight::agent
