// What a confined process can and cannot do, tried in processes of their own.
#include "device/confinement.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <fstream>
#include <functional>
#include <memory>
#include <thread>

#include "crypto/key.h"
#include "crypto/random.h"
#include "storage/database.h"
#include "tests/device/sockets.h"
#include "tests/support/must.h"
#include "tests/support/temporary_folder.h"

namespace airtight::device {
namespace {

using namespace testing;
using tests::must;

// The wait status of a confined process that does `work` and then exits with 0.
int status_after(const std::function<void()>& work, Connections connections = Connections::kNone) {
  const pid_t process = ::fork();
  if (process == 0) {
    ::alarm(60);
    keep_secrets_in_memory();
    if (!confine(connections)) ::_exit(2);
    work();
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(process, &status, 0);
  return status;
}
bool dies_of(const std::function<void()>& work) {
  const int status = status_after(work);
  return WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS;
}
bool survives(const std::function<void()>& work, Connections connections = Connections::kNone) {
  const int status = status_after(work, connections);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

TEST(Confinement, StartsNoProgram) {
  EXPECT_TRUE(dies_of([] { ::execl("/bin/true", "true", nullptr); }));
}

TEST(Confinement, StartsNoProcess) {
#ifdef AIRTIGHT_SANITIZED
  GTEST_SKIP() << "the leak checker starts one";
#endif
  EXPECT_TRUE(dies_of([] {
    if (::fork() == 0) ::_exit(0);
  }));
}

TEST(Confinement, MakesNoSocket) {
  EXPECT_TRUE(dies_of([] { ::socket(AF_INET, SOCK_STREAM, 0); }));
  EXPECT_TRUE(dies_of([] { ::socket(AF_UNIX, SOCK_STREAM, 0); }));
}

TEST(Confinement, LeavesConnectionsToHostsWhereTheyAreWanted) {
  EXPECT_TRUE(survives(
      [] {
        const Descriptor tcp(::socket(AF_INET, SOCK_STREAM, 0));
        if (!tcp.is_open()) ::_exit(3);
        sockaddr_in nowhere = {};
        nowhere.sin_family = AF_INET;
        if (::connect(tcp.number(), reinterpret_cast<const sockaddr*>(&nowhere), sizeof nowhere) == 0) ::_exit(4);
        if (::socket(AF_UNIX, SOCK_STREAM, 0) >= 0 || errno != EACCES) ::_exit(5);
      },
      Connections::kToHosts));
  const int status = status_after([] { ::execl("/bin/true", "true", nullptr); }, Connections::kToHosts);
  EXPECT_TRUE(WIFSIGNALED(status)) << "nothing else";
}

TEST(Confinement, HasNoNewCode) {
  EXPECT_TRUE(dies_of([] { ::mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); }));
}

TEST(Confinement, TracesNobody) {
  EXPECT_TRUE(dies_of([] { ::kill(::getppid(), 0); }));
}

TEST(Confinement, DoesNotRaiseItsLimits) {
  EXPECT_TRUE(dies_of([] {
    const rlimit all{RLIM_INFINITY, RLIM_INFINITY};
    ::setrlimit(RLIMIT_CORE, &all);
  }));
}

TEST(Confinement, LeavesNoCoreDumpAndLetsNobodyLookInside) {
  EXPECT_TRUE(survives([] {
    rlimit core{};
    ::getrlimit(RLIMIT_CORE, &core);
    if (core.rlim_cur != 0 || core.rlim_max != 0) ::_exit(3);
  }));
  int status = 0;
  const pid_t process = ::fork();
  if (process == 0) {
    keep_secrets_in_memory();
    ::_exit(::prctl(PR_GET_DUMPABLE, 0, 0, 0, 0));
  }
  ::waitpid(process, &status, 0);
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST(Confinement, LeavesThreads) {
  EXPECT_TRUE(survives([] { std::thread([] {}).join(); }));
}

TEST(Confinement, LeavesCryptography) {
  EXPECT_TRUE(survives([] {
    static_cast<void>(must(crypto::PrivateKey::generate(crypto::RsaSpec{.bits = 1024})));
    static_cast<void>(must(crypto::PrivateKey::generate(crypto::EcSpec{crypto::Curve::kP256})));
    static_cast<void>(crypto::SystemRandom().bytes(32));
  }));
}

TEST(Confinement, LeavesSecretMemory) {
  EXPECT_TRUE(survives([] {
    static_cast<void>(SecretBytes(32));
    static_cast<void>(SecretBytes(1 << 20));
  }));
}

TEST(Confinement, LeavesDatabases) {
  const tests::TemporaryFolder folder;
  EXPECT_TRUE(survives([&] {
    const auto database = must(storage::open_sqlite(folder / "db", {.exclusive = true, .create = true}));
    must(database->execute_script("CREATE TABLE t(x); INSERT INTO t VALUES(zeroblob(100000)); DELETE FROM t; VACUUM"));
  }));
}

TEST(Confinement, LeavesConnectedSockets) {
  EXPECT_TRUE(survives([pair = std::make_shared<Pair>(new_pair())] {
    if (!send_frame(pair->ours.number(), secret("hello")).done) ::_exit(3);
    if (text(must(FrameReader(pair->theirs.number()).next()).value()) != "hello") ::_exit(4);
  }));
}

}  // namespace
}  // namespace airtight::device
