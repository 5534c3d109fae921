// Each page of docs/guide/ does what it says, from its first line to its last.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/guide/page.h"
#include "tests/guide/run_page.h"

namespace airtight::guide {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAreArray;
using ::testing::SizeIs;

const fs::path kRepository = AIRTIGHT_SOURCE_DIR;
const fs::path kGuide = kRepository / "docs/guide";
constexpr const char* kContents = "README.md";

std::string text_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file) throw std::runtime_error("cannot read " + path.string());
  return text.str();
}

// The pages without the list of contents, in their order.
std::vector<std::string> pages() {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(kGuide)) {
    if (entry.path().filename() != kContents) names.push_back(entry.path().filename().string());
  }
  std::ranges::sort(names);
  return names;
}

std::vector<std::string> commands_in(const std::string& markdown) {
  const Result<Page> page = read_page(markdown);
  if (!page) throw std::runtime_error(page.error().message);
  return commands_of(*page);
}

// The lines that begin with "$ ", whatever they are part of.
std::size_t prompts_in(const std::string& markdown) {
  std::istringstream lines(markdown);
  std::size_t count = 0;
  for (std::string line; std::getline(lines, line);)
    count += line.find_first_not_of(" \t>") == line.find("$ ") && line.contains("$ ") ? 1 : 0;
  return count;
}

class GuidePages : public ::testing::TestWithParam<std::string> {};

TEST_P(GuidePages, DoesWhatItSays) {
  const std::string page = text_of(kGuide / GetParam());
  EXPECT_THAT(commands_in(page), SizeIs(prompts_in(page))) << "a command is passed over";
  if (const auto difference = run_page(page, AIRTIGHT_BINARY_DIR "/bin/airtight"))
    FAIL() << "docs/guide/" << GetParam() << ", " << *difference;
}

// "01-first-credential.md" as a name of a test.
std::string test_name(const ::testing::TestParamInfo<std::string>& page) {
  std::string name = fs::path(page.param).stem().string();
  std::ranges::replace(name, '-', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Guide, GuidePages, ::testing::ValuesIn(pages()), test_name);

TEST(Guide, ListsItsPagesInOrder) {
  const std::string contents = text_of(kGuide / kContents);
  std::vector<std::string> listed;
  for (std::size_t at = 0; (at = contents.find("](", at)) != std::string::npos;) {
    at += 2;
    const std::string target = contents.substr(at, contents.find(')', at) - at);
    if (target.ends_with(".md") && !target.contains('/')) listed.push_back(target);
  }
  EXPECT_THAT(listed, ElementsAreArray(pages()));
}

TEST(Guide, ListOfContentsHasNoCommandsThatNobodyRuns) { EXPECT_TRUE(commands_in(text_of(kGuide / kContents)).empty()); }

// The README promises seven commands: they are the first of the guide, and so are run.
TEST(Guide, BeginsWithTheSevenCommandsOfTheReadme) {
  const std::string readme = text_of(kRepository / "README.md");
  const std::size_t begin = readme.find("\n## First credential");
  ASSERT_NE(begin, std::string::npos);
  const std::vector<std::string> promised = commands_in(readme.substr(begin, readme.find("\n## ", begin + 1) - begin));
  ASSERT_THAT(promised, SizeIs(7));
  std::vector<std::string> first = commands_in(text_of(kGuide / pages().front()));
  first.resize(std::min(first.size(), promised.size()));
  EXPECT_EQ(first, promised);
}

}  // namespace
}  // namespace airtight::guide
