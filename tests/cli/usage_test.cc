// The conventions that every command keeps: help, exit statuses, errors as text and as JSON.
#include <gmock/gmock.h>

#include <array>
#include <sstream>

#include "base/text.h"
#include "cli/command.h"
#include "tests/cli/program.h"

namespace airtight::cli::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

TEST(Usage, VersionIsOneLine) {
  const Outcome outcome = run({"--version"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_THAT(outcome.out, StartsWith("airtight "));
}

class Help : public ::testing::TestWithParam<std::vector<std::string>> {};

TEST_P(Help, SucceedsAndShowsAnExample) {
  std::vector<std::string> arguments = GetParam();
  arguments.emplace_back("--help");
  const Outcome outcome = run(arguments);
  EXPECT_EQ(outcome.status, 0);
  EXPECT_THAT(outcome.out, HasSubstr("Examples:\n  airtight "));
  EXPECT_THAT(outcome.err, IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(OfCommands, Help,
                         ::testing::Values(std::vector<std::string>{}, std::vector<std::string>{"device", "create"},
                                           std::vector<std::string>{"device", "call"}, std::vector<std::string>{"device", "info"},
                                           std::vector<std::string>{"device", "sessions"}, std::vector<std::string>{"device", "abort"},
                                           std::vector<std::string>{"enroll"}, std::vector<std::string>{"keys", "list"},
                                           std::vector<std::string>{"keys", "show"}, std::vector<std::string>{"keys", "sign"},
                                           std::vector<std::string>{"issuer", "init"}, std::vector<std::string>{"issuer", "serve"},
                                           std::vector<std::string>{"issuer", "url"}));

struct Mistake {
  std::vector<std::string> arguments;
  std::string sentence;
};

class WrongUsage : public ::testing::TestWithParam<Mistake> {};

TEST_P(WrongUsage, ExitsWithTwoAndNamesTheMistake) {
  const Outcome outcome = run(GetParam().arguments);
  EXPECT_EQ(outcome.status, 2);
  EXPECT_THAT(outcome.out, IsEmpty());
  EXPECT_THAT(outcome.err, HasSubstr(GetParam().sentence));
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("\nhint: "), HasSubstr("see 'airtight")));
}

TEST_P(WrongUsage, IsOneJsonObjectWhereJsonIsWanted) {
  std::vector<std::string> arguments = GetParam().arguments;
  arguments.emplace_back("--json");
  const Outcome outcome = run(arguments);
  EXPECT_EQ(outcome.status, 2);
  EXPECT_EQ(outcome.json()["error"].as_object()["fault"], "bad-input");
  EXPECT_THAT(outcome.err, IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, WrongUsage,
    ::testing::Values(Mistake{{}, "wants a command"}, Mistake{{"fly"}, "there is no command 'airtight fly'"},
                      Mistake{{"device", "fly"}, "there is no command 'airtight device fly'"},
                      Mistake{{"device", "info"}, "--store is required"}, Mistake{{"keys", "list", "--store", "x", "--colour"}, "--colour"},
                      Mistake{{"device", "create", "--store", "x", "--maker", "y", "--seal", "wax"},
                              "'wax' is none of file, passphrase, tpm2, pkcs11"},
                      Mistake{{"device", "info", "--store", "x", "--log-level", "loud"}, "'loud' is none of debug"},
                      Mistake{{"device", "abort", "--store", "x", "three"}, "'three' is no whole number"},
                      Mistake{{"device", "info", "--store", "x", "--store", "y"}, "--store is given more than once"},
                      Mistake{{"device", "seal", "--store", "x", "--seal", "file", "--tpm2-pcrs", "7"}, "--tpm2-pcrs is for --seal tpm2"},
                      Mistake{{"device", "anchor", "--store", "x", "--anchor", "oak"}, "is no kind of anchor"}));

TEST(Usage, ARefusalExitsWithOneAndSaysWhatToDo) {
  const Outcome outcome = run({"keys", "list", "--store", "/nowhere/at/all"});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_THAT(outcome.out, IsEmpty());
  EXPECT_THAT(outcome.err, HasSubstr("airtight: there is no key store"));
  EXPECT_THAT(outcome.err, HasSubstr("hint: make one with 'airtight device create"));
}

TEST(Usage, ARefusalIsJsonWithFaultMessageAndHint) {
  const Outcome outcome = run({"--json", "keys", "list", "--store", "/nowhere/at/all"});
  EXPECT_EQ(outcome.status, 1);
  boost::json::object error = outcome.json()["error"].as_object();
  EXPECT_EQ(error["fault"], "not-found");
  EXPECT_TRUE(error.contains("message"));
  EXPECT_TRUE(error.contains("hint"));
}

TEST(Usage, JsonIsUtf8WhateverTheArgumentsAre) {
  const Outcome outcome = run({"--json", "keys", "list", "--store", "/nowhere/\xC3\xA9\xFF\xE2\x82/x"});
  EXPECT_TRUE(is_utf8(bytes_of(outcome.out)));
  const std::string message(outcome.json()["error"].as_object()["message"].as_string());
  EXPECT_THAT(message, HasSubstr("/nowhere/\xC3\xA9\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD/x"));
}

TEST(Usage, AnErrorThatStandardOutputDoesNotTakeIsOnStandardError) {
  std::ostringstream out;
  out.setstate(std::ios::badbit);  // a full disk
  std::ostringstream err;
  Context context{.out = out, .err = err};
  const std::array arguments = {"airtight", "--json", "keys", "list", "--store", "/nowhere/at/all"};
  EXPECT_EQ(cli::run(static_cast<int>(arguments.size()), arguments.data(), context), kRefused);
  EXPECT_THAT(err.str(), HasSubstr("airtight: there is no key store"));
}

TEST(Usage, ThereAreNoColoursOffATerminal) { EXPECT_EQ(run({"keys", "list", "--store", "/nowhere"}).err.find('\033'), std::string::npos); }

}  // namespace
}  // namespace airtight::cli::testing
