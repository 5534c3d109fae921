// Session trees as values: look-ups, changed copies, and what moves and goes with a key.
#include "sks/state.h"

#include <gtest/gtest.h>

namespace airtight::sks {
namespace {

Key key(Handle handle, std::uint64_t pin = 0) {
  Key out;
  out.handle = handle;
  out.pin = pin;
  return out;
}
Pin pin(std::uint64_t id) {
  Pin out;
  out.id = id;
  return out;
}
std::vector<Handle> handles(const SessionTree& tree) {
  std::vector<Handle> out;
  for (const auto& one : tree.keys) out.push_back(one->handle);
  return out;
}

TEST(SessionTree, FindsWhatItHasAndNothingElse) {
  SessionTree tree;
  tree.add(key(3));
  tree.add(pin(5));
  EXPECT_EQ(tree.key(3)->handle, 3U);
  EXPECT_EQ(tree.key(2), nullptr);
  EXPECT_EQ(tree.key(4), nullptr);
  EXPECT_EQ(tree.pin(5)->id, 5U);
  EXPECT_EQ(tree.pin(0), nullptr);
  EXPECT_EQ(tree.pin_policy(3), nullptr);
  EXPECT_EQ(tree.puk_policy(0), nullptr);
}

TEST(SessionTree, KeepsItsObjectsInOrder) {
  SessionTree tree;
  for (const Handle handle : {7U, 2U, 5U}) tree.add(key(handle));
  EXPECT_EQ(handles(tree), (std::vector<Handle>{2, 5, 7}));
}

TEST(SessionTree, AChangedElementIsANewObject) {
  SessionTree before;
  before.add(key(1));
  before.add(key(2));
  SessionTree after = before;
  after.change_key(1).friendly_name = "new";
  EXPECT_EQ(before.key(1)->friendly_name, "");
  EXPECT_EQ(after.key(1)->friendly_name, "new");
  EXPECT_NE(before.keys[0], after.keys[0]);
  EXPECT_EQ(before.keys[1], after.keys[1]) << "the rest is shared";
}

TEST(SessionTree, AKeyTakesItsPinAlongUnlessAnotherHasItToo) {
  SessionTree tree;
  tree.add(pin(9));
  tree.add(key(1, 9));
  tree.add(key(2, 9));
  tree.remove_key(1);
  EXPECT_NE(tree.pin(9), nullptr);
  tree.remove_key(2);
  EXPECT_EQ(tree.pin(9), nullptr);
  tree.remove_key(2);
  EXPECT_TRUE(tree.keys.empty());
}

TEST(SessionTree, TakesOverObjectsAsTheyAreAndInOrder) {
  SessionTree one;
  one.add(key(1));
  one.add(key(4));
  SessionTree other;
  other.add(key(2));
  other.add(pin(3));
  one.take_objects_of(other);
  EXPECT_EQ(handles(one), (std::vector<Handle>{1, 2, 4}));
  EXPECT_EQ(one.keys[1], other.keys[0]);
  EXPECT_EQ(one.pins, other.pins);
}

}  // namespace
}  // namespace airtight::sks
