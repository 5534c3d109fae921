// Frames: whole, in pieces, several at once, cut, too long, too slow.
#include "device/frames.h"

#include <gmock/gmock.h>

#include <thread>

#include "tests/device/sockets.h"
#include "tests/support/must.h"

namespace airtight::device {
namespace {

using namespace testing;
using ::testing::HasSubstr;
using tests::must;

constexpr std::chrono::milliseconds kNoPatience{1};

class Frames : public ::testing::Test {
 protected:
  [[nodiscard]] std::string next() { return text(must(reader.next()).value()); }

  Pair pair = new_pair();
  FrameReader reader{pair.ours.number()};
};

TEST_F(Frames, AreALengthAndABody) {
  EXPECT_TRUE(send_frame(pair.ours.number(), secret("hello")).done);
  ::shutdown(pair.ours.number(), SHUT_WR);
  EXPECT_EQ(read_to_end(pair.theirs), std::string("\0\0\0\5hello", 9));
}

TEST_F(Frames, AreReadAsTheyWereSent) {
  send_bytes(pair.theirs, frame("hello"));
  EXPECT_EQ(next(), "hello");
}

TEST_F(Frames, MayBeEmpty) {
  send_bytes(pair.theirs, frame("") + frame("x"));
  EXPECT_EQ(next(), "");
  EXPECT_EQ(next(), "x");
}

TEST_F(Frames, ThatComeTogetherAreReadOneByOne) {
  send_bytes(pair.theirs, frame("one") + frame("two") + frame("three"));
  EXPECT_EQ(next(), "one");
  EXPECT_EQ(next(), "two");
  EXPECT_EQ(next(), "three");
}

TEST_F(Frames, MayComeByteByByte) {
  const std::string bytes = frame("slowly") + frame("but surely");
  std::thread sender([&] {
    for (const char c : bytes) send_bytes(pair.theirs, std::string_view(&c, 1));
  });
  EXPECT_EQ(next(), "slowly");
  EXPECT_EQ(next(), "but surely");
  sender.join();
}

TEST_F(Frames, OfEverySizeUpToOneMebibytePass) {
  for (const std::size_t size :
       {std::size_t{4091}, std::size_t{4092}, std::size_t{4093}, std::size_t{16384}, std::size_t{70000}, kMaxFrame}) {
    const std::string body(size, 'b');
    std::thread sender([&] { EXPECT_TRUE(send_frame(pair.theirs.number(), secret(body)).done); });
    EXPECT_EQ(next(), body);
    sender.join();
  }
}

TEST_F(Frames, AfterALongOneAreReadToo) {
  const std::string body(100000, 'b');
  std::thread sender([&] { send_bytes(pair.theirs, frame(body) + frame("next")); });
  EXPECT_EQ(next(), body);
  EXPECT_EQ(next(), "next");
  sender.join();
}

TEST_F(Frames, LongerThanOneMebibyteAreRefusedByTheirLength) {
  send_bytes(pair.theirs, to_text(big_endian(kMaxFrame + 1, 4)));
  const auto read = reader.next();
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().fault, Fault::kBadInput);
}

TEST_F(Frames, EndWhereTheStreamEnds) {
  send_bytes(pair.theirs, frame("last"));
  ::shutdown(pair.theirs.number(), SHUT_WR);
  EXPECT_EQ(next(), "last");
  EXPECT_FALSE(must(reader.next()).has_value());
}

TEST_F(Frames, CutAnywhereAreAnError) {
  const std::string whole = frame("hello");
  for (std::size_t size = 1; size < whole.size(); ++size) {
    Pair cut = new_pair();
    send_bytes(cut.theirs, whole.substr(0, size));
    ::shutdown(cut.theirs.number(), SHUT_WR);
    const auto read = FrameReader(cut.ours.number()).next();
    ASSERT_FALSE(read) << size;
    EXPECT_EQ(read.error().fault, Fault::kUnavailable);
  }
}

TEST_F(Frames, CutInALongBodyAreAnError) {
  std::thread sender([&] {
    send_bytes(pair.theirs, to_text(big_endian(kMaxFrame, 4)) + std::string(20000, 'b'));
    ::shutdown(pair.theirs.number(), SHUT_WR);
  });
  EXPECT_FALSE(reader.next());
  sender.join();
}

TEST_F(Frames, ThatAreBegunHaveToBeFinishedInTime) {
  for (const std::string& begun : {std::string("\0", 1), frame("hello").substr(0, 7), to_text(big_endian(kMaxFrame, 4)) + "b"}) {
    Pair slow = new_pair();
    send_bytes(slow.theirs, begun);
    const auto read = FrameReader(slow.ours.number(), kNoPatience).next();
    ASSERT_FALSE(read);
    EXPECT_THAT(read.error().message, HasSubstr("in time"));
  }
}

TEST_F(Frames, ThatNobodyTakesAreGivenUp) {
  const SendOutcome sent = send_frame(pair.ours.number(), SecretBytes(kMaxFrame), kNoPatience);
  EXPECT_FALSE(sent.done);
  EXPECT_TRUE(sent.begun);
  EXPECT_EQ(sent.reason, ETIMEDOUT);
}

TEST_F(Frames, ToSomebodyWhoIsGoneAreNotEvenBegun) {
  pair.theirs = Descriptor();
  const SendOutcome sent = send_frame(pair.ours.number(), secret("hello"));
  EXPECT_FALSE(sent.done);
  EXPECT_FALSE(sent.begun);
  EXPECT_EQ(sent.reason, EPIPE);
}

}  // namespace
}  // namespace airtight::device
