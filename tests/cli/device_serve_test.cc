// airtight device serve, as a program: who owns the store while it runs, how others find it, and what it leaves.
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "base/bytes.h"
#include "base/key_attributes.h"
#include "device/frames.h"
#include "device/socket_channel.h"
#include "device/unix_socket.h"
#include "tests/cli/program.h"
#include "tests/sks/device.h"
#include "tests/support/must.h"
#include "tests/support/temporary_folder.h"

namespace airtight::cli::testing {
namespace {

using ::testing::HasSubstr;
using tests::must;

class DeviceServe : public ::testing::Test {
 protected:
  DeviceServe() { EXPECT_EQ(run({"device", "create", "--store", store, "--maker", folder / "maker"}).status, 0); }

  [[nodiscard]] std::vector<std::string> serve(std::vector<std::string> more = {}) const {
    std::vector<std::string> arguments = {"device", "serve", "--store", store};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  }
  // enumerateKeys of an empty store.
  [[nodiscard]] static std::string call(const std::string& store) { return run({"device", "call", "--store", store}, "20ffffffff\n").out; }

  [[nodiscard]] static std::string device_id(const std::string& of) {
    return std::string(run({"device", "info", "--store", of, "--json"}).json()["device_id"].as_string());
  }

  static constexpr const char* kNoKeys = "00ffffffff\n";
  tests::TemporaryFolder folder;
  std::string store = folder / "card";
  std::string socket = folder / "card" / "sks.sock";
};

TEST_F(DeviceServe, SaysWhereItListens) {
  const BackgroundProgram daemon(serve());
  EXPECT_EQ(daemon.first_line(), "listening " + socket);
}

TEST_F(DeviceServe, AnswersForTheStoreThatItOwns) {
  const BackgroundProgram daemon(serve());
  EXPECT_EQ(call(store), kNoKeys);
  EXPECT_EQ(run({"keys", "list", "--store", store}).out, "No keys\n");
  EXPECT_EQ(run({"device", "info", "--store", store}).status, 0);
}

TEST_F(DeviceServe, SpeaksFramesOfTheBytesOfTheProtocol) {
  const BackgroundProgram daemon(serve());
  const Descriptor connection = must(device::connect_to(socket));
  const Bytes request = concat({big_endian(5, 4), big_endian(0x20FFFFFFFF, 5), big_endian(1, 4), big_endian(0xEE, 1)});
  ASSERT_EQ(::write(connection.number(), request.data(), request.size()), static_cast<ssize_t>(request.size()));
  device::FrameReader answers(connection.number());
  EXPECT_TRUE(equal(must(answers.next())->expose_secret(), big_endian(0x00FFFFFFFF, 5)));
  EXPECT_EQ(must(answers.next())->expose_secret()[0], std::byte{0x0A}) << "ERROR_OPTION for an unknown method";
}

TEST_F(DeviceServe, IsForItsOwnerAlone) {
  const BackgroundProgram daemon(serve());
  struct stat entry{};
  ASSERT_EQ(::stat(socket.c_str(), &entry), 0);
  EXPECT_EQ(entry.st_mode & 0777U, 0600U);
}

TEST_F(DeviceServe, EndsCleanlyAndLeavesNoSocket) {
  BackgroundProgram daemon(serve());
  EXPECT_EQ(daemon.stop(), 0);
  EXPECT_FALSE(std::filesystem::exists(socket));
  EXPECT_EQ(call(store), kNoKeys) << "opened in process again";
}

TEST_F(DeviceServe, EndsAtControlCToo) {
  BackgroundProgram daemon(serve());
  daemon.send(SIGINT);
  EXPECT_EQ(daemon.stop(), 0);
}

TEST_F(DeviceServe, IsNotEndedByHangingUp) {
  BackgroundProgram daemon(serve());
  daemon.send(SIGHUP);
  EXPECT_EQ(call(store), kNoKeys);
  EXPECT_EQ(daemon.stop(), 0);
}

TEST_F(DeviceServe, OwnsItsStoreAlone) {
  const BackgroundProgram daemon(serve());
  const Outcome second = run(serve());
  EXPECT_EQ(second.status, 1);
  EXPECT_THAT(second.err, HasSubstr("another process"));
}

TEST_F(DeviceServe, ThatWasKilledIsInNobodysWay) {
  {
    BackgroundProgram daemon(serve());
    daemon.kill();
  }
  ASSERT_TRUE(std::filesystem::exists(socket));
  EXPECT_EQ(call(store), kNoKeys) << "opened in process";
  const BackgroundProgram next(serve());
  EXPECT_EQ(next.first_line(), "listening " + socket);
  EXPECT_EQ(call(store), kNoKeys);
}

TEST_F(DeviceServe, IsFoundWhereverItsSocketIs) {
  const std::string elsewhere = folder / "elsewhere.sock";
  {
    const BackgroundProgram daemon(serve({"--socket", elsewhere}));
    EXPECT_EQ(daemon.first_line(), "listening " + elsewhere);
    EXPECT_EQ(call(store), kNoKeys);
    EXPECT_EQ(call(elsewhere), kNoKeys) << "a socket in place of a folder";
  }
  EXPECT_FALSE(std::filesystem::exists(std::filesystem::path(store) / "daemon.socket"));
  EXPECT_EQ(call(store), kNoKeys);
}

TEST_F(DeviceServe, LeadsNobodyToTheDaemonOfAnotherStore) {
  const std::string elsewhere = folder / "elsewhere.sock";
  const std::string other = folder / "other";
  ASSERT_EQ(run({"device", "create", "--store", other, "--maker", folder / "maker"}).status, 0);
  const std::string own_id = device_id(store);
  const std::string other_id = device_id(other);
  ASSERT_NE(own_id, other_id);
  {
    BackgroundProgram daemon(serve({"--socket", elsewhere}));
    daemon.kill();
  }
  const BackgroundProgram daemon({"device", "serve", "--store", other, "--socket", elsewhere});
  EXPECT_EQ(device_id(elsewhere), other_id);
  EXPECT_EQ(device_id(store), own_id) << "although its note names the socket";
  const std::string copy = folder / "copy";
  ASSERT_EQ(std::system(("cp -a " + store + " " + copy).c_str()), 0);
  EXPECT_EQ(device_id(copy), own_id);
}

TEST_F(DeviceServe, LeavesTheUsersFilesWhereTheyAre) {
  const std::string backup = store + "/backup-monday";
  ASSERT_EQ(run({"device", "backup", "--store", store, "--out", backup}).status, 0);
  BackgroundProgram daemon(serve());
  EXPECT_EQ(daemon.stop(), 0);
  EXPECT_TRUE(std::filesystem::exists(backup));
}

TEST_F(DeviceServe, EndsSoonWhileManyWaitForAPuk) {
  constexpr int kCallers = 12;  // who would take more than a minute
  BackgroundProgram daemon(serve());
  const auto channel = must(device::SocketChannel::connect(socket));
  const auto info = must(sks::call(*channel, sks::GetDeviceInfo{}));
  sks::testing::TestIssuer issuer(*channel, must(crypto::Certificate::parse(info.x509_certificates.front())));
  sks::CreatePukPolicy puk = issuer.puk_policy();
  puk.retry_limit = 0;
  const auto puk_handle = must(sks::call(*channel, puk)).puk_policy_handle;
  const auto pin_handle = must(sks::call(*channel, issuer.pin_policy("PIN.1", puk_handle))).pin_policy_handle;
  const auto key = issuer.provision(issuer.key_pair("Key.1", pin_handle, "1634")).key_handle;
  const auto errors = [&](sks::Channel& served) { return must(sks::call(served, sks::GetKeyProtectionInfo{key})).puk_error_count; };
  std::vector<std::thread> callers;
  for (int i = 0; i < kCallers; ++i) {
    callers.emplace_back([&] {
      const auto caller = device::SocketChannel::connect(socket);
      if (!caller) return;
      EXPECT_FALSE(sks::call(**caller, sks::UnlockKey{key, SecretBytes::copy_of(bytes_of("wrong"))}));
    });
  }
  while (errors(*channel) < 2) std::this_thread::yield();  // the second waits
  const auto begun = std::chrono::steady_clock::now();
  EXPECT_EQ(daemon.stop(), 0);
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(10));
  for (std::thread& caller : callers) caller.join();
  const BackgroundProgram next(serve());
  EXPECT_GE(errors(*channel), 2) << "every attempt that began is charged";
}

TEST_F(DeviceServe, IsNotServedByRootForSomebodyElse) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give folders away";
  ASSERT_EQ(::chown(store.c_str(), 65534, 65534), 0);
  for (const std::vector<std::string>& as : {std::vector<std::string>{}, {"--group", "65534"}, {"--user", "root"}}) {
    const Outcome outcome = run(serve(as));
    EXPECT_EQ(outcome.status, 1);
    EXPECT_THAT(outcome.err, HasSubstr("root is not to serve the key store of another user"));
  }
}

TEST_F(DeviceServe, OpensItsSocketToOthersIfOthersMayCall) {
  const std::string elsewhere = folder / "elsewhere.sock";
  const BackgroundProgram daemon(serve({"--socket", elsewhere, "--allow-user", "12345", "--allow-group", "12345"}));
  struct stat entry{};
  ASSERT_EQ(::stat(elsewhere.c_str(), &entry), 0);
  EXPECT_EQ(entry.st_mode & 0777U, 0666U);
}

TEST_F(DeviceServe, RefusesUsersThatThereAreNot) {
  const Outcome outcome = run(serve({"--allow-user", "no-such-user"}));
  EXPECT_EQ(outcome.status, 1);
  EXPECT_THAT(outcome.err, HasSubstr("no-such-user"));
}

TEST_F(DeviceServe, DoesNotServeAStoreThatIsNotThere) { EXPECT_EQ(run({"device", "serve", "--store", folder / "nowhere"}).status, 1); }

TEST_F(DeviceServe, AsksAProgramBeforeAKeyIsUsedThatWantsIt) {
  const std::string verdict = folder / "yes";
  const BackgroundProgram daemon(
      serve({"--approve-command", "test \"$AIRTIGHT_METHOD $AIRTIGHT_KEY_ID\" = 'signHashedData Key.1' && test -e " + verdict}));
  const auto channel = must(device::SocketChannel::connect(socket));
  const auto info = must(sks::call(*channel, sks::GetDeviceInfo{}));
  EXPECT_TRUE(info.biometric_support);
  sks::testing::TestIssuer issuer(*channel, must(crypto::Certificate::parse(info.x509_certificates.front())));
  sks::CreateKeyPair key = issuer.key_pair();
  key.biometric_protection = static_cast<std::uint8_t>(BiometricProtection::kExclusive);
  issuer.provision(key);
  const std::string letter = folder / "yes-or-no";
  std::ofstream(letter) << "a letter";
  const std::vector<std::string> sign = {"keys", "sign", "Key.1", "--store", store, "--in", letter, "--out", folder / "sig"};
  EXPECT_EQ(run(sign).status, 1);
  std::ofstream(verdict) << "yes";
  EXPECT_EQ(run(sign).status, 0) << run(sign).err;
}

TEST_F(DeviceServe, OffersNoBiometricsWithoutAProgramToAsk) {
  const BackgroundProgram daemon(serve());
  EXPECT_EQ(run({"device", "info", "--store", store, "--json"}).json()["biometrics"], false);
}

TEST_F(DeviceServe, AnswersCommandsAtOnce) {
  const BackgroundProgram daemon(serve());
  const Descriptor idle = must(device::connect_to(socket));  // holds up nobody
  EXPECT_EQ(call(store), kNoKeys);
}

}  // namespace
}  // namespace airtight::cli::testing
