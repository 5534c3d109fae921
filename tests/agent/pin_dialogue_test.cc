// Which questions a policy's grouping asks, and which answers are asked about again (sks.md section 6).
#include "agent/internal/pin_dialogue.h"

#include <gmock/gmock.h>

#include "tests/agent/fake_issuer.h"
#include "tests/agent/scripted_user.h"
#include "tests/support/must.h"

namespace airtight::agent::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using tests::must;

class PinDialogue : public ::testing::Test {
 protected:
  PinDialogue() {
    policy = FakeIssuer::pin_policy();
    policy.keys = std::vector{FakeIssuer::key("Sign.1", KeyUsage::kSignature), FakeIssuer::key("Auth.1", KeyUsage::kAuthentication),
                              FakeIssuer::key("Sign.2", KeyUsage::kSignature), FakeIssuer::key("Auth.2", KeyUsage::kAuthentication)};
  }
  Result<ChosenPins> ask() {
    keygen2::KeyInitializationRequest request;
    request.objects = {policy};
    return choose_pins(request, user);
  }
  static std::string pin_of(const ChosenPins& pins, const std::string& key) { return to_text(pins.at(key).expose_secret()); }

  keygen2::PinPolicyRequest policy;
  ScriptedUser user;
};

TEST_F(PinDialogue, AsksOnceForASharedPin) {
  policy.grouping = Grouping::kShared;
  user.pins = {"7391"};
  const ChosenPins pins = must(ask());
  ASSERT_THAT(user.questions, SizeIs(1));
  EXPECT_THAT(user.questions[0].key_ids, ElementsAre("Sign.1", "Auth.1", "Sign.2", "Auth.2"));
  EXPECT_EQ(pin_of(pins, "Auth.2"), "7391");
}

TEST_F(PinDialogue, AsksTwiceForSignatureAndStandard) {
  policy.grouping = Grouping::kSignatureStandard;
  user.pins = {"7391", "8462"};
  const ChosenPins pins = must(ask());
  ASSERT_THAT(user.questions, SizeIs(2));
  EXPECT_THAT(user.questions[0].key_ids, ElementsAre("Sign.1", "Sign.2"));
  EXPECT_THAT(user.questions[1].key_ids, ElementsAre("Auth.1", "Auth.2"));
  EXPECT_EQ(pin_of(pins, "Sign.2"), "7391");
  EXPECT_EQ(pin_of(pins, "Auth.1"), "8462");
}

TEST_F(PinDialogue, WantsTheTwoHalvesToDiffer) {
  policy.grouping = Grouping::kSignatureStandard;
  user.pins = {"7391", "7391", "8462"};
  EXPECT_EQ(pin_of(must(ask()), "Auth.1"), "8462");
  EXPECT_FALSE(user.questions[2].again_because.empty());
}

TEST_F(PinDialogue, AsksForEachKeyOfAUniqueGroup) {
  policy.grouping = Grouping::kUnique;
  user.pins = {"7391", "8462", "7391", "9173", "2648"};
  const ChosenPins pins = must(ask());
  EXPECT_THAT(user.questions, SizeIs(5));
  EXPECT_EQ(pin_of(pins, "Sign.2"), "9173");
}

TEST_F(PinDialogue, LetsUngroupedPinsBeEqual) {
  policy.grouping = Grouping::kNone;
  user.pins = {"7391", "7391", "7391", "7391"};
  must(ask());
  EXPECT_THAT(user.questions, SizeIs(4));
}

TEST_F(PinDialogue, SaysWhyAPinCannotBeUsed) {
  policy.grouping = Grouping::kShared;
  policy.pattern_restrictions = static_cast<std::uint8_t>(PatternRestriction::kSequence);
  user.pins = {"12", "abcd", "1234", "7391"};
  must(ask());
  ASSERT_THAT(user.questions, SizeIs(4));
  EXPECT_TRUE(user.questions[0].again_because.empty());
  for (std::size_t i = 1; i < 4; ++i) EXPECT_FALSE(user.questions[i].again_because.empty());
}

TEST_F(PinDialogue, GivesUpOnAUserWhoNeverGivesAGoodPin) {
  policy.grouping = Grouping::kShared;
  user.pins.assign(1000, "x");
  const auto pins = ask();
  ASSERT_FALSE(pins);
  EXPECT_EQ(pins.error().code_in(Protocol::kKeyGen2), static_cast<int>(keygen2::ClientError::kUserAbort));
  EXPECT_LT(user.questions.size(), 100U);
}

TEST_F(PinDialogue, LeavesPresetPinsAlone) {
  policy.keys = std::vector{keygen2::PresetPin{.encrypted_value = Bytes(32), .key = FakeIssuer::key()}};
  EXPECT_THAT(must(ask()), IsEmpty());
  EXPECT_THAT(user.questions, IsEmpty());
}

}  // namespace
}  // namespace airtight::agent::testing
