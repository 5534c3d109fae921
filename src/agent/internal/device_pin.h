// The PIN of the device, where an issuer wants keys that ask for it and the device has none yet.
#pragma once

#include "agent/internal/capabilities.h"
#include "agent/user_interface.h"
#include "base/result.h"
#include "device/administration.h"
#include "keygen2/messages.h"

namespace airtight::agent {

// Has the user choose a PIN and a PUK for the device if `request` wants keys under it and there is none; does nothing otherwise. It is the
// user's, not the session's: it stays if the enrolment fails later. unsupported-feature-requested if nobody can set it (`administration` is
// null); user-abort if the user does not want to.
[[nodiscard]] Result<> provide_device_pin(const keygen2::KeyInitializationRequest& request, const DeviceInfo& device, UserInterface& user,
                                          device::Administration* administration);

}  // namespace airtight::agent
