#include "keygen2/state_machines.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <string>

namespace airtight::keygen2 {
namespace {

// keygen2.md sections 2 and 5, written down from the document and not from the table: for each (state, message) where a success may lead.
// The default comes first.
using ServerPair = std::pair<ServerState, MessageKind>;
const std::map<ServerPair, std::vector<ServerState>>& expected_of_server() {
  using S = ServerState;
  using M = MessageKind;
  static const std::map<ServerPair, std::vector<ServerState>> expected = {
      {{S::kAwaitPlatformNegotiationResponse, M::kPlatformNegotiationResponse}, {S::kAwaitProvisioningSessionResponse}},
      {{S::kAwaitProvisioningSessionResponse, M::kProvisioningSessionResponse},
       {S::kAwaitKeyInitializationResponse, S::kAwaitCredentialDiscoveryResponse, S::kAwaitCredentialDeploymentResponse}},
      {{S::kAwaitCredentialDiscoveryResponse, M::kCredentialDiscoveryResponse},
       {S::kAwaitKeyInitializationResponse, S::kAwaitCredentialDeploymentResponse}},
      {{S::kAwaitKeyInitializationResponse, M::kKeyInitializationResponse},
       {S::kAwaitCredentialDeploymentResponse, S::kAwaitCertification}},
      {{S::kAwaitCredentialDeploymentResponse, M::kCredentialDeploymentResponse}, {S::kDone}},
      {{S::kAwaitKeyOperationResponse, M::kKeyOperationResponse}, {S::kAwaitBasicCredentialDeploymentResponse}},
      {{S::kAwaitBasicCredentialDeploymentResponse, M::kBasicCredentialDeploymentResponse}, {S::kDone}},
      {{S::kAwaitKeyOperationResponse, M::kClientErrorResponse}, {S::kFailed}},
      {{S::kAwaitBasicCredentialDeploymentResponse, M::kClientErrorResponse}, {S::kFailed}},
      {{S::kAwaitPlatformNegotiationResponse, M::kClientErrorResponse}, {S::kFailed}},
      {{S::kAwaitProvisioningSessionResponse, M::kClientErrorResponse}, {S::kFailed}},
      {{S::kAwaitCredentialDiscoveryResponse, M::kClientErrorResponse}, {S::kFailed}},
      {{S::kAwaitKeyInitializationResponse, M::kClientErrorResponse}, {S::kFailed}},
      {{S::kAwaitCertification, M::kClientErrorResponse}, {S::kFailed}},
      {{S::kAwaitCredentialDeploymentResponse, M::kClientErrorResponse}, {S::kFailed}},
  };
  return expected;
}

using ClientPair = std::pair<ClientState, MessageKind>;
const std::map<ClientPair, ClientState>& expected_of_client() {
  using C = ClientState;
  using M = MessageKind;
  static const std::map<ClientPair, ClientState> expected = {
      {{C::kStart, M::kPlatformNegotiationRequest}, C::kNegotiated},
      {{C::kNegotiated, M::kProvisioningSessionRequest}, C::kSessionCreated},
      {{C::kSessionCreated, M::kCredentialDiscoveryRequest}, C::kDiscovered},
      {{C::kSessionCreated, M::kKeyInitializationRequest}, C::kKeysInitialized},
      {{C::kSessionCreated, M::kCredentialDeploymentRequest}, C::kDeployed},
      {{C::kDiscovered, M::kKeyInitializationRequest}, C::kKeysInitialized},
      {{C::kDiscovered, M::kCredentialDeploymentRequest}, C::kDeployed},
      {{C::kKeysInitialized, M::kCredentialDeploymentRequest}, C::kDeployed},
      {{C::kBasicStart, M::kKeyOperationRequest}, C::kBasicKeysCreated},
      {{C::kBasicKeysCreated, M::kBasicCredentialDeploymentRequest}, C::kDeployed},
  };
  return expected;
}

std::string file(const std::string& path) {
  std::ifstream in(std::string(AIRTIGHT_SOURCE_DIR) + "/" + path);
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST(ServerTable, AllowsExactlyWhatTheProtocolAllows) {
  for (std::size_t s = 0; s < kServerStates; ++s) {
    for (std::size_t m = 0; m < kMessageKinds; ++m) {
      const auto state = static_cast<ServerState>(s);
      const auto message = static_cast<MessageKind>(m);
      SCOPED_TRACE(std::string(name_of(state)) + " " + std::string(name_of(message)));
      const auto expected = expected_of_server().find({state, message});
      const auto found = find_transition(state, message);
      ASSERT_EQ(found.has_value(), expected != expected_of_server().end());
      if (!found) continue;
      EXPECT_EQ(found->state, state);
      EXPECT_EQ(found->message, message);
      EXPECT_EQ(found->next, expected->second.front());
    }
  }
}

TEST(ServerTable, LeadsNowhereButToTheListedSuccessors) {
  for (std::size_t s = 0; s < kServerStates; ++s) {
    for (std::size_t m = 0; m < kMessageKinds; ++m) {
      for (std::size_t n = 0; n < kServerStates; ++n) {
        const auto state = static_cast<ServerState>(s);
        const auto message = static_cast<MessageKind>(m);
        const auto next = static_cast<ServerState>(n);
        const auto expected = expected_of_server().find({state, message});
        const bool allowed = expected != expected_of_server().end() && std::ranges::count(expected->second, next) == 1;
        EXPECT_EQ(is_allowed_successor(state, message, next), allowed) << name_of(state) << " " << name_of(message) << " " << name_of(next);
      }
    }
  }
}

TEST(ServerTable, SpeaksOfResponsesAlone) {
  for (const ServerTransition& row : server_transitions()) EXPECT_TRUE(name_of(row.message).ends_with("Response"));
}

TEST(ServerTable, HasNoRowTwice) {
  std::set<std::tuple<ServerState, MessageKind, ServerState>> rows;
  for (const ServerTransition& row : server_transitions()) EXPECT_TRUE(rows.insert({row.state, row.message, row.next}).second);
}

TEST(ServerTable, HasNothingAfterTheEnd) {
  for (std::size_t s = 0; s < kServerStates; ++s) {
    const auto state = static_cast<ServerState>(s);
    const bool ended = state == ServerState::kDone || state == ServerState::kAborted || state == ServerState::kFailed;
    EXPECT_EQ(is_final(state), ended);
    for (const ServerTransition& row : server_transitions()) EXPECT_FALSE(row.state == state && ended);
  }
}

TEST(ServerTable, RefusalEndsASessionAndLeavesAnEndedOneAsItIs) {
  for (std::size_t s = 0; s < kServerStates; ++s) {
    const auto state = static_cast<ServerState>(s);
    EXPECT_EQ(state_after_refusal(state), is_final(state) ? state : ServerState::kAborted) << name_of(state);
  }
}

TEST(ServerTable, OnlyAPausedSessionIsResumed) {
  for (std::size_t s = 0; s < kServerStates; ++s) {
    const auto state = static_cast<ServerState>(s);
    const auto next = state_after_certification(state);
    if (state == ServerState::kAwaitCertification) {
      EXPECT_EQ(next, ServerState::kAwaitCredentialDeploymentResponse);
    } else {
      EXPECT_FALSE(next.has_value()) << name_of(state);
    }
  }
}

TEST(ServerTable, ReachesEveryState) {
  std::set<ServerState> reached = {ServerState::kAwaitPlatformNegotiationResponse, ServerState::kAwaitKeyOperationResponse,
                                   state_after_refusal(ServerState::kAwaitPlatformNegotiationResponse)};
  for (const ServerTransition& row : server_transitions()) reached.insert(row.next);
  EXPECT_EQ(reached.size(), kServerStates);
}

TEST(ServerStates, KeepTheNamesThatDatabasesHold) {
  const std::vector<std::string_view> names = {"AwaitPlatformNegotiationResponse",
                                               "AwaitProvisioningSessionResponse",
                                               "AwaitCredentialDiscoveryResponse",
                                               "AwaitKeyInitializationResponse",
                                               "AwaitCertification",
                                               "AwaitCredentialDeploymentResponse",
                                               "Done",
                                               "Aborted",
                                               "Failed",
                                               "AwaitKeyOperationResponse",
                                               "AwaitBasicCredentialDeploymentResponse"};
  ASSERT_EQ(names.size(), kServerStates);
  for (std::size_t s = 0; s < kServerStates; ++s) {
    EXPECT_EQ(name_of(static_cast<ServerState>(s)), names[s]);
    EXPECT_EQ(server_state_named(names[s]), static_cast<ServerState>(s));
  }
  EXPECT_FALSE(server_state_named("Paused").has_value());
  EXPECT_FALSE(server_state_named("").has_value());
}

TEST(ClientTable, AllowsExactlyWhatTheProtocolAllows) {
  for (std::size_t s = 0; s < kClientStates; ++s) {
    for (std::size_t m = 0; m < kMessageKinds; ++m) {
      const auto state = static_cast<ClientState>(s);
      const auto message = static_cast<MessageKind>(m);
      SCOPED_TRACE(std::string(name_of(state)) + " " + std::string(name_of(message)));
      const auto expected = expected_of_client().find({state, message});
      const auto found = find_transition(state, message);
      ASSERT_EQ(found.has_value(), expected != expected_of_client().end());
      if (!found) continue;
      EXPECT_EQ(found->state, state);
      EXPECT_EQ(found->message, message);
      EXPECT_EQ(found->next, expected->second);
    }
  }
}

TEST(ClientTable, HasOneRowAPair) { EXPECT_EQ(client_transitions().size(), expected_of_client().size()); }

TEST(ClientTable, NamesEveryStateDifferently) {
  std::set<std::string_view> names;
  for (std::size_t s = 0; s < kClientStates; ++s) names.insert(name_of(static_cast<ClientState>(s)));
  EXPECT_EQ(names.size(), kClientStates);
}

TEST(ClientTable, HasNothingAfterTheEnd) {
  for (const ClientTransition& row : client_transitions()) EXPECT_FALSE(is_final(row.state));
  EXPECT_TRUE(is_final(ClientState::kDeployed));
  EXPECT_TRUE(is_final(ClientState::kFailed));
}

// What keygen2.md says of phases, walked through: discovery comes at most once and before the keys, deferral pauses between keys and
// certificates, and neither profile's messages lead into the other.
bool client_goes(const std::vector<MessageKind>& requests, ClientState state) {
  for (const MessageKind request : requests) {
    const auto transition = find_transition(state, request);
    if (!transition) return false;
    state = transition->next;
  }
  return state == ClientState::kDeployed;
}

TEST(ClientTable, GoesThroughThePhasesInTheirOrder) {
  using M = MessageKind;
  const auto goes = [](const std::vector<M>& middle) {
    std::vector<M> requests = {M::kPlatformNegotiationRequest, M::kProvisioningSessionRequest};
    requests.insert(requests.end(), middle.begin(), middle.end());
    requests.push_back(M::kCredentialDeploymentRequest);
    return client_goes(requests, ClientState::kStart);
  };
  EXPECT_TRUE(goes({M::kKeyInitializationRequest}));
  EXPECT_TRUE(goes({M::kCredentialDiscoveryRequest, M::kKeyInitializationRequest}));
  EXPECT_TRUE(goes({M::kCredentialDiscoveryRequest}));
  EXPECT_TRUE(goes({}));
  EXPECT_FALSE(goes({M::kCredentialDiscoveryRequest, M::kCredentialDiscoveryRequest}));
  EXPECT_FALSE(goes({M::kKeyInitializationRequest, M::kCredentialDiscoveryRequest}));
  EXPECT_FALSE(goes({M::kKeyInitializationRequest, M::kKeyInitializationRequest}));
  EXPECT_FALSE(goes({M::kCredentialDeploymentRequest}));
}

TEST(ClientTable, KeepsTheProfilesApart) {
  using M = MessageKind;
  EXPECT_TRUE(client_goes({M::kKeyOperationRequest, M::kBasicCredentialDeploymentRequest}, ClientState::kBasicStart));
  EXPECT_FALSE(client_goes({M::kKeyOperationRequest, M::kBasicCredentialDeploymentRequest}, ClientState::kStart));
  EXPECT_FALSE(client_goes({M::kKeyOperationRequest, M::kCredentialDeploymentRequest}, ClientState::kBasicStart));
  EXPECT_FALSE(client_goes({M::kBasicCredentialDeploymentRequest}, ClientState::kBasicStart));
  EXPECT_FALSE(client_goes({M::kPlatformNegotiationRequest, M::kProvisioningSessionRequest, M::kBasicCredentialDeploymentRequest},
                           ClientState::kStart));
}

TEST(ServerTable, DefersCertificationOnceKeysAreThere) {
  using S = ServerState;
  std::vector<S> paused_after;
  for (const ServerTransition& row : server_transitions()) {
    if (row.next == S::kAwaitCertification) paused_after.push_back(row.state);
  }
  EXPECT_EQ(paused_after, std::vector{S::kAwaitKeyInitializationResponse});
  EXPECT_EQ(state_after_certification(S::kAwaitCertification), S::kAwaitCredentialDeploymentResponse);
}

// The two tables describe one protocol: what one side may send next, the other side expects.
TEST(Tables, AgreeOnTheOrderOfPhases) {
  const std::map<MessageKind, MessageKind> response_to = {
      {MessageKind::kPlatformNegotiationRequest, MessageKind::kPlatformNegotiationResponse},
      {MessageKind::kProvisioningSessionRequest, MessageKind::kProvisioningSessionResponse},
      {MessageKind::kCredentialDiscoveryRequest, MessageKind::kCredentialDiscoveryResponse},
      {MessageKind::kKeyInitializationRequest, MessageKind::kKeyInitializationResponse},
      {MessageKind::kCredentialDeploymentRequest, MessageKind::kCredentialDeploymentResponse},
      {MessageKind::kKeyOperationRequest, MessageKind::kKeyOperationResponse},
      {MessageKind::kBasicCredentialDeploymentRequest, MessageKind::kBasicCredentialDeploymentResponse}};
  const auto awaited_in = [](ServerState state) {
    for (const ServerTransition& row : server_transitions()) {
      if (row.state == state && row.message != MessageKind::kClientErrorResponse) return row.message;
    }
    return MessageKind::kClientErrorResponse;
  };
  std::set<std::pair<MessageKind, MessageKind>> of_client;  // one response after another
  for (const ClientTransition& first : client_transitions()) {
    for (const ClientTransition& second : client_transitions()) {
      if (first.next == second.state) of_client.insert({response_to.at(first.message), response_to.at(second.message)});
    }
  }
  std::set<std::pair<MessageKind, MessageKind>> of_server;
  for (const ServerTransition& row : server_transitions()) {
    const ServerState next = state_after_certification(row.next).value_or(row.next);
    if (!is_final(next)) of_server.insert({row.message, awaited_in(next)});
  }
  EXPECT_EQ(of_client, of_server);
}

TEST(Diagrams, InTheDocumentationAreThoseOfTheTables) {
  const std::string document = file("docs/protocol/keygen2.md");
  EXPECT_NE(document.find("```mermaid\n" + server_diagram() + "```\n"), std::string::npos) << server_diagram();
  EXPECT_NE(document.find("```mermaid\n" + client_diagram() + "```\n"), std::string::npos) << client_diagram();
}

TEST(MessageKinds, AreNamedByTheirTopElement) {
  EXPECT_EQ(name_of(MessageKind::kPlatformNegotiationRequest), "PlatformNegotiationRequest");
  EXPECT_EQ(name_of(MessageKind::kBasicCredentialDeploymentRequest), "CredentialDeploymentRequest");
  std::set<std::string_view> names;
  for (std::size_t m = 0; m < kMessageKinds; ++m) names.insert(name_of(static_cast<MessageKind>(m)));
  EXPECT_EQ(names.size(), 13U);  // the messages of keygen2.md sections 3 and 5; two elements serve both profiles
  EXPECT_FALSE(names.contains(""));
}

}  // namespace
}  // namespace airtight::keygen2
