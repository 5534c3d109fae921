#include "base/secret_bytes.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <ostream>
#include <sstream>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "tests/support/child_process.h"

namespace airtight {
namespace {

static_assert(!std::is_copy_constructible_v<SecretBytes> && !std::is_copy_assignable_v<SecretBytes>);
static_assert(std::is_nothrow_move_constructible_v<SecretBytes> && std::is_nothrow_move_assignable_v<SecretBytes>);

template <typename T>
concept Printable = requires(std::ostream& out, const T& value) { out << value; };
static_assert(!Printable<SecretBytes>);
template <typename T>
concept Comparable = requires(const T& a, const T& b) { a == b; };
static_assert(!Comparable<SecretBytes>, "== would stop at the first difference");

#ifdef AIRTIGHT_SANITIZED
constexpr bool kMlockWorks = false;  // AddressSanitizer replaces mlock() by nothing
#else
constexpr bool kMlockWorks = true;
#endif

constexpr std::string_view kSecret = "a secret of 24 bytes....";

bool is_zero(ByteView bytes) {
  return std::ranges::all_of(bytes, [](std::byte byte) { return byte == std::byte{0}; });
}

// What the kernel says about the mapping that holds `address`: its lines in /proc/self/smaps.
std::string mapping_of(const void* address) {
  std::ifstream maps("/proc/self/smaps");
  std::string line;
  std::string lines;
  bool inside = false;
  while (std::getline(maps, line)) {
    std::uintptr_t first = 0;
    std::uintptr_t last = 0;
    char dash = 0;
    std::istringstream header(line);
    if (header >> std::hex >> first >> dash >> last && dash == '-') {
      const auto at = reinterpret_cast<std::uintptr_t>(address);
      inside = at >= first && at < last;
    }
    if (inside) lines += line + "\n";
  }
  return lines;
}

// Whether the kernel has set the flag of two letters, as proc(5) lists them under VmFlags.
bool has_flag(const std::string& mapping, const std::string& flag) {
  std::istringstream line(mapping.substr(mapping.find("VmFlags:") + 8));
  return std::find(std::istream_iterator<std::string>(line), {}, flag) != std::istream_iterator<std::string>();
}

TEST(SecretMemory, StartsAsZeros) {
  EXPECT_TRUE(is_zero(SecretBytes(1000).expose_secret()));
  EXPECT_EQ(SecretBytes(1000).size(), 1000U);
  EXPECT_TRUE(SecretBytes().empty());
  EXPECT_TRUE(SecretBytes(0).empty());
}

TEST(SecretMemory, StaysOutOfCoreDumpsAndSwap) {
  for (const std::size_t size : {1U, 32U, 4096U, 4097U, 100000U}) {
    const SecretBytes secret(size);
    for (const std::size_t at : {std::size_t{0}, size - 1}) {
      const std::string mapping = mapping_of(secret.expose_secret().data() + at);
      EXPECT_TRUE(has_flag(mapping, "dd")) << "in core dumps: " << mapping;
      EXPECT_EQ(has_flag(mapping, "lo"), kMlockWorks && secrets_are_locked()) << mapping;
    }
  }
}

TEST(SecretMemory, IsNotHandedToAForkedProcess) {
  for (const std::size_t size : {std::size_t{32}, std::size_t{100000}}) {
    SecretBytes secret(size);
    std::ranges::fill(secret.expose_secret_for_writing(), std::byte{'s'});
    EXPECT_TRUE(has_flag(mapping_of(secret.expose_secret().data()), "wf"));
    tests::ChildProcess child([&](const auto&) {
      const SecretBytes own = SecretBytes::copy_of(bytes_of(kSecret));
      return is_zero(secret.expose_secret()) && text_of(own.expose_secret()) == kSecret ? 0 : 1;
    });
    EXPECT_EQ(child.wait(), 0);
    EXPECT_FALSE(is_zero(secret.expose_secret()));
  }
}

TEST(SecretMemory, IsWipedWhenFreed) {
  const std::byte* where = nullptr;
  {
    const SecretBytes secret = SecretBytes::copy_of(bytes_of(kSecret));
    where = secret.expose_secret().data();
  }
  EXPECT_TRUE(is_zero({where, kSecret.size()})) << "small secrets share pages that stay mapped, so that looking is allowed";
}

TEST(SecretMemory, IsWipedWhereASecretIsShortened) {
  SecretBytes secret = SecretBytes::copy_of(bytes_of(kSecret));
  secret.truncate(8);
  EXPECT_EQ(text_of(secret.expose_secret()), "a secret");
  EXPECT_TRUE(is_zero({secret.expose_secret().data() + 8, kSecret.size() - 8}));
  secret.truncate(100);
  EXPECT_EQ(secret.size(), 8U) << "it never grows";
  secret.truncate(0);
  EXPECT_TRUE(secret.empty());
}

TEST(SecretMemory, IsNotSharedByTwoSecrets) {
  std::vector<SecretBytes> secrets;
  for (std::size_t i = 0; i < 3000; ++i) {
    secrets.push_back(SecretBytes(1 + i % 100));
    std::ranges::fill(secrets.back().expose_secret_for_writing(), static_cast<std::byte>(i));
  }
  for (std::size_t i = 0; i < secrets.size(); ++i) {
    EXPECT_TRUE(std::ranges::all_of(secrets[i].expose_secret(), [&](std::byte byte) { return byte == static_cast<std::byte>(i); }));
  }
}

TEST(SecretMemory, IsUsedAgain) {
  const std::byte* where = nullptr;
  for (int i = 0; i < 100000; ++i) {
    const SecretBytes secret(32);
    if (where == nullptr) where = secret.expose_secret().data();
    ASSERT_EQ(secret.expose_secret().data(), where);
  }
}

TEST(SecretMemory, MayBeTakenAndGivenBackByManyThreads) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([i] {
      for (std::size_t j = 0; j < 2000; ++j) {
        SecretBytes secret(1 + j % 5000);
        std::ranges::fill(secret.expose_secret_for_writing(), static_cast<std::byte>(i));
        ASSERT_TRUE(std::ranges::all_of(secret.expose_secret(), [&](std::byte byte) { return byte == static_cast<std::byte>(i); }));
      }
    });
  }
  for (auto& thread : threads) thread.join();
}

TEST(SecretMemory, TellsWhenItCannotBeLocked) {
  tests::ChildProcess poor([](const auto&) {
    const rlimit none{0, 0};
    ::setrlimit(RLIMIT_MEMLOCK, &none);
    if (::setuid(65534) != 0) return 2;  // root is not held to the limit
    const SecretBytes secret(10000);
    return kMlockWorks && secrets_are_locked() ? 1 : 0;
  });
  EXPECT_NE(poor.wait(), 1);
}

TEST(Secret, MovesAndLeavesNothingBehind) {
  SecretBytes first = SecretBytes::copy_of(bytes_of(kSecret));
  SecretBytes second = std::move(first);
  EXPECT_EQ(text_of(second.expose_secret()), kSecret);
  EXPECT_TRUE(first.empty());  // NOLINT(bugprone-use-after-move): it is promised
  first = std::move(second);
  EXPECT_EQ(text_of(first.expose_secret()), kSecret);
}

TEST(Secret, IsClonedOnlyOnRequest) {
  const SecretBytes secret = SecretBytes::copy_of(bytes_of(kSecret));
  const SecretBytes clone = secret.clone();
  EXPECT_EQ(text_of(clone.expose_secret()), kSecret);
  EXPECT_NE(clone.expose_secret().data(), secret.expose_secret().data());
  EXPECT_TRUE(SecretBytes().clone().empty());
}

TEST(ConstantTimeComparison, TellsEqualFromDifferent) {
  EXPECT_TRUE(equal_in_constant_time(bytes_of("abc"), bytes_of("abc")));
  EXPECT_TRUE(equal_in_constant_time({}, {}));
  for (const std::string_view other : {"bbc", "acc", "abd", "ab", "abcd", ""}) {
    EXPECT_FALSE(equal_in_constant_time(bytes_of("abc"), bytes_of(other))) << other;
  }
}

TEST(Wiping, LeavesZeros) {
  Bytes bytes = to_bytes(kSecret);
  wipe(bytes);
  EXPECT_TRUE(is_zero(bytes));
  wipe({});
}

}  // namespace
}  // namespace airtight
