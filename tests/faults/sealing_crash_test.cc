// A process that makes or changes a seal or an anchor dies in place of each operation that changes a file, one after the other: what it
// leaves opens, as before the change or as after it, and the change can be made again.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <string>

#include "crypto/random.h"
#include "sealing/anchor.h"
#include "sealing/seal.h"
#include "tests/support/child_process.h"
#include "tests/support/must.h"
#include "tests/support/seal_text.h"
#include "tests/support/software_token.h"
#include "tests/support/software_tpm.h"
#include "tests/support/temporary_folder.h"

namespace {

constexpr int kDied = 42;
int g_operations_left = -1;  // -1: this process lives for ever

void count_operation() {
  if (g_operations_left > 0) --g_operations_left;
  if (g_operations_left == 0) ::_exit(kDied);
}

}  // namespace

// These stand in front of the C library's.
extern "C" {
int rename(const char* from, const char* to) noexcept {
  count_operation();
  return static_cast<int>(::syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0));
}
int link(const char* from, const char* to) noexcept {
  count_operation();
  return static_cast<int>(::syscall(SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0));
}
int unlink(const char* path) noexcept {
  count_operation();
  return static_cast<int>(::syscall(SYS_unlinkat, AT_FDCWD, path, 0));
}
int fsync(int descriptor) {
  count_operation();
  return static_cast<int>(::syscall(SYS_fsync, descriptor));
}
int fchmod(int descriptor, mode_t mode) noexcept {
  count_operation();
  return static_cast<int>(::syscall(SYS_fchmod, descriptor, mode));
}
}

namespace airtight::sealing {
namespace {

using tests::must;
using tests::read_text;

constexpr crypto::ScryptCost kCheap = {.n = 16};
constexpr int kMost = 60;  // operations of one change

PassphrasePrompt words(const std::string& old_word, const std::string& new_word) {
  return [=](const SecretQuestion& question) {
    const bool is_pin = question.about == SecretQuestion::About::kTokenPin;
    return SecretBytes::copy_of(bytes_of(is_pin ? "1234" : question.is_new ? new_word : old_word));
  };
}

MasterKey some_key() { return MasterKey(SecretBytes::copy_of(Bytes(32, std::byte{7}))); }

class SealCrash : public testing::Test {
 protected:
  // Runs `work` in a process that dies in place of its operation number `which`; whether it came so far.
  static bool dies_at(int which, const std::function<void()>& work) {
    tests::ChildProcess process([&](const auto&) {
      g_operations_left = which;
      try {
        work();
      } catch (...) {
        return 7;
      }
      return 0;
    });
    const int status = process.wait();
    if (status != 0 && status != kDied) throw std::runtime_error("the process ended with " + std::to_string(status));
    return status == kDied;
  }

  [[nodiscard]] bool same(const MasterKey& a, const MasterKey& b) {
    return b.open("test", {}, a.seal("test", {}, bytes_of("x"), random_)).has_value();
  }

  // `more` is a folder that belongs to the seal: it is put back, as the store is, before each change.
  void change_with_crashes(const NewSeal& from, const NewSeal& to, const std::filesystem::path& more = {}) {
    const auto copy = [](const std::filesystem::path& source, const std::filesystem::path& destination) {
      if (source.empty() || destination.empty()) return;
      std::filesystem::remove_all(destination);
      std::filesystem::copy(source, destination, std::filesystem::copy_options::recursive);
    };
    const MasterKey made = must(create_master_key(store(), from, words("", "old words"), random_));
    copy(store(), folder_ / "store before");
    copy(more, folder_ / "more before");
    int died = 0;
    for (int which = 1; which < kMost; ++which) {
      copy(folder_ / "store before", store());
      copy(more.empty() ? more : folder_ / "more before", more);
      const bool dead = dies_at(which, [&] { (void)must(change_seal(store(), to, words("old words", "new words"), random_)); });
      auto opened = open_master_key(store(), words("new words", ""));
      if (!opened) opened = open_master_key(store(), words("old words", ""));
      ASSERT_TRUE(opened) << "operation " << which << ": " << opened.error().message;
      EXPECT_TRUE(same(made, *opened)) << "operation " << which;
      const bool is_new = read_text(store() / "seal").find("kind = " + std::string(name_of(kind_of(to)))) != std::string::npos;
      if (is_new && kind_of(to) != SealKind::kFile) {
        EXPECT_FALSE(std::filesystem::exists(store() / "seal.key")) << "operation " << which;
      }
      // Whatever holds, it can be changed again.
      auto again = change_seal(store(), PassphraseSeal{kCheap}, words("new words", "third words"), random_);
      if (!again) again = change_seal(store(), PassphraseSeal{kCheap}, words("old words", "third words"), random_);
      ASSERT_TRUE(again) << "operation " << which << ": " << again.error().message;
      EXPECT_FALSE(std::filesystem::exists(store() / "seal.key"));
      EXPECT_FALSE(std::filesystem::exists(store() / "seal.key.new"));
      EXPECT_TRUE(same(made, must(open_master_key(store(), words("third words", "")))));
      if (!dead) break;
      ++died;
    }
    EXPECT_GE(died, 4) << "temporary file, its mode, its place, the folder";
    EXPECT_LT(died, kMost - 1);
    std::filesystem::remove_all(store());
  }

  [[nodiscard]] std::filesystem::path store() const { return folder_ / "store"; }

  tests::TemporaryFolder folder_;
  crypto::SystemRandom random_;
};

TEST_F(SealCrash, WhileASealIsMadeLetsItBeMadeAgain) {
  for (const NewSeal& seal : {NewSeal(KeyFileSeal{}), NewSeal(PassphraseSeal{kCheap})}) {
    for (int which = 1; which < kMost; ++which) {
      std::filesystem::remove_all(store());
      const bool dead = dies_at(which, [&] { (void)must(create_master_key(store(), seal, words("", "some words"), random_)); });
      const auto opened = open_master_key(store(), words("some words", ""));
      if (!opened) {
        EXPECT_EQ(opened.error().fault, Fault::kNotFound) << "operation " << which;
        const MasterKey made = must(create_master_key(store(), seal, words("", "some words"), random_));
        EXPECT_TRUE(same(made, must(open_master_key(store(), words("some words", "")))));
      }
      if (!dead) break;
    }
  }
}

TEST_F(SealCrash, WhileASealIsChangedLeavesOneThatOpens) {
  const tests::SoftwareTpm tpm;
  const std::vector<NewSeal> seals = {KeyFileSeal{}, PassphraseSeal{kCheap},
                                      Tpm2Seal{.tcti = tpm.tcti(), .pcrs = {}, .with_passphrase = false, .cost = kCheap}};
  for (const NewSeal& from : seals) {
    for (const NewSeal& to : seals) change_with_crashes(from, to);
  }
}

TEST_F(SealCrash, WhileATokenIsLeftDoesNotLoseItsKeyTooSoon) {
  const tests::SoftwareToken token;
  change_with_crashes(Pkcs11Seal{tests::SoftwareToken::uri()}, KeyFileSeal{}, token.tokens());
}

TEST_F(SealCrash, WhileAnAnchorIsChangedLeavesTheOneThatTheStoreIsBoundTo) {
  const MasterKey master_key = some_key();
  int died = 0;
  for (int which = 1; which < kMost; ++which) {
    std::filesystem::remove_all(store());
    std::filesystem::create_directory(store());
    std::filesystem::remove(folder_ / "first");
    std::filesystem::remove(folder_ / "second");
    auto old_counter = must(prepare_anchor(store(), FileAnchor{folder_ / "first"}, master_key, random_));
    (void)must(adopt_anchor(store(), master_key));
    for (int i = 0; i < 5; ++i) (void)must(old_counter->advance());
    const std::uint64_t old_count = must(old_counter->read());
    // What the database would say: the count of the counter that the store is bound to.
    const std::filesystem::path bound = folder_ / "bound";
    tests::write_text(bound, std::to_string(old_count));
    const bool dead = dies_at(which, [&] {
      const MasterKey same_key = some_key();  // secrets do not come along into a forked process
      const auto counter = must(prepare_anchor(store(), FileAnchor{folder_ / "second"}, same_key, random_));
      tests::write_text(bound, std::to_string(must(counter->read())));
      (void)must(adopt_anchor(store(), same_key));
    });
    const std::uint64_t expected = std::stoull(read_text(bound));
    const auto present = open_anchor(store(), master_key);
    ASSERT_TRUE(present);
    auto count = (*present)->read();
    if (!count || *count != expected) {
      ASSERT_TRUE(has_new_anchor(store())) << "operation " << which;
      count = must(open_new_anchor(store(), master_key))->read();
      (void)must(adopt_anchor(store(), master_key));
    } else if (has_new_anchor(store())) {
      must(drop_new_anchor(store(), master_key));
    }
    EXPECT_EQ(must(count), expected) << "operation " << which;
    EXPECT_EQ(must(must(open_anchor(store(), master_key))->advance()), expected + 1);
    if (!dead) break;
    ++died;
  }
  EXPECT_GE(died, 6);
}

TEST_F(SealCrash, WhileAnAnchorAdvancesLeavesTheOldCountOrTheNewOne) {
  const MasterKey master_key = some_key();
  std::filesystem::create_directory(store());
  const auto counter = must(prepare_anchor(store(), FileAnchor{folder_ / "first"}, master_key, random_));
  (void)must(adopt_anchor(store(), master_key));
  for (int which = 1; which < kMost; ++which) {
    const std::uint64_t before = must(counter->read());
    const bool dead = dies_at(which, [&] { (void)must(must(open_anchor(store(), some_key()))->advance()); });
    const std::uint64_t after = must(counter->read());
    EXPECT_TRUE(after == before || after == before + 1) << "operation " << which;
    if (!dead) break;
  }
}

}  // namespace
}  // namespace airtight::sealing
