// Administration of a store, in process and over a socket: the same answers and the same errors.
#include "device/administration.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <fstream>

#include "device/meeting_place.h"
#include "sks/status.h"
#include "tests/device/sockets.h"
#include "tests/sks/device.h"
#include "tests/support/must.h"
#include "tests/support/temporary_folder.h"

namespace airtight::device {
namespace {

using namespace testing;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using tests::must;

enum class Way : std::uint8_t { kInProcess, kByDaemon };

class AdministrationOf : public ::testing::TestWithParam<Way> {
 protected:
  AdministrationOf() {
    if (GetParam() == Way::kInProcess) {
      administration = administration_of(device.store(), folder.path());
      return;
    }
    for (const std::string name : {"1-1", "12-3.part", "12-3.part-wal"}) {
      std::ofstream(folder / (".daemon-copy-" + name)) << "of a daemon that was killed";
    }
    handler.emplace(device.store(), folder.path(), [] { return ServerCounts{.connections = 3, .requests = 5}; });
    server = must(SocketServer::start(must(Listener::at(folder / kAdminSocket, 0600)), "admin", {}, {}, *handler, log));
    administration = administration_by_daemon(folder.path());
  }
  // SHA-256 of the certificate of a new key.
  crypto::Sha256Value provision() {
    sks::testing::TestIssuer issuer(device);
    issuer.provision(issuer.key_pair());
    const auto key = must(device.call(sks::EnumerateKeys{sks::kNoHandle})).key;
    return must(crypto::Certificate::parse(key->x509_certificates.front())).sha256();
  }

  Log log = Log::silent();
  tests::TemporaryFolder folder;
  sks::testing::TestDevice device;
  std::optional<AdministrationHandler> handler;
  std::unique_ptr<SocketServer> server;
  std::unique_ptr<Administration> administration;
};

TEST_P(AdministrationOf, AWholeStoreFindsNothingWrong) {
  provision();
  const sks::VerifyReport report = must(administration->verify());
  EXPECT_THAT(report.findings, IsEmpty());
  EXPECT_EQ(report.sessions, 1U);
  EXPECT_EQ(report.keys, 1U);
  EXPECT_GT(report.records, 0U);
}

TEST_P(AdministrationOf, KeysFindsThemByCertificate) {
  const crypto::Sha256Value fingerprint = provision();
  EXPECT_THAT(must(administration->find_keys(fingerprint)), ElementsAre(1));
  EXPECT_THAT(must(administration->find_keys(crypto::Sha256Value{})), IsEmpty());
}

TEST_P(AdministrationOf, TheDevicePinSetsChangesAndUnlocksIt) {
  EXPECT_FALSE(must(administration->device_pin_status()).is_set);
  must(administration->set_device_pin(secret("1234"), secret("12345678")));
  must(administration->change_device_pin(secret("1234"), secret("4321")));
  EXPECT_FALSE(administration->change_device_pin(secret("1234"), secret("9999")));
  const sks::DevicePinStatus status = must(administration->device_pin_status());
  EXPECT_TRUE(status.is_set);
  EXPECT_EQ(status.pin_errors, 1U);
  EXPECT_GT(status.pin_retry_limit, 1U);
  EXPECT_GT(status.puk_retry_limit, 1U);
  must(administration->unlock_device_pin(secret("12345678")));
  EXPECT_EQ(must(administration->device_pin_status()).pin_errors, 0U);
}

TEST_P(AdministrationOf, TheDevicePinAnswersWithTheStatusOfSks) {
  must(administration->set_device_pin(secret("1234"), secret("12345678")));
  EXPECT_EQ(sks::status_of(administration->set_device_pin(secret("1234"), secret("12345678")).error()), sks::Status::kNotAllowed);
  EXPECT_EQ(sks::status_of(administration->change_device_pin(secret("9999"), secret("4321")).error()), sks::Status::kAuthorization);
  EXPECT_EQ(sks::status_of(administration->change_device_pin(secret("1234"), secret("1")).error()), sks::Status::kOption);
}

TEST_P(AdministrationOf, AStoreCopiesItToANewPrivateFile) {
  provision();
  const tests::TemporaryFolder elsewhere;
  must(administration->back_up(elsewhere / "copy"));
  struct stat entry{};
  ASSERT_EQ(::stat((elsewhere / "copy").c_str(), &entry), 0);
  EXPECT_EQ(entry.st_mode & 0777U, 0600U);
  EXPECT_GT(entry.st_size, 0);
  const auto again = administration->back_up(elsewhere / "copy");
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().fault, Fault::kRefused);
}

TEST_P(AdministrationOf, AStoreLeavesNoCopyInItsFolder) {
  const tests::TemporaryFolder elsewhere;
  must(administration->back_up(elsewhere / "copy"));
  static_cast<void>(administration->back_up(elsewhere / "copy"));
  for (const auto& entry : std::filesystem::directory_iterator(folder.path())) EXPECT_EQ(entry.path().filename(), kAdminSocket);
}

TEST_P(AdministrationOf, AStoreSaysWhetherADaemonHasIt) {
  const ServiceStatus status = must(administration->status());
  EXPECT_EQ(status.process, GetParam() == Way::kByDaemon ? static_cast<std::uint32_t>(::getpid()) : 0U);
  EXPECT_EQ(status.counts.requests, GetParam() == Way::kByDaemon ? 5U : 0U);
}

INSTANTIATE_TEST_SUITE_P(EitherWay, AdministrationOf, ::testing::Values(Way::kInProcess, Way::kByDaemon),
                         [](const auto& way) { return way.param == Way::kInProcess ? "InProcess" : "ByDaemon"; });

TEST(AdministrationByDaemon, ClearsAwayNoFileOfTheUsers) {
  const tests::TemporaryFolder folder;
  const std::vector<std::string> names = {"backup-monday", "backup-1-1", ".daemon-copy-", ".daemon-copy-1", ".daemon-copy-1-1of2"};
  for (const std::string& name : names) std::ofstream(folder / name) << "a user's";
  sks::testing::TestDevice served;
  const AdministrationHandler handler(served.store(), folder.path(), [] { return ServerCounts{}; });
  for (const std::string& name : names) EXPECT_TRUE(std::filesystem::exists(folder / name)) << name;
}

TEST(AdministrationByDaemon, WithoutADaemonIsNotFound) {
  const tests::TemporaryFolder folder;
  const auto status = administration_by_daemon(folder.path())->status();
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().fault, Fault::kNotFound);
}

TEST(AdministrationByDaemon, GoesByTheFolderAndNotByTheSocketOfTheApi) {
  const tests::TemporaryFolder folder;
  const Listener listener = must(Listener::at(folder / kSksSocket, 0600));
  const auto status = administration_by_daemon(folder / kSksSocket)->status();
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().fault, Fault::kBadInput);
}

TEST(AdministrationByDaemon, RefusesWhatItCannotRead) {
  const tests::TemporaryFolder folder;
  sks::testing::TestDevice device;
  AdministrationHandler handler(device.store(), folder.path(), [] { return ServerCounts{}; });
  for (const std::string& request :
       {std::string(), std::string("\0", 1), std::string("\xFF"), std::string("\1extra"), std::string("\3\0\4", 3)}) {
    EXPECT_EQ(text(handler.answer(secret(request))).substr(0, 2), std::string("\1\1")) << "kFailed, Fault::kBadInput";
  }
}

TEST(AdministrationByDaemon, IsNotTheKeyStoresApi) {
  const tests::TemporaryFolder folder;
  sks::testing::TestDevice device;
  AdministrationHandler handler(device.store(), folder.path(), [] { return ServerCounts{}; });
  EXPECT_EQ(text(handler.answer(secret(std::string("\x20\xFF\xFF\xFF\xFF", 5))))[0], '\1');
}

}  // namespace
}  // namespace airtight::device
