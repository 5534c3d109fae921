// Messages out of order, twice, at once, late, or for somebody else: only what the state machine's table has is taken, and the rest ends
// the session (keygen2.md section 2).
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <latch>
#include <thread>

#include "issuer/refusal.h"
#include "keygen2/state_machines.h"
#include "storage/database.h"
#include "tests/issuer/support.h"

namespace airtight::issuer::testing {
namespace {

using keygen2::MessageKind;
using keygen2::ServerState;

class Order : public ::testing::Test {
 protected:
  TestIssuer issuer;
  Device device{issuer.maker()};
  Client client{issuer, device};

  [[nodiscard]] bool anything_confirmed() {
    const std::vector<CredentialSummary> credentials = must(issuer.issuer().credentials());
    return std::ranges::any_of(credentials, [](const CredentialSummary& credential) { return credential.confirmed_at.has_value(); });
  }
};

// Well-formed messages of every kind, taken from one proper session and addressed to another.
class MessagesOfEveryKind {
 public:
  MessagesOfEveryKind(TestIssuer& issuer, const Device& device) {
    Client client(issuer, device);
    keep(client.get(issuer.url()));
    Bytes body = must(keygen2::write_message(client.negotiation_response())).serialize();
    texts_.emplace_back(MessageKind::kPlatformNegotiationResponse, body);
    keep(client.post(body));
    body = client.sign(client.session_response());
    texts_.emplace_back(MessageKind::kProvisioningSessionResponse, body);
    keep(client.post(body));
    body = must(keygen2::write_message(client.keys_response())).serialize();
    texts_.emplace_back(MessageKind::kKeyInitializationResponse, body);
    keep(client.post(body));
    body = must(keygen2::write_message(client.deployment_response())).serialize();
    texts_.emplace_back(MessageKind::kCredentialDeploymentResponse, body);
    texts_.emplace_back(MessageKind::kClientErrorResponse,
                        must(keygen2::write_message(client.error_response(keygen2::ClientError::kUserAbort))).serialize());
    id_ = client.server_session_id();
  }

  struct Addressed {
    MessageKind kind;
    Bytes text;
  };
  // All of them with the ServerSessionID of another session.
  [[nodiscard]] std::vector<Addressed> addressed_to(const std::string& server_session_id) const {
    std::vector<Addressed> out;
    for (const auto& [kind, body] : texts_) {
      std::string text = to_text(body);
      for (std::size_t at = text.find(id_); at != std::string::npos; at = text.find(id_, at))
        text.replace(at, id_.size(), server_session_id);
      out.push_back({kind, to_bytes(text)});
    }
    return out;
  }

 private:
  // A request of the issuer, sent back to it, is a message like any other.
  void keep(const http::Response& response) {
    texts_.emplace_back(keygen2::kind_of(must(keygen2::read_message(response.body, schema())).message), response.body);
  }

  std::vector<std::pair<MessageKind, Bytes>> texts_;
  std::string id_;
};

Bytes discovery_response(const std::string& server_session_id) {
  return to_bytes("<CredentialDiscoveryResponse xmlns=\"" + std::string(keygen2::kNamespace) + "\" ID=\"C-1\" ServerSessionID=\"" +
                  server_session_id + "\"><LookupResult ID=\"L.1\"/></CredentialDiscoveryResponse>");
}

// A session forced into `state`, whichever it is.
void force_state(TestIssuer& issuer, const std::string& server_session_id, ServerState state) {
  const auto database = must(storage::open_sqlite(issuer.path() / "issuer.db", {}));
  must(database->execute("UPDATE issuer_sessions SET state = ?, is_open = ? WHERE server_session_id = ?",
                         {keygen2::name_of(state), std::int64_t{!keygen2::is_final(state)}, std::string_view(server_session_id)}));
}

TEST_F(Order, RefusesEveryMessageThatItsStateDoesNotAwait) {
  const MessagesOfEveryKind messages(issuer, device);
  std::size_t awaited = 0;
  std::size_t refused = 0;
  for (std::size_t number = 0; number < keygen2::kServerStates; ++number) {
    const auto state = static_cast<ServerState>(number);
    for (std::size_t i = 0; i < 10; ++i) {
      Client other(issuer, device);
      other.get(issuer.url());
      force_state(issuer, other.server_session_id(), state);
      auto addressed = messages.addressed_to(other.server_session_id());
      addressed.push_back({MessageKind::kCredentialDiscoveryResponse, discovery_response(other.server_session_id())});
      ASSERT_EQ(addressed.size(), 10U);
      if (keygen2::find_transition(state, addressed[i].kind)) {
        ++awaited;
        continue;
      }
      const http::Response response = other.post(addressed[i].text);
      EXPECT_EQ(refusal_id(response), keygen2::is_final(state) ? "session.ended" : "message.unexpected")
          << keygen2::name_of(state) << " took " << keygen2::name_of(addressed[i].kind);
      EXPECT_EQ(response.status, kConflict);
      EXPECT_EQ(must(issuer.issuer().sessions()).back().state, keygen2::name_of(keygen2::state_after_refusal(state)));
      ++refused;
    }
  }
  EXPECT_EQ(awaited, 5U + 8U);  // the five responses where they belong, and a ClientErrorResponse while the session is open
  EXPECT_EQ(refused, keygen2::kServerStates * 10U - awaited);
}

TEST_F(Order, RefusesEverythingOnceTheSessionHasEnded) {
  const MessagesOfEveryKind messages(issuer, device);
  client.run(issuer.url());
  for (const auto& message : messages.addressed_to(client.server_session_id())) {
    EXPECT_EQ(refusal_id(client.post(message.text)), "session.ended");
  }
}

TEST_F(Order, KeepsAConfirmedSessionConfirmedWhateverComesAfter) {
  client.run(issuer.url());
  client.post(bytes_of("nonsense"));
  EXPECT_EQ(issuer.session().state, "Done");
  EXPECT_TRUE(anything_confirmed());
}

TEST_F(Order, EndsTheSessionOnAReplayOfAnAnsweredMessage) {
  for (int steps = 0; steps < 3; ++steps) {
    Client other(issuer, device);
    other.run(issuer.url(), steps);
    Bytes message;
    if (steps == 0) message = must(keygen2::write_message(other.negotiation_response())).serialize();
    if (steps == 1) message = other.sign(other.session_response());
    if (steps == 2) message = must(keygen2::write_message(other.keys_response())).serialize();
    EXPECT_EQ(other.post(message).status, 200);
    EXPECT_EQ(refusal_id(other.post(message)), "message.unexpected");
    EXPECT_EQ(must(issuer.issuer().sessions()).back().state, "Aborted");
    EXPECT_EQ(refusal_id(other.post(message)), "session.ended");
  }
}

TEST_F(Order, RefusesAMessageOfAnotherSession) {
  Client victim(issuer, device);
  victim.run(issuer.url(), 3);
  client.run(issuer.url(), 3);
  EXPECT_EQ(refusal_id(client.send(victim.deployment_response())), "server-session-id");
  EXPECT_FALSE(anything_confirmed());
  EXPECT_EQ(victim.deploy().status, 200);  // nobody but the sender's own session has ended
}

TEST_F(Order, RefusesAMessageWithoutACookieAndEndsNothing) {
  client.get(issuer.url());
  const std::string cookie = client.cookie();
  client.set_cookie("");
  EXPECT_EQ(refusal_id(client.negotiate()), "session.cookie");
  client.set_cookie(cookie);
  EXPECT_EQ(client.negotiate().status, 200);
}

TEST_F(Order, RefusesAMessageWithAnUnknownCookieAndEndsNothing) {
  client.get(issuer.url());
  const std::string cookie = client.cookie();
  client.set_cookie("airtight-session=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
  EXPECT_EQ(refusal_id(client.negotiate()), "session.unknown");
  client.set_cookie(cookie);
  EXPECT_EQ(client.negotiate().status, 200);
}

TEST_F(Order, RefusesAMessageAtAnotherSessionsAddress) {
  Client other(issuer, device);
  other.get(issuer.url());
  client.get(issuer.url());
  client.set_submit_url(other.request<keygen2::PlatformNegotiationRequest>().submit_url);
  EXPECT_EQ(refusal_id(client.negotiate()), "session.url");
}

TEST_F(Order, EndsAnExpiredSession) {
  client.run(issuer.url(), 2);
  issuer.clock().pass(std::chrono::seconds(3601));
  EXPECT_EQ(refusal_id(client.make_keys()), "session.expired");
  EXPECT_EQ(issuer.session().state, "Aborted");
}

TEST_F(Order, CleansUpSessionsThatNobodyFinished) {
  client.run(issuer.url(), 2);
  issuer.clock().pass(std::chrono::seconds(3601));
  must(issuer.service().clean_up());
  EXPECT_EQ(issuer.session().state, "Aborted");
  EXPECT_EQ(issuer.session().refusal_id, "session.expired");
}

TEST_F(Order, LeavesOpenSessionsAloneWhenCleaningUp) {
  client.run(issuer.url(), 2);
  must(issuer.service().clean_up());
  EXPECT_EQ(client.make_keys().status, 200);
}

TEST_F(Order, TakesAClientErrorInEveryStateAndKeepsItsReason) {
  for (int steps = 0; steps < 4; ++steps) {
    Client other(issuer, device);
    other.run(issuer.url(), steps);
    EXPECT_EQ(other.send(other.error_response(keygen2::ClientError::kUserAbort)).status, 200);
    const SessionSummary session = must(issuer.issuer().sessions()).back();
    EXPECT_EQ(session.state, "Failed");
    EXPECT_EQ(session.refusal_id, "client.user-abort");
    EXPECT_EQ(session.refusal, "the user said no");
  }
}

TEST_F(Order, GivesOneOfTwoRequestsAtOnceTheStep) {
  client.run(issuer.url(), 2);
  const Bytes message = must(keygen2::write_message(client.keys_response())).serialize();
  http::Request request{.method = "POST",
                        .target = must(http::Url::parse(client.request<keygen2::KeyInitializationRequest>().submit_url)).target,
                        .headers = {},
                        .body = message,
                        .peer = "test"};
  request.headers.set("Content-Type", keygen2::kMediaType);
  request.headers.set("Cookie", client.cookie());
  std::atomic<int> answered = 0;
  std::latch start(2);
  const auto race = [&] {
    start.arrive_and_wait();
    if (issuer.service().handle(request).status == 200) ++answered;
  };
  {
    const std::jthread first(race);
    const std::jthread second(race);
  }
  EXPECT_EQ(answered, 1);
  EXPECT_EQ(must(issuer.issuer().credentials()).size(), 1U);
  EXPECT_EQ(issuer.session().state, "Aborted");  // the other one was a replay
}

TEST_F(Order, LetsTwoNodesServeOneSession) {
  const auto other_node = issuer.another_service();
  client.run(issuer.url(), 1);
  const Bytes message = client.sign(client.session_response());
  http::Request request{.method = "POST",
                        .target = must(http::Url::parse(client.request<keygen2::ProvisioningSessionRequest>().submit_url)).target,
                        .headers = {},
                        .body = message,
                        .peer = "test"};
  request.headers.set("Content-Type", keygen2::kMediaType);
  request.headers.set("Cookie", client.cookie());
  EXPECT_EQ(other_node->handle(request).status, 200);
  EXPECT_EQ(issuer.service().handle(request).status, kConflict);
}

TEST_F(Order, RunsManySessionsOnTwoThreads) {
  constexpr int kSessions = 8;
  std::atomic<int> done = 0;
  const auto work = [&] {
    for (int i = 0; i < kSessions; ++i) {
      Client other(issuer, device);
      if (other.run(issuer.url()).status == 200) ++done;
    }
  };
  {
    const std::jthread first(work);
    const std::jthread second(work);
  }
  EXPECT_EQ(done, 2 * kSessions);
  EXPECT_EQ(must(issuer.issuer().credentials()).size(), 2U * kSessions);
}

}  // namespace
}  // namespace airtight::issuer::testing
