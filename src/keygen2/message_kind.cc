#include "keygen2/message_kind.h"

namespace airtight::keygen2 {

std::string_view name_of(MessageKind kind) {
  switch (kind) {
    case MessageKind::kPlatformNegotiationRequest: return "PlatformNegotiationRequest";
    case MessageKind::kPlatformNegotiationResponse: return "PlatformNegotiationResponse";
    case MessageKind::kProvisioningSessionRequest: return "ProvisioningSessionRequest";
    case MessageKind::kProvisioningSessionResponse: return "ProvisioningSessionResponse";
    case MessageKind::kCredentialDiscoveryRequest: return "CredentialDiscoveryRequest";
    case MessageKind::kCredentialDiscoveryResponse: return "CredentialDiscoveryResponse";
    case MessageKind::kKeyInitializationRequest: return "KeyInitializationRequest";
    case MessageKind::kKeyInitializationResponse: return "KeyInitializationResponse";
    case MessageKind::kCredentialDeploymentRequest:
    case MessageKind::kBasicCredentialDeploymentRequest: return "CredentialDeploymentRequest";
    case MessageKind::kCredentialDeploymentResponse:
    case MessageKind::kBasicCredentialDeploymentResponse: return "CredentialDeploymentResponse";
    case MessageKind::kClientErrorResponse: return "ClientErrorResponse";
    case MessageKind::kKeyOperationRequest: return "KeyOperationRequest";
    case MessageKind::kKeyOperationResponse: return "KeyOperationResponse";
  }
  return {};
}

}  // namespace airtight::keygen2
