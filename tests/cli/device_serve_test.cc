// airtight device serve, as a program: who owns the store while it runs, how others find it, and what it leaves.
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <csignal>
#include <filesystem>
#include <fstream>

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
