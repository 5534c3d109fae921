// Changing the seal: the same master key, another way to it. TPMs and tokens are in tests/interop, crashes in tests/faults.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <deque>
#include <string>

#include "crypto/random.h"
#include "sealing/seal.h"
#include "tests/support/must.h"
#include "tests/support/seal_text.h"
#include "tests/support/temporary_folder.h"

namespace airtight::sealing {
namespace {

using testing::HasSubstr;
using tests::must;
using tests::read_text;
using tests::write_text;

const PassphraseSeal kCheapPassphrase{{.n = 1024}};

// Answers each question with the next of the words, and notes which are new.
class Person {
 public:
  explicit Person(std::deque<std::string> words) : words_(std::move(words)) {}
  [[nodiscard]] PassphrasePrompt prompt() {
    return [this](const SecretQuestion& question) -> Result<SecretBytes> {
      if (words_.empty()) throw std::logic_error("one question too many");
      asked_for_new_.push_back(question.is_new);
      const std::string word = words_.front();
      words_.pop_front();
      return SecretBytes::copy_of(bytes_of(word));
    };
  }
  [[nodiscard]] const std::deque<bool>& asked_for_new() const { return asked_for_new_; }

 private:
  std::deque<std::string> words_;
  std::deque<bool> asked_for_new_;
};

class ChangeOfSeal : public testing::Test {
 protected:
  MasterKey create(const NewSeal& seal, std::deque<std::string> words = {}) {
    Person person(std::move(words));
    return must(create_master_key(store(), seal, person.prompt(), random_));
  }
  Result<SealChange> change(const NewSeal& seal, std::deque<std::string> words = {}) {
    Person person(std::move(words));
    return change_seal(store(), seal, person.prompt(), random_);
  }
  Result<MasterKey> open(std::deque<std::string> words = {}) const {
    Person person(std::move(words));
    return open_master_key(store(), person.prompt());
  }
  [[nodiscard]] bool same(const MasterKey& a, const MasterKey& b) {
    return b.open("test", {}, a.seal("test", {}, bytes_of("x"), random_)).has_value();
  }
  [[nodiscard]] std::vector<std::string> files() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(store())) names.push_back(entry.path().filename());
    std::ranges::sort(names);
    return names;
  }
  [[nodiscard]] std::filesystem::path store() const { return folder_ / "store"; }

  tests::TemporaryFolder folder_;
  crypto::SystemRandom random_;
};

TEST_F(ChangeOfSeal, FromAKeyFileToAPassphraseKeepsTheKeyAndRemovesTheFile) {
  const MasterKey made = create(KeyFileSeal{});
  EXPECT_FALSE(must(change(kCheapPassphrase, {"new horse battery"})).leftover);
  EXPECT_TRUE(same(made, must(open({"new horse battery"}))));
  EXPECT_EQ(files(), std::vector<std::string>{"seal"});
}

TEST_F(ChangeOfSeal, FromAPassphraseToAKeyFileKeepsTheKey) {
  const MasterKey made = create(kCheapPassphrase, {"old horse battery"});
  EXPECT_FALSE(must(change(KeyFileSeal{}, {"old horse battery"})).leftover);
  EXPECT_TRUE(same(made, must(open())));
  EXPECT_EQ(files(), (std::vector<std::string>{"seal", "seal.key"}));
}

TEST_F(ChangeOfSeal, FromOneKeyFileToAnotherMakesTheOldOneWorthless) {
  const MasterKey made = create(KeyFileSeal{});
  const std::string old_key = read_text(store() / "seal.key");
  (void)must(change(KeyFileSeal{}));
  EXPECT_TRUE(same(made, must(open())));
  EXPECT_EQ(files(), (std::vector<std::string>{"seal", "seal.key"}));
  write_text(store() / "seal.key", old_key);
  EXPECT_EQ(open().error().fault, Fault::kRefused);
}

TEST_F(ChangeOfSeal, FromOnePassphraseToAnotherAsksForBoth) {
  const MasterKey made = create(kCheapPassphrase, {"old horse battery"});
  Person person({"old horse battery", "new horse battery"});
  (void)must(change_seal(store(), kCheapPassphrase, person.prompt(), random_));
  EXPECT_EQ(person.asked_for_new(), (std::deque<bool>{false, true}));
  EXPECT_TRUE(same(made, must(open({"new horse battery"}))));
  EXPECT_FALSE(open({"old horse battery"}));
}

TEST_F(ChangeOfSeal, NeedsTheOldSealToOpen) {
  const MasterKey made = create(kCheapPassphrase, {"old horse battery"});
  const std::string before = read_text(store() / "seal");
  const auto result = change(KeyFileSeal{}, {"wrong horse battery"});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().fault, Fault::kRefused);
  EXPECT_EQ(read_text(store() / "seal"), before);
  EXPECT_EQ(files(), std::vector<std::string>{"seal"});
}

TEST_F(ChangeOfSeal, ThatCannotBeMadeLeavesTheOldOne) {
  const MasterKey made = create(KeyFileSeal{});
  EXPECT_EQ(change(kCheapPassphrase, {"short"}).error().fault, Fault::kBadInput);
  EXPECT_EQ(change(Pkcs11Seal{"pkcs11:"}).error().fault, Fault::kBadInput);
  EXPECT_EQ(change(Tpm2Seal{.tcti = "swtpm:host=127.0.0.1,port=1"}).error().fault, Fault::kUnavailable);
  EXPECT_TRUE(same(made, must(open())));
  EXPECT_EQ(files(), (std::vector<std::string>{"seal", "seal.key"}));
}

TEST_F(ChangeOfSeal, WithoutASealIsNotFound) {
  std::filesystem::create_directory(store());
  EXPECT_EQ(change(KeyFileSeal{}).error().fault, Fault::kNotFound);
  EXPECT_EQ(files(), std::vector<std::string>{});
  std::filesystem::remove(store());
  EXPECT_EQ(change(KeyFileSeal{}).error().fault, Fault::kNotFound);
}

TEST_F(ChangeOfSeal, IsOneAtATime) {
  (void)create(KeyFileSeal{});
  const int other = ::open(store().c_str(), O_RDONLY | O_DIRECTORY);
  ASSERT_EQ(::flock(other, LOCK_EX), 0);
  const auto result = change(kCheapPassphrase, {"new horse battery"});
  ::close(other);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().fault, Fault::kUnavailable);
  EXPECT_THAT(result.error().message, HasSubstr("another process is changing the seal"));
  EXPECT_TRUE(change(kCheapPassphrase, {"new horse battery"}));
}

TEST_F(ChangeOfSeal, ThatStoppedBeforeTheKeyFileTookItsPlaceIsFinishedByOpening) {
  const MasterKey made = create(KeyFileSeal{});
  const std::string old_key = read_text(store() / "seal.key");
  (void)must(change(KeyFileSeal{}));
  std::filesystem::rename(store() / "seal.key", store() / "seal.key.new");
  write_text(store() / "seal.key", old_key);
  EXPECT_TRUE(same(made, must(open())));
  EXPECT_EQ(files(), (std::vector<std::string>{"seal", "seal.key"}));
}

TEST_F(ChangeOfSeal, ThatStoppedBeforeTheOldKeyFileWentIsFinishedByOpening) {
  const MasterKey made = create(KeyFileSeal{});
  const std::string old_key = read_text(store() / "seal.key");
  (void)must(change(kCheapPassphrase, {"new horse battery"}));
  write_text(store() / "seal.key", old_key);
  EXPECT_FALSE(open({"wrong horse battery"}));
  EXPECT_EQ(files(), (std::vector<std::string>{"seal", "seal.key"})) << "as long as the new seal has not shown that it opens";
  EXPECT_TRUE(same(made, must(open({"new horse battery"}))));
  EXPECT_EQ(files(), std::vector<std::string>{"seal"});
}

TEST_F(ChangeOfSeal, IsRefusedInTheFolderOfAnotherUser) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give folders away";
  (void)create(KeyFileSeal{});
  ASSERT_EQ(::chown(store().c_str(), 65534, 65534), 0);
  const auto result = change(kCheapPassphrase, {"new horse battery"});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().fault, Fault::kRefused);
  EXPECT_THAT(result.error().hint, HasSubstr("as its owner"));
}

TEST_F(ChangeOfSeal, DoesNotWaitForAPipeInThePlaceOfTheSeal) {
  (void)create(KeyFileSeal{});
  std::filesystem::remove(store() / "seal");
  ASSERT_EQ(::mkfifo((store() / "seal").c_str(), 0600), 0);
  EXPECT_EQ(describe_seal(store()).error().fault, Fault::kRefused);
}

TEST(Pcrs, AreReadAndWritten) {
  for (const std::string text : {"", "0", "7", "0,7", "1,2,3,23"}) EXPECT_EQ(name_of(must(parse_pcrs(text))), text);
  for (const std::string text : {",", "24", "7,0", "7,7", "7,", ",7", " 7", "7 ", "-1", "seven", "4294967296", "07,8x"}) {
    const auto result = parse_pcrs(text);
    ASSERT_FALSE(result) << text;
    EXPECT_EQ(result.error().fault, Fault::kBadInput) << text;
  }
}

}  // namespace
}  // namespace airtight::sealing
