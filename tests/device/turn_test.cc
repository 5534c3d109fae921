// Turns at a key store: one at a time, for all who come to it, and given back by the dead.
#include "device/turn.h"

#include <gtest/gtest.h>

#include <optional>
#include <thread>

#include "device/meeting_place.h"
#include "device/unix_socket.h"
#include "tests/support/child_process.h"
#include "tests/support/must.h"
#include "tests/support/temporary_folder.h"

namespace airtight::device {
namespace {

using std::chrono::milliseconds;
using tests::must;

TEST(Turn, IsOneAtATime) {
  const tests::TemporaryFolder folder;
  {
    const Turn turn = must(Turn::take(folder.path(), {}));
    const auto second = Turn::take(folder.path(), milliseconds(20));
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().fault, Fault::kUnavailable);
  }
  EXPECT_TRUE(Turn::take(folder.path(), {}));
}

TEST(Turn, IsWaitedFor) {
  const tests::TemporaryFolder folder;
  std::optional<Turn> turn = must(Turn::take(folder.path(), {}));
  std::jthread other([&] { EXPECT_TRUE(Turn::take(folder.path(), std::chrono::seconds(60))); });
  turn.reset();
}

TEST(Turn, IsTheSameThroughASocketAndThroughTheNoteOfIt) {
  const tests::TemporaryFolder store;
  const tests::TemporaryFolder elsewhere;
  const Listener listener = must(Listener::at(elsewhere / "a.sock", 0600));
  const MeetingPlace note = must(MeetingPlace::note(store.path(), elsewhere / "a.sock", storage::FileMode::kPrivate));
  const Turn turn = must(Turn::take(store.path(), {}));
  EXPECT_FALSE(Turn::take(elsewhere / "a.sock", {}));
  std::filesystem::create_symlink(elsewhere / "a.sock", store / "link");
  EXPECT_FALSE(Turn::take(store / "link", {})) << "by another name";
}

TEST(Turn, AtAnotherStoreIsAnother) {
  const tests::TemporaryFolder one;
  const tests::TemporaryFolder other;
  const Turn turn = must(Turn::take(one.path(), {}));
  EXPECT_TRUE(Turn::take(other.path(), {}));
}

TEST(Turn, OfADeadProcessIsFree) {
  const tests::TemporaryFolder folder;
  tests::ChildProcess child([&](const std::function<void()>& ready) -> int {
    const auto turn = Turn::take(folder.path(), {});
    if (turn) ready();
    tests::wait_to_be_killed();
  });
  ASSERT_TRUE(child.wait_until_ready());
  EXPECT_FALSE(Turn::take(folder.path(), {}));
  child.kill();
  EXPECT_TRUE(Turn::take(folder.path(), {}));
}

TEST(Turn, NeedsAFolder) {
  const tests::TemporaryFolder folder;
  const auto turn = Turn::take(folder / "nothing", {});
  ASSERT_FALSE(turn);
  EXPECT_EQ(turn.error().fault, Fault::kNotFound);
}

}  // namespace
}  // namespace airtight::device
