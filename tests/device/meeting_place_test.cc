// Where a daemon is found: where it says, as long as it is there to say so.
#include "device/meeting_place.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "tests/support/must.h"
#include "tests/support/seal_text.h"
#include "tests/support/temporary_folder.h"

namespace airtight::device {
namespace {

using storage::FileMode;
using tests::must;

class Meeting : public ::testing::Test {
 protected:
  Meeting() { std::filesystem::create_directory(store); }
  [[nodiscard]] unsigned mode() const {
    struct stat entry{};
    return ::stat((store / "daemon.socket").c_str(), &entry) == 0 ? entry.st_mode & 0777U : 0;
  }

  tests::TemporaryFolder folder;
  std::filesystem::path store = folder / "store";
  std::filesystem::path socket = folder / "elsewhere.sock";
};

TEST_F(Meeting, IsInTheFolderUnlessItIsNoted) { EXPECT_EQ(must(sks_socket_of(store)), store / kSksSocket); }

TEST_F(Meeting, IsWhereTheDaemonNotesAsLongAsItRuns) {
  {
    const MeetingPlace place = must(MeetingPlace::note(store, socket, FileMode::kPrivate));
    EXPECT_EQ(must(sks_socket_of(store)), socket);
    EXPECT_EQ(must(sks_socket_of(store)), socket) << "to look does not change it";
    EXPECT_EQ(mode(), 0600U);
  }
  EXPECT_EQ(must(sks_socket_of(store)), store / kSksSocket);
  EXPECT_FALSE(std::filesystem::exists(store / "daemon.socket"));
}

TEST_F(Meeting, IsNotWhereADaemonThatWasKilledNotedIt) {
  const pid_t daemon = ::fork();
  if (daemon == 0) {
    const auto place = MeetingPlace::note(store, socket, FileMode::kPrivate);
    ::kill(::getpid(), SIGKILL);
  }
  ::waitpid(daemon, nullptr, 0);
  ASSERT_EQ(tests::read_text(store / "daemon.socket"), socket.native());
  EXPECT_EQ(must(sks_socket_of(store)), store / kSksSocket);
  const MeetingPlace next = must(MeetingPlace::note(store, socket, FileMode::kPrivate));
  EXPECT_EQ(must(sks_socket_of(store)), socket);
}

TEST_F(Meeting, IsNotThatOfTheStoreThatAFolderIsACopyOf) {
  const MeetingPlace place = must(MeetingPlace::note(store, socket, FileMode::kPrivate));
  const std::filesystem::path copy = folder / "copy";
  std::filesystem::copy(store, copy);
  ASSERT_EQ(tests::read_text(copy / "daemon.socket"), socket.native());
  EXPECT_EQ(must(sks_socket_of(copy)), copy / kSksSocket);
}

TEST_F(Meeting, IsFoundByAnotherUserWhoMayOnlyPassThroughTheFolder) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can be two users";
  const MeetingPlace place = must(MeetingPlace::note(store, socket, FileMode::kPublic));
  EXPECT_EQ(mode(), 0644U);
  for (const std::filesystem::path& on_the_way : {folder.path(), store})
    std::filesystem::permissions(on_the_way, std::filesystem::perms(0711));
  const pid_t other = ::fork();
  if (other == 0) {
    if (::setresuid(12345, 12345, 12345) != 0) ::_exit(2);
    const auto found = sks_socket_of(store);
    ::_exit(found && *found == socket ? 0 : 1);
  }
  int status = 0;
  ::waitpid(other, &status, 0);
  EXPECT_EQ(status, 0);
}

TEST_F(Meeting, NeedsNoNoteWhereItIsInTheFolder) {
  tests::write_text(store / "daemon.socket", "of a daemon that was killed");
  const MeetingPlace place = must(MeetingPlace::note(store, store / kSksSocket, FileMode::kPrivate));
  EXPECT_FALSE(std::filesystem::exists(store / "daemon.socket"));
}

}  // namespace
}  // namespace airtight::device
