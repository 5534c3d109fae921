// Pinentry programs: what they are asked, what they answer, and what becomes of a bad one.
#include "cli/pinentry.h"

#include <gmock/gmock.h>

#include <cstdlib>
#include <string>
#include <utility>

#include "storage/files.h"
#include "tests/support/must.h"
#include "tests/support/temporary_folder.h"

namespace airtight::cli {
namespace {

using ::testing::HasSubstr;
using tests::must;

// A pinentry of a few lines of shell, which notes what it is asked and answers as a test says.
class PinentryProgram : public ::testing::Test {
 protected:
  // `answers` are shell commands for GETPIN, CONFIRM and SETREPEAT.
  Pinentry program(const std::string& getpin, const std::string& confirm = "echo OK", const std::string& set_repeat = "echo OK",
                   const std::string& greeting = "echo OK ready") {
    const std::string script = "#!/bin/sh\n" + greeting + "\nwhile read -r line; do\n  echo \"$line\" >> '" + log() +
                               "'\n  case \"$line\" in\n    GETPIN) " + getpin + " ;;\n    CONFIRM*) " + confirm +
                               " ;;\n    SETREPEAT\\ *) " + set_repeat + " ;;\n    *) echo OK ;;\n  esac\ndone\n";
    must(storage::write_file(path(), bytes_of(script), storage::FileMode::kPrivate));
    std::filesystem::permissions(path(), std::filesystem::perms::owner_all);
    return *Pinentry::find(path());
  }
  std::string path() const { return folder / "pinentry"; }
  std::string log() const { return folder / "log"; }
  std::string asked() { return to_text(must(storage::read_file(log(), 1U << 16))); }
  static std::string text(Result<SecretBytes> secret) { return to_text(must(std::move(secret)).expose_secret()); }

  tests::TemporaryFolder folder;
};

TEST_F(PinentryProgram, GivesThePin) {
  EXPECT_EQ(text(program("echo 'D 7391'; echo OK").ask({.description = "PIN of Key.1", .prompt = "PIN"})), "7391");
  EXPECT_THAT(asked(), HasSubstr("SETDESC PIN of Key.1\n"));
  EXPECT_THAT(asked(), HasSubstr("SETPROMPT PIN:\n"));
}

TEST_F(PinentryProgram, EscapesWhatItSends) {
  EXPECT_EQ(text(program("echo 'D a%25b%0Ac'; echo 'D d'; echo OK").ask({.description = "x", .prompt = "PIN"})), "a%b\ncd");
}

TEST_F(PinentryProgram, IsAskedInOneLine) {
  must(program("echo OK").ask({.description = "100 %\nsure", .prompt = "PIN"}));
  EXPECT_THAT(asked(), HasSubstr("SETDESC 100 %25%0Asure\n"));
}

TEST_F(PinentryProgram, MayGiveAnEmptyPin) { EXPECT_EQ(text(program("echo OK").ask({.description = "x", .prompt = "PIN"})), ""); }

TEST_F(PinentryProgram, MaySayMoreThanItIsAsked) {
  EXPECT_EQ(text(program("echo 'S PIN_REPEATED'; echo '# a word'; echo 'D 1'; echo OK").ask({.description = "x", .prompt = "PIN"})), "1");
}

TEST_F(PinentryProgram, RepeatsANewPinByItself) {
  EXPECT_EQ(text(program("echo 'D 7391'; echo OK").ask({.description = "x", .prompt = "PIN", .is_new = true})), "7391");
  EXPECT_THAT(asked(), HasSubstr("SETREPEAT Again:\n"));
}

TEST_F(PinentryProgram, IsAskedTwiceIfItCannotRepeat) {
  const std::string differing = "n=$((n+1)); case $n in 1) echo 'D 1';; 2) echo 'D 2';; *) echo 'D 3';; esac; echo OK";
  auto pin = program(differing, "echo OK", "echo 'ERR 536871187 Unknown'").ask({.description = "x", .prompt = "PIN", .is_new = true});
  EXPECT_EQ(text(std::move(pin)), "3");
  EXPECT_THAT(asked(), HasSubstr("These two differ"));
}

TEST_F(PinentryProgram, IsToldWhyItIsAskedAgain) {
  must(program("echo OK").ask({.description = "x", .prompt = "PIN", .again_because = "too short"}));
  EXPECT_THAT(asked(), HasSubstr("SETERROR too short\n"));
}

TEST_F(PinentryProgram, CanBeCancelled) {
  const auto pin = program("echo 'ERR 83886179 Operation cancelled <Pinentry>'").ask({.description = "x", .prompt = "PIN"});
  EXPECT_EQ(pin.error().fault, Fault::kRefused);
}

TEST_F(PinentryProgram, ConfirmsOrDoesNot) {
  EXPECT_TRUE(must(program("echo OK").confirm("Do you want this?")));
  EXPECT_FALSE(must(program("echo OK", "echo 'ERR 83886194 Not confirmed'").confirm("Do you want this?")));
  EXPECT_FALSE(must(program("echo OK", "echo 'ERR 83886179 Cancelled'").confirm("Do you want this?")));
}

TEST_F(PinentryProgram, ThatFailsSaysWhy) {
  const auto pin = program("echo 'ERR 83886340 No display'").ask({.description = "x", .prompt = "PIN"});
  EXPECT_EQ(pin.error().fault, Fault::kUnavailable);
  EXPECT_THAT(pin.error().message, HasSubstr("No display"));
  EXPECT_THAT(pin.error().hint, HasSubstr("--pinentry none"));
}

TEST_F(PinentryProgram, ThatIsNotThereSaysSo) {
  EXPECT_EQ(Pinentry::find("/nonexistent/pinentry")->ask({.description = "x", .prompt = "PIN"}).error().fault, Fault::kUnavailable);
}

TEST_F(PinentryProgram, ThatEndsInTheMiddleIsAnError) {
  EXPECT_THAT(program("exit 0").ask({.description = "x", .prompt = "PIN"}).error().message, HasSubstr("has ended"));
}

TEST_F(PinentryProgram, ThatIsNoPinentryIsAnError) {
  EXPECT_FALSE(program("echo OK", "echo OK", "echo OK", "head -c 5000 /dev/zero | tr '\\0' x").ask({.description = "x", .prompt = "PIN"}));
  EXPECT_FALSE(program("echo 'D %zz'; echo OK").ask({.description = "x", .prompt = "PIN"}));
  EXPECT_FALSE(program("echo 'INQUIRE what'").ask({.description = "x", .prompt = "PIN"}));
}

TEST_F(PinentryProgram, IsFoundOnPathWhereThereIsADisplay) {
  static_cast<void>(program("echo OK"));
  const std::string path_before = std::getenv("PATH");
  ::setenv("PATH", folder.path().c_str(), 1);
  ::setenv("WAYLAND_DISPLAY", "wayland-0", 1);
  EXPECT_TRUE(Pinentry::find(""));
  EXPECT_FALSE(Pinentry::find("none"));
  ::unsetenv("WAYLAND_DISPLAY");
  ::unsetenv("DISPLAY");
  EXPECT_FALSE(Pinentry::find(""));
  ::setenv("PATH", path_before.c_str(), 1);
}

}  // namespace
}  // namespace airtight::cli
