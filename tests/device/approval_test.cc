// Approvals by a program: what it is told, what its exit status means, and that one question does not wait for another.
#include "device/approval.h"

#include <gmock/gmock.h>

#include <fstream>
#include <iterator>
#include <thread>

#include "tests/support/must.h"
#include "tests/support/temporary_folder.h"

namespace airtight::device {
namespace {

using tests::must;

constexpr std::chrono::seconds kAMinute{60};

class Approval : public ::testing::Test {
 protected:
  void start(const std::string& command, std::chrono::milliseconds patience = kAMinute) {
    approver = must(ProgramApprover::start(command, patience));
  }
  [[nodiscard]] bool ask(sks::Handle key = 7) {
    return must(approver->approve(
        {.method = "signHashedData", .key = key, .key_id = "Key.1", .friendly_name = name, .issuer_uri = "https://issuer.example.com"}));
  }
  [[nodiscard]] std::string content_of(const std::string& file) const {
    std::ifstream in(folder / file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  // A named pipe: whoever opens it for reading waits until it is opened for writing.
  [[nodiscard]] std::string pipe(const std::string& file) const {
    EXPECT_EQ(std::system(("mkfifo " + (folder / file).native()).c_str()), 0);
    return folder / file;
  }

  tests::TemporaryFolder folder;
  std::string name = "My key";
  std::unique_ptr<ProgramApprover> approver;
};

TEST_F(Approval, IsExitStatusZero) {
  start("exit 0");
  EXPECT_TRUE(ask());
}

TEST_F(Approval, IsNoOtherExitStatus) {
  for (const char* command : {"exit 1", "exit 2", "kill -9 $$", "no-such-program-anywhere"}) {
    start(command);
    EXPECT_FALSE(ask()) << command;
  }
}

TEST_F(Approval, TellsWhatItIsAbout) {
  start("printf '%s|' \"$AIRTIGHT_METHOD\" \"$AIRTIGHT_KEY\" \"$AIRTIGHT_KEY_ID\" \"$AIRTIGHT_FRIENDLY_NAME\" \"$AIRTIGHT_ISSUER\" > " +
        (folder / "told").native());
  EXPECT_TRUE(ask());
  EXPECT_EQ(content_of("told"), "signHashedData|7|Key.1|My key|https://issuer.example.com|");
}

TEST_F(Approval, ShowsNoControlCharactersAndRunsNoNames) {
  name = std::string("a\nb\0c$(touch ", 13) + (folder / "touched").native() + ")";
  start("printf '%s' \"$AIRTIGHT_FRIENDLY_NAME\" > " + (folder / "told").native());
  EXPECT_TRUE(ask());
  EXPECT_EQ(content_of("told"), "a?b?c$(touch " + (folder / "touched").native() + ")");
  EXPECT_FALSE(std::filesystem::exists(folder / "touched"));
}

TEST_F(Approval, OfOneKeyDoesNotWaitForThatOfAnother) {
  const std::string gate = pipe("gate");
  start("test $AIRTIGHT_KEY = 2 || read line < " + gate);
  bool slow = false;
  std::thread first([&] { slow = ask(1); });
  EXPECT_TRUE(ask(2));
  std::ofstream(gate) << "go on\n";
  first.join();
  EXPECT_TRUE(slow);
}

TEST_F(Approval, IsRefusedToWhoTakesTooLong) {
  start("read line < " + pipe("gate"), std::chrono::milliseconds(50));
  EXPECT_FALSE(ask());
}

TEST_F(Approval, EndsWithAllThatWaitForIt) {
  const std::string gate = pipe("gate");
  const std::string begun = pipe("begun");
  start("echo > " + begun + "; read line < " + gate);
  bool answer = true;
  std::thread asker([&] { answer = ask(); });
  std::ifstream(begun).get();
  approver->refuse_all();
  asker.join();
  EXPECT_FALSE(answer);
  EXPECT_FALSE(ask()) << "and nobody is asked any more";
}

TEST_F(Approval, CanBeAskedForOftenAndAtOnce) {
  start("test $AIRTIGHT_KEY -lt 100");
  std::vector<std::thread> askers;
  for (sks::Handle caller = 0; caller < 8; ++caller) {
    askers.emplace_back([this, caller] {
      for (sks::Handle round = 0; round < 5; ++round) EXPECT_EQ(ask(caller % 2 == 0 ? round : 100 + round), caller % 2 == 0);
    });
  }
  for (std::thread& asker : askers) asker.join();
}

}  // namespace
}  // namespace airtight::device
