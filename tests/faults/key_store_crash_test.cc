// A device's life, killed after every call, killed at every write within a call, and struck by a power cut, a full disk and a broken disk
// at every write: the store is as before the call or as after it, goes on, and gives away no guess at a PIN.
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "agent/key_list.h"
#include "base/algorithms.h"
#include "crypto/random.h"
#include "device/store_folder.h"
#include "tests/faults/faulty_vfs.h"
#include "tests/faults/provisioning_script.h"
#include "tests/faults/store_picture.h"
#include "tests/faults/store_process.h"
#include "tests/support/must.h"
#include "tests/support/temporary_folder.h"

namespace airtight::faults {
namespace {

using sks::Status;
using sks::testing::status;
using tests::must;
using tests::TemporaryFolder;

const std::size_t kSteps = ProvisioningScript::steps().size();
const std::size_t kProvisioningSteps = ProvisioningScript::provisioning_steps();

crypto::Certificate make_device(const std::filesystem::path& folder) {
  const sks::testing::TestCa maker;
  crypto::SystemRandom random;
  return must(device::create_device(
                  {.folder = folder, .vendor = "Example Vendor", .model = "Example Model"},
                  [&](const crypto::PublicKey& key) -> Result<std::vector<crypto::Certificate>> {
                    return std::vector{maker.certify(key, "Device")};
                  },
                  {}, random))
      .front();
}

void copy_store(const std::filesystem::path& from, const std::filesystem::path& to) {
  std::filesystem::copy(from, to, std::filesystem::copy_options::recursive);
}

// A new device, and the pictures of a life without faults.
struct Undisturbed {
  TemporaryFolder folder;
  crypto::Certificate device = make_device(folder / "new");
  std::vector<StorePicture> after;  // so many steps

  Undisturbed() {
    const std::filesystem::path used = folder / "used";
    copy_store(folder / "new", used);
    after.push_back(picture_of(used));
    ProvisioningScript script(device);
    for (std::size_t i = 0; i < kSteps; ++i) {
      const Result<> taken = script.take(ProvisioningScript::steps()[i], *must(open_store(used)));
      EXPECT_EQ(status(taken), ProvisioningScript::expected_status(i)) << "step " << i;
      after.push_back(picture_of(used));
      for (const std::int64_t errors : after.back().pin_errors) EXPECT_EQ(errors, ProvisioningScript::wrong_pins_after(i + 1));
    }
  }
};

const Undisturbed& undisturbed() {
  static const Undisturbed kUndisturbed;
  return kUndisturbed;
}

// One life, in a store of its own.
class Life {
 public:
  Life() { copy_store(undisturbed().folder / "new", store_folder()); }

  [[nodiscard]] std::filesystem::path store_folder() const { return folder_ / "store"; }
  [[nodiscard]] StorePicture picture() const { return picture_of(store_folder()); }
  [[nodiscard]] ProvisioningScript& script() { return *script_; }

  // Takes steps until `end` or until one is not answered as it should be; how many were.
  std::size_t live(sks::Channel& store, std::size_t begin, std::size_t end) {
    for (; begin < end; ++begin) {
      last_ = script_->take(ProvisioningScript::steps()[begin], store);
      if (status(last_) != ProvisioningScript::expected_status(begin)) break;
    }
    return begin;
  }
  [[nodiscard]] const Result<>& last() const { return last_; }

  // Finishes the session from step `next` on, and signs.
  void go_on(sks::Channel& store, std::size_t next, const StorePicture& picture) {
    ASSERT_EQ(live(store, next, std::max(next, kProvisioningSteps)), std::max(next, kProvisioningSteps)) << last_.error().message;
    const bool locked = !picture.pin_errors.empty() && picture.pin_errors.front() >= ProvisioningScript::kRetryLimit;
    EXPECT_EQ(status(script_->sign_with_pin(store, ProvisioningScript::kPin)), locked ? Status::kAuthorization : Status::kOk);
    EXPECT_EQ(status(script_->sign_without_pin(store)), Status::kOk);
  }

  // Another session of the same store: everything in it has a handle that was not given before.
  void begin_anew(sks::Channel& store) {
    const auto before = script_->handles();
    script_.emplace(undisturbed().device);
    ASSERT_EQ(live(store, 0, kProvisioningSteps), kProvisioningSteps) << last_.error().message;
    const auto after = script_->handles();
    for (std::size_t i = 0; i < after.size(); ++i) EXPECT_GT(after[i], before[i]) << "handle " << i;
  }

 private:
  TemporaryFolder folder_;
  std::optional<ProvisioningScript> script_{undisturbed().device};
  Result<> last_;
};

// Keys of an open session are there for the issuer alone; keys of a closed one are complete.
void expect_nothing_half_there(sks::Channel& store) {
  const auto sessions = must(agent::list_sessions(store));
  for (const agent::KeyEntry& key : must(agent::list_keys(store))) {
    const auto session = std::ranges::find(sessions, key.key.provisioning_handle, &agent::SessionEntry::handle);
    ASSERT_NE(session, sessions.end()) << "a key without its session";
    EXPECT_EQ(key.is_usable(), !session->session.is_open);
    EXPECT_EQ(key.protection.has_value(), !session->session.is_open);
    if (!session->session.is_open) continue;
    const sks::SignHashedData request{key.handle, std::string(uri::kEcdsaSha256), {}, Bytes(32)};
    EXPECT_EQ(status(sks::call(store, request)), Status::kNoKey);
    EXPECT_EQ(status(sks::call(store, sks::GetKeyProtectionInfo{key.handle})), Status::kNoKey);
  }
}

// Never fewer errors than were answered, and one more at most; the step that was not answered may count or not.
void expect_no_free_guess(const StorePicture& picture, std::size_t answered) {
  if (picture.pin_errors.empty()) return;
  ASSERT_EQ(picture.pin_errors.size(), 1U);
  const auto fits = [&](std::size_t steps) {
    const std::int64_t wrong = ProvisioningScript::wrong_pins_after(steps);
    return picture.pin_errors[0] >= wrong && picture.pin_errors[0] <= std::min(wrong + 1, ProvisioningScript::kRetryLimit);
  };
  EXPECT_TRUE(fits(answered) || (answered < kSteps && fits(answered + 1)))
      << picture.pin_errors[0] << " errors on disk, " << ProvisioningScript::wrong_pins_after(answered) << " were made";
}

// After a crash in the step behind the `answered` ones: the store is one of two, and its owner can go on or clean up.
void expect_before_or_after(Life& life, std::size_t answered) {
  const StorePicture found = life.picture();
  const std::vector<StorePicture>& expected = undisturbed().after;
  const bool before = found == expected[answered];
  ASSERT_TRUE(before || (answered < kSteps && found == expected[answered + 1])) << "a part of a call is there:\n"
                                                                                << found.rows << "instead of\n"
                                                                                << expected[answered].rows;
  expect_no_free_guess(found, answered);
  const auto store = must(open_store(life.store_folder()));
  expect_nothing_half_there(*store);
  if (before) {
    life.go_on(*store, answered, found);
  } else if (found.has_open_session) {  // the answer is lost, and with it what the issuer needs
    for (const auto& [handle, session] : must(agent::list_sessions(*store))) must(sks::call(*store, sks::AbortProvisioningSession{handle}));
    EXPECT_TRUE(must(agent::list_keys(*store)).empty());
    life.begin_anew(*store);
  }
}

TEST(KeyStoreKilledAfterACall, IsAsTheCallLeftItAndGoesOn) {
  for (std::size_t calls = 1; calls <= kSteps; ++calls) {
    SCOPED_TRACE("after " + std::to_string(calls) + " calls");
    Life life;
    StoreProcess store(life.store_folder());
    ASSERT_EQ(life.live(store, 0, calls), calls) << life.last().error().message;
    store.kill();
    const StorePicture found = life.picture();
    ASSERT_EQ(found.rows, undisturbed().after[calls].rows);
    expect_before_or_after(life, calls);
  }
}

TEST(KeyStoreKilledAfterACall, CountsEveryWrongPinAndAtMostOneMore) {
  for (std::size_t calls = kProvisioningSteps; calls <= kSteps; ++calls) {
    SCOPED_TRACE("after " + std::to_string(calls) + " calls");
    Life life;
    StoreProcess store(life.store_folder());
    ASSERT_EQ(life.live(store, 0, calls), calls);
    store.kill();
    const std::int64_t wrong = ProvisioningScript::wrong_pins_after(calls);
    const std::int64_t found = life.picture().pin_errors.at(0);
    EXPECT_GE(found, wrong);
    EXPECT_LE(found, std::min(wrong + 1, ProvisioningScript::kRetryLimit));
  }
}

TEST(KeyStoreKilledAfterACall, StaysLockedAfterTheLastWrongPin) {
  Life life;
  {
    StoreProcess store(life.store_folder());
    ASSERT_EQ(life.live(store, 0, kSteps), kSteps);
    store.kill();
  }
  const auto store = must(open_store(life.store_folder()));
  EXPECT_EQ(status(life.script().sign_with_pin(*store, ProvisioningScript::kPin)), Status::kAuthorization);
}

TEST(KeyStoreKilledAfterACall, CanAbortTheSessionWithAllThatItMade) {
  for (std::size_t calls = 1; calls < kProvisioningSteps; ++calls) {
    SCOPED_TRACE("after " + std::to_string(calls) + " calls");
    Life life;
    {
      StoreProcess store(life.store_folder());
      ASSERT_EQ(life.live(store, 0, calls), calls);
      store.kill();
    }
    {
      const auto store = must(open_store(life.store_folder()));
      ASSERT_EQ(status(life.script().abort(*store)), Status::kOk);
      EXPECT_EQ(status(life.script().abort(*store)), Status::kNoSession);
      EXPECT_TRUE(must(agent::list_keys(*store)).empty());
      EXPECT_TRUE(must(agent::list_sessions(*store)).empty());
    }
    const StorePicture empty = life.picture();
    EXPECT_EQ(empty.counters, undisturbed().after[calls].counters);
    EXPECT_EQ(std::ranges::count(empty.rows, '\n'), static_cast<std::ptrdiff_t>(empty.counters.size())) << empty.rows;
    life.begin_anew(*must(open_store(life.store_folder())));
  }
}

TEST(KeyStoreKilledInsideACall, IsAsBeforeTheCallOrAsAfterIt) {
  int writes = 0;
  for (bool survived = false; !survived; ++writes) {
    SCOPED_TRACE("at write " + std::to_string(writes));
    Life life;
    std::size_t answered = 0;
    {
      StoreProcess store(life.store_folder(), writes);
      answered = life.live(store, 0, kSteps);
      if (answered < kSteps) {
        ASSERT_EQ(life.last().error().fault, Fault::kUnavailable) << life.last().error().message;
      }
      survived = store.stop();
    }
    expect_before_or_after(life, answered);
    if (HasFatalFailure()) break;
  }
  EXPECT_GT(writes, static_cast<int>(2 * kProvisioningSteps)) << "the loop did not reach the calls";
}

TEST(KeyStoreWithoutPower, IsAsBeforeTheCallOrAsAfterIt) {
  int operations = 0;
  for (bool struck = true; struck; ++operations) {
    SCOPED_TRACE("at operation " + std::to_string(operations));
    Life life;
    FaultyVfs vfs;
    vfs.fail_after(operations, FaultyVfs::Fault::kPowerCut);
    std::size_t answered = 0;
    {
      const auto store = open_store(life.store_folder(), vfs.name());
      if (store) {
        answered = life.live(**store, 0, kSteps);
        if (answered < kSteps) {
          ASSERT_EQ(status(life.last()), Status::kStorage) << life.last().error().message;
        }
      }
    }
    struck = vfs.struck();
    expect_before_or_after(life, answered);
    if (HasFatalFailure()) break;
  }
  EXPECT_GT(operations, static_cast<int>(2 * kProvisioningSteps)) << "the loop did not reach the calls";
}

class KeyStoreOnABadDisk : public testing::TestWithParam<FaultyVfs::Fault> {};

TEST_P(KeyStoreOnABadDisk, AnswersErrorStorageChangesNothingAndGoesOn) {
  for (int operations = 0;; ++operations) {
    SCOPED_TRACE("at operation " + std::to_string(operations));
    Life life;
    FaultyVfs vfs;
    vfs.fail_after(operations, GetParam());
    bool struck = false;
    {
      auto store = open_store(life.store_folder(), vfs.name());
      std::size_t answered = 0;
      if (store) {
        answered = life.live(**store, 0, kSteps);
        if (answered < kSteps) {
          ASSERT_EQ(status(life.last()), Status::kStorage) << life.last().error().message;
        }
      }
      struck = vfs.struck();
      vfs.heal();
      if (!store) {
        store = must(open_store(life.store_folder(), vfs.name()));
      }
      expect_nothing_half_there(**store);
      ASSERT_EQ(life.live(**store, answered, kSteps), kSteps) << life.last().error().message;
    }
    const StorePicture found = life.picture();
    ASSERT_EQ(found.rows, undisturbed().after.back().rows);
    ASSERT_EQ(found.pin_errors, undisturbed().after.back().pin_errors);
    if (!struck) break;
  }
}

INSTANTIATE_TEST_SUITE_P(EachFault, KeyStoreOnABadDisk, testing::Values(FaultyVfs::Fault::kDiskFull, FaultyVfs::Fault::kBrokenWrite),
                         [](const testing::TestParamInfo<FaultyVfs::Fault>& one) {
                           return one.param == FaultyVfs::Fault::kDiskFull ? "FullDisk" : "BrokenWrite";
                         });

// An attempt that cannot be counted is not compared.
TEST(KeyStoreOnAFullDisk, AnswersRightAndWrongPinsAlike) {
  for (const std::size_t steps_before : {kProvisioningSteps, kProvisioningSteps + 2}) {  // no attempt yet; the last one was wrong
    for (const std::string_view pin : {ProvisioningScript::kPin, ProvisioningScript::kOtherPin}) {
      SCOPED_TRACE(std::to_string(steps_before) + " steps, then PIN " + std::string(pin));
      Life life;
      FaultyVfs vfs;
      const auto store = must(open_store(life.store_folder(), vfs.name()));
      ASSERT_EQ(life.live(*store, 0, steps_before), steps_before);
      vfs.fail_after(0, FaultyVfs::Fault::kDiskFull);
      EXPECT_EQ(status(life.script().sign_with_pin(*store, pin)), Status::kStorage);
      EXPECT_EQ(status(life.script().sign_without_pin(*store)), Status::kOk) << "a key without a PIN needs no disk";
      vfs.heal();
      EXPECT_EQ(must(agent::list_keys(*store)).at(0).protection->pin_error_count, ProvisioningScript::wrong_pins_after(steps_before));
      EXPECT_EQ(status(life.script().sign_with_pin(*store, ProvisioningScript::kPin)), Status::kOk);
    }
  }
}

}  // namespace
}  // namespace airtight::faults
