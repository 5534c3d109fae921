// Plays the catalogue: every file of scenarios/ is one test.
#include "tests/e2e/scenario.h"

#include <gtest/gtest.h>

#include "tests/e2e/play.h"

namespace airtight::e2e {
namespace {

class Scenarios : public testing::TestWithParam<std::filesystem::path> {};

TEST_P(Scenarios, GoesAsWritten) {
  const Scenario scenario = read_scenario(GetParam());
  SCOPED_TRACE(scenario.title);
  Play(scenario).run();
}

std::string name_of_file(const testing::TestParamInfo<std::filesystem::path>& info) { return info.param.stem(); }

INSTANTIATE_TEST_SUITE_P(Works, Scenarios, testing::ValuesIn(scenario_files("works")), name_of_file);
INSTANTIATE_TEST_SUITE_P(HostileIssuer, Scenarios, testing::ValuesIn(scenario_files("hostile_issuer")), name_of_file);
INSTANTIATE_TEST_SUITE_P(HostileDevice, Scenarios, testing::ValuesIn(scenario_files("hostile_device")), name_of_file);
INSTANTIATE_TEST_SUITE_P(Interrupted, Scenarios, testing::ValuesIn(scenario_files("interrupted")), name_of_file);

}  // namespace
}  // namespace airtight::e2e
