// Both state machines of KeyGen2 as tables (keygen2.md sections 2 and 5): what is not in the table is refused and ends the session.
// The tables describe the whole protocol; docs/protocol/keygen2.md shows them as diagrams made from here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "keygen2/message_kind.h"

namespace airtight::keygen2 {

// The server waits in a state for the response to what it sent; the names are stored in issuer databases and never change.
enum class ServerState : std::uint8_t {
  kAwaitPlatformNegotiationResponse,
  kAwaitProvisioningSessionResponse,
  kAwaitCredentialDiscoveryResponse,
  kAwaitKeyInitializationResponse,
  kAwaitCertification,  // paused: DeferredCertification
  kAwaitCredentialDeploymentResponse,
  kDone,                                    // confirmed
  kAborted,                                 // by a refusal of ours
  kFailed,                                  // by ClientErrorResponse
  kAwaitKeyOperationResponse,               // the basic profile's first
  kAwaitBasicCredentialDeploymentResponse,  // and last
};
inline constexpr std::size_t kServerStates = 11;
[[nodiscard]] std::string_view name_of(ServerState state);
[[nodiscard]] std::optional<ServerState> server_state_named(std::string_view name);
// kDone, kAborted or kFailed: nothing leads out of these.
[[nodiscard]] bool is_final(ServerState state);

struct ServerTransition {
  ServerState state;
  MessageKind message;
  ServerState next;  // where a success leads
};
// Every allowed (state, message, next). A pair that has several successors has one row for each, the default one first; which of them a
// success leads to depends on the request that the server sends next.
[[nodiscard]] std::span<const ServerTransition> server_transitions();
// The transition for the pair with its default successor, or nothing: then the session goes to state_after_refusal(state).
[[nodiscard]] std::optional<ServerTransition> find_transition(ServerState state, MessageKind message);
// True if a handler of (state, message) may lead to `next`.
[[nodiscard]] bool is_allowed_successor(ServerState state, MessageKind message, ServerState next);

// Where a refused message leads: kAborted, but a session that has already ended stays as it ended.
[[nodiscard]] ServerState state_after_refusal(ServerState state);
// Where the resume URL leads once the certificates are ready: from kAwaitCertification to kAwaitCredentialDeploymentResponse; nothing from
// any other state.
[[nodiscard]] std::optional<ServerState> state_after_certification(ServerState state);

// The client waits in a state for the next request.
enum class ClientState : std::uint8_t {
  kStart,            // nothing received yet
  kNegotiated,       // PlatformNegotiationResponse sent
  kSessionCreated,   // ProvisioningSessionResponse sent
  kDiscovered,       // CredentialDiscoveryResponse sent
  kKeysInitialized,  // KeyInitializationResponse sent; also the state in which a session is resumed
  kDeployed,         // CredentialDeploymentResponse sent: a page follows
  kFailed,
  kBasicStart,        // nothing received yet, and no key store: a client of the basic profile
  kBasicKeysCreated,  // KeyOperationResponse sent
};
inline constexpr std::size_t kClientStates = 9;
[[nodiscard]] std::string_view name_of(ClientState state);
// kDeployed or kFailed: nothing leads out of these.
[[nodiscard]] bool is_final(ClientState state);

struct ClientTransition {
  ClientState state;
  MessageKind message;
  ClientState next;
};
// Every allowed (state, message); each has one successor.
[[nodiscard]] std::span<const ClientTransition> client_transitions();
// The transition for the pair, or nothing: then the client answers non-matching-requests and goes to kFailed.
[[nodiscard]] std::optional<ClientTransition> find_transition(ClientState state, MessageKind message);

// Each machine as a Mermaid state diagram, made from its table.
[[nodiscard]] std::string server_diagram();
[[nodiscard]] std::string client_diagram();

}  // namespace airtight::keygen2
