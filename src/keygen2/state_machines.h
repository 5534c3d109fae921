// Both state machines of KeyGen2 as tables (keygen2.md section 2): what is not in the table is refused and ends the session.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace airtight::keygen2 {

// Messages as the tables see them.
enum class MessageKind : std::uint8_t {
  kPlatformNegotiationRequest, kPlatformNegotiationResponse, kProvisioningSessionRequest, kProvisioningSessionResponse,
  kCredentialDiscoveryRequest, kCredentialDiscoveryResponse, kKeyInitializationRequest, kKeyInitializationResponse,
  kCredentialDeploymentRequest, kCredentialDeploymentResponse, kClientErrorResponse,
};
inline constexpr std::size_t kMessageKinds = 11;
[[nodiscard]] std::string_view name_of(MessageKind kind);

// The server waits in a state for the response to what it sent; the names are stored in issuer databases and never change.
enum class ServerState : std::uint8_t {
  kAwaitPlatformNegotiationResponse, kAwaitProvisioningSessionResponse, kAwaitCredentialDiscoveryResponse,
  kAwaitKeyInitializationResponse,
  kAwaitCertification,  // paused: DeferredCertification
  kAwaitCredentialDeploymentResponse,
  kDone,      // confirmed
  kAborted,   // by a refusal of ours
  kFailed,    // by ClientErrorResponse
};
inline constexpr std::size_t kServerStates = 9;
[[nodiscard]] std::string_view name_of(ServerState state);
[[nodiscard]] std::optional<ServerState> server_state_named(std::string_view name);

struct ServerTransition {
  ServerState state;
  MessageKind message;
  ServerState next;  // where a success leads by default; a handler may pick another listed successor
};
// Every allowed (state, message).
[[nodiscard]] std::span<const ServerTransition> server_transitions();
// The transition for the pair, or nothing: then the session goes to kAborted.
[[nodiscard]] std::optional<ServerTransition> find_transition(ServerState state, MessageKind message);

// The client waits in a state for the next request.
enum class ClientState : std::uint8_t {
  kStart,                // nothing received yet
  kNegotiated,           // PlatformNegotiationResponse sent
  kSessionCreated,       // ProvisioningSessionResponse sent
  kDiscovered,           // CredentialDiscoveryResponse sent
  kKeysInitialized,      // KeyInitializationResponse sent
  kDeployed,             // CredentialDeploymentResponse sent: a page follows
  kFailed,
};
inline constexpr std::size_t kClientStates = 7;
[[nodiscard]] std::string_view name_of(ClientState state);

struct ClientTransition {
  ClientState state;
  MessageKind message;
  ClientState next;
};
[[nodiscard]] std::span<const ClientTransition> client_transitions();
[[nodiscard]] std::optional<ClientTransition> find_transition(ClientState state, MessageKind message);

}  // namespace airtight::keygen2
