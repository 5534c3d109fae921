#include "http/message.h"

#include <gtest/gtest.h>

namespace airtight::http {
namespace {

Request with_header(std::string_view name, std::string_view value) {
  Request request;
  request.headers.add(name, value);
  return request;
}

Request with_target(std::string target) {
  Request request;
  request.target = std::move(target);
  return request;
}

TEST(Headers, CompareNamesWithoutRegardToCase) { EXPECT_EQ(with_header("Content-TYPE", "a").headers.get("content-type"), "a"); }

TEST(Headers, LackWhatWasNotSet) { EXPECT_FALSE(Headers().get("Accept")); }

TEST(Headers, KeepOrderAndRepetitionsOfAdd) {
  Headers headers;
  headers.add("Set-Cookie", "a=1");
  headers.add("set-cookie", "b=2");
  ASSERT_EQ(headers.all().size(), 2U);
  EXPECT_EQ(headers.all()[1].second, "b=2");
  EXPECT_EQ(headers.get("Set-Cookie"), "a=1");
}

TEST(Headers, SetReplacesAllOfTheName) {
  Headers headers;
  headers.add("X", "1");
  headers.add("x", "2");
  headers.set("X", "3");
  ASSERT_EQ(headers.all().size(), 1U);
  EXPECT_EQ(headers.get("x"), "3");
}

TEST(Request, PathIsTheTargetWithoutItsQuery) {
  EXPECT_EQ(with_target("/a/b?c=d?e").path(), "/a/b");
  EXPECT_EQ(with_target("/a/b").path(), "/a/b");
}

TEST(Request, CookieIsFoundAmongOthers) {
  const Request request = with_header("Cookie", "a=1; session=abc=def;b=2");
  EXPECT_EQ(request.cookie("session"), "abc=def");
  EXPECT_EQ(request.cookie("a"), "1");
  EXPECT_EQ(request.cookie("b"), "2");
}

TEST(Request, CookieNamesAreWholeAndKnowCase) {
  const Request request = with_header("Cookie", "session2=x; Session=y; session");
  EXPECT_FALSE(request.cookie("session"));
  EXPECT_FALSE(request.cookie(""));
}

TEST(Request, CookieTakesTheFirstOfItsName) { EXPECT_EQ(with_header("Cookie", "a=1; a=2").cookie("a"), "1"); }

TEST(Request, CookieIsFoundInASecondField) {
  Request request = with_header("Cookie", "a=1");
  request.headers.add("cookie", "b=2");
  EXPECT_EQ(request.cookie("b"), "2");
}

TEST(Request, QueryParameterIsDecodedAsFormsAre) {
  const Request request = with_target("/p?name=Jane+Doe%2C+C%3DSE&empty=&flag&a%62c=yes");
  EXPECT_EQ(request.query_parameter("name"), "Jane Doe, C=SE");
  EXPECT_EQ(request.query_parameter("empty"), "");
  EXPECT_EQ(request.query_parameter("flag"), "");
  EXPECT_EQ(request.query_parameter("abc"), "yes");
  EXPECT_FALSE(request.query_parameter("other"));
  EXPECT_FALSE(with_target("/p").query_parameter("name"));
}

TEST(Request, QueryParameterRefusesMalformedEscapes) {
  for (const char* target : {"/?a=%", "/?a=%4", "/?a=%4g", "/?a=%g4"}) {
    EXPECT_FALSE(with_target(target).query_parameter("a")) << target;
  }
}

TEST(Request, MediaTypeHasNoParametersAndIsLowerCase) {
  EXPECT_EQ(with_header("Content-Type", "Application/XBPP+xml ; charset=utf-8").media_type(), "application/xbpp+xml");
  EXPECT_EQ(Request().media_type(), "");
}

TEST(Response, TextResponseSaysItsTypeAndText) {
  const Response response = text_response(404, "no such page");
  EXPECT_EQ(response.status, 404);
  EXPECT_EQ(response.media_type(), "text/plain");
  EXPECT_EQ(text_of(response.body), "no such page");
}

}  // namespace
}  // namespace airtight::http
