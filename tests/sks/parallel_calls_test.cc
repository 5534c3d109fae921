// Calls from many threads: nobody waits for somebody else's slow work, and what two do at once is as if one had come after the other.
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <latch>
#include <thread>

#include "tests/sks/device.h"
#include "tests/support/must.h"
#include "tests/support/temporary_folder.h"

namespace airtight::sks::testing {
namespace {

using tests::must;
using tests::TemporaryFolder;

// A person who takes their time: until the test lets them.
class SlowApprover final : public Approver {
 public:
  [[nodiscard]] Result<bool> approve(const ApprovalRequest& /*request*/) override {
    asked.count_down();
    answered.wait();
    return true;
  }
  std::latch asked{1};
  std::latch answered{1};
};

// A delay that lasts until the test ends it.
class SlowPause final : public Pause {
 public:
  void wait(std::chrono::milliseconds /*span*/) override {
    begun.count_down();
    over.wait();
  }
  std::latch begun{1};
  std::latch over{1};
};

[[nodiscard]] Result<SignHashedData::Response> sign(Channel& store, Handle key, std::string_view pin) {
  return sks::call(store, SignHashedData{key, std::string(uri::kEcdsaSha256), SecretBytes::copy_of(bytes_of(pin)), Bytes(32)});
}

// A key with the PIN 1357 and the PUK 0123456789.
Handle provision_pin_key(TestDevice& device, std::uint8_t puk_retry_limit = 3) {
  TestIssuer issuer(device);
  auto puk = issuer.puk_policy();
  puk.retry_limit = puk_retry_limit;
  const auto puk_handle = must(device.call(puk)).puk_policy_handle;
  auto policy = issuer.pin_policy("PIN.1", puk_handle);
  policy.retry_limit = 200;
  const auto pin_handle = must(device.call(policy)).pin_policy_handle;
  return issuer.provision(issuer.key_pair("Key.1", pin_handle, "1357")).key_handle;
}

TEST(ParallelCalls, AnApprovalThatIsAwaitedHoldsUpNobody) {
  SlowApprover approver;
  TestDevice device(DeviceOptions{.approver = &approver});
  TestIssuer issuer(device);
  auto request = issuer.key_pair();
  request.biometric_protection = static_cast<std::uint8_t>(BiometricProtection::kExclusive);
  const Handle approved_key = issuer.provision(request).key_handle;
  const Handle other_key = provision_pin_key(device);

  auto waiting = std::async(std::launch::async, [&] { return sign(device.store(), approved_key, ""); });
  approver.asked.wait();
  EXPECT_TRUE(sign(device.store(), other_key, "1357").has_value());
  EXPECT_FALSE(sign(device.store(), other_key, "2468").has_value());
  EXPECT_TRUE(device.call(EnumerateKeys{}).has_value());
  TestIssuer another(device);
  static_cast<void>(another.provision(another.key_pair()));
  approver.answered.count_down();
  EXPECT_TRUE(waiting.get().has_value());
}

TEST(ParallelCalls, TheDelayOfAPukHoldsUpNobody) {
  TemporaryFolder folder;
  TestDevice device(DeviceOptions{.file = folder / "sks.db"});
  const Handle key = provision_pin_key(device, 0);
  const Handle other_key = provision_pin_key(device);
  device.close();
  SlowPause pause;
  const Platform usual = device.platform();
  const Platform slow{usual.clock, usual.random, pause};
  const auto store = must(KeyStore::open(must(storage::open_sqlite(folder / "sks.db", {.exclusive = true})), device.master_key(), slow));

  auto waiting =
      std::async(std::launch::async, [&] { return sks::call(*store, UnlockKey{key, SecretBytes::copy_of(bytes_of("0123456789"))}); });
  pause.begun.wait();
  EXPECT_TRUE(sign(*store, key, "1357").has_value()) << "the same key, with its PIN";
  EXPECT_TRUE(sign(*store, other_key, "1357").has_value());
  EXPECT_TRUE(sks::call(*store, GetKeyProtectionInfo{key}).has_value());
  EXPECT_TRUE(sks::call(*store, UnlockKey{other_key, SecretBytes::copy_of(bytes_of("0123456789"))}).has_value());
  pause.over.count_down();
  EXPECT_TRUE(waiting.get().has_value());
}

TEST(ParallelCalls, CountEveryWrongPinOnce) {
  constexpr int kThreads = 8;
  constexpr int kEach = 10;
  TestDevice device;
  const Handle key = provision_pin_key(device);
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < kThreads; ++i) {
      threads.emplace_back([&] {
        for (int j = 0; j < kEach; ++j) EXPECT_EQ(status(sign(device.store(), key, "2468")), Status::kAuthorization);
      });
    }
  }
  EXPECT_EQ(must(device.call(GetKeyProtectionInfo{key})).pin_error_count, kThreads * kEach);
}

TEST(ParallelCalls, OneOfManyWhoChangeAPinFromTheSameValueDoes) {
  constexpr int kThreads = 8;
  TestDevice device;
  const Handle key = provision_pin_key(device);
  std::atomic<int> changed{0};
  std::atomic<int> refused{0};
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < kThreads; ++i) {
      threads.emplace_back([&, i] {
        const std::string pin = "482" + std::to_string(i);
        const auto result = device.call(ChangePin{key, SecretBytes::copy_of(bytes_of("1357")), SecretBytes::copy_of(bytes_of(pin))});
        if (result) ++changed;
        if (status(result) == Status::kAuthorization) ++refused;
      });
    }
  }
  EXPECT_EQ(changed, 1);
  EXPECT_EQ(refused, kThreads - 1);
}

TEST(ParallelCalls, GiveEachSessionAndKeyAHandleOfItsOwn) {
  constexpr int kThreads = 8;
  constexpr int kEach = 5;
  TestDevice device;
  std::mutex mutex;
  std::vector<Handle> handles;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < kThreads; ++i) {
      threads.emplace_back([&] {
        for (int j = 0; j < kEach; ++j) {
          TestIssuer issuer(device);
          const Handle key = issuer.provision(issuer.key_pair()).key_handle;
          const std::lock_guard lock(mutex);
          handles.push_back(key);
        }
      });
    }
  }
  std::ranges::sort(handles);
  EXPECT_EQ(std::ranges::adjacent_find(handles), handles.end());
  EXPECT_EQ(handles.size(), static_cast<std::size_t>(kThreads * kEach));
  EXPECT_TRUE(must(device.store().verify()).findings.empty());
}

TEST(ParallelCalls, AKeyThatIsDeletedWhileOthersUseItIsThereOrNotThere) {
  TestDevice device;
  for (int round = 0; round < 10; ++round) {
    const Handle key = provision_pin_key(device);
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        for (Status last = Status::kOk; last == Status::kOk;) {
          last = status(sign(device.store(), key, "1357"));
          EXPECT_TRUE(last == Status::kOk || last == Status::kNoKey) << name_of(last);
        }
      });
    }
    EXPECT_TRUE(device.call(DeleteKey{key, {}}).has_value());
  }
}

TEST(ManySessions, ComeAndGoWithoutATrace) {
  constexpr int kSessions = 600;  // more than two groups
  TemporaryFolder folder;
  TestDevice device(DeviceOptions{.file = folder / "sks.db"});
  std::vector<Handle> handles;
  for (int i = 0; i < kSessions; ++i) handles.push_back(TestIssuer(device).handle());
  device.reopen();
  for (const Handle handle : handles) ASSERT_TRUE(device.call(AbortProvisioningSession{handle}).has_value());
  device.reopen();
  EXPECT_EQ(must(device.call(EnumerateProvisioningSessions{})).provisioning_handle, kNoHandle);
  EXPECT_TRUE(must(device.store().verify()).findings.empty());
  EXPECT_EQ(TestIssuer(device).handle(), handles.back() + 1);
  device.reopen();
  EXPECT_EQ(must(device.store().verify()).sessions, 1U);
}

}  // namespace
}  // namespace airtight::sks::testing
