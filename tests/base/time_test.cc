#include "base/time.h"

#include <gtest/gtest.h>

#include <limits>

namespace airtight {
namespace {

constexpr std::int64_t kBad = -1;

std::int64_t parsed(std::string_view text) {
  const auto instant = parse_time(text);
  return instant ? instant->milliseconds : kBad;
}

TEST(Time, IsWrittenAsXmlSchemaWantsIt) {
  EXPECT_EQ(format_time({0}), "1970-01-01T00:00:00Z");
  EXPECT_EQ(format_time({1268911409000}), "2010-03-18T11:23:29Z");
  EXPECT_EQ(format_time({951782400000}), "2000-02-29T00:00:00Z");
  EXPECT_EQ(format_time({253402300799000}), "9999-12-31T23:59:59Z");
}

TEST(Time, IsCutToWholeSecondsWhenWritten) {
  EXPECT_EQ(format_time({999}), "1970-01-01T00:00:00Z");
  EXPECT_EQ((Instant{1999}.whole_seconds()), (Instant{1000}));
}

TEST(Time, ThatIsWrittenIsRead) {
  for (const std::int64_t second : {0LL, 1LL, 86399LL, 951782400LL, 1268911409LL, 4102444800LL, 253402300799LL}) {
    EXPECT_EQ(parsed(format_time({second * 1000})), second * 1000);
  }
}

TEST(Time, MayHaveFractionsThatAreCutToMilliseconds) {
  EXPECT_EQ(parsed("1970-01-01T00:00:01.5Z"), 1500);
  EXPECT_EQ(parsed("1970-01-01T00:00:01.05Z"), 1050);
  EXPECT_EQ(parsed("1970-01-01T00:00:01.1239Z"), 1123);
  EXPECT_EQ(parsed("1970-01-01T00:00:01.000000001Z"), 1000);
}

TEST(Time, IsInUtcAndWhole) {
  for (const std::string_view text : {"",
                                      "Z",
                                      "2010-03-18T11:23:29",
                                      "2010-03-18T11:23:29+00:00",
                                      "2010-03-18T11:23:29z",
                                      "2010-03-18 11:23:29Z",
                                      "2010-03-18t11:23:29Z",
                                      "2010-03-18T11:23Z",
                                      "2010-03-18T11:23:29.Z",
                                      "2010-03-18T11:23:29.xZ",
                                      "2010-03-18T11:23:29.5",
                                      "2010-03-18T11:23:29,5Z",
                                      " 2010-03-18T11:23:29Z",
                                      "2010-03-18T11:23:29Z ",
                                      "-010-03-18T11:23:29Z",
                                      "02010-03-18T11:23:29Z",
                                      "2010-3-18T11:23:29ZZZ",
                                      "2010-03-18T+1:23:29Z",
                                      "2010/03/18T11:23:29Z",
                                      "2010-03-18T11.23.29Z",
                                      "2010-03-18T11:23:29.00000000000000000000000000000Z"}) {
    EXPECT_EQ(parsed(text), kBad) << text;
  }
}

TEST(Time, ExistsInTheCalendar) {
  for (const std::string_view text : {"1969-12-31T23:59:59Z", "2010-00-18T11:23:29Z", "2010-13-18T11:23:29Z", "2010-03-00T11:23:29Z",
                                      "2010-03-32T11:23:29Z", "2010-02-29T11:23:29Z", "2100-02-29T11:23:29Z", "2010-04-31T11:23:29Z",
                                      "2010-03-18T24:00:00Z", "2010-03-18T11:60:29Z", "2010-03-18T11:23:60Z"}) {
    EXPECT_EQ(parsed(text), kBad) << text;
  }
  EXPECT_NE(parsed("2000-02-29T11:23:29Z"), kBad);
  EXPECT_NE(parsed("2012-02-29T11:23:29Z"), kBad);
}

TEST(Time, SaysWhatItShouldLookLike) {
  const auto result = parse_time("yesterday");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().fault, Fault::kBadInput);
  EXPECT_NE(result.error().message.find("2026-01-31T12:00:00Z"), std::string::npos);
}

TEST(Time, IsComparedAndMoved) {
  EXPECT_LT(Instant{1}, Instant{2});
  EXPECT_EQ(Instant{1000}.plus(std::chrono::seconds(2)), Instant{3000});
}

TEST(Time, IsMovedNoFurtherThanItsEdges) {
  constexpr std::int64_t kLast = std::numeric_limits<std::int64_t>::max();
  constexpr std::int64_t kFirst = std::numeric_limits<std::int64_t>::min();
  EXPECT_EQ(Instant{kLast - 1}.plus(std::chrono::milliseconds(2)), Instant{kLast});
  EXPECT_EQ(Instant{kFirst + 1}.plus(std::chrono::milliseconds(-2)), Instant{kFirst});
  EXPECT_EQ(Instant{kLast}.plus(std::chrono::milliseconds(0)), Instant{kLast});
}

TEST(Time, BeyondTheCalendarIsWrittenAsItsEdge) {
  EXPECT_EQ(format_time({std::numeric_limits<std::int64_t>::max()}), "9999-12-31T23:59:59Z");
  EXPECT_EQ(format_time({std::numeric_limits<std::int64_t>::min()}), "0000-01-01T00:00:00Z");
}

TEST(SystemTime, IsNotBeforeThisCodeWasWritten) { EXPECT_GT(format_time(SystemClock().now()), "2024"); }

}  // namespace
}  // namespace airtight
