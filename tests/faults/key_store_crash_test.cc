// Each call of a device's life, killed, without power, on a full disk and on a broken one, at every write: the store is as before the call
// or as after it, goes on, and gives away no guess at a PIN or PUK.
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <new>
#include <optional>
#include <set>
#include <string>

#include "tests/faults/device_life.h"
#include "tests/faults/faulty_vfs.h"
#include "tests/faults/store_picture.h"
#include "tests/faults/store_process.h"
#include "tests/support/child_process.h"
#include "tests/support/must.h"
#include "tests/support/temporary_folder.h"

namespace airtight::faults {
namespace {

using sks::Status;
using tests::must;
using tests::TemporaryFolder;

constexpr std::int64_t kRetryLimit = 3;  // of every PIN and PUK in the life

Status status_of_answer(const SecretBytes& answer) { return static_cast<Status>(answer.expose_secret()[0]); }

// What came of one call on a disk that may fail.
struct Outcome {
  std::optional<Status> answer;  // nothing: the store did not open, or died before it answered
  bool struck = false;
};

// Opens the store through `vfs`, makes the call and stops the store.
Outcome open_and_call(const std::filesystem::path& folder, const RecordedLife::Call& call, const FaultyVfs& vfs) {
  Outcome outcome;
  if (const auto store = open_store(folder, vfs.name()))
    outcome.answer = status_of_answer(must((*store)->call(SecretBytes::copy_of(call.request))));
  outcome.struck = vfs.struck();
  return outcome;
}

// The same in a process that is killed in place of its operation `operations`.
Outcome call_and_be_killed(const std::filesystem::path& folder, const RecordedLife::Call& call, int operations) {
  constexpr int kNone = -1;
  void* const shared = ::mmap(nullptr, sizeof(std::atomic<int>), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  auto* const answer = new (shared) std::atomic<int>(kNone);
  tests::ChildProcess process([&](const std::function<void()>&) {
    FaultyVfs vfs;
    vfs.fail_after(operations, FaultyVfs::Fault::kKilled);
    const auto store = open_store(folder, vfs.name());
    if (!store) return 1;
    *answer = static_cast<int>(status_of_answer(must((*store)->call(SecretBytes::copy_of(call.request)))));
    return 0;
  });
  Outcome outcome;
  outcome.struck = process.wait() != 0;
  if (*answer != kNone) outcome.answer = static_cast<Status>(answer->load());
  ::munmap(shared, sizeof(std::atomic<int>));
  return outcome;
}

// Never fewer errors than were answered, and one more at most.
void expect_no_free_guess(const StorePicture& found, const StorePicture& before, const StorePicture& after, bool answered) {
  std::set<std::string> all;
  for (const auto& [what, errors] : found.errors) all.insert(what);
  for (const std::string& what : all) {
    const std::int64_t errors = found.errors_of(what);
    const std::int64_t least = answered ? after.errors_of(what) : std::min(before.errors_of(what), after.errors_of(what));
    const std::int64_t most = std::max(before.errors_of(what), after.errors_of(what)) + 1;
    EXPECT_GE(errors, least) << what;
    EXPECT_LE(errors, std::min(most, kRetryLimit)) << what;
  }
}

bool has_locked_value(const StorePicture& picture) {
  return std::ranges::any_of(picture.errors, [](const auto& one) { return one.second >= kRetryLimit; });
}

// One call of the life on a store of its own.
class Trial {
 public:
  explicit Trial(std::size_t number) : number_(number) { copy_store(RecordedLife::get().store_before(number), folder()); }

  [[nodiscard]] std::filesystem::path folder() const { return folder_ / "store"; }
  [[nodiscard]] const RecordedLife::Call& call() const { return RecordedLife::get().calls()[number_]; }
  [[nodiscard]] const StorePicture& before() const { return RecordedLife::get().before(number_); }
  [[nodiscard]] const StorePicture& after() const { return RecordedLife::get().after(number_); }

  // What a restart finds is one of two stores; where the call has had no effect, it can be made again.
  void expect_before_or_after(const Outcome& outcome) {
    const bool answered = outcome.answer && *outcome.answer != Status::kStorage;
    if (answered) {
      EXPECT_EQ(*outcome.answer, call().status);
    }
    const StorePicture found = picture_of(folder());
    const bool is_after = found == after();
    ASSERT_TRUE(is_after || (!answered && found == before())) << "a part of a call is there:\n"
                                                              << found.rows << "instead of\n"
                                                              << before().rows;
    expect_no_free_guess(found, before(), after(), answered);
    {
      const auto store = must(open_store(folder()));
      expect_whole(*store);
      if (answered || (is_after && !(before() == after()))) return;
      const Status again = status_of_answer(must(store->call(SecretBytes::copy_of(call().request))));
      if (again == Status::kAuthorization && call().status == Status::kOk && has_locked_value(found)) return;
      EXPECT_EQ(again, call().status) << "the call cannot be made again";
    }
    EXPECT_EQ(picture_of(folder()).rows, after().rows);
  }

  static void expect_whole(sks::KeyStore& store) {
    for (const auto& finding : must(store.verify()).findings)
      ADD_FAILURE() << finding.id << ": " << finding.subject << ": " << finding.text;
  }

 private:
  std::size_t number_;
  TemporaryFolder folder_;
};

// Makes every call of the life with the fault at its first operation, its second, and so on; `trial` does it, and says whether the fault
// struck. How often it did.
// Under the sanitizers, where each trial takes twenty times as long, one call in so many.
#ifdef AIRTIGHT_SANITIZED
constexpr std::size_t kStep = 9;
#else
constexpr std::size_t kStep = 1;
#endif

template <typename Try>
int at_every_operation(Try&& trial) {
  int strikes = 0;
  const std::size_t calls = RecordedLife::get().calls().size();
  for (std::size_t number = 0; number < calls && !testing::Test::HasFailure(); number += kStep) {
    for (int operations = 0; !testing::Test::HasFailure(); ++operations) {
      SCOPED_TRACE("call " + std::to_string(number) + " (" + RecordedLife::get().calls()[number].method + ") at operation " +
                   std::to_string(operations));
      Trial one(number);
      if (!trial(one, operations)) break;
      ++strikes;
    }
  }
  return strikes;
}

class KeyStoreStruck : public testing::TestWithParam<FaultyVfs::Fault> {};

TEST_P(KeyStoreStruck, IsAsBeforeTheCallOrAsAfterItAndGivesNoGuessAway) {
  const int strikes = at_every_operation([&](Trial& trial, int operations) {
    Outcome outcome;
    if (GetParam() == FaultyVfs::Fault::kKilled) {
      outcome = call_and_be_killed(trial.folder(), trial.call(), operations);
    } else {
      FaultyVfs vfs;
      vfs.fail_after(operations, GetParam(), static_cast<unsigned>(operations));
      outcome = open_and_call(trial.folder(), trial.call(), vfs);
    }
    trial.expect_before_or_after(outcome);
    return outcome.struck;
  });
  EXPECT_GT(strikes, static_cast<int>(5 * RecordedLife::get().calls().size() / kStep)) << "the loop did not reach the writes";
}

INSTANTIATE_TEST_SUITE_P(EachWay, KeyStoreStruck,
                         testing::Values(FaultyVfs::Fault::kKilled, FaultyVfs::Fault::kPowerCut, FaultyVfs::Fault::kTornWrite,
                                         FaultyVfs::Fault::kReordered),
                         [](const testing::TestParamInfo<FaultyVfs::Fault>& one) {
                           switch (one.param) {
                             case FaultyVfs::Fault::kKilled: return "Killed";
                             case FaultyVfs::Fault::kPowerCut: return "PowerCut";
                             case FaultyVfs::Fault::kTornWrite: return "TornWrite";
                             default: return "ReorderedWrites";
                           }
                         });

class KeyStoreOnABadDisk : public testing::TestWithParam<FaultyVfs::Fault> {};

TEST_P(KeyStoreOnABadDisk, AnswersErrorStorageChangesNothingAndGoesOn) {
  at_every_operation([&](Trial& trial, int operations) {
    FaultyVfs vfs;
    vfs.fail_after(operations, GetParam());
    bool struck = false;
    {
      auto store = open_store(trial.folder(), vfs.name());
      std::optional<Status> answer;
      if (store) answer = status_of_answer(must((*store)->call(SecretBytes::copy_of(trial.call().request))));
      struck = vfs.struck();
      vfs.heal();
      if (!store) store = must(open_store(trial.folder(), vfs.name()));
      if (!answer || *answer == Status::kStorage) {
        EXPECT_TRUE(struck);
        answer = status_of_answer(must((*store)->call(SecretBytes::copy_of(trial.call().request))));
      }
      EXPECT_EQ(*answer, trial.call().status);
      Trial::expect_whole(**store);
    }
    const StorePicture found = picture_of(trial.folder());
    if (!(found == trial.after())) {
      EXPECT_EQ(found.shape(), trial.after().shape());
    } else {
      EXPECT_EQ(found.errors, trial.after().errors);
    }
    return struck;
  });
}

INSTANTIATE_TEST_SUITE_P(EachFault, KeyStoreOnABadDisk, testing::Values(FaultyVfs::Fault::kDiskFull, FaultyVfs::Fault::kBrokenWrite),
                         [](const testing::TestParamInfo<FaultyVfs::Fault>& one) {
                           return one.param == FaultyVfs::Fault::kDiskFull ? "FullDisk" : "BrokenWrite";
                         });

// An attempt that cannot be counted is not compared.
TEST(KeyStoreOnAFullDisk, AnswersRightAndWrongPinsAlike) {
  const TemporaryFolder folder;
  const crypto::Certificate device = make_device(folder / "store");
  FaultyVfs vfs;
  const auto store = must(open_store(folder / "store", vfs.name()));
  const ProvisionedKeys keys = provision(*store, device);
  const auto sign_with = [&](std::string_view pin) {
    return sks::testing::status(sign(*store, keys.first.handle, keys.first.public_key, pin));
  };
  for (const unsigned errors : {0U, 1U}) {  // no attempt yet; the last one was wrong
    for (const std::string_view pin : {kPin, kWrongPin}) {
      SCOPED_TRACE(std::to_string(errors) + " errors, then PIN " + std::string(pin));
      vfs.fail_after(0, FaultyVfs::Fault::kDiskFull);
      EXPECT_EQ(sign_with(pin), Status::kStorage);
      EXPECT_EQ(sks::testing::status(sign(*store, keys.imported.handle, keys.imported.public_key, "")), Status::kOk)
          << "a key without a PIN needs no disk";
      vfs.heal();
      EXPECT_EQ(must(sks::call(*store, sks::GetKeyProtectionInfo{keys.first.handle})).pin_error_count, errors);
    }
    if (errors == 0) {
      EXPECT_EQ(sign_with(kWrongPin), Status::kAuthorization);
    }
  }
  EXPECT_EQ(sign_with(kPin), Status::kOk);
}

// A store whose process is killed after each call.
class StoreThatDiesAfterEachCall final : public sks::Channel {
 public:
  explicit StoreThatDiesAfterEachCall(std::filesystem::path folder) : folder_(std::move(folder)) {}
  [[nodiscard]] Result<SecretBytes> call(const SecretBytes& request) override {
    StoreProcess store(folder_);
    auto answer = store.call(request);
    store.kill();
    return answer;
  }

 private:
  std::filesystem::path folder_;
};

TEST(KeyStoreKilledAfterEachCall, FinishesItsSessionsAndUsesTheirKeys) {
  const TemporaryFolder folder;
  const crypto::Certificate device = make_device(folder / "store");
  StoreThatDiesAfterEachCall store(folder / "store");
  ProvisionedKeys keys = provision(store, device);
  fail_to_provision(store, device);
  provision_again(store, device, keys);
  EXPECT_EQ(sks::testing::status(sign(store, keys.first.handle, keys.first.public_key, kPin)), Status::kOk);
  EXPECT_EQ(sks::testing::status(sign(store, keys.guarded.handle, keys.guarded.public_key, kOwnPin)), Status::kOk);
  Trial::expect_whole(*must(open_store(folder / "store")));
}

}  // namespace
}  // namespace airtight::faults
