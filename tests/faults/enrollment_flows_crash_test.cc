// Enrolments of every kind (updates and deletions, certificates that come later, backups, PINs of the issuer, clones, the basic profile;
// by mail, with an operator, of registered devices, and by clients) in which the agent or the issuer dies of SIGKILL: at each message,
// around each call of the key store, and at writes of each database. What was left goes on or is refused; after the sweep no credential is
// one that only one side believes in.
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "tests/faults/enrollment_world.h"
#include "tests/faults/faulty_vfs.h"
#include "tests/support/child_process.h"

namespace airtight::faults {

// As GoogleTest finds it.
void PrintTo(const EnrollmentFlow& flow, std::ostream* out) { *out << flow.name; }

namespace {

constexpr const char* kFirst = R"(
[profiles.first]
subject = "CN=Jane Roe,O=Example"
session_life_time = 3600
updatable = true
devices = { accept_any = true }
[[profiles.first.keys]]
id = "Old"
usage = "encryption"
algorithm = "p-256"
private_key_backup = true
[[profiles.first.keys]]
id = "Old.Sign"
usage = "signature"
algorithm = "p-256"
)";

constexpr const char* kFlowHead = R"(
[profiles.flow]
session_life_time = 3600
updatable = true
)";
constexpr const char* kAnyDevice = "devices = { accept_any = true }\n";
constexpr const char* kSigningKey = R"(
[[profiles.flow.keys]]
id = "New"
usage = "signature"
algorithm = "p-256"
)";

std::string flow_profile(const std::string& subject, const std::string& head, const std::string& tables) {
  return kFirst + std::string(kFlowHead) + subject + head + tables;
}

const std::string kSubject = "subject = \"CN=Jane Roe,O=Example\"\n";

constexpr const char* kMailServer = R"(
[mail]
server = "localhost"
encryption = "none"
from = "enrolment@example.com"
text = "{url}"
)";
constexpr const char* kClients = "enrolment = { by = [\"client\"] }\n";

const std::vector<EnrollmentFlow>& flows() {
  static const std::vector<EnrollmentFlow> flows = {
      {.name = "UpdateAndDelete",
       .profile = "flow",
       .profiles = flow_profile(kSubject, kAnyDevice, std::string(kSigningKey) + R"(
[[profiles.flow.lookups]]
id = "Lookup.1"
update_key = "New"
found = ["delete"]
)"),
       .earlier = {"first"}},
      {.name = "DeferredCertification",
       .profile = "flow",
       .profiles = flow_profile(kSubject, std::string("deferred_certification = true\n") + kAnyDevice, kSigningKey),
       .defers = true},
      {.name = "KeyBackupAndRestore",
       .profile = "flow",
       .profiles = flow_profile(kSubject, kAnyDevice, R"(
[[profiles.flow.keys]]
id = "New"
usage = "encryption"
algorithm = "p-256"
private_key = "restored"
restored_key = "Old"
[[profiles.flow.keys]]
id = "New.Backup"
usage = "encryption"
algorithm = "p-256"
private_key_backup = true
)"),
       .earlier = {"first"},
       .keys = 2},
      {.name = "PresetPins", .profile = "flow", .profiles = flow_profile(kSubject, kAnyDevice, R"(
[[profiles.flow.puk_policies]]
id = "PUK.1"
format = "numeric"
length = 10
retry_limit = 5
[[profiles.flow.pin_policies]]
id = "PIN.1"
puk_policy = "PUK.1"
format = "numeric"
min_length = 4
max_length = 8
retry_limit = 3
preset = true
preset_length = 6
[[profiles.flow.keys]]
id = "New"
usage = "signature"
algorithm = "p-256"
pin_policy = "PIN.1"
)")},
      {.name = "Clone",
       .profile = "flow",
       .profiles = flow_profile("", kAnyDevice, std::string(kSigningKey) + R"(
[[profiles.flow.lookups]]
id = "Lookup.1"
found = ["clone"]
)"),
       .earlier = {"first"}},
      {.name = "BasicProfile",
       .profile = "flow",
       .profiles = std::string(kFirst) + "[profiles.flow]\nbasic = true\nsession_life_time = 3600\n" + kSubject + kSigningKey,
       .keys = 0,
       .basic = true},
      {.name = "ByMail",
       .profile = "flow",
       .profiles = std::string(kMailServer) +
                   flow_profile("subject = \"CN={email}\"\n", std::string("enrolment = { by = [\"mail\"] }\n") + kAnyDevice, kSigningKey),
       .beginning = Beginning::kMail},
      {.name = "OperatorApproval",
       .profile = "flow",
       .profiles = flow_profile(kSubject, std::string("enrolment = { operator = true }\n") + kAnyDevice, kSigningKey),
       .defers = true},
      {.name = "RegisteredDevice",
       .profile = "flow",
       .profiles = flow_profile("", std::string("enrolment = { devices = \"listed\" }\n") + kAnyDevice, kSigningKey),
       .listed = true},
      {.name = "ClientByToken",
       .profile = "flow",
       .profiles = flow_profile("subject = \"CN={user_id}\"\n", std::string(kClients) + kAnyDevice, kSigningKey),
       .beginning = Beginning::kToken},
      {.name = "ClientByCertificate",
       .profile = "flow",
       .profiles = flow_profile("subject = \"CN={user_id}\"\n", std::string(kClients) + kAnyDevice, kSigningKey),
       .beginning = Beginning::kCertificate},
  };
  return flows;
}

// Where the agent's process dies of SIGKILL by itself, and at which of these.
enum class AgentDeath : std::uint8_t { kBeforeRequest, kAfterResponse, kBeforeCall, kAfterCall, kAtWrite };

AgentHooks hooks_of(AgentDeath death, int point) {
  const auto die = [point](int number) {
    if (number == point) ::kill(::getpid(), SIGKILL);
  };
  switch (death) {
    case AgentDeath::kBeforeRequest: return {.before_request = die};
    case AgentDeath::kAfterResponse: return {.after_response = die};
    case AgentDeath::kBeforeCall: return {.before_call = die};
    case AgentDeath::kAfterCall: return {.after_call = die};
    case AgentDeath::kAtWrite: return {};
  }
  return {};
}

class Flow : public testing::TestWithParam<EnrollmentFlow> {
 protected:
  // An agent in a process of its own; true if it lived, and all went well.
  static bool enroll_in_process(const EnrollmentWorld& world, AgentDeath death, int point) {
    const std::string url = world.url();
    tests::ChildProcess agent([&](const std::function<void()>&) {
      std::optional<FaultyVfs> disk;
      if (death == AgentDeath::kAtWrite) disk.emplace(FaultyVfs::Use::kEverywhere).fail_after(point, FaultyVfs::Fault::kKilled);
      const auto outcome = world.enroll(url, hooks_of(death, point));
      return outcome && !outcome->unconfirmed ? 0 : 1;
    });
    const int status = agent.wait();
    EXPECT_NE(status, 1) << "the agent was not killed, and failed";
    return status == 0;
  }

  // What is left behind goes on or ends; then both sides agree, and serve as ever.
  static void expect_recovery(EnrollmentWorld& world) {
    world.expect_sound();
    const Resumption resumed = world.resume();
    world.abort_open_sessions();  // one that was opened a moment before the agent could note it
    world.expect_sound();
    world.expect_next_enrollment_succeeds();
    world.expect_agreement_after_the_sweep(resumed.unconfirmed > 0);
  }

  // Kills the agent at every `stride`-th point until it outlives them; how many deaths there were.
  static int kill_agent(AgentDeath death, int stride = 1) {
    for (int deaths = 0;; ++deaths) {
      const int point = deaths * stride;
      SCOPED_TRACE("at point " + std::to_string(point));
      EnrollmentWorld world(GetParam());
      world.start_issuer();
      const bool lived = enroll_in_process(world, death, point);
      expect_recovery(world);
      if (lived || HasFailure()) return deaths;
    }
  }

  // The same for the issuer, which is started again; the agent goes on then, as its user has it do.
  static int kill_issuer(IssuerDeath::Point kind, int stride = 1) {
    for (int deaths = 0;; ++deaths) {
      const int point = deaths * stride;
      SCOPED_TRACE("at point " + std::to_string(point));
      EnrollmentWorld world(GetParam());
      world.start_issuer({.point = kind, .number = point});
      const auto outcome = world.enroll(world.url());
      const bool lived = outcome && !outcome->unconfirmed;
      world.restart_issuer();
      expect_recovery(world);
      if (lived || HasFailure()) return deaths;
    }
  }

  // The basic profile has a fetch and two responses; a session five, and one more to look for keys.
  static int messages() {
    const EnrollmentFlow& flow = GetParam();
    const bool looks = flow.profiles.find("lookups") != std::string::npos;
    const bool asks_for_mail = flow.beginning == Beginning::kMail;
    return flow.basic ? 3 : 5 + (looks ? 1 : 0) + (flow.defers ? 1 : 0) + (asks_for_mail ? 1 : 0);
  }
};

class FlowWithKeyStore : public Flow {};

TEST_P(Flow, SurvivesAnAgentKilledBeforeAnyRequest) { EXPECT_EQ(kill_agent(AgentDeath::kBeforeRequest), messages()); }

TEST_P(Flow, SurvivesAnAgentKilledAfterAnyResponse) { EXPECT_EQ(kill_agent(AgentDeath::kAfterResponse), messages()); }

TEST_P(FlowWithKeyStore, SurvivesAnAgentKilledBeforeAnyCallOfTheKeyStore) { EXPECT_GE(kill_agent(AgentDeath::kBeforeCall), 7); }

TEST_P(FlowWithKeyStore, SurvivesAnAgentKilledAfterAnyCallOfTheKeyStore) { EXPECT_GE(kill_agent(AgentDeath::kAfterCall), 7); }

TEST_P(FlowWithKeyStore, SurvivesAnAgentKilledAtWritesOfTheKeyStore) { EXPECT_GE(kill_agent(AgentDeath::kAtWrite, 5), 8); }

TEST_P(Flow, SurvivesAnIssuerKilledBeforeAnyMessage) { EXPECT_EQ(kill_issuer(IssuerDeath::Point::kBeforeMessage), messages()); }

TEST_P(Flow, SurvivesAnIssuerKilledBeforeAnyAnswer) { EXPECT_EQ(kill_issuer(IssuerDeath::Point::kAfterMessage), messages()); }

TEST_P(Flow, SurvivesAnIssuerKilledInTheMiddleOfAnyMessage) { EXPECT_GE(kill_issuer(IssuerDeath::Point::kAtClock), messages()); }

TEST_P(Flow, SurvivesAnIssuerKilledAtWritesOfItsDatabase) { EXPECT_GE(kill_issuer(IssuerDeath::Point::kAtWrite, 3), 3); }

std::vector<EnrollmentFlow> flows_with_key_store() {
  std::vector<EnrollmentFlow> chosen;
  std::ranges::copy_if(flows(), std::back_inserter(chosen), [](const EnrollmentFlow& flow) { return !flow.basic; });
  return chosen;
}

std::string name_of(const testing::TestParamInfo<EnrollmentFlow>& test) { return test.param.name; }

INSTANTIATE_TEST_SUITE_P(Every, Flow, testing::ValuesIn(flows()), name_of);
INSTANTIATE_TEST_SUITE_P(Every, FlowWithKeyStore, testing::ValuesIn(flows_with_key_store()), name_of);

}  // namespace

}  // namespace airtight::faults
