// Sockets by path: whose file it is, who may open it, and what a dead daemon leaves.
#include "device/unix_socket.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <fstream>

#include "tests/device/sockets.h"
#include "tests/support/must.h"
#include "tests/support/temporary_folder.h"

namespace airtight::device {
namespace {

using namespace testing;
using ::testing::HasSubstr;
using tests::must;

class UnixSocket : public ::testing::Test {
 protected:
  [[nodiscard]] mode_t mode() const {
    struct stat entry{};
    ::stat(path.c_str(), &entry);
    return entry.st_mode & 0777;
  }
  // As kill -9 leaves it: a file, and nobody behind it.
  void leave_behind() {
    {
      const Listener dead = must(Listener::at(path, 0600));
      std::filesystem::rename(path, folder / "kept");
    }
    std::filesystem::rename(folder / "kept", path);
  }

  tests::TemporaryFolder folder;
  std::filesystem::path path = folder / "a.sock";
};

TEST_F(UnixSocket, HasTheModeThatWasAskedForWhateverTheUmask) {
  const mode_t before = ::umask(0077);
  {
    const Listener open_to_all = must(Listener::at(path, 0666));
    EXPECT_EQ(mode(), 0666U);
  }
  ::umask(0);
  {
    const Listener open_to_owner = must(Listener::at(path, 0600));
    EXPECT_EQ(mode(), 0600U);
  }
  ::umask(before);
}

TEST_F(UnixSocket, LeavesNoFile) {
  {
    const Listener listener = must(Listener::at(path, 0600));
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(UnixSocket, ReplacesWhatADeadProcessLeft) {
  leave_behind();
  ASSERT_EQ(connect_to(path).error().fault, Fault::kNotFound);
  const Listener listener = must(Listener::at(path, 0600));
  EXPECT_TRUE(connect_to(path));
}

TEST_F(UnixSocket, DoesNotReplaceALivingOne) {
  const Listener living = must(Listener::at(path, 0600));
  const auto second = Listener::at(path, 0600);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().fault, Fault::kUnavailable);
  EXPECT_THAT(second.error().message, HasSubstr("another process listens"));
}

TEST_F(UnixSocket, DoesNotReplaceAFile) {
  std::ofstream(path) << "something dear";
  const auto listener = Listener::at(path, 0600);
  ASSERT_FALSE(listener);
  EXPECT_EQ(listener.error().fault, Fault::kRefused);
  EXPECT_TRUE(std::filesystem::exists(path));
}

TEST_F(UnixSocket, MayHaveAPathThatIsLongerThanAnAddress) {
  path = folder.path();
  for (int i = 0; i < 4; ++i) path /= std::string(60, 'd');
  std::filesystem::create_directories(path);
  path /= "a.sock";
  {
    const Listener listener = must(Listener::at(path, 0600));
    EXPECT_EQ(mode(), 0600U);
    EXPECT_TRUE(connect_to(path));
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(UnixSocket, WithATooLongNameIsRefusedWithAWayOut) {
  const auto listener = Listener::at(folder / std::string(120, 'n'), 0600);
  ASSERT_FALSE(listener);
  EXPECT_THAT(listener.error().hint, HasSubstr("--socket"));
}

TEST_F(UnixSocket, KnowsItsPeer) {
  const Pair pair = new_pair();
  const Peer peer = must(peer_of(pair.ours.number()));
  EXPECT_EQ(peer.process, ::getpid());
  EXPECT_EQ(peer.user, ::geteuid());
  EXPECT_THAT(peer.groups, ::testing::Contains(::getegid()));
}

TEST_F(UnixSocket, ThatDoesNotListenIsNotTakenOver) {
  Pair pair = new_pair();
  const auto listener = Listener::inherited(std::move(pair.ours));
  ASSERT_FALSE(listener);
  EXPECT_EQ(listener.error().fault, Fault::kBadInput);
}

TEST_F(UnixSocket, ThatWasHandedOverKeepsItsFile) {
  Listener made = must(Listener::at(path, 0600));
  {
    const Listener inherited = must(Listener::inherited(Descriptor(::dup(made.number()))));
    EXPECT_EQ(inherited.path(), path);
  }
  EXPECT_TRUE(std::filesystem::exists(path));
}

}  // namespace
}  // namespace airtight::device
