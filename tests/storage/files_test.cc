// Files that are there whole or not at all, and are their owner's alone.
#include "storage/files.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <string>
#include <thread>
#include <vector>

#include "base/descriptor.h"
#include "tests/support/child_process.h"
#include "tests/support/must.h"
#include "tests/support/temporary_folder.h"

namespace airtight::storage {
namespace {

using tests::ChildProcess;
using tests::must;
using tests::TemporaryFolder;

constexpr std::size_t kLarge = 1 << 20;

unsigned mode_of(const std::filesystem::path& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 ? status.st_mode & 07777U : 0;
}

std::vector<std::string> names_in(const std::filesystem::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) names.push_back(entry.path().filename());
  return names;
}

std::string content_of(const std::filesystem::path& path) {
  const auto content = read_file(path, kLarge);
  return content ? to_text(*content) : "error: " + content.error().message;
}

// Runs `work` under a umask in a process of its own; its exit status.
int under_umask(mode_t mask, const std::function<int()>& work) {
  ChildProcess child([&](const auto&) {
    ::umask(mask);
    return work();
  });
  return child.wait();
}

bool names_the_path(const Error& error, const std::filesystem::path& path) {
  return error.message.find(path.native()) != std::string::npos && !error.hint.empty();
}

TEST(WrittenFile, HoldsWhatWasWritten) {
  const TemporaryFolder folder;
  const Bytes large(kLarge, std::byte{7});
  ASSERT_TRUE(write_file(folder / "a", large, FileMode::kPrivate));
  EXPECT_EQ(read_file(folder / "a", kLarge), large);
  ASSERT_TRUE(write_file(folder / "empty", {}, FileMode::kPrivate));
  EXPECT_EQ(content_of(folder / "empty"), "");
}

TEST(WrittenFile, ReplacesTheOldOneAndLeavesNothingBeside) {
  const TemporaryFolder folder;
  ASSERT_TRUE(write_file(folder / "a", bytes_of("long old content"), FileMode::kPrivate));
  ASSERT_TRUE(write_file(folder / "a", bytes_of("new"), FileMode::kPrivate));
  EXPECT_EQ(content_of(folder / "a"), "new");
  EXPECT_EQ(names_in(folder.path()), std::vector<std::string>{"a"});
}

TEST(WrittenFile, HasItsModeWhateverTheUmask) {
  for (const mode_t mask : {0U, 077U, 0777U}) {
    const TemporaryFolder folder;
    EXPECT_EQ(under_umask(mask,
                          [&] {
                            const bool written = write_file(folder / "private", bytes_of("x"), FileMode::kPrivate) &&
                                                 write_file(folder / "public", bytes_of("x"), FileMode::kPublic);
                            return written ? 0 : 1;
                          }),
              0);
    EXPECT_EQ(mode_of(folder / "private"), 0600U);
    EXPECT_EQ(mode_of(folder / "public"), 0644U);
  }
}

TEST(WrittenFile, BecomesPrivateThoughTheOldOneWasPublic) {
  const TemporaryFolder folder;
  ASSERT_TRUE(write_file(folder / "a", bytes_of("x"), FileMode::kPublic));
  ASSERT_TRUE(write_file(folder / "a", bytes_of("y"), FileMode::kPrivate));
  EXPECT_EQ(mode_of(folder / "a"), 0600U);
}

TEST(WrittenFile, ReplacesALinkAndNotWhatItLeadsTo) {
  const TemporaryFolder folder;
  ASSERT_TRUE(write_file(folder / "victim", bytes_of("precious"), FileMode::kPrivate));
  std::filesystem::create_symlink(folder / "victim", folder / "a");
  ASSERT_TRUE(write_file(folder / "a", bytes_of("x"), FileMode::kPrivate));
  EXPECT_EQ(content_of(folder / "victim"), "precious");
  EXPECT_FALSE(std::filesystem::is_symlink(folder / "a"));
}

TEST(WrittenFile, GoesIntoADeviceOrPipeAndLeavesItWhatItIs) {
  const TemporaryFolder folder;
  must(write_file("/dev/null", bytes_of("nothing"), FileMode::kPrivate));
  EXPECT_TRUE(std::filesystem::is_character_file("/dev/null"));

  const std::string pipe = (folder / "pipe").native();
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  const Descriptor reader(::open(pipe.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  must(write_file(pipe, bytes_of("through"), FileMode::kPrivate));
  std::array<char, 10> out{};
  EXPECT_EQ(::read(reader.number(), out.data(), out.size()), 7);
  EXPECT_TRUE(std::filesystem::is_fifo(pipe));
}

TEST(WrittenFile, WantsItsFolder) {
  const TemporaryFolder folder;
  const auto result = write_file(folder / "missing" / "a", bytes_of("x"), FileMode::kPrivate);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().fault, Fault::kNotFound);
  EXPECT_TRUE(names_the_path(result.error(), folder / "missing" / "a")) << result.error().message;
}

TEST(CopiedFile, IsTheSameBytesAndPrivate) {
  const TemporaryFolder folder;
  ASSERT_TRUE(write_file(folder / "a", bytes_of("content"), FileMode::kPublic));
  ASSERT_TRUE(copy_new_file(folder / "a", folder / "b"));
  EXPECT_EQ(content_of(folder / "b"), "content");
  EXPECT_EQ(mode_of(folder / "b"), 0600U);
}

TEST(CopiedFile, IsNoneOfADeviceOrAPipe) {
  const TemporaryFolder folder;
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  for (const std::filesystem::path& endless : {std::filesystem::path("/dev/zero"), std::filesystem::path(folder / "pipe"), folder.path()}) {
    const auto copied = copy_new_file(endless, folder / "copy");
    ASSERT_FALSE(copied) << endless;
    EXPECT_EQ(copied.error().fault, Fault::kRefused) << endless;
    EXPECT_FALSE(std::filesystem::exists(folder / "copy"));
  }
}

TEST(ReadFile, IsNoNamedPipeWhoseWriterMayNeverCome) {
  const TemporaryFolder folder;
  const std::filesystem::path pipe = folder / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  const auto read = read_file(pipe, 16);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().fault, Fault::kBadInput);
  EXPECT_TRUE(names_the_path(read.error(), pipe)) << read.error().message;
  EXPECT_EQ(read_secret_file(pipe, 16).error().fault, Fault::kBadInput);
}

// What a shell makes of <(...), and of a pipe into /dev/stdin; its writer may be slow.
TEST(ReadFile, IsThePipeOfACommandToItsEnd) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const Descriptor reading(ends[0]);
  std::thread writer([writing = ends[1]] {
    for (int i = 0; i < 3; ++i) {
      if (::write(writing, "abc", 3) != 3) break;
      std::this_thread::yield();
    }
    ::close(writing);
  });
  const auto read = read_secret_file("/dev/fd/" + std::to_string(reading.number()), 16);
  writer.join();
  ASSERT_TRUE(read);
  EXPECT_EQ(text_of(read->expose_secret()), "abcabcabc");
}

TEST(SpecialFiles, AreRefusedAndFilesAndNothingAreNot) {
  const TemporaryFolder folder;
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  ASSERT_TRUE(write_file(folder / "a", bytes_of("x"), FileMode::kPrivate));
  EXPECT_FALSE(refuse_special_file(folder / "pipe"));
  EXPECT_TRUE(refuse_special_file(folder / "a"));
  EXPECT_TRUE(refuse_special_file(folder / "missing"));
}

TEST(SecretFile, IsNoDeviceThatOthersReadAndNobodyIsToldToChangeThat) {
  const auto read = read_secret_file("/dev/zero", 16);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().fault, Fault::kRefused);
  EXPECT_EQ(read.error().hint.find("chmod"), std::string::npos);
}

TEST(WrittenFile, DoesNotReplaceAFolder) {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder / "a");
  const auto result = write_file(folder / "a", bytes_of("x"), FileMode::kPrivate);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().fault, Fault::kRefused);
  EXPECT_EQ(names_in(folder.path()), std::vector<std::string>{"a"});
}

TEST(WrittenFile, IsTheOldOneWhenTheDiskIsFull) {
  const TemporaryFolder folder;
  ASSERT_TRUE(write_file(folder / "a", bytes_of("old"), FileMode::kPrivate));
  ChildProcess writer([&](const auto&) {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{1000, 1000};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    const auto result = write_file(folder / "a", Bytes(100000), FileMode::kPrivate);
    return !result && result.error().fault == Fault::kStorage && !result.error().hint.empty() ? 0 : 1;
  });
  EXPECT_EQ(writer.wait(), 0);
  EXPECT_EQ(content_of(folder / "a"), "old");
  EXPECT_EQ(names_in(folder.path()), std::vector<std::string>{"a"});
}

TEST(NewFile, ReplacesNothing) {
  const TemporaryFolder folder;
  ASSERT_TRUE(write_new_file(folder / "a", bytes_of("first"), FileMode::kPrivate));
  const auto second = write_new_file(folder / "a", bytes_of("second"), FileMode::kPrivate);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().fault, Fault::kRefused);
  EXPECT_EQ(content_of(folder / "a"), "first");
  EXPECT_EQ(mode_of(folder / "a"), 0600U);
  EXPECT_EQ(names_in(folder.path()), std::vector<std::string>{"a"});
}

TEST(NewFile, DoesNotFollowALinkThatLeadsNowhere) {
  const TemporaryFolder folder;
  std::filesystem::create_symlink(folder / "elsewhere", folder / "a");
  EXPECT_FALSE(write_new_file(folder / "a", bytes_of("x"), FileMode::kPrivate));
  EXPECT_FALSE(std::filesystem::exists(folder / "elsewhere"));
}

TEST(RenamedFile, ReplacesNothingWhereItShallBeNew) {
  const TemporaryFolder folder;
  must(write_file(folder / "a", bytes_of("a"), FileMode::kPrivate));
  must(write_file(folder / "b", bytes_of("b"), FileMode::kPrivate));
  EXPECT_EQ(rename_new_file(folder / "a", folder / "b").error().fault, Fault::kRefused);
  EXPECT_EQ(to_text(must(read_file(folder / "b", 10))), "b");
  must(rename_new_file(folder / "a", folder / "c"));
  EXPECT_EQ(to_text(must(read_file(folder / "c", 10))), "a");
  EXPECT_EQ(read_file(folder / "a", 10).error().fault, Fault::kNotFound);
}

TEST(ReadFile, ThatIsMissingIsNotFound) {
  const TemporaryFolder folder;
  const auto result = read_file(folder / "a", 10);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().fault, Fault::kNotFound);
  EXPECT_TRUE(names_the_path(result.error(), folder / "a")) << result.error().message;
}

TEST(ReadFile, KeepsToItsLimit) {
  const TemporaryFolder folder;
  ASSERT_TRUE(write_file(folder / "a", bytes_of("12345"), FileMode::kPrivate));
  EXPECT_TRUE(read_file(folder / "a", 5));
  const auto result = read_file(folder / "a", 4);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().fault, Fault::kBadInput);
  EXPECT_TRUE(names_the_path(result.error(), folder / "a")) << result.error().message;
}

TEST(ReadFile, KeepsToItsLimitWhereTheSizeIsNotKnown) {
  const auto result = read_file("/dev/zero", 1000);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().fault, Fault::kBadInput);
}

TEST(ReadFile, IsNoFolder) {
  const TemporaryFolder folder;
  const auto result = read_file(folder.path(), 10);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().fault, Fault::kBadInput);
}

TEST(ReadFile, MayBeAPipe) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  ASSERT_EQ(::write(ends[1], "1234", 4), 4);
  ::close(ends[1]);
  const auto secret = read_secret_file("/dev/fd/" + std::to_string(ends[0]), 100);
  ::close(ends[0]);
  ASSERT_TRUE(secret) << secret.error().message;
  EXPECT_EQ(text_of(secret->expose_secret()), "1234");
}

TEST(SecretFile, IsReadIntoASecret) {
  const TemporaryFolder folder;
  ASSERT_TRUE(write_file(folder / "key", bytes_of("secret"), FileMode::kPrivate));
  const auto secret = read_secret_file(folder / "key", 6);
  ASSERT_TRUE(secret) << secret.error().message;
  EXPECT_EQ(text_of(secret->expose_secret()), "secret");
  EXPECT_EQ(read_secret_file(folder / "key", 5).error().fault, Fault::kBadInput);
  EXPECT_EQ(read_secret_file(folder / "none", 5).error().fault, Fault::kNotFound);
}

TEST(SecretFile, ThatOthersCanReadOrWriteIsRefused) {
  const TemporaryFolder folder;
  ASSERT_TRUE(write_file(folder / "key", bytes_of("secret"), FileMode::kPrivate));
  for (const mode_t mode : {0640U, 0620U, 0610U, 0604U, 0602U, 0601U}) {
    ::chmod((folder / "key").c_str(), mode);
    const auto result = read_secret_file(folder / "key", 100);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().fault, Fault::kRefused);
    EXPECT_EQ(result.error().hint, "run: chmod 600 " + (folder / "key").native());
  }
}

TEST(PrivateFolder, IsMadeWithItsParents) {
  for (const mode_t mask : {0U, 0777U}) {
    const TemporaryFolder folder;
    EXPECT_EQ(under_umask(mask, [&] { return make_private_folder(folder / "a" / "b" / "c/") ? 0 : 1; }), 0);
    EXPECT_EQ(mode_of(folder / "a"), 0700U);
    EXPECT_EQ(mode_of(folder / "a" / "b" / "c"), 0700U);
  }
}

TEST(PrivateFolder, MayBeThere) {
  const TemporaryFolder folder;
  ASSERT_TRUE(make_private_folder(folder / "a"));
  ::chmod((folder / "a").c_str(), 0750);
  ASSERT_TRUE(make_private_folder(folder / "a"));
  EXPECT_EQ(mode_of(folder / "a"), 0750U);
}

TEST(PrivateFolder, IsNotMadeOfAFileOrALinkToNowhere) {
  const TemporaryFolder folder;
  ASSERT_TRUE(write_file(folder / "file", bytes_of("x"), FileMode::kPrivate));
  std::filesystem::create_symlink(folder / "nowhere", folder / "link");
  for (const auto& path : {folder / "file", folder / "file" / "below", folder / "link"}) {
    const auto result = make_private_folder(path);
    ASSERT_FALSE(result) << path;
    EXPECT_TRUE(names_the_path(result.error(), folder.path())) << result.error().message;
  }
}

}  // namespace
}  // namespace airtight::storage
