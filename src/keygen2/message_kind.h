// The kinds of KeyGen2 messages, as the state machines and those who route messages see them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace airtight::keygen2 {

// The last four are the basic profile's (keygen2.md section 5). Two of them share their element with the messages of a key store's session.
enum class MessageKind : std::uint8_t {
  kPlatformNegotiationRequest,
  kPlatformNegotiationResponse,
  kProvisioningSessionRequest,
  kProvisioningSessionResponse,
  kCredentialDiscoveryRequest,
  kCredentialDiscoveryResponse,
  kKeyInitializationRequest,
  kKeyInitializationResponse,
  kCredentialDeploymentRequest,
  kCredentialDeploymentResponse,
  kClientErrorResponse,
  kKeyOperationRequest,
  kKeyOperationResponse,
  kBasicCredentialDeploymentRequest,
  kBasicCredentialDeploymentResponse,
};
inline constexpr std::size_t kMessageKinds = 15;

// The name of the message's top element.
[[nodiscard]] std::string_view name_of(MessageKind kind);

}  // namespace airtight::keygen2
