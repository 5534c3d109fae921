// What the benchmarks of KeyGen2 share: a user who says yes, and the names of a session's steps.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "agent/user_interface.h"
#include "base/encoding.h"
#include "bench/measure.h"
#include "http/message.h"

namespace airtight::bench {

// Says yes, and one PIN.
class AutomaticUser final : public agent::UserInterface {
 public:
  Result<bool> meet(const agent::IssuerSummary&) override { return true; }
  Result<bool> confirm(const agent::EnrollmentSummary&) override { return true; }
  Result<bool> confirm_changes(const agent::ChangeSummary&) override { return true; }
  Result<agent::DevicePinChoice> choose_device_pin(std::string_view) override {
    return fail(Fault::kRefused, "no device PIN is asked for");
  }
  Result<SecretBytes> choose_pin(const agent::PinQuestion&) override { return SecretBytes::copy_of(bytes_of("7391")); }
  void progress(agent::Step, std::string_view) override {}
};

inline constexpr std::string_view kFirstStep = "enrolment URL, negotiation request";
inline constexpr std::array<std::string_view, 4> kResponses = {"PlatformNegotiationResponse", "ProvisioningSessionResponse",
                                                               "KeyInitializationResponse", "CredentialDeploymentResponse"};

// The step that a request to the issuer is.
inline std::string_view step_of(const http::Request& request) {
  if (request.method == "GET") return kFirstStep;
  const std::string_view start = text_of(request.body).substr(0, 400);
  for (const std::string_view name : kResponses) {
    if (start.find(name) != std::string_view::npos) return name;
  }
  return "other";
}

}  // namespace airtight::bench
