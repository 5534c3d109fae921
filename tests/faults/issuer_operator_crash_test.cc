// What operators do to an issuer (seeds, registered devices, clients, approvals) in processes that die of SIGKILL in place of any write of
// the database: all of it is done and in the audit log, or nothing of it, and it can be done again.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "ca/audit.h"
#include "issuer/seeds.h"
#include "tests/faults/enrollment_world.h"
#include "tests/faults/faulty_vfs.h"
#include "tests/support/child_process.h"
#include "tests/support/must.h"

namespace airtight::faults {
namespace {

using issuer::Issuer;
using tests::must;

constexpr std::string_view kBy = "operator";
constexpr std::string_view kPool = "tokens";

using Act = std::function<Result<>(Issuer&)>;

// True if the process lived, and all went well.
bool act_in_process(const EnrollmentWorld& world, int writes, const Act& act) {
  tests::ChildProcess process([&](const std::function<void()>&) {
    FaultyVfs disk(FaultyVfs::Use::kEverywhere);
    disk.fail_after(writes, FaultyVfs::Fault::kKilled);
    return act(*world.open_issuer()) ? 0 : 1;
  });
  const int status = process.wait();
  EXPECT_NE(status, 1) << "the operator's process was not killed, and failed";
  return status == 0;
}

// Has `act` done in a new world, with death in place of write 0, 1, 2 ... until it lives; `check` sees what is left each time.
void kill_at_every_write(const EnrollmentFlow& flow, const std::function<void(EnrollmentWorld&)>& prepare, const Act& act,
                         const std::function<void(EnrollmentWorld&)>& check) {
  int writes = 0;
  for (bool lived = false; !lived && !testing::Test::HasFailure(); ++writes) {
    SCOPED_TRACE("at write " + std::to_string(writes));
    EnrollmentWorld world(flow);
    prepare(world);
    lived = act_in_process(world, writes, act);
    world.expect_sound();
    check(world);
    world.expect_sound();
  }
  EXPECT_GT(writes, 3) << "the loop did not reach the writes";
}

void prepare_nothing(EnrollmentWorld& /*world*/) {}

// How often the audit log says so.
std::size_t audited(const EnrollmentWorld& world, std::string_view event) {
  const auto issuer = world.open_issuer();
  const auto database = must(issuer->database());
  return static_cast<std::size_t>(std::ranges::count(must(ca::list_audit_log(*database, 1000)), event, &ca::AuditEntry::event));
}

// --- seeds

std::string container() {
  std::string text = R"(<KeyContainer Version="1.0" xmlns="urn:ietf:params:xml:ns:keyprov:pskc">)";
  for (const std::string id : {"T-1", "T-2", "T-3"}) {
    text += "<KeyPackage><Key Id=\"" + id +
            "\" Algorithm=\"urn:ietf:params:xml:ns:keyprov:pskc:hotp\"><AlgorithmParameters><ResponseFormat Length=\"6\" "
            "Encoding=\"DECIMAL\"/></AlgorithmParameters><Data><Secret><PlainValue>MTIzNDU2Nzg5MDEyMzQ1Njc4OTA=</PlainValue></Secret>"
            "<Counter><PlainValue>0</PlainValue></Counter></Data></Key></KeyPackage>";
  }
  return text + "</KeyContainer>";
}

Result<> import_container(Issuer& issuer) {
  TRY(issuer::import_seeds(issuer, kPool, bytes_of(container()), {}, kBy, {}));
  return {};
}

Result<> generate_three(Issuer& issuer) {
  TRY(issuer::generate_seeds(issuer, kPool, {.count = 3}, kBy, {}));
  return {};
}

std::vector<std::string> seeds(const EnrollmentWorld& world) {
  const auto issuer = world.open_issuer();
  const auto database = must(issuer->database());
  std::vector<std::string> names;
  for (const issuer::SeedSummary& seed : must(issuer::list_seeds(*database, ""))) names.push_back(seed.description.name);
  return names;
}

const std::vector<std::string> kImported = {"T-1", "T-2", "T-3"};

TEST(SeedImport, KilledAtAnyWriteIsWholeOrNotThereAndIsDoneOnce) {
  kill_at_every_write({}, prepare_nothing, import_container, [](EnrollmentWorld& world) {
    const std::vector<std::string> left = seeds(world);
    EXPECT_EQ(audited(world, "seeds.imported"), left.empty() ? 0U : 1U);
    const Result<> again = import_container(*world.open_issuer());
    EXPECT_EQ(again.has_value(), left.empty());
    if (!again) {
      EXPECT_EQ(again.error().fault, Fault::kRefused);
      EXPECT_EQ(left, kImported);
    }
    EXPECT_EQ(seeds(world), kImported);
    EXPECT_EQ(audited(world, "seeds.imported"), 1U);
  });
}

TEST(SeedGeneration, KilledAtAnyWriteIsWholeOrNotThere) {
  kill_at_every_write({}, prepare_nothing, generate_three, [](EnrollmentWorld& world) {
    const std::size_t left = seeds(world).size();
    EXPECT_TRUE(left == 0 || left == 3) << left;
    EXPECT_EQ(audited(world, "seeds.generated"), left / 3);
    must(generate_three(*world.open_issuer()));
    const std::vector<std::string> all = seeds(world);
    EXPECT_EQ(all.size(), left + 3);
    EXPECT_EQ(std::set<std::string>(all.begin(), all.end()).size(), all.size()) << "two seeds of one name";
  });
}

TEST(SeedRemoval, KilledAtAnyWriteIsWholeOrNotDone) {
  const Act remove = [](Issuer& issuer) { return issuer::remove_seeds(issuer, kPool, {"T-1", "T-3"}, kBy); };
  const auto prepare = [](EnrollmentWorld& world) { must(import_container(*world.open_issuer())); };
  kill_at_every_write({}, prepare, remove, [&](EnrollmentWorld& world) {
    const bool done = seeds(world).size() == 1;
    EXPECT_TRUE(done || seeds(world) == kImported);
    EXPECT_EQ(audited(world, "seeds.removed"), done ? 1U : 0U);
    EXPECT_EQ(remove(*world.open_issuer()).has_value(), !done);
    EXPECT_EQ(seeds(world), std::vector<std::string>{"T-2"});
  });
}

// --- registered devices

constexpr std::string_view kKey = R"(
[[profiles.flow.keys]]
id = "New"
usage = "signature"
algorithm = "p-256"
)";

EnrollmentFlow with_profile(const std::string& head) {
  return {.name = "operator",
          .profile = "flow",
          .profiles = "\n[profiles.flow]\nsession_life_time = 3600\ndevices = { accept_any = true }\n" + head + "\n" + std::string(kKey)};
}

const EnrollmentFlow kListedDevices = with_profile("enrolment = { devices = \"listed\" }");

class DeviceList : public testing::Test {
 protected:
  // Of all worlds, whose devices are copies of one.
  static const std::string& device_id() {
    static const std::string id = EnrollmentWorld(kListedDevices).device_id();
    return id;
  }
  // The device, and another one by its certificate: that the issuer's own is taken for one does not matter here.
  static Result<> import(Issuer& issuer) {
    const std::string csv = device_id() + ",\"CN=Jane Roe,O=Example\"\nserver.pem,CN=John Doe\n";
    TRY(issuer.import_devices("flow", csv, issuer.configuration().tls_certificate.parent_path(), kBy));
    return {};
  }
  static std::size_t count(const EnrollmentWorld& world) { return must(world.open_issuer()->devices()).size(); }
};

TEST_F(DeviceList, KilledAtAnyWriteOfItsImportIsWholeOrNotThereAndIsImportedOnce) {
  kill_at_every_write(kListedDevices, prepare_nothing, import, [](EnrollmentWorld& world) {
    const std::size_t left = count(world);
    EXPECT_TRUE(left == 0 || left == 2) << left;
    EXPECT_EQ(audited(world, "device.registered"), left);
    const Result<> again = import(*world.open_issuer());
    EXPECT_EQ(again.has_value(), left == 0);
    EXPECT_TRUE(again || again.error().fault == Fault::kRefused);
    EXPECT_EQ(count(world), 2U);
    world.start_issuer();
    const auto outcome = world.enroll(world.url());
    EXPECT_TRUE(outcome) << outcome.error().message;
  });
}

TEST_F(DeviceList, KilledAtAnyWriteOfARemovalHasTheDeviceOrHasItNot) {
  const auto prepare = [](EnrollmentWorld& world) { must(world.open_issuer()->add_device("flow", device_id(), "CN=Jane Roe", kBy)); };
  const Act remove = [](Issuer& issuer) { return issuer.remove_device("flow", device_id(), kBy); };
  kill_at_every_write(kListedDevices, prepare, remove, [&](EnrollmentWorld& world) {
    const bool is_there = count(world) == 1;
    EXPECT_EQ(audited(world, "device.removed"), is_there ? 0U : 1U);
    EXPECT_EQ(remove(*world.open_issuer()).has_value(), is_there);
    world.start_issuer();
    EXPECT_FALSE(world.enroll(world.url())) << "a device that was removed enrols";
  });
}

// --- clients

const EnrollmentFlow kClients = with_profile("subject = \"CN={user_id}\"\nenrolment = { by = [\"client\"] }");

Result<> add_client(Issuer& issuer) {
  TRY(issuer.add_client({.name = "printer-7", .profile = "flow"}, kBy));
  return {};
}

// Its token is shown once, and died with the process: whoever registered it does so again.
TEST(ClientRegistration, KilledAtAnyWriteIsDoneOrNotAndIsDoneAgain) {
  kill_at_every_write(kClients, prepare_nothing, add_client, [](EnrollmentWorld& world) {
    const auto issuer = world.open_issuer();
    const bool is_there = must(issuer->clients()).size() == 1;
    EXPECT_EQ(audited(world, "client.registered"), is_there ? 1U : 0U);
    const Result<> again = add_client(*issuer);
    EXPECT_EQ(again.has_value(), !is_there);
    if (!again) {
      EXPECT_EQ(again.error().fault, Fault::kRefused);
      must(issuer->remove_client("printer-7", kBy));
      must(add_client(*issuer));
    }
    EXPECT_EQ(must(issuer->clients()).size(), 1U);
  });
}

TEST(ClientRemoval, KilledAtAnyWriteIsDoneOrNot) {
  const auto prepare = [](EnrollmentWorld& world) { must(add_client(*world.open_issuer())); };
  const Act remove = [](Issuer& issuer) { return issuer.remove_client("printer-7", kBy); };
  kill_at_every_write(kClients, prepare, remove, [&](EnrollmentWorld& world) {
    const auto issuer = world.open_issuer();
    const bool is_there = must(issuer->clients()).size() == 1;
    EXPECT_EQ(audited(world, "client.removed"), is_there ? 0U : 1U);
    EXPECT_EQ(remove(*issuer).has_value(), is_there);
    EXPECT_TRUE(must(issuer->clients()).empty());
  });
}

// --- approvals, while an agent waits

EnrollmentFlow to_be_approved() {
  EnrollmentFlow flow = with_profile("subject = \"CN=Jane Roe\"\nenrolment = { operator = true }");
  flow.defers = true;
  return flow;
}

void have_agent_wait(EnrollmentWorld& world) {
  world.start_issuer();
  const auto outcome = must(world.begin(world.url()));
  ASSERT_TRUE(outcome.resume_url) << "nobody was asked to approve";
}

Result<std::string> waiting_one(Issuer& issuer) {
  const auto waiting = TRY(issuer.waiting());
  if (waiting.empty()) return fail(Fault::kNotFound, "nobody waits");
  return waiting.front().server_session_id;
}

Result<> approve_who_waits(Issuer& issuer) {
  const auto waiting = TRY(issuer.waiting());
  return issuer.approve(waiting.at(0).server_session_id, {.by = kBy, .device_id = waiting.at(0).device_id});
}

Result<> deny_who_waits(Issuer& issuer) { return issuer.deny(TRY(waiting_one(issuer)), "Nobody knows you.", {.by = kBy}); }

TEST(Approval, KilledAtAnyWriteIsGivenOrNotAndTheAgentGoesOn) {
  kill_at_every_write(to_be_approved(), have_agent_wait, approve_who_waits, [](EnrollmentWorld& world) {
    const bool waits = waiting_one(*world.open_issuer()).has_value();
    EXPECT_EQ(audited(world, "session.approved"), waits ? 0U : 1U);
    const Resumption resumed = world.resume();  // where it has to wait on, it is approved
    EXPECT_EQ(resumed.finished, 1);
    EXPECT_EQ(audited(world, "session.approved"), 1U);
    EXPECT_EQ(world.confirmed_credentials(), 1U);
    world.expect_agreement_after_the_sweep(false);
  });
}

// Another operator thinks otherwise meanwhile: what was decided first holds.
TEST(Approval, KilledAtAnyWriteAndDeniedThenIsOneOfBoth) {
  kill_at_every_write(to_be_approved(), have_agent_wait, approve_who_waits, [](EnrollmentWorld& world) {
    const bool denied = deny_who_waits(*world.open_issuer()).has_value();
    EXPECT_EQ(audited(world, "session.approved") + audited(world, "session.denied"), 1U);
    const Resumption resumed = world.resume();
    EXPECT_EQ(resumed.finished, denied ? 0 : 1);
    EXPECT_EQ(resumed.refused, denied ? 1 : 0);
    EXPECT_EQ(world.credentials_in_device().size(), denied ? 0U : 1U);
    EXPECT_EQ(world.confirmed_credentials(), denied ? 0U : 1U);
    world.expect_agreement_after_the_sweep(false);
  });
}

TEST(Denial, KilledAtAnyWriteIsGivenOrNot) {
  kill_at_every_write(to_be_approved(), have_agent_wait, deny_who_waits, [](EnrollmentWorld& world) {
    const bool waits = waiting_one(*world.open_issuer()).has_value();
    EXPECT_EQ(audited(world, "session.denied"), waits ? 0U : 1U);
    EXPECT_EQ(deny_who_waits(*world.open_issuer()).has_value(), waits);
    EXPECT_EQ(world.resume().refused, 1);
    EXPECT_TRUE(world.credentials_in_device().empty());
    EXPECT_EQ(world.abort_open_sessions(), 0U) << "the keys of a denied session are still there";
    world.expect_next_enrollment_succeeds();
    world.expect_agreement_after_the_sweep(false);
  });
}

}  // namespace
}  // namespace airtight::faults
