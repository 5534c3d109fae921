// The catalogue shows every element, attribute and enumerated value of the schema: each has a scenario that says so (and is held to it when
// it is played, scenario_test.cc), and a row in README.md.
#include "tests/e2e/coverage.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <string>

#include "tests/e2e/scenario.h"

namespace airtight::e2e {
namespace {

std::string content_of(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

const std::filesystem::path& source_folder() {
  static const std::filesystem::path folder = AIRTIGHT_SOURCE_DIR;
  return folder;
}

// The scenario that shows each item, "group/name": the first one.
std::map<std::string, std::string> shown_by() {
  std::map<std::string, std::string> shown;
  for (const std::string group : {"works", "hostile_issuer", "hostile_device"}) {
    for (const auto& file : scenario_files(group)) {
      const Scenario scenario = read_scenario(file);
      for (const std::string& item : scenario.covers) shown.emplace(item, group + "/" + scenario.name);
    }
  }
  return shown;
}

std::set<std::string> schema_items() {
  const std::string schema = content_of(source_folder() / "schema/keygen2.xsd");
  return items_of_schema(bytes_of(schema));
}

TEST(Catalogue, ShowsEveryItemOfTheSchema) {
  const auto shown = shown_by();
  for (const std::string& item : schema_items()) EXPECT_TRUE(shown.contains(item)) << "no scenario shows " << item;
}

TEST(Catalogue, ShowsNothingThatTheSchemaDoesNotHave) {
  const auto items = schema_items();
  for (const auto& [item, scenario] : shown_by()) EXPECT_TRUE(items.contains(item)) << scenario << " is to show " << item;
}

TEST(Catalogue, HasARowForEveryItemInItsTable) {
  std::string table;
  for (const auto& [item, scenario] : shown_by()) table += "| `" + item + "` | [" + scenario + "](scenarios/" + scenario + ".toml) |\n";
  const std::string readme = content_of(source_folder() / "tests/e2e/README.md");
  constexpr std::string_view kHead = "| --- | --- |\n";
  const std::size_t begin = readme.find(kHead);
  ASSERT_NE(begin, std::string::npos);
  EXPECT_EQ(readme.substr(begin + kHead.size()), table) << "the table at the end of README.md is to be\n" << table;
}

TEST(Catalogue, IsAsLargeAsItHasToBe) {
  EXPECT_GE(scenario_files("works").size(), 40U);
  EXPECT_GE(scenario_files("hostile_issuer").size(), 40U);
  EXPECT_GE(scenario_files("hostile_device").size(), 40U);
}

}  // namespace
}  // namespace airtight::e2e
