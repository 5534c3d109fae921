// What is a command on a page of the guide, and that none is passed over.
#include "tests/guide/page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace airtight::guide {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string refusal_of(std::string_view markdown) {
  const Result<Page> page = read_page(markdown);
  return page ? "" : page.error().message;
}

TEST(GuidePage, HasTheCommandsOfItsConsoleBlocks) {
  const Result<Page> page = read_page("# Title\n\nText.\n\n```console\n$ one\nsaid\n$ two\n```\n\n```console\n$ three\n```\n");
  ASSERT_TRUE(page);
  EXPECT_THAT(commands_of(*page), ElementsAre("one", "two", "three"));
  const auto& first = std::get<Command>(page->steps.front());
  EXPECT_EQ(first.line, 6U);
  ASSERT_EQ(first.output.size(), 1U);
  EXPECT_EQ(first.output.front().text, "said");
  EXPECT_FALSE(first.runs_on);
}

TEST(GuidePage, HasCommandsOfSeveralLines) {
  const Result<Page> page = read_page("```console\n$ cat <<END\n> line\n> END\nline\n> no continuation\n```\n");
  ASSERT_TRUE(page);
  EXPECT_THAT(commands_of(*page), ElementsAre("cat <<END\nline\nEND"));
  EXPECT_EQ(std::get<Command>(page->steps.front()).output.size(), 2U);
}

TEST(GuidePage, LetsTheLastCommandOfAnotherTerminalRunOn) {
  const Result<Page> page = read_page("```console in another terminal\n$ one\n$ two\nready\n```\n");
  ASSERT_TRUE(page);
  EXPECT_TRUE(std::get<Command>(page->steps[0]).opens_terminal);
  EXPECT_FALSE(std::get<Command>(page->steps[0]).runs_on);
  EXPECT_FALSE(std::get<Command>(page->steps[1]).opens_terminal);
  EXPECT_TRUE(std::get<Command>(page->steps[1]).runs_on);
}

TEST(GuidePage, WantsALineByWhichAServerIsKnownToBeReady) {
  EXPECT_THAT(refusal_of("```console in another terminal\n$ one\n```\n"), HasSubstr("line 2: a command that runs on"));
  EXPECT_THAT(refusal_of("```console in another terminal\n$ one\n...\n```\n"), HasSubstr("line 2: a command that runs on"));
}

TEST(GuidePage, HasLinesForFiles) {
  const Result<Page> page = read_page("```toml bank/issuer.toml\na = 1\n\nb = 2\n```\n");
  ASSERT_TRUE(page);
  const auto& addition = std::get<Addition>(page->steps.front());
  EXPECT_EQ(addition.file, "bank/issuer.toml");
  EXPECT_EQ(addition.text, "a = 1\n\nb = 2\n");
}

TEST(GuidePage, RefusesBlocksThatWouldNotBeRun) {
  EXPECT_THAT(refusal_of("```sh\n$ one\n```\n"), HasSubstr("line 1: a block 'sh'"));
  EXPECT_THAT(refusal_of("```\n$ one\n```\n"), HasSubstr("a block ''"));
  EXPECT_THAT(refusal_of("```toml\na = 1\n```\n"), HasSubstr("a block 'toml'"));
  EXPECT_THAT(refusal_of("- item\n  ```console\n  $ one\n  ```\n"), HasSubstr("line 2"));
  EXPECT_THAT(refusal_of("> ```console\n> $ one\n> ```\n"), HasSubstr("line 1"));
  EXPECT_THAT(refusal_of("~~~console\n$ one\n~~~\n"), HasSubstr("would not be run"));
}

TEST(GuidePage, RefusesCommandsThatWouldNotBeRun) {
  EXPECT_THAT(refusal_of("```text\n$ one\n```\n"), HasSubstr("line 2: a command in a block that is not run"));
  EXPECT_THAT(refusal_of("Text\n\n    $ one\n"), HasSubstr("line 3: a command outside"));
}

TEST(GuidePage, RefusesOutputWithoutACommand) {
  EXPECT_THAT(refusal_of("```console\nsaid\n```\n"), HasSubstr("line 2: output without a command"));
  EXPECT_THAT(refusal_of("```console\n```\n"), HasSubstr("line 1: a console block without a command"));
}

TEST(GuidePage, RefusesABlockThatDoesNotEnd) {
  EXPECT_THAT(refusal_of("Text\n```console\n$ one\n"), HasSubstr("line 2: the block does not end"));
  EXPECT_THAT(refusal_of("```console\n$ one\n```console\n$ two\n```\n"), HasSubstr("line 3: a block within a block"));
}

}  // namespace
}  // namespace airtight::guide
