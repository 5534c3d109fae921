// Socket activation and notification, as systemd does them, in processes of their own: they are about the environment.
#include "device/service_manager.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <functional>
#include <vector>

#include "tests/device/sockets.h"
#include "tests/support/must.h"
#include "tests/support/temporary_folder.h"

namespace airtight::device {
namespace {

using namespace testing;
using tests::must;

class Activation : public ::testing::Test {
 protected:
  // Runs `check` in a process that has `sockets` from number 3 on, under `names`.
  static int in_activated_process(const std::vector<int>& sockets, const std::string& names, const std::function<bool()>& check) {
    const pid_t process = ::fork();
    if (process == 0) {
      std::vector<int> moved;
      for (const int socket : sockets) moved.push_back(::fcntl(socket, F_DUPFD, 100));
      for (std::size_t i = 0; i < moved.size(); ++i) ::dup2(moved[i], 3 + static_cast<int>(i));
      ::setenv("LISTEN_PID", std::to_string(::getpid()).c_str(), 1);
      ::setenv("LISTEN_FDS", std::to_string(sockets.size()).c_str(), 1);
      ::setenv("LISTEN_FDNAMES", names.c_str(), 1);
      ::_exit(check() ? 0 : 1);
    }
    int status = 0;
    ::waitpid(process, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

  tests::TemporaryFolder folder;
  Listener one = must(Listener::at(folder / "one.sock", 0600));
  Listener two = must(Listener::at(folder / "two.sock", 0600));
};

TEST_F(Activation, TakesSocketsByTheirNames) {
  EXPECT_EQ(in_activated_process({one.number(), two.number()}, "admin:sks",
                                 [this] {
                                   const auto sockets = must(take_inherited_sockets());
                                   return sockets.at("admin").path() == one.path() && sockets.at("sks").path() == two.path();
                                 }),
            0);
}

TEST_F(Activation, TakesASingleSocketForTheApi) {
  EXPECT_EQ(in_activated_process({one.number()}, "airtight-device@card.socket",
                                 [this] { return must(take_inherited_sockets()).at("sks").path() == one.path(); }),
            0);
}

TEST_F(Activation, LeavesNothingInTheEnvironment) {
  EXPECT_EQ(in_activated_process({one.number()}, "sks",
                                 [] {
                                   static_cast<void>(must(take_inherited_sockets()));
                                   return ::getenv("LISTEN_FDS") == nullptr && ::getenv("LISTEN_PID") == nullptr &&
                                          ::getenv("LISTEN_FDNAMES") == nullptr;
                                 }),
            0);
}

TEST_F(Activation, IsNotForAnotherProcess) {
  EXPECT_EQ(in_activated_process({one.number()}, "sks",
                                 [] {
                                   ::setenv("LISTEN_PID", "1", 1);
                                   return must(take_inherited_sockets()).empty();
                                 }),
            0);
}

TEST_F(Activation, RefusesNamesThatItDoesNotKnow) {
  EXPECT_EQ(in_activated_process({one.number(), two.number()}, "sks:http", [] { return !take_inherited_sockets(); }), 0);
  EXPECT_EQ(in_activated_process({one.number(), two.number()}, "sks:sks", [] { return !take_inherited_sockets(); }), 0);
}

TEST_F(Activation, RefusesWhatDoesNotListen) {
  const Pair pair = new_pair();
  EXPECT_EQ(in_activated_process({pair.ours.number()}, "sks", [] { return !take_inherited_sockets(); }), 0);
}

TEST(Notification, TellsTheManagersSocket) {
  const tests::TemporaryFolder folder;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = (folder / "notify").native();
  std::ranges::copy(path, address.sun_path);
  const Descriptor manager(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(::bind(manager.number(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  const pid_t process = ::fork();
  if (process == 0) {
    ::setenv("NOTIFY_SOCKET", path.c_str(), 1);
    ServiceManager::from_environment().tell("READY=1\n");
    ::_exit(::getenv("NOTIFY_SOCKET") == nullptr ? 0 : 1);
  }
  int status = 0;
  ::waitpid(process, &status, 0);
  EXPECT_EQ(status, 0);
  std::array<char, 64> told{};
  const ssize_t size = ::recv(manager.number(), told.data(), told.size(), MSG_DONTWAIT);
  EXPECT_EQ(std::string_view(told.data(), size < 0 ? 0 : static_cast<std::size_t>(size)), "READY=1\n");
}

TEST(Notification, WithoutAManagerTellsNobody) { ServiceManager::from_environment().tell("READY=1\n"); }

}  // namespace
}  // namespace airtight::device
