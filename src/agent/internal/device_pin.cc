#include "agent/internal/device_pin.h"

#include <algorithm>
#include <string>

#include "agent/internal/refusal.h"
#include "agent/internal/run.h"
#include "sks/status.h"

namespace airtight::agent {
namespace {

constexpr int kMaxAnswers = 10;

}  // namespace

Result<> provide_device_pin(const keygen2::KeyInitializationRequest& request, const DeviceInfo& device, UserInterface& user,
                            device::Administration* administration) {
  const auto keys = keygen2::requested_keys(request);
  const auto needy = std::ranges::find(keys, true, &keygen2::RequestedKey::device_pin);
  if (needy == keys.end() || device.device_pin_support) return {};
  if (administration == nullptr) {
    return refuse(keygen2::ClientError::kUnsupportedFeatureRequested,
                  "the issuer wants key '" + needy->key->id + "' under the PIN of the device, which has none",
                  "set one with 'airtight device pin set' and enrol again");
  }
  std::string again_because;
  for (int answers = 1;; ++answers) {
    const DevicePinChoice choice = TRY(of_user(user.choose_device_pin(again_because)));
    Result<> set = administration->set_device_pin(choice.pin, choice.puk);
    if (set) return {};
    if (sks::status_of(set.error()) != sks::Status::kOption) return set;
    if (answers == kMaxAnswers) return refuse(keygen2::ClientError::kUserAbort, "no PIN was given that the device takes");
    again_because = set.error().message;
  }
}

}  // namespace airtight::agent
