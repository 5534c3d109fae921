// Enrolments in which the agent or the issuer dies of SIGKILL between any two messages, within any message, and around any call of the key
// store: they go on, or are refused cleanly, and nothing is half there.
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <string>

#include "agent/key_list.h"
#include "tests/faults/enrollment_world.h"
#include "tests/support/child_process.h"
#include "tests/support/must.h"

namespace airtight::faults {
namespace {

using tests::must;

constexpr int kMessages = 5;  // the GET, and one POST for each answer of the device

// An agent in a process of its own that dies where `hooks` have it die; true if it lived and all went well.
bool enroll_in_process(const EnrollmentWorld& world, const std::string& url, const AgentHooks& hooks) {
  tests::ChildProcess agent([&](const std::function<void()>&) {
    const auto outcome = world.enroll(url, hooks);
    return outcome && !outcome->unconfirmed ? 0 : 1;
  });
  const int status = agent.wait();
  EXPECT_NE(status, 1) << "the agent was not killed, and failed";
  return status == 0;
}

std::function<void(int)> die_at(int point) {
  return [point](int number) {
    if (number == point) ::kill(::getpid(), SIGKILL);
  };
}

// Kills the agent at point 0, 1, 2 ... until it outlives them; how many there were.
int kill_agent_at_every_point(const std::function<AgentHooks(int point)>& hooks) {
  for (int point = 0;; ++point) {
    SCOPED_TRACE("at point " + std::to_string(point));
    EnrollmentWorld world;
    world.start_issuer();
    const bool lived = enroll_in_process(world, world.url(), hooks(point));
    world.expect_sound();
    if (lived) return point;
    EXPECT_LE(world.abort_open_sessions(), 1U);
    world.expect_next_enrollment_succeeds();
    if (testing::Test::HasFailure()) return point;
  }
}

TEST(AgentKilled, BeforeAnyRequestLeavesNothingHalfThere) {
  EXPECT_EQ(kill_agent_at_every_point([](int point) { return AgentHooks{.before_request = die_at(point)}; }), kMessages);
}

TEST(AgentKilled, AfterAnyResponseLeavesNothingHalfThere) {
  EXPECT_EQ(kill_agent_at_every_point([](int point) { return AgentHooks{.after_response = die_at(point)}; }), kMessages);
}

TEST(AgentKilled, BeforeAnyCallOfTheKeyStoreLeavesNothingHalfThere) {
  EXPECT_GE(kill_agent_at_every_point([](int point) { return AgentHooks{.before_call = die_at(point)}; }), 8);
}

TEST(AgentKilled, AfterAnyCallOfTheKeyStoreLeavesNothingHalfThere) {
  EXPECT_GE(kill_agent_at_every_point([](int point) { return AgentHooks{.after_call = die_at(point)}; }), 8);
}

// A used URL is of no use to anybody but the agent that used it.
TEST(AgentKilled, CannotUseItsUrlAgain) {
  EnrollmentWorld world;
  world.start_issuer();
  const std::string url = world.url();
  ASSERT_FALSE(enroll_in_process(world, url, {.before_request = die_at(2)}));
  const auto again = world.enroll(url);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().fault, Fault::kRefused);
  world.expect_sound();
}

TEST(IssuerKilled, AndRestartedBetweenAnyTwoMessagesIsNotEvenNoticed) {
  for (int before = 0; before < kMessages; ++before) {
    SCOPED_TRACE("before message " + std::to_string(before));
    EnrollmentWorld world;
    world.start_issuer();
    const auto outcome = world.enroll(world.url(), {.before_request = [&](int number) {
                                        if (number != before) return;
                                        world.kill_issuer();
                                        world.restart_issuer();
                                      }});
    ASSERT_TRUE(outcome) << outcome.error().message;
    EXPECT_FALSE(outcome->unconfirmed);
    EXPECT_EQ(world.confirmed_credentials(), 1U);
    world.expect_sound();
    world.expect_next_enrollment_succeeds();
  }
}

// The agent's side of an enrolment in which the issuer went away: all is done, or nothing is left.
void expect_done_or_clean(const EnrollmentWorld& world, const Result<agent::EnrollmentOutcome>& outcome) {
  EXPECT_EQ(world.abort_open_sessions(), 0U) << "the agent has left an open session behind";
  const std::size_t keys = must(agent::list_keys(*world.open_key_store())).size();
  EXPECT_EQ(keys, outcome ? outcome->keys.size() : 0U);
  if (!outcome) {
    EXPECT_FALSE(outcome.error().message.empty());
    EXPECT_EQ(world.confirmed_credentials(), 0U);
  }
}

TEST(IssuerKilled, BetweenAnyTwoMessagesMakesTheAgentCleanUp) {
  for (int before = 0; before < kMessages; ++before) {
    SCOPED_TRACE("before message " + std::to_string(before));
    EnrollmentWorld world;
    world.start_issuer();
    const auto outcome = world.enroll(world.url(), {.before_request = [&](int number) {
                                        if (number == before) world.kill_issuer();
                                      }});
    ASSERT_EQ(outcome.has_value(), before == kMessages - 1) << "only the last message may be lost";
    EXPECT_TRUE(!outcome || outcome->unconfirmed);
    world.restart_issuer();
    expect_done_or_clean(world, outcome);
    world.expect_sound();
    world.expect_next_enrollment_succeeds();
  }
}

// Dies at point 0, 1, 2 ... of a kind until an enrolment needs no more of them; how many there were.
int kill_issuer_at_every_point(IssuerDeath::Point kind) {
  for (int point = 0;; ++point) {
    SCOPED_TRACE("at point " + std::to_string(point));
    EnrollmentWorld world;
    world.start_issuer({.point = kind, .number = point});
    const auto outcome = world.enroll(world.url());
    if (outcome && !outcome->unconfirmed) return point;
    world.restart_issuer();
    expect_done_or_clean(world, outcome);
    world.expect_sound();
    world.expect_next_enrollment_succeeds();
    if (testing::Test::HasFailure()) return point;
  }
}

TEST(IssuerKilled, BeforeItLooksAtAnyMessageLeavesNothingHalfThere) {
  EXPECT_EQ(kill_issuer_at_every_point(IssuerDeath::Point::kBeforeMessage), kMessages);
}

TEST(IssuerKilled, BeforeItAnswersAnyMessageLeavesNothingHalfThere) {
  EXPECT_EQ(kill_issuer_at_every_point(IssuerDeath::Point::kAfterMessage), kMessages);
}

TEST(IssuerKilled, InTheMiddleOfAnyMessageLeavesNothingHalfThere) {
  EXPECT_GE(kill_issuer_at_every_point(IssuerDeath::Point::kAtClock), kMessages);
}

}  // namespace
}  // namespace airtight::faults
