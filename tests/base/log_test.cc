#include "base/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <string>

#include "base/text.h"

namespace airtight {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::MatchesRegex;

// What `write` logs on standard error.
std::string logged(LogLevel level, LogFormat format, const std::function<void(const Log&)>& write) {
  testing::internal::CaptureStderr();
  {
    const Log log(level, format);
    write(log);
  }
  return testing::internal::GetCapturedStderr();
}

std::string logged_value(LogFormat format, std::string value) {
  return logged(LogLevel::kInfo, format, [&](const Log& log) { log.info("event", {{"name", value}}); });
}

TEST(TextLog, HasTimeLevelEventAndValues) {
  const std::string line = logged(LogLevel::kInfo, LogFormat::kText, [](const Log& log) {
    log.warning("certificate issued", {{"serial", "12ab"}, {"subject", "CN=Ann Other"}, {"note", ""}});
  });
  EXPECT_THAT(line, MatchesRegex("[0-9]+-[0-9]+-[0-9]+T[0-9]+:[0-9]+:[0-9]+\\.[0-9]+Z warning certificate issued serial=12ab "
                                 "subject=\"CN=Ann Other\" note=\"\"\n"));
}

TEST(JsonLog, HasTheSameAsMembers) {
  const std::string line = logged(LogLevel::kInfo, LogFormat::kJson,
                                  [](const Log& log) { log.error("certificate issued", {{"serial", "12ab"}, {"subject", "CN=\"Ann\""}}); });
  EXPECT_THAT(line, MatchesRegex("\\{\"time\":\"[0-9]+-[0-9]+-[0-9]+T[0-9]+:[0-9]+:[0-9]+\\.[0-9]+Z\",\"level\":\"error\","
                                 "\"event\":\"certificate issued\",\"serial\":\"12ab\",\"subject\":\"CN=\\\\\"Ann\\\\\"\"\\}\n"));
}

TEST(EachLog, KeepsToOneLineWhateverTheValue) {
  for (const LogFormat format : {LogFormat::kText, LogFormat::kJson}) {
    const std::string line = logged_value(format, std::string("a\nb\r\x1B[2J\x7F\0c", 11));
    EXPECT_EQ(line.find('\n'), line.size() - 1) << line;
    EXPECT_THAT(line, HasSubstr("\"a\\u000ab\\u000d\\u001b[2J\\u007f\\u0000c\"")) << line;
  }
}

TEST(EachLog, EscapesControlCharactersAboveAscii) {
  for (const LogFormat format : {LogFormat::kText, LogFormat::kJson}) {
    EXPECT_THAT(logged_value(format,
                             "a\xC2\x9B"
                             "2J"),
                HasSubstr("\"a\\u009b2J\""));
  }
}

TEST(EachLog, IsUtf8WhateverTheValue) {
  for (const LogFormat format : {LogFormat::kText, LogFormat::kJson}) {
    EXPECT_THAT(logged_value(format, "\xC3\xA5ngstr\xC3\xB6m"), HasSubstr("\xC3\xA5ngstr\xC3\xB6m"));
    for (const std::string_view value : {"a\xFFz", "\xC3", "\xED\xA0\x80", "a\x80"}) {
      EXPECT_TRUE(is_utf8(bytes_of(logged_value(format, std::string(value))))) << value;
    }
    EXPECT_THAT(logged_value(format, "a\xFFz"), HasSubstr("\"a\\ufffdz\""));
  }
}

TEST(TextLog, QuotesWhatCouldPassForAnotherValue) {
  EXPECT_THAT(logged_value(LogFormat::kText, "x admin=yes"), EndsWith(" name=\"x admin=yes\"\n"));
  EXPECT_THAT(logged_value(LogFormat::kText, "a=b"), EndsWith(" name=\"a=b\"\n"));
  EXPECT_THAT(logged_value(LogFormat::kText, "a\"b\\"), EndsWith(" name=\"a\\\"b\\\\\"\n"));
  EXPECT_THAT(logged_value(LogFormat::kText, "plain-value:1"), EndsWith(" name=plain-value:1\n"));
}

TEST(EachLog, DoesNotReadFormatsInValues) {
  EXPECT_THAT(logged_value(LogFormat::kText, "%v{}%s"), EndsWith(" name=%v{}%s\n"));
  EXPECT_THAT(logged_value(LogFormat::kJson, "%v{}%s"), HasSubstr("\"name\":\"%v{}%s\""));
}

TEST(EachLog, KeepsToItsLevel) {
  const auto all = [](const Log& log) {
    log.debug("d");
    log.info("i");
    log.warning("w");
    log.error("e");
  };
  const auto lines = [&](LogLevel level) {
    const std::string text = logged(level, LogFormat::kText, all);
    return std::count(text.begin(), text.end(), '\n');
  };
  EXPECT_EQ(lines(LogLevel::kDebug), 4);
  EXPECT_EQ(lines(LogLevel::kInfo), 3);
  EXPECT_EQ(lines(LogLevel::kWarning), 2);
  EXPECT_EQ(lines(LogLevel::kError), 1);
  EXPECT_EQ(lines(LogLevel::kOff), 0);
}

TEST(SilentLog, KeepsNothing) {
  testing::internal::CaptureStderr();
  Log::silent().error("event");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

TEST(LogLevelName, IsRead) {
  EXPECT_EQ(parse_log_level("debug"), LogLevel::kDebug);
  EXPECT_EQ(parse_log_level("info"), LogLevel::kInfo);
  EXPECT_EQ(parse_log_level("warning"), LogLevel::kWarning);
  EXPECT_EQ(parse_log_level("error"), LogLevel::kError);
  EXPECT_EQ(parse_log_level("off"), LogLevel::kOff);
  const auto result = parse_log_level("loud");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().fault, Fault::kBadInput);
  EXPECT_THAT(result.error().hint, HasSubstr("warning"));
}

}  // namespace
}  // namespace airtight
