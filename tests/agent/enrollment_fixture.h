// A device, an issuer and a user, ready to enrol.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "agent/enrollment.h"
#include "agent/key_list.h"
#include "tests/agent/fake_issuer.h"
#include "tests/agent/scripted_user.h"
#include "tests/sks/device.h"
#include "tests/support/must.h"
#include "tests/support/temporary_folder.h"

namespace airtight::agent::testing {

class EnrollmentFixture : public ::testing::Test {
 protected:
  [[nodiscard]] Result<EnrollmentOutcome> run(const EnrollmentOptions& options = {.url = FakeIssuer::kStartUrl}) {
    return enroll(options, tools(), issuer);
  }
  [[nodiscard]] EnrollmentTools tools() {
    return {.key_store = device.store(),
            .user = user,
            .schema = schema,
            .clock = device.clock(),
            .log = log,
            .memory = &memory,
            .administration = administration.get()};
  }
  [[nodiscard]] std::vector<SessionRecord> under_way() { return tests::must(sessions_under_way(memory, device.store())); }
  [[nodiscard]] std::size_t sessions() { return tests::must(list_sessions(device.store())).size(); }
  [[nodiscard]] std::vector<KeyEntry> keys() { return tests::must(list_keys(device.store())); }

  tests::TemporaryFolder folder;
  sks::testing::TestDevice device;
  FolderMemory memory{folder / "agent"};
  std::unique_ptr<device::Administration> administration = device::administration_of(device.store(), folder / "store");
  FakeIssuer issuer;
  ScriptedUser user;
  const xml::Schema schema = tests::must(keygen2::compile_schema());
  Log log = Log::silent();
};

}  // namespace airtight::agent::testing
