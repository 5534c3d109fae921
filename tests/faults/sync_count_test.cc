// How often each method of a key store waits for the disk, counted in syncs: what is not needed for durability is not paid for.
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "base/algorithms.h"
#include "tests/faults/device_life.h"
#include "tests/faults/faulty_vfs.h"
#include "tests/faults/store_process.h"
#include "tests/support/must.h"
#include "tests/support/temporary_folder.h"

namespace airtight::faults {
namespace {

using sks::Status;
using sks::testing::status;
using sks::testing::TestIssuer;
using tests::must;

SecretBytes secret(std::string_view text) { return SecretBytes::copy_of(bytes_of(text)); }

class Syncs : public testing::Test, private sks::Channel {
 protected:
  // Those of one call.
  template <typename Work>
  [[nodiscard]] int of(Work&& work) {
    const int before = vfs.syncs();
    work();
    return vfs.syncs() - before;
  }
  [[nodiscard]] int of_signing(const sks::testing::CertifiedKey& key, std::string_view pin, Status expected) {
    return of([&] { EXPECT_EQ(status(sign(*store, key.handle, key.public_key, pin)), expected); });
  }
  template <typename Request>
  [[nodiscard]] int of_call(const Request& request, Status expected = Status::kOk) {
    return of([&] { EXPECT_EQ(status(sks::call(*store, request)), expected); });
  }
  // Calls the store, and notes what each method took.
  [[nodiscard]] Result<SecretBytes> call(const SecretBytes& request) override {
    Result<SecretBytes> answer = fail(Fault::kInternal, "not called");
    const int syncs = of([&] { answer = store->call(request); });
    noted[std::to_integer<std::uint8_t>(request.expose_secret()[0])].push_back(syncs);
    return answer;
  }
  [[nodiscard]] sks::Channel& counted() { return *this; }

  tests::TemporaryFolder folder;
  FaultyVfs vfs;
  crypto::Certificate device = make_device(folder / "store");
  std::unique_ptr<sks::KeyStore> store = must(open_store(folder / "store", vfs.name()));
  // The first write of a new log costs one sync more, for its header.
  TestIssuer warm_up{*store, device};
  std::map<std::uint8_t, std::vector<int>> noted;
};

TEST_F(Syncs, NoneForRightPinsInARow) {
  const ProvisionedKeys keys = provision(*store, device);
  EXPECT_LE(of_signing(keys.first, kPin, Status::kOk), 1) << "the first one is charged, and stays so";
  EXPECT_EQ(of_signing(keys.first, kPin, Status::kOk), 0);
  EXPECT_EQ(of_signing(keys.second, kPin, Status::kOk), 0) << "they share the PIN";
  EXPECT_EQ(of_signing(keys.imported, "", Status::kOk), 0);
}

TEST_F(Syncs, OneForAWrongPin) {
  const ProvisionedKeys keys = provision(*store, device);
  EXPECT_EQ(of_signing(keys.first, kWrongPin, Status::kAuthorization), 1);
  EXPECT_EQ(of_signing(keys.first, kWrongPin, Status::kAuthorization), 1);
  EXPECT_EQ(of_signing(keys.first, kPin, Status::kOk), 2) << "it is charged, then two errors and the charge are taken back";
  EXPECT_EQ(of_signing(keys.first, kWrongPin, Status::kAuthorization), 0) << "it was charged ahead";
}

TEST_F(Syncs, OneForAllThatRightPinsLeftChargedWhenTheStoreStops) {
  std::vector<ProvisionedKeys> sets;
  for (int i = 0; i < 3; ++i) sets.push_back(provision(*store, device));
  const int idle = of([&] { store.reset(); });
  store = must(open_store(folder / "store", vfs.name()));
  for (const ProvisionedKeys& keys : sets) EXPECT_LE(of_signing(keys.first, kPin, Status::kOk), 2);
  EXPECT_LE(of([&] { store.reset(); }), idle + 2) << "the commit, and the log's header before it";
  store = must(open_store(folder / "store", vfs.name()));
}

TEST_F(Syncs, OneForALockedPinAtMost) {
  const ProvisionedKeys keys = provision(*store, device);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(of_signing(keys.first, kWrongPin, Status::kAuthorization), 1);
  EXPECT_EQ(of_signing(keys.first, kPin, Status::kAuthorization), 0);
}

TEST_F(Syncs, OneForEachProvisioningMethod) {
  static_cast<void>(provision(counted(), device));
  fail_to_provision(counted(), device);
  EXPECT_GT(noted.size(), 10U);
  for (const auto& [method, counts] : noted) {
    for (const int syncs : counts) EXPECT_EQ(syncs, 1) << "method " << int{method};
  }
}

// signProvisioningSessionData is one of the above: it counts against SessionKeyLimit.
TEST_F(Syncs, OneForEachPostProvisioningMethod) {
  ProvisionedKeys keys = provision(*store, device);
  provision_again(counted(), device, keys);
  for (const auto& [method, counts] : noted) {
    for (const int syncs : counts) EXPECT_EQ(syncs, 1) << "method " << int{method};
  }
}

TEST_F(Syncs, NoneForReading) {
  const ProvisionedKeys keys = provision(*store, device);
  EXPECT_EQ(of_call(sks::GetDeviceInfo{}), 0);
  EXPECT_EQ(of_call(sks::EnumerateKeys{}), 0);
  EXPECT_EQ(of_call(sks::EnumerateProvisioningSessions{}), 0);
  EXPECT_EQ(of_call(sks::GetKeyProtectionInfo{keys.first.handle}), 0);
  EXPECT_EQ(of_call(sks::GetExtensionObject{keys.symmetric.handle, to_bytes(bytes_of("urn:secret"))}), 0);
  EXPECT_EQ(of_call(sks::PerformHmac{keys.symmetric.handle, std::string(uri::kHmacSha1), {}, {secret("data")}}), 0);
  EXPECT_EQ(of_call(sks::SignHashedData{keys.first.handle, "urn:unknown", secret(kPin), Bytes(32)}, Status::kAlgorithm), 0);
}

TEST_F(Syncs, AFewForTheUsersPinsPukAndKeys) {
  const ProvisionedKeys keys = provision(*store, device);
  EXPECT_LE(of_call(sks::ChangePin{keys.first.handle, secret(kPin), secret("4455")}), 2) << "the attempt, and the new PIN";
  EXPECT_LE(of_call(sks::SetPin{keys.first.handle, secret(kPuk), secret(kPin)}), 2);
  EXPECT_LE(of_call(sks::UnlockKey{keys.first.handle, secret(kPuk)}), 2);
  EXPECT_EQ(of_call(sks::UnlockKey{keys.first.handle, secret(kWrongPuk)}, Status::kAuthorization), 0) << "it was charged ahead";
  EXPECT_EQ(of_call(sks::UnlockKey{keys.first.handle, secret(kWrongPuk)}, Status::kAuthorization), 1);
  EXPECT_EQ(of_call(sks::DeleteKey{keys.symmetric.handle, {}}), 1);
}

}  // namespace
}  // namespace airtight::faults
