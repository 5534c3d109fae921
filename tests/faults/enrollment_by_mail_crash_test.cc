// Enrolment links that are mailed, and processes that die of SIGKILL around them: before a mail, after it, and when the link is used. A
// link that somebody got works, and for one enrolment only; one that nobody got is no loss, since the next mail brings another.
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <optional>
#include <string>
#include <vector>

#include "tests/faults/enrollment_world.h"
#include "tests/faults/faulty_vfs.h"
#include "tests/faults/mailbox.h"
#include "tests/support/child_process.h"
#include "tests/support/must.h"

namespace airtight::faults {
namespace {

using tests::must;
using Point = IssuerDeath::Point;

constexpr std::string_view kAddress = "jane@example.com";

EnrollmentFlow by_mail() {
  return {.name = "by mail",
          .profile = "flow",
          .profiles = R"(
[mail]
server = "localhost"
encryption = "none"
from = "enrolment@example.com"
text = "{url}"
[profiles.flow]
session_life_time = 3600
subject = "CN={email}"
devices = { accept_any = true }
enrolment = { by = ["mail"], mails_per_hour = 2 }
[[profiles.flow.keys]]
id = "New"
usage = "signature"
algorithm = "p-256"
)",
          .beginning = Beginning::kMail};
}

void expect_to_work_once(EnrollmentWorld& world, const std::string& link) {
  const std::size_t before = world.confirmed_credentials();
  const auto outcome = world.enroll(link);
  ASSERT_TRUE(outcome) << outcome.error().message;
  const auto again = world.enroll(link);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().fault, Fault::kRefused);
  EXPECT_EQ(world.confirmed_credentials(), before + 1);
}

// Each link that was mailed works, and so does the next one that is asked for.
void expect_links_to_work(EnrollmentWorld& world, const std::vector<std::string>& links) {
  world.restart_issuer();
  for (const std::string& link : links) expect_to_work_once(world, link);
  const auto another = world.ask_for_link();
  ASSERT_TRUE(another) << another.error().message;
  expect_to_work_once(world, *another);
  world.expect_sound();
  world.expect_agreement_after_the_sweep(false);
}

// All that the issuer sent before it died.
std::vector<std::string> links_of_the_dead(const EnrollmentWorld& world) {
  std::vector<std::string> links;
  while (auto link = world.next_link()) links.push_back(*std::move(link));
  return links;
}

// At the issuer's point 0, 1, 2 ... of a kind, until a link is asked for, mailed and opened without coming to it; how many there were.
int kill_issuer_at_every_point(Point kind) {
  for (int point = 0;; ++point) {
    SCOPED_TRACE("at point " + std::to_string(point));
    EnrollmentWorld world(by_mail());
    world.start_issuer({.point = kind, .number = point});
    const auto link = world.ask_for_link();
    const bool lived = link && world.fetch(*link);
    expect_links_to_work(world, link ? std::vector{*link} : links_of_the_dead(world));
    if (lived || testing::Test::HasFailure()) return point;
  }
}

TEST(IssuerKilled, BeforeItLooksAtAMessageLeavesEveryLinkWorking) { EXPECT_EQ(kill_issuer_at_every_point(Point::kBeforeMessage), 2); }

TEST(IssuerKilled, BeforeItAnswersAMessageLeavesEveryLinkWorking) { EXPECT_EQ(kill_issuer_at_every_point(Point::kAfterMessage), 2); }

TEST(IssuerKilled, AtAnyWriteLeavesEveryLinkWorking) { EXPECT_GE(kill_issuer_at_every_point(Point::kAtWrite), 4); }

TEST(IssuerKilled, BetweenRecordingALinkAndMailingItLeavesTheNextLinkWorking) {
  EnrollmentWorld world(by_mail());
  world.start_issuer({.point = Point::kBeforeMail});
  EXPECT_FALSE(world.ask_for_link());
  expect_links_to_work(world, {});
}

TEST(IssuerKilled, AfterMailingALinkLeavesItWorking) {
  EnrollmentWorld world(by_mail());
  world.start_issuer({.point = Point::kAfterMail});
  std::vector<std::string> links;
  if (auto link = world.ask_for_link()) links.push_back(*std::move(link));  // the answer may be there before the mail is
  for (std::string& link : links_of_the_dead(world)) links.push_back(std::move(link));
  EXPECT_EQ(links.size(), 1U);
  expect_links_to_work(world, links);
}

// Whoever opens the link may be a browser, or a filter that looks at what is mailed.
int kill_issuer_when_opened(Point kind) {
  for (int point = 0;; ++point) {
    SCOPED_TRACE("at point " + std::to_string(point));
    EnrollmentWorld world(by_mail());
    world.start_issuer();
    const std::string link = must(world.ask_for_link());
    world.start_issuer({.point = kind, .number = point});
    const bool lived = world.fetch(link).has_value();
    world.restart_issuer();
    expect_to_work_once(world, link);
    world.expect_sound();
    world.expect_agreement_after_the_sweep(false);
    if (lived || testing::Test::HasFailure()) return point;
  }
}

TEST(LinkOpened, AndTheIssuerKilledBeforeItLooksIsNotUsedUp) { EXPECT_EQ(kill_issuer_when_opened(Point::kBeforeMessage), 1); }

TEST(LinkOpened, AndTheIssuerKilledBeforeItAnswersIsNotUsedUp) { EXPECT_EQ(kill_issuer_when_opened(Point::kAfterMessage), 1); }

TEST(LinkOpened, AndTheIssuerKilledAtAnyWriteIsNotUsedUp) { EXPECT_GE(kill_issuer_when_opened(Point::kAtWrite), 2); }

// An agent that dies with the link, and somebody else who then has it too.
TEST(LinkUsed, ByAnAgentThatDiesGivesNobodyASecondCredential) {
  for (int point = 0;; ++point) {
    SCOPED_TRACE("before request " + std::to_string(point));
    EnrollmentWorld world(by_mail());
    world.start_issuer();
    const std::string link = must(world.ask_for_link());
    tests::ChildProcess agent([&](const std::function<void()>&) {
      const auto outcome = world.enroll(link, {.before_request = [point](int number) {
                                          if (number == point) ::kill(::getpid(), SIGKILL);
                                        }});
      return outcome ? 0 : 1;
    });
    const int status = agent.wait();
    const bool second = world.enroll(link).has_value();
    EXPECT_EQ(second, point <= 1 && status != 0) << "until a device has answered, and no longer";
    const Resumption resumed = world.resume();
    EXPECT_EQ(resumed.finished + (second ? 1 : 0) + (status == 0 ? 1 : 0), 1) << "one enrolment, whoever's";
    EXPECT_EQ(world.confirmed_credentials(), 1U);
    world.abort_open_sessions();
    world.expect_sound();
    world.expect_agreement_after_the_sweep(resumed.unconfirmed > 0);
    if (status == 0 || HasFailure()) break;
  }
}

// An operator who invites, in a process of his own: it dies at write number `writes`, or where the mail is sent.
struct Invitation {
  std::vector<std::string> links;
  bool lived;
};
Invitation invite(const EnrollmentWorld& world, std::optional<int> writes, Point point = Point::kNever) {
  Mailbox mailbox;
  tests::ChildProcess process([&](const std::function<void()>&) {
    std::optional<FaultyVfs> disk;
    if (writes) disk.emplace(FaultyVfs::Use::kEverywhere).fail_after(*writes, FaultyVfs::Fault::kKilled);
    const auto send = [&](const mail::Message& message, const std::stop_token&) -> Result<> {
      if (point == Point::kBeforeMail) ::kill(::getpid(), SIGKILL);
      mailbox.send(message.text);
      if (point == Point::kAfterMail) ::kill(::getpid(), SIGKILL);
      return {};
    };
    return world.open_issuer()->invite("flow", kAddress, std::nullopt, send) ? 0 : 1;
  });
  mailbox.only_read();
  Invitation invitation;
  while (auto link = mailbox.next()) invitation.links.push_back(*std::move(link));
  invitation.lived = process.wait() == 0;
  return invitation;
}

void expect_recovery(EnrollmentWorld& world, std::vector<std::string> links) {
  const Invitation another = invite(world, std::nullopt);
  EXPECT_EQ(another.links.size(), 1U);
  links.insert(links.end(), another.links.begin(), another.links.end());
  expect_links_to_work(world, links);
}

TEST(OperatorKilled, AtAnyWriteOfAnInvitationLeavesEveryLinkWorking) {
  int writes = 0;
  for (bool lived = false; !lived && !HasFailure(); ++writes) {
    SCOPED_TRACE("at write " + std::to_string(writes));
    EnrollmentWorld world(by_mail());
    world.start_issuer();
    const Invitation invitation = invite(world, writes);
    lived = invitation.lived;
    expect_recovery(world, invitation.links);
  }
  EXPECT_GT(writes, 3) << "the loop did not reach the writes";
}

TEST(OperatorKilled, AroundTheMailOfAnInvitationLeavesEveryLinkWorking) {
  for (const Point point : {Point::kBeforeMail, Point::kAfterMail}) {
    EnrollmentWorld world(by_mail());
    world.start_issuer();
    const Invitation invitation = invite(world, std::nullopt, point);
    EXPECT_FALSE(invitation.lived);
    EXPECT_EQ(invitation.links.size(), point == Point::kAfterMail ? 1U : 0U);
    expect_recovery(world, invitation.links);
  }
}

}  // namespace
}  // namespace airtight::faults
