// A server of frames: its callers do not wait for each other, there are only so many, and it ends without losing an answer.
#include "device/socket_server.h"

#include <gmock/gmock.h>
#include <sys/wait.h>

#include <thread>

#include "device/socket_channel.h"
#include "tests/device/sockets.h"
#include "tests/support/must.h"
#include "tests/support/temporary_folder.h"

namespace airtight::device {
namespace {

using namespace testing;
using tests::must;

constexpr uid_t kDaemon = 1000;
constexpr uid_t kStranger = 1001;

TEST(Peers, AreTheServersUserAndRoot) {
  EXPECT_TRUE(may_connect({.process = 1, .user = kDaemon, .groups = {}}, kDaemon, {}));
  EXPECT_TRUE(may_connect({.process = 1, .user = 0, .groups = {}}, kDaemon, {}));
  EXPECT_FALSE(may_connect({.process = 1, .user = kStranger, .groups = {kDaemon, 0}}, kDaemon, {}));
}

TEST(Peers, AreUsersWhoAreNamed) {
  EXPECT_TRUE(may_connect({.process = 1, .user = kStranger, .groups = {}}, kDaemon, {.users = {7, kStranger}, .groups = {}}));
  EXPECT_FALSE(may_connect({.process = 1, .user = kStranger, .groups = {}}, kDaemon, {.users = {7}, .groups = {kStranger}}));
}

TEST(Peers, AreMembersOfGroupsThatAreNamed) {
  EXPECT_TRUE(may_connect({.process = 1, .user = kStranger, .groups = {5, 6}}, kDaemon, {.users = {}, .groups = {6, 7}}));
  EXPECT_FALSE(may_connect({.process = 1, .user = kStranger, .groups = {5, 6}}, kDaemon, {.users = {6}, .groups = {7}}));
}

class Server : public ::testing::Test {
 protected:
  void start(const ServerLimits& limits = {}) {
    server = must(SocketServer::start(must(Listener::at(path, 0600)), "test", {}, limits, handler, log));
  }
  [[nodiscard]] std::unique_ptr<SocketChannel> connect() { return must(SocketChannel::connect(path)); }
  // A caller has its answer a moment before its connection stands idle.
  void wait_until_all_stand_idle() const {
    while (server->counts().busy != 0) std::this_thread::yield();
  }
  [[nodiscard]] static std::string call(SocketChannel& channel, std::string_view request) {
    return text(must(channel.call(secret(request))));
  }

  tests::TemporaryFolder folder;
  std::filesystem::path path = folder / "test.sock";
  Log log = Log::silent();
  TestHandler handler;
  std::unique_ptr<SocketServer> server;
};

TEST_F(Server, AnswersRequests) {
  start();
  const auto channel = connect();
  EXPECT_EQ(call(*channel, "a"), "<a>");
  EXPECT_EQ(call(*channel, "b"), "<b>");
}

TEST_F(Server, AnswersTheRequestsOfOneConnectionInOrder) {
  start();
  const Descriptor raw = must(connect_to(path));
  send_bytes(raw, frame("1") + frame("2") + frame("3"));
  ::shutdown(raw.number(), SHUT_WR);
  EXPECT_EQ(read_to_end(raw), frame("<1>") + frame("<2>") + frame("<3>"));
}

TEST_F(Server, HoldsUpNobodyForASlowCall) {
  start();
  const auto slow = connect();
  std::string answer;
  std::thread slow_caller([&] { answer = call(*slow, "wait"); });
  handler.waiting.wait();
  EXPECT_EQ(call(*connect(), "quick"), "<quick>");
  handler.go_on.open();
  slow_caller.join();
  EXPECT_EQ(answer, "<wait>");
}

TEST_F(Server, AnswersAFrameThatIsTooLongAndEndsTheConnection) {
  start();
  const Descriptor raw = must(connect_to(path));
  send_bytes(raw, to_text(big_endian(kMaxFrame + 1, 4)));
  EXPECT_EQ(read_to_end(raw), frame("too long"));
}

TEST_F(Server, ClosesTheConnectionOfAPeerThatIsTooSlow) {
  start({.patience = std::chrono::milliseconds(1)});
  const Descriptor raw = must(connect_to(path));
  send_bytes(raw, frame("hello").substr(0, 6));
  EXPECT_EQ(read_to_end(raw), "");
}

TEST_F(Server, GoesOnAfterAPeerThatLeftInAFrame) {
  start();
  send_bytes(must(connect_to(path)), frame("hello").substr(0, 6));
  EXPECT_EQ(call(*connect(), "a"), "<a>");
}

TEST_F(Server, GoesOnAfterAPeerThatDoesNotWaitForItsAnswer) {
  start();
  send_bytes(must(connect_to(path)), frame("hello"));
  EXPECT_EQ(call(*connect(), "a"), "<a>");
}

TEST_F(Server, EndsOnlyTheConnectionOfACallThatMetABug) {
  start();
  EXPECT_FALSE(connect()->call(secret("throw")));
  EXPECT_EQ(call(*connect(), "a"), "<a>");
}

TEST_F(Server, TurnsAwayAStranger) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can be two users";
  std::filesystem::permissions(folder.path(), std::filesystem::perms::all);
  server = must(SocketServer::start(must(Listener::at(path, 0666)), "test", {}, {}, handler, log));
  const pid_t process = ::fork();
  if (process == 0) {
    if (::setresuid(kStranger, kStranger, kStranger) != 0) ::_exit(2);
    const Result<Descriptor> connection = connect_to(path);
    ::_exit(connection && read_to_end(*connection).empty() ? 0 : 1);
  }
  int status = 0;
  ::waitpid(process, &status, 0);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(server->counts().refused, 1U);
}

TEST_F(Server, MakesRoomByClosingWhatHasBeenIdleForLongest) {
  start({.connections = 2});
  const Descriptor first = must(connect_to(path));
  send_bytes(first, frame("a"));
  std::array<char, 7> answer{};
  ASSERT_EQ(::recv(first.number(), answer.data(), answer.size(), MSG_WAITALL), 7);
  wait_until_all_stand_idle();
  const auto second = connect();
  EXPECT_EQ(call(*second, "b"), "<b>");
  const auto third = connect();
  EXPECT_EQ(call(*third, "c"), "<c>");
  EXPECT_EQ(read_to_end(first), "") << "the first is closed";
  EXPECT_EQ(call(*second, "b"), "<b>") << "the second is not";
  EXPECT_EQ(server->counts().closed_idle, 1U);
}

TEST_F(Server, RefusesAConnectionWhenAllAreBusy) {
  start({.connections = 1});
  const auto busy = connect();
  std::thread caller([&] { static_cast<void>(busy->call(secret("wait"))); });
  handler.waiting.wait();
  const Descriptor refused = must(connect_to(path));
  EXPECT_EQ(read_to_end(refused), "");
  EXPECT_EQ(server->counts().refused, 1U);
  handler.go_on.open();
  caller.join();
}

TEST_F(Server, LimitsTheConnectionsOfOneUser) {
  start({.connections = 10, .connections_a_user = 1});
  const Descriptor first = must(connect_to(path));
  const auto second = connect();
  EXPECT_EQ(call(*second, "b"), "<b>");
  EXPECT_EQ(read_to_end(first), "");
}

TEST_F(Server, ServesMoreCallersThanItHasRoomForAsLongAsTheyTakeTurns) {
  start({.connections = 3});
  std::vector<std::unique_ptr<SocketChannel>> channels;
  for (int i = 0; i < 10; ++i) {
    channels.push_back(connect());
    EXPECT_EQ(call(*channels.back(), "a"), "<a>");
  }
  for (const auto& channel : channels) EXPECT_EQ(call(*channel, "b"), "<b>");
}

TEST_F(Server, AnswersManyAtOnce) {
  start();
  std::vector<std::thread> callers;
  for (int i = 0; i < 64; ++i) {
    callers.emplace_back([this, i] {
      const auto channel = connect();
      const std::string request = "caller " + std::to_string(i);
      for (int round = 0; round < 20; ++round) EXPECT_EQ(call(*channel, request), "<" + request + ">");
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(server->counts().requests, 64U * 20U);
}

TEST_F(Server, FinishesCallsThatRunWhenItStops) {
  start();
  const auto channel = connect();
  std::string answer;
  std::thread caller([&] { answer = call(*channel, "wait"); });
  handler.waiting.wait();
  std::thread stopper([&] { server->stop(); });
  handler.go_on.open();
  stopper.join();
  caller.join();
  EXPECT_EQ(answer, "<wait>");
}

TEST_F(Server, ThatClosesRefusesNewConnectionsAtOnceWhileACallRuns) {
  start();
  const auto channel = connect();
  std::string answer;
  std::thread caller([&] { answer = call(*channel, "wait"); });
  handler.waiting.wait();
  server->close();
  const auto late = SocketChannel::connect(path);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().fault, Fault::kNotFound);
  handler.go_on.open();
  server->stop();
  caller.join();
  EXPECT_EQ(answer, "<wait>");
}

TEST_F(Server, ThatHasStoppedTakesNoMoreCalls) {
  start();
  const auto channel = connect();
  EXPECT_EQ(call(*channel, "a"), "<a>");
  server.reset();
  const auto answer = channel->call(secret("b"));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().fault, Fault::kNotFound);
  EXPECT_FALSE(std::filesystem::exists(path));
}

}  // namespace
}  // namespace airtight::device
