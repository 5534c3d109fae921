// Anchors against roll-back in a file, and the notes that say where an anchor is.
#include "sealing/anchor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <string>
#include <thread>
#include <vector>

#include "crypto/random.h"
#include "tests/support/must.h"
#include "tests/support/seal_text.h"
#include "tests/support/temporary_folder.h"

namespace airtight::sealing {
namespace {

using testing::HasSubstr;
using tests::must;
using tests::read_text;
using tests::write_text;

MasterKey key_of(char byte) { return MasterKey(SecretBytes::copy_of(Bytes(32, static_cast<std::byte>(byte)))); }

class Anchor : public testing::Test {
 protected:
  void SetUp() override { std::filesystem::create_directory(store()); }

  // Anchors the store in the file, to the end.
  std::unique_ptr<Counter> anchor() {
    auto counter = must(prepare_anchor(store(), FileAnchor{file()}, master_key_, random_));
    EXPECT_FALSE(must(adopt_anchor(store(), master_key_)).leftover);
    return counter;
  }
  [[nodiscard]] std::unique_ptr<Counter> open() const { return must(open_anchor(store(), master_key_)); }
  [[nodiscard]] static Error error_of(const Result<std::uint64_t>& result) {
    if (result) throw std::logic_error("it counted");
    return result.error();
  }

  [[nodiscard]] std::filesystem::path store() const { return folder_ / "store"; }
  [[nodiscard]] std::filesystem::path file() const { return folder_ / "anchored"; }
  [[nodiscard]] std::filesystem::path note() const { return store() / "anchor"; }

  tests::TemporaryFolder folder_;
  crypto::SystemRandom random_;
  MasterKey master_key_ = key_of('k');
};

using AnchorInAFile = Anchor;
using AnchorNote = Anchor;
using ChangeOfAnchor = Anchor;

TEST_F(AnchorInAFile, CountsOneByOneAndRemembers) {
  auto counter = anchor();
  const std::uint64_t first = must(counter->read());
  EXPECT_GT(first, 0U);
  EXPECT_EQ(must(counter->advance()), first + 1);
  EXPECT_EQ(must(counter->advance()), first + 2);
  EXPECT_EQ(must(counter->read()), first + 2);
  EXPECT_EQ(must(open()->read()), first + 2);
  EXPECT_EQ(must(open()->advance()), first + 3);
}

TEST_F(AnchorInAFile, CountsForManyThreads) {
  auto counter = anchor();
  const std::uint64_t first = must(counter->read());
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < 10; ++j) (void)must(counter->advance());
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(must(counter->read()), first + 40);
}

TEST_F(AnchorInAFile, CannotBeEdited) {
  auto counter = anchor();
  for (int i = 0; i < 9; ++i) (void)must(counter->advance());
  const std::string text = read_text(file());
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string changed = text;
    changed[i] = text[i] == '1' ? '2' : '1';
    write_text(file(), changed);
    if (changed == text) continue;
    const Error error = error_of(counter->read());
    EXPECT_EQ(error.fault, Fault::kRefused) << i;
    EXPECT_FALSE(counter->advance()) << i;
  }
  for (const std::string& other : {std::string(), text.substr(0, text.size() - 1), text + "\n", text + text}) {
    write_text(file(), other);
    EXPECT_EQ(error_of(counter->read()).fault, Fault::kRefused);
  }
  write_text(file(), text);
  EXPECT_TRUE(counter->read());
}

TEST_F(AnchorInAFile, ThatIsMissingIsToldSo) {
  auto counter = anchor();
  std::filesystem::remove(file());
  const Error error = error_of(counter->advance());
  EXPECT_EQ(error.fault, Fault::kNotFound);
  EXPECT_THAT(error.message, HasSubstr("the anchor " + file().native() + " is missing"));
  EXPECT_THAT(error.hint, HasSubstr("mount the disk"));
  EXPECT_FALSE(std::filesystem::exists(file())) << "it does not start again";
}

TEST_F(AnchorInAFile, OfAnotherStoreIsRefused) {
  auto counter = anchor();
  const std::filesystem::path other_store = folder_ / "other";
  std::filesystem::create_directory(other_store);
  (void)must(prepare_anchor(other_store, FileAnchor{folder_ / "other anchor"}, key_of('o'), random_));
  std::filesystem::copy_file(folder_ / "other anchor", file(), std::filesystem::copy_options::overwrite_existing);
  EXPECT_EQ(error_of(counter->read()).fault, Fault::kRefused);
}

TEST_F(AnchorInAFile, OfAnEarlierAnchorOfTheSameStoreIsRefused) {
  (void)anchor();
  const std::string early = read_text(file());
  (void)must(prepare_anchor(store(), FileAnchor{folder_ / "second"}, master_key_, random_));
  (void)must(adopt_anchor(store(), master_key_));
  write_text(folder_ / "second", early);
  EXPECT_EQ(error_of(open()->read()).fault, Fault::kRefused);
}

TEST_F(AnchorInAFile, NeverTakesThePlaceOfAnotherFile) {
  write_text(file(), "something of the user's");
  const auto result = prepare_anchor(store(), FileAnchor{file()}, master_key_, random_);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().fault, Fault::kRefused);
  EXPECT_EQ(read_text(file()), "something of the user's");
  EXPECT_FALSE(has_new_anchor(store()));
}

TEST_F(AnchorInAFile, IsNeverInTheFolderOfItsStore) {
  std::filesystem::create_directory_symlink(store(), folder_ / "link");
  for (const std::filesystem::path& place :
       {store() / "anchor", store() / "below" / "count", folder_ / "away" / ".." / "store" / "count", folder_ / "link" / "count"}) {
    const auto made = prepare_anchor(store(), FileAnchor{place}, master_key_, random_);
    ASSERT_FALSE(made) << place;
    EXPECT_EQ(made.error().fault, Fault::kBadInput) << place;
    EXPECT_FALSE(has_new_anchor(store())) << place;
  }
}

TEST_F(AnchorNote, IsNotNeededForNoAnchor) {
  EXPECT_EQ(must(anchor_of(store(), master_key_)), AnchorChoice(NoAnchor{}));
  EXPECT_EQ(must(open_anchor(store(), master_key_)), nullptr);
}

TEST_F(AnchorNote, ThatIsAPipeIsNotWaitedFor) {
  ASSERT_EQ(::mkfifo(note().c_str(), 0600), 0);
  EXPECT_EQ(anchor_of(store(), master_key_).error().fault, Fault::kRefused);
}

TEST_F(AnchorNote, SaysWhereTheAnchorIs) {
  (void)anchor();
  EXPECT_EQ(must(anchor_of(store(), master_key_)), AnchorChoice(FileAnchor{file()}));
}

TEST_F(AnchorNote, CannotBeEditedOrTakenFromAnotherStore) {
  (void)anchor();
  const std::string text = read_text(note());
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string changed = text;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    write_text(note(), changed);
    const auto result = open_anchor(store(), master_key_);
    ASSERT_FALSE(result) << i;
    EXPECT_EQ(result.error().fault, Fault::kRefused) << i;
  }
  write_text(note(), tests::replaced(text, "anchor = file:" + file().native(), "anchor = none"));
  EXPECT_FALSE(anchor_of(store(), master_key_));
  write_text(note(), text);
  EXPECT_FALSE(anchor_of(store(), key_of('o')));
  EXPECT_TRUE(anchor_of(store(), master_key_));
}

TEST_F(ChangeOfAnchor, LeavesTheOldAnchorUntilTheNewOneIsAdopted) {
  (void)must(anchor()->advance());
  const std::uint64_t before = must(open()->read());
  const auto counter = must(prepare_anchor(store(), FileAnchor{folder_ / "second"}, master_key_, random_));
  EXPECT_EQ(must(open()->read()), before);
  EXPECT_TRUE(has_new_anchor(store()));
  EXPECT_EQ(must(must(open_new_anchor(store(), master_key_))->read()), must(counter->read()));
  (void)must(adopt_anchor(store(), master_key_));
  EXPECT_FALSE(has_new_anchor(store()));
  EXPECT_EQ(must(anchor_of(store(), master_key_)), AnchorChoice(FileAnchor{folder_ / "second"}));
  EXPECT_EQ(must(open()->read()), must(counter->read()));
  EXPECT_FALSE(std::filesystem::exists(file())) << "an old note must find nothing";
}

TEST_F(ChangeOfAnchor, ThatIsGivenUpLeavesNothing) {
  (void)anchor();
  (void)must(prepare_anchor(store(), FileAnchor{folder_ / "second"}, master_key_, random_));
  must(drop_new_anchor(store(), master_key_));
  EXPECT_FALSE(has_new_anchor(store()));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "second"));
  EXPECT_TRUE(open()->read());
}

TEST_F(ChangeOfAnchor, ThatWasCutShortCanBeStartedAgain) {
  (void)must(prepare_anchor(store(), FileAnchor{file()}, master_key_, random_));
  auto counter = anchor();
  EXPECT_TRUE(counter->advance());
  EXPECT_TRUE(open()->read());
}

TEST_F(ChangeOfAnchor, ThatWasCutShortBeforeItsCounterDoesNotRemoveAFileOfTheUsers) {
  (void)must(prepare_anchor(store(), FileAnchor{file()}, master_key_, random_));
  write_text(file(), "something of the user's");
  must(drop_new_anchor(store(), master_key_));
  EXPECT_EQ(read_text(file()), "something of the user's");
}

TEST_F(ChangeOfAnchor, ToATpmThatIsNotThereWritesNothing) {
  const auto made = prepare_anchor(store(), Tpm2Anchor{.index = {}, .tcti = "device:/dev/no-such-tpm"}, master_key_, random_);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().fault, Fault::kUnavailable);
  EXPECT_FALSE(has_new_anchor(store()));
}

TEST_F(ChangeOfAnchor, IsNotHeldUpByANoteThatNobodyCanRead) {
  write_text(store() / "anchor.new", "of a crash, or of another store");
  EXPECT_TRUE(anchor()->read());
}

TEST_F(ChangeOfAnchor, TakesThePlaceOfANoteThatNobodyCanRead) {
  (void)anchor();
  write_text(note(), "damaged");
  (void)must(prepare_anchor(store(), NoAnchor{}, master_key_, random_));
  const AnchorChange change = must(adopt_anchor(store(), master_key_));
  EXPECT_TRUE(change.leftover) << "nobody knows where the old counter is";
  EXPECT_EQ(must(anchor_of(store(), master_key_)), AnchorChoice(NoAnchor{}));
}

TEST_F(ChangeOfAnchor, ToNoneEndsTheAnchor) {
  (void)anchor();
  EXPECT_EQ(must(prepare_anchor(store(), NoAnchor{}, master_key_, random_)), nullptr);
  (void)must(adopt_anchor(store(), master_key_));
  EXPECT_EQ(must(open_anchor(store(), master_key_)), nullptr);
  EXPECT_FALSE(std::filesystem::exists(file()));
}

TEST(AnchorName, IsReadAndWritten) {
  for (const std::string name : {"none", "file:/media/key/anchor", "tpm2", "tpm2:0x018a0001"}) {
    EXPECT_EQ(name_of(must(parse_anchor(name))), name);
  }
  EXPECT_EQ(name_of(must(parse_anchor("file:anchor"))), "file:" + (std::filesystem::current_path() / "anchor").native());
  EXPECT_EQ(must(parse_anchor("tpm2", "swtpm:port=2321")), AnchorChoice(Tpm2Anchor{.index = {}, .tcti = "swtpm:port=2321"}));
}

TEST(AnchorName, IsRefusedWhereItMeansNothing) {
  for (const std::string name : {"", "file", "file:", "File:/x", "tpm", "tpm2:", "tpm2:1", "tpm2:0x", "tpm2:0x017fffff", "tpm2:0x01c00000",
                                 "tpm2:0x018a0001 ", "none ", "file:/a\nb"}) {
    const auto result = parse_anchor(name);
    ASSERT_FALSE(result) << name;
    EXPECT_EQ(result.error().fault, Fault::kBadInput) << name;
  }
  EXPECT_FALSE(parse_anchor("tpm2", "cmd:sh"));
}

}  // namespace
}  // namespace airtight::sealing
