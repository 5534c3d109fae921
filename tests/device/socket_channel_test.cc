// The caller's side: what a broken connection means for a call.
#include "device/socket_channel.h"

#include <gmock/gmock.h>

#include <thread>

#include "device/unix_socket.h"
#include "tests/device/sockets.h"
#include "tests/support/must.h"
#include "tests/support/temporary_folder.h"

namespace airtight::device {
namespace {

using namespace testing;
using ::testing::HasSubstr;
using tests::must;

class Channel : public ::testing::Test {
 protected:
  // The daemon's end of the next connection.
  [[nodiscard]] Descriptor accept() { return Descriptor(::accept(listener.number(), nullptr, nullptr)); }
  // Answers one request of `connection` by `answer`.
  static void serve_one(const Descriptor& connection, std::string_view answer) {
    static_cast<void>(must(FrameReader(connection.number()).next()).value());
    send_bytes(connection, answer);
  }

  tests::TemporaryFolder folder;
  Listener listener = must(Listener::at(folder / "test.sock", 0600));
  std::unique_ptr<SocketChannel> channel = must(SocketChannel::connect(folder / "test.sock"));
};

TEST_F(Channel, ThatWasClosedBetweenCallsConnectsAgain) {
  static_cast<void>(accept());  // and closes at once
  std::thread daemon([&] { serve_one(accept(), frame("yes")); });
  EXPECT_EQ(text(must(channel->call(secret("well?")))), "yes");
  daemon.join();
}

TEST_F(Channel, ThatBreaksInACallSaysThatItsOutcomeIsUnknown) {
  std::thread daemon([&] { serve_one(accept(), ""); });
  const auto answer = channel->call(secret("well?"));
  daemon.join();
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().fault, Fault::kUnavailable);
  EXPECT_THAT(answer.error().message, HasSubstr("whether the call took effect is unknown"));
}

TEST_F(Channel, ThatBreaksInAnAnswerSaysThatItsOutcomeIsUnknown) {
  std::thread daemon([&] { serve_one(accept(), frame("yes").substr(0, 5)); });
  const auto answer = channel->call(secret("well?"));
  daemon.join();
  ASSERT_FALSE(answer);
  EXPECT_THAT(answer.error().message, HasSubstr("unknown"));
}

TEST_F(Channel, ThatBrokeConnectsAgainForTheNextCall) {
  std::thread daemon([&] {
    serve_one(accept(), "");
    serve_one(accept(), frame("yes"));
  });
  EXPECT_FALSE(channel->call(secret("well?")));
  EXPECT_EQ(text(must(channel->call(secret("well?")))), "yes");
  daemon.join();
}

TEST_F(Channel, DoesNotSendWhatIsTooLong) {
  const auto answer = channel->call(SecretBytes(kMaxFrame + 1));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().fault, Fault::kBadInput);
}

TEST_F(Channel, WithoutADaemonIsNotFound) {
  const auto nobody = SocketChannel::connect(folder / "nobody.sock");
  ASSERT_FALSE(nobody);
  EXPECT_EQ(nobody.error().fault, Fault::kNotFound);
}

}  // namespace
}  // namespace airtight::device
