#include "keygen2/state_machines.h"

#include <algorithm>
#include <array>

namespace airtight::keygen2 {
namespace {

using S = ServerState;
using C = ClientState;
using M = MessageKind;

constexpr std::array kServerStateNames = std::to_array<std::string_view>(
    {"AwaitPlatformNegotiationResponse", "AwaitProvisioningSessionResponse", "AwaitCredentialDiscoveryResponse",
     "AwaitKeyInitializationResponse", "AwaitCertification", "AwaitCredentialDeploymentResponse", "Done", "Aborted", "Failed",
     "AwaitKeyOperationResponse", "AwaitBasicCredentialDeploymentResponse"});
static_assert(kServerStateNames.size() == kServerStates);

constexpr std::array kClientStateNames = std::to_array<std::string_view>(
    {"Start", "Negotiated", "SessionCreated", "Discovered", "KeysInitialized", "Deployed", "Failed", "BasicStart", "BasicKeysCreated"});
static_assert(kClientStateNames.size() == kClientStates);

// keygen2.md section 2. Key initialization is left out where keys are only deleted; discovery comes at most once, before it (section 6).
constexpr std::array kServerTable = std::to_array<ServerTransition>({
    {S::kAwaitPlatformNegotiationResponse, M::kPlatformNegotiationResponse, S::kAwaitProvisioningSessionResponse},
    {S::kAwaitPlatformNegotiationResponse, M::kClientErrorResponse, S::kFailed},

    {S::kAwaitProvisioningSessionResponse, M::kProvisioningSessionResponse, S::kAwaitKeyInitializationResponse},
    {S::kAwaitProvisioningSessionResponse, M::kProvisioningSessionResponse, S::kAwaitCredentialDiscoveryResponse},
    {S::kAwaitProvisioningSessionResponse, M::kProvisioningSessionResponse, S::kAwaitCredentialDeploymentResponse},
    {S::kAwaitProvisioningSessionResponse, M::kClientErrorResponse, S::kFailed},

    {S::kAwaitCredentialDiscoveryResponse, M::kCredentialDiscoveryResponse, S::kAwaitKeyInitializationResponse},
    {S::kAwaitCredentialDiscoveryResponse, M::kCredentialDiscoveryResponse, S::kAwaitCredentialDeploymentResponse},
    {S::kAwaitCredentialDiscoveryResponse, M::kClientErrorResponse, S::kFailed},

    {S::kAwaitKeyInitializationResponse, M::kKeyInitializationResponse, S::kAwaitCredentialDeploymentResponse},
    {S::kAwaitKeyInitializationResponse, M::kKeyInitializationResponse, S::kAwaitCertification},
    {S::kAwaitKeyInitializationResponse, M::kClientErrorResponse, S::kFailed},

    {S::kAwaitCertification, M::kClientErrorResponse, S::kFailed},

    {S::kAwaitCredentialDeploymentResponse, M::kCredentialDeploymentResponse, S::kDone},
    {S::kAwaitCredentialDeploymentResponse, M::kClientErrorResponse, S::kFailed},

    // The basic profile (section 5): no negotiation, and no key store's session.
    {S::kAwaitKeyOperationResponse, M::kKeyOperationResponse, S::kAwaitBasicCredentialDeploymentResponse},
    {S::kAwaitKeyOperationResponse, M::kClientErrorResponse, S::kFailed},

    {S::kAwaitBasicCredentialDeploymentResponse, M::kBasicCredentialDeploymentResponse, S::kDone},
    {S::kAwaitBasicCredentialDeploymentResponse, M::kClientErrorResponse, S::kFailed},
});

constexpr std::array kClientTable = std::to_array<ClientTransition>({
    {C::kStart, M::kPlatformNegotiationRequest, C::kNegotiated},

    {C::kNegotiated, M::kProvisioningSessionRequest, C::kSessionCreated},

    {C::kSessionCreated, M::kKeyInitializationRequest, C::kKeysInitialized},
    {C::kSessionCreated, M::kCredentialDiscoveryRequest, C::kDiscovered},
    {C::kSessionCreated, M::kCredentialDeploymentRequest, C::kDeployed},

    {C::kDiscovered, M::kKeyInitializationRequest, C::kKeysInitialized},
    {C::kDiscovered, M::kCredentialDeploymentRequest, C::kDeployed},

    {C::kKeysInitialized, M::kCredentialDeploymentRequest, C::kDeployed},

    {C::kBasicStart, M::kKeyOperationRequest, C::kBasicKeysCreated},

    {C::kBasicKeysCreated, M::kBasicCredentialDeploymentRequest, C::kDeployed},
});

// The first row for (state, message).
template <typename Table, typename State>
auto find_in(const Table& table, State state, MessageKind message) -> std::optional<typename Table::value_type> {
  const auto found = std::ranges::find_if(table, [&](const auto& row) { return row.state == state && row.message == message; });
  if (found == table.end()) return std::nullopt;
  return *found;
}

void add_arrow(std::string& diagram, std::string_view from, std::string_view to, std::string_view label = {}) {
  diagram.append("  ").append(from).append(" --> ").append(to);
  if (!label.empty()) diagram.append(": ").append(label);
  diagram += '\n';
}

template <typename Table>
void add_table(std::string& diagram, const Table& table) {
  for (const auto& row : table) add_arrow(diagram, name_of(row.state), name_of(row.next), name_of(row.message));
}

}  // namespace

std::string_view name_of(ServerState state) { return kServerStateNames[static_cast<std::size_t>(state)]; }

std::optional<ServerState> server_state_named(std::string_view name) {
  const auto found = std::ranges::find(kServerStateNames, name);
  if (found == kServerStateNames.end()) return std::nullopt;
  return static_cast<ServerState>(found - kServerStateNames.begin());
}

bool is_final(ServerState state) { return state == S::kDone || state == S::kAborted || state == S::kFailed; }

std::span<const ServerTransition> server_transitions() { return kServerTable; }

std::optional<ServerTransition> find_transition(ServerState state, MessageKind message) { return find_in(kServerTable, state, message); }

bool is_allowed_successor(ServerState state, MessageKind message, ServerState next) {
  return std::ranges::any_of(kServerTable,
                             [&](const auto& row) { return row.state == state && row.message == message && row.next == next; });
}

ServerState state_after_refusal(ServerState state) { return is_final(state) ? state : S::kAborted; }

std::optional<ServerState> state_after_certification(ServerState state) {
  if (state != S::kAwaitCertification) return std::nullopt;
  return S::kAwaitCredentialDeploymentResponse;
}

std::string_view name_of(ClientState state) { return kClientStateNames[static_cast<std::size_t>(state)]; }

bool is_final(ClientState state) { return state == C::kDeployed || state == C::kFailed; }

std::span<const ClientTransition> client_transitions() { return kClientTable; }

std::optional<ClientTransition> find_transition(ClientState state, MessageKind message) { return find_in(kClientTable, state, message); }

std::string server_diagram() {
  std::string diagram = "stateDiagram-v2\n";
  for (const ServerState state : {S::kAwaitPlatformNegotiationResponse, S::kAwaitKeyOperationResponse})
    add_arrow(diagram, "[*]", name_of(state));
  add_table(diagram, kServerTable);
  add_arrow(diagram, name_of(S::kAwaitCertification), name_of(*state_after_certification(S::kAwaitCertification)),
            "certificates are ready");
  for (const ServerState state : {S::kDone, S::kFailed}) add_arrow(diagram, name_of(state), "[*]");
  return diagram;
}

std::string client_diagram() {
  std::string diagram = "stateDiagram-v2\n";
  for (const ClientState state : {C::kStart, C::kBasicStart}) add_arrow(diagram, "[*]", name_of(state));
  add_table(diagram, kClientTable);
  add_arrow(diagram, name_of(C::kDeployed), "[*]");
  return diagram;
}

}  // namespace airtight::keygen2
