// Anchors against roll-back in a TPM: swtpm is the TPM, and tpm2-tools are those who meddle with it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <string>

#include "base/encoding.h"
#include "crypto/random.h"
#include "sealing/anchor.h"
#include "tests/interop/command.h"
#include "tests/support/must.h"
#include "tests/support/seal_text.h"
#include "tests/support/software_tpm.h"

namespace airtight::sealing {
namespace {

using testing::HasSubstr;
using tests::must;

class TpmCounter : public testing::Test {
 protected:
  void SetUp() override { ::unsetenv("TPM2TOOLS_TCTI"); }

  // Anchors the store in the TPM.
  void anchor(std::optional<std::uint32_t> index = {}) {
    (void)must(prepare_anchor(store(), Tpm2Anchor{.index = index, .tcti = tpm_.tcti()}, master_key_, random_));
    EXPECT_FALSE(must(adopt_anchor(store(), master_key_)).leftover);
  }
  [[nodiscard]] Result<std::unique_ptr<Counter>> open() const { return open_anchor(store(), master_key_); }
  [[nodiscard]] std::string index() const { return name_of(must(anchor_of(store(), master_key_))).substr(5); }
  [[nodiscard]] Error error_of_reading() const {
    const auto counter = open();
    if (!counter) return counter.error();
    const auto count = (*counter)->read();
    if (count) throw std::logic_error("it counted");
    return count.error();
  }

  tests::Finished tool(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin() + 1, {"-T", tpm_.tcti()});
    return tests::run(arguments);
  }

  [[nodiscard]] const std::filesystem::path& store() const { return folder_.path(); }

  tests::TemporaryFolder folder_;
  tests::SoftwareTpm tpm_;
  crypto::SystemRandom random_;
  MasterKey master_key_{SecretBytes::copy_of(Bytes(32, std::byte{'k'}))};
};

TEST_F(TpmCounter, CountsOneByOneAndRemembersAcrossRestarts) {
  anchor();
  std::uint64_t count = 0;
  {
    const auto counter = must(open());
    count = must(counter->read());
    EXPECT_GT(count, 0U);
    EXPECT_EQ(must(counter->advance()), count + 1);
    EXPECT_EQ(must(counter->advance()), count + 2);
    EXPECT_EQ(must(counter->read()), count + 2);
  }
  tpm_.stop();
  tpm_.start();
  EXPECT_EQ(must(must(open())->read()), count + 2);
}

TEST_F(TpmCounter, TakesAFreeIndexAndNotesIt) {
  anchor();
  const std::string listed = tool({"tpm2_nvreadpublic"}).output;
  EXPECT_THAT(listed, HasSubstr(index().substr(3)));
  EXPECT_THAT(listed, HasSubstr("nt=0x1")) << "a counter";
  EXPECT_THAT(listed, testing::Not(HasSubstr("ownerwrite")));
}

TEST_F(TpmCounter, TakesTheIndexThatIsNamedUnlessItIsInUse) {
  anchor(0x01812345);
  EXPECT_EQ(index(), "0x01812345");
  const auto again = prepare_anchor(store(), Tpm2Anchor{.index = 0x01812345, .tcti = tpm_.tcti()}, master_key_, random_);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().fault, Fault::kRefused);
  EXPECT_THAT(again.error().message, HasSubstr("in use"));
  EXPECT_FALSE(has_new_anchor(store()));
  EXPECT_TRUE(must(open())->read());
}

TEST_F(TpmCounter, IsAdvancedAndReadByItsStoreAlone) {
  anchor();
  EXPECT_NE(tool({"tpm2_nvincrement", index()}).status, 0);
  EXPECT_NE(tool({"tpm2_nvincrement", index(), "-C", "o"}).status, 0);
  EXPECT_NE(tool({"tpm2_nvread", index(), "-C", "o"}).status, 0);
  EXPECT_TRUE(must(open())->read());
}

TEST_F(TpmCounter, ThatWasRemovedIsMissed) {
  anchor();
  ASSERT_EQ(tool({"tpm2_nvundefine", index(), "-C", "o"}).status, 0);
  const Error error = error_of_reading();
  EXPECT_EQ(error.fault, Fault::kNotFound);
  EXPECT_THAT(error.message, HasSubstr("has no counter " + index()));
}

TEST_F(TpmCounter, ThatWasReplacedIsRefused) {
  anchor();
  const std::string at = index();
  ASSERT_EQ(tool({"tpm2_nvundefine", at, "-C", "o"}).status, 0);
  ASSERT_EQ(tool({"tpm2_nvdefine", at, "-C", "o", "-s", "8", "-a", "authread|authwrite|no_da|nt=counter", "-p", "guess"}).status, 0);
  ASSERT_EQ(tool({"tpm2_nvincrement", at, "-P", "guess"}).status, 0);
  const Error error = error_of_reading();
  EXPECT_EQ(error.fault, Fault::kRefused);
  EXPECT_THAT(error.message, HasSubstr("belongs to another store, or was replaced"));
}

TEST_F(TpmCounter, DoesNotGoBackWhenItIsMadeAgain) {
  anchor(0x01812345);
  const std::uint64_t count = must(must(open())->advance());
  (void)must(prepare_anchor(store(), NoAnchor{}, master_key_, random_));
  EXPECT_FALSE(must(adopt_anchor(store(), master_key_)).leftover);
  EXPECT_THAT(tool({"tpm2_nvreadpublic"}).output, testing::Not(HasSubstr("1812345"))) << "removed with its anchor";
  anchor(0x01812345);
  EXPECT_GT(must(must(open())->read()), count);
}

TEST_F(TpmCounter, OfATpmThatIsNotThereOrWasClearedIsToldSo) {
  anchor();
  ASSERT_EQ(tool({"tpm2_clear"}).status, 0);
  EXPECT_EQ(error_of_reading().fault, Fault::kNotFound);
  tpm_.stop();
  const Error error = error_of_reading();
  EXPECT_EQ(error.fault, Fault::kUnavailable);
  EXPECT_THAT(error.message, HasSubstr("there is no TPM"));
}

TEST_F(TpmCounter, ThatIsOutOfReachIsNotInTheWayOfAnotherAnchor) {
  (void)must(prepare_anchor(store(), Tpm2Anchor{.index = {}, .tcti = tpm_.tcti()}, master_key_, random_));
  tpm_.stop();
  EXPECT_FALSE(drop_new_anchor(store(), master_key_));
  (void)must(prepare_anchor(store(), NoAnchor{}, master_key_, random_));
  EXPECT_FALSE(must(adopt_anchor(store(), master_key_)).leftover);
}

TEST_F(TpmCounter, SaysWhetherItConnectsEachTime) {
  anchor();
  EXPECT_TRUE(must(open())->makes_connections()) << "a simulator";
}

TEST_F(TpmCounter, LeavesNothingLoaded) {
  anchor();
  (void)must(must(open())->advance());
  for (const char* const kind : {"handles-transient", "handles-loaded-session", "handles-saved-session"}) {
    EXPECT_EQ(tool({"tpm2_getcap", kind}).output, "") << kind;
  }
}

TEST_F(TpmCounter, ShowsItsAuthorizationToNobodyOnTheBus) {
  const std::filesystem::path recording = folder_ / "bus.pcap";
  ::setenv("TCTI_PCAP_FILE", recording.c_str(), 1);
  ::setenv("TPM2TOOLS_TCTI", ("pcap:" + tpm_.tcti()).c_str(), 1);
  (void)must(prepare_anchor(store(), Tpm2Anchor{.index = {}, .tcti = {}}, master_key_, random_));
  const std::string note = tests::read_text(store() / "anchor.new");
  SecretBytes authorization = master_key_.derive_key("anchor counter " + tests::value_in_text(note, "id"));
  authorization.expose_secret_for_writing().back() |= std::byte{1};
  const std::string bus = tests::read_text(recording);
  ASSERT_GT(bus.size(), 1000U);
  EXPECT_EQ(bus.find(text_of(authorization.expose_secret())), std::string::npos);
}

}  // namespace
}  // namespace airtight::sealing
