// Cookies, redirects and where messages may go, against a server of a few lines.
#include "agent/internal/web_session.h"

#include <gmock/gmock.h>

#include <functional>

#include "tests/support/must.h"

namespace airtight::agent {
namespace {

using ::testing::HasSubstr;
using tests::must;

class ScriptedClient final : public http::Client {
 public:
  std::function<http::Response(const http::Url&, const http::Request&)> serve;
  std::vector<std::string> urls = {};
  std::vector<std::string> cookies = {};

  Result<http::Exchange> send(const http::Url& url, http::Request request) override {
    urls.push_back(url.to_text());
    cookies.emplace_back(request.headers.get("Cookie").value_or(""));
    return http::Exchange{.response = serve(url, request), .server_certificate = std::nullopt};
  }
};

http::Response redirect(std::string_view location, int status = 302) {
  http::Response response = http::text_response(status, "");
  response.headers.set("Location", location);
  return response;
}

http::Response with_cookie(std::string_view cookie) {
  http::Response response = http::text_response(200, "");
  response.headers.add("Set-Cookie", cookie);
  return response;
}

class Redirects : public ::testing::Test {
 protected:
  ScriptedClient client;
  WebPlace place;
  WebSession web{client, place};
};

TEST_F(Redirects, OfGetAreFollowedOnTheSameHost) {
  client.serve = [](const http::Url& url, const http::Request&) {
    return url.target == "/a" ? redirect("/b") : http::text_response(200, "");
  };
  EXPECT_EQ(must(web.get("https://a.example/a")).url.to_text(), "https://a.example/b");
}

TEST_F(Redirects, MayLeadFromHttpToHttps) {
  client.serve = [](const http::Url& url, const http::Request&) {
    return url.scheme == "http" ? redirect("https://a.example/b") : http::text_response(200, "");
  };
  EXPECT_TRUE(web.get("http://a.example/a"));
}

TEST_F(Redirects, ToAnotherHostAreRefused) {
  client.serve = [](const http::Url&, const http::Request&) { return redirect("https://b.example/a"); };
  EXPECT_THAT(web.get("https://a.example/a").error().message, HasSubstr("another host"));
  EXPECT_EQ(client.urls.size(), 1U);
}

TEST_F(Redirects, FromHttpsToHttpAreRefused) {
  client.serve = [](const http::Url&, const http::Request&) { return redirect("http://a.example/a"); };
  EXPECT_THAT(web.get("https://a.example/a").error().message, HasSubstr("plain HTTP"));
}

TEST_F(Redirects, InCirclesEnd) {
  client.serve = [](const http::Url&, const http::Request&) { return redirect("/a"); };
  EXPECT_THAT(web.get("https://a.example/a").error().message, HasSubstr("circles"));
  EXPECT_LE(client.urls.size(), 6U);
}

TEST_F(Redirects, WithoutALocationAreRefused) {
  client.serve = [](const http::Url&, const http::Request&) { return http::text_response(302, ""); };
  EXPECT_FALSE(web.get("https://a.example/a"));
}

TEST_F(Redirects, OfPostAreRefused) {
  client.serve = [](const http::Url&, const http::Request&) { return redirect("/b", 307); };
  EXPECT_THAT(web.post(must(http::Url::parse("https://a.example/a")), bytes_of("x")).error().message, HasSubstr("POST"));
  EXPECT_EQ(client.urls.size(), 1U);
}

class Cookies : public Redirects {
 protected:
  // What comes back to `url` after `cookie` was set by https://a.example/x/page.
  std::string sent_back(std::string_view cookie, std::string_view url) {
    client.serve = [&](const http::Url&, const http::Request&) { return with_cookie(cookie); };
    must(web.get("https://a.example/x/page"));
    must(web.get(url));
    return client.cookies.back();
  }
};

TEST_F(Cookies, GoBackToTheirPath) { EXPECT_EQ(sent_back("a=1; Path=/", "https://a.example/y"), "a=1"); }

TEST_F(Cookies, StayAwayFromOtherPaths) { EXPECT_EQ(sent_back("a=1; Path=/y", "https://a.example/yy"), ""); }

TEST_F(Cookies, HaveTheFolderOfTheirPageAsPath) {
  EXPECT_EQ(sent_back("a=1", "https://a.example/x/other"), "a=1");
  EXPECT_EQ(sent_back("a=1", "https://a.example/z"), "");
}

TEST_F(Cookies, EndWithMaxAgeZero) { EXPECT_EQ(sent_back("a=1; Path=/; Max-Age=0", "https://a.example/y"), ""); }

TEST_F(Cookies, AreReplacedByName) {
  int visits = 0;
  client.serve = [&](const http::Url&, const http::Request&) { return with_cookie("a=" + std::to_string(++visits) + "; Path=/"); };
  for (int i = 0; i < 3; ++i) must(web.get("https://a.example/"));
  EXPECT_EQ(client.cookies.back(), "a=2");
}

TEST_F(Cookies, ThatAreSecureStayOffPlainHttp) {
  client.serve = [](const http::Url&, const http::Request&) { return with_cookie("a=1; Path=/; Secure"); };
  must(web.get("http://a.example/"));
  must(web.get("http://a.example/"));
  EXPECT_EQ(client.cookies.back(), "");
}

TEST(RefusedByStatus, SaysWhatToDoAboutThatStatus) {
  ScriptedClient client;
  WebPlace place;
  WebSession web{client, place};
  const auto hint_of = [&](int status) {
    client.serve = [status](const http::Url&, const http::Request&) { return http::text_response(status, "no"); };
    return web.get("https://a.example/").error().hint;
  };
  EXPECT_THAT(hint_of(401), HasSubstr("--token-file"));
  EXPECT_THAT(hint_of(401), HasSubstr("--client-cert"));
  EXPECT_EQ(hint_of(429), "try again later");
  EXPECT_EQ(hint_of(503), "try again later");
  EXPECT_THAT(hint_of(410), HasSubstr("new enrolment URL"));
}

TEST(ResumeLink, IsFoundAmongOthers) {
  Reply reply{.url = must(http::Url::parse("https://a.example/x")), .response = {}, .server_certificate = {}};
  reply.response.headers.add("Link", "</style.css>; rel=stylesheet");
  reply.response.headers.add("Link", "</resume/1?a=b>; title=later; rel=\"resume\"");
  EXPECT_EQ(resume_link(reply)->to_text(), "https://a.example/resume/1?a=b");
}

TEST(ResumeLink, IsNothingElse) {
  Reply reply{.url = must(http::Url::parse("https://a.example/x")), .response = {}, .server_certificate = {}};
  reply.response.headers.add("Link", "</next>; rel=next");
  reply.response.headers.add("Link", "broken");
  EXPECT_FALSE(resume_link(reply));
}

}  // namespace
}  // namespace airtight::agent
