// The runner of the guide notices what is not as the page says. A guide that only ever passes proves nothing.
#include "tests/guide/run_page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace airtight::guide {
namespace {

using ::testing::HasSubstr;

constexpr const char* kProgram = AIRTIGHT_BINARY_DIR "/bin/airtight";

// What is wrong with a page of this one block; empty if nothing.
std::string console(const std::string& lines, const std::string& info = "console") {
  return run_page("```" + info + "\n" + lines + "```\n", kProgram).value_or("");
}

TEST(RunPage, IsSilentWhenAllIsAsThePageSays) { EXPECT_EQ(console("$ echo one; echo two\none\n...\n$ true\n"), ""); }

TEST(RunPage, NoticesOtherOutput) {
  const std::string difference = console("$ true\n$ echo two\none\n");
  EXPECT_THAT(difference, HasSubstr("line 3: it shows something else"));
  EXPECT_THAT(difference, HasSubstr("    two\n  and not:\n    one\n"));
}

TEST(RunPage, NoticesOutputThatThePageDoesNotHave) {
  EXPECT_THAT(console("$ echo two\n"), HasSubstr("shows something else"));
  EXPECT_THAT(console("$ echo two >&2\n"), HasSubstr("shows something else"));
  EXPECT_THAT(console("$ true\none\n"), HasSubstr("shows something else"));
}

TEST(RunPage, NoticesCommandsThatAreNotThere) {
  EXPECT_THAT(console("$ no-such-command\n...\n"), HasSubstr("line 2: it ends with status 127"));
}

TEST(RunPage, NoticesWordsThatTheProgramDoesNotKnow) {
  EXPECT_THAT(console("$ airtight issuer no-such-verb\n...\n"), HasSubstr("it ends with status 2"));
}

TEST(RunPage, NoticesCommandsThatFail) { EXPECT_THAT(console("$ false\n"), HasSubstr("it ends with status 1")); }

TEST(RunPage, WantsTheStatusThatIsShown) {
  EXPECT_EQ(console("$ false\n$ echo $?\n1\n"), "");
  EXPECT_THAT(console("$ false\n$ echo $?\n2\n"), HasSubstr("shows something else"));
}

TEST(RunPage, WantsStatusOneOfWhatSaysThatItIsRefused) {
  EXPECT_EQ(console("$ airtight keys list --store nowhere\nairtight: ...\n...\n"), "");
  EXPECT_THAT(console("$ echo airtight: no\nairtight: no\n"), HasSubstr("line 2: it ends with status 0"));
}

TEST(RunPage, RefusesAPageThatCannotBeRead) { EXPECT_THAT(console("$ true\n", "sh"), HasSubstr("a block 'sh'")); }

TEST(RunPage, KeepsVariablesAndFolders) { EXPECT_EQ(console("$ mkdir a; cd a; b=here\n$ basename $PWD; echo $b\na\nhere\n"), ""); }

TEST(RunPage, HasAnEmptyFolderAndNothingOfTheUser) {
  EXPECT_EQ(console("$ ls -A; ls -A ~\n$ echo $DISPLAY$AIRTIGHT_STORE$https_proxy\n\n"), "");
}

TEST(RunPage, TypesWhatIsAskedFor) {
  EXPECT_EQ(console("$ read -r -p 'Name: ' name; read -r -s -p 'PIN: ' pin; echo; echo $name $pin\nName: \u2039Jane\u203a\nPIN: "
                    "\u20397391\u203a\nJane 7391\n"),
            "");
  EXPECT_THAT(console("$ echo 'Title: '\nName: \u2039Jane\u203a\n"), HasSubstr("line 2: it does not ask 'Name: '"));
}

TEST(RunPage, PressesKeysThatEndAProgram) {
  EXPECT_EQ(console("$ dash -c 'printf \"Wait \"; exec cat'\nWait \u2039^\\\u203a\n$ echo $?\n131\n"), "");
}

TEST(RunPage, PutsLinesAtTheEndOfFiles) {
  EXPECT_EQ(run_page("```console\n$ echo one >file\n```\n```toml file\ntwo\n```\n```console\n$ cat file\none\n\ntwo\n```\n", kProgram)
                .value_or(""),
            "");
  EXPECT_THAT(run_page("```toml file\ntwo\n```\n", kProgram).value_or(""), HasSubstr("line 1: there is no file file"));
}

TEST(RunPage, GoesOnWhileAServerRuns) {
  const std::string server = "```console in another terminal\n$ echo ready; exec cat\nready\n```\n";
  EXPECT_EQ(run_page(server + "```console\n$ echo after\nafter\n```\n", kProgram).value_or(""), "");
}

TEST(RunPage, NoticesAServerThatEnds) {
  EXPECT_THAT(console("$ echo ready; sleep 0; false\nready to serve\n", "console in another terminal"), HasSubstr("it does not run on"));
}

TEST(RunPage, NoticesAnswersToAnIssuerOnAnotherPort) {
  const std::string page =
      "```console\n$ airtight issuer init bank >made 2>&1\n```\n"
      "```console in another terminal\n$ airtight issuer serve bank\n...\nlistening https://127.0.0.1:8443\n```\n"
      "```console\n$ airtight issuer url bank | cut -d / -f 1-3\nhttps://127.0.0.1:8443\n"
      "$ curl -sS --cacert bank/tls/ca.pem -o answer -w '%{http_code}\\n' https://127.0.0.1:8443/crl/none\n404\n```\n";
  EXPECT_EQ(run_page(page, kProgram).value_or(""), "");
}

}  // namespace
}  // namespace airtight::guide
