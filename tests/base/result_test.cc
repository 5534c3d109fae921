#include "base/result.h"

#include <gtest/gtest.h>

#include <memory>

namespace airtight {
namespace {

Result<int> half(int number) {
  if (number % 2 != 0) return fail(Fault::kBadInput, "the number is odd", "use an even one");
  return number / 2;
}

Result<int> quarter(int number) { return half(TRY(half(number))); }

Result<> check(int number) {
  TRY(half(number));
  return {};
}

TEST(Try, UnwrapsAValue) {
  EXPECT_EQ(quarter(12), 3);
  EXPECT_TRUE(check(2));
}

TEST(Try, ReturnsTheErrorAsItIs) {
  for (const auto& error : {quarter(3).error(), quarter(6).error(), check(1).error()}) {
    EXPECT_EQ(error.fault, Fault::kBadInput);
    EXPECT_EQ(error.message, "the number is odd");
    EXPECT_EQ(error.hint, "use an even one");
  }
}

TEST(Try, MovesWhatCannotBeCopied) {
  const auto make = []() -> Result<std::unique_ptr<int>> { return std::make_unique<int>(7); };
  const auto use = [&]() -> Result<int> {
    const std::unique_ptr<int> made = TRY(make());
    return *made;
  };
  EXPECT_EQ(use(), 7);
}

TEST(Try, KeepsANamedResultAsItIs) {
  const auto use = []() -> Result<std::string> {
    const Result<std::string> named = "a text that is too long to be kept inside of a string object";
    const std::string copy = TRY(named);
    return copy == *named ? copy : "moved away";
  };
  EXPECT_EQ(use(), "a text that is too long to be kept inside of a string object");
}

TEST(ErrorText, SaysWhereItHappened) {
  const Error error = Error{Fault::kStorage, "the disk is full", "free some space"}.in("writing store.db");
  EXPECT_EQ(error.message, "writing store.db: the disk is full");
  EXPECT_EQ(error.hint, "free some space");
  EXPECT_EQ(error.fault, Fault::kStorage);
}

TEST(ErrorAnswer, IsForItsProtocolAlone) {
  Error error{Fault::kRefused, "no such key"};
  EXPECT_EQ(error.code_in(Protocol::kSks), std::nullopt);
  error.answer = Answer{Protocol::kSks, 9};
  EXPECT_EQ(error.code_in(Protocol::kSks), 9);
  EXPECT_EQ(error.code_in(Protocol::kHttp), std::nullopt);
}

}  // namespace
}  // namespace airtight
