#include <gtest/gtest.h>

#include "http/message.h"

namespace airtight::http {
namespace {

struct Read {
  std::string text;
  std::string scheme;
  std::string host;
  unsigned short port;
  std::string target;
};

TEST(Url, ReadsWhatItShould) {
  const Read table[] = {
      {"http://example.com", "http", "example.com", 80, "/"},
      {"https://example.com", "https", "example.com", 443, "/"},
      {"HTTPS://Example.COM/Path?Query", "https", "example.com", 443, "/Path?Query"},
      {"https://example.com:8443/", "https", "example.com", 8443, "/"},
      {"https://example.com?a=b", "https", "example.com", 443, "/?a=b"},
      {"https://example.com/a#fragment", "https", "example.com", 443, "/a"},
      {"https://example.com#fragment?x", "https", "example.com", 443, "/"},
      {"http://127.0.0.1:1/", "http", "127.0.0.1", 1, "/"},
      {"http://[::1]:65535/x", "http", "::1", 65535, "/x"},
      {"http://[2001:DB8::7]/", "http", "2001:db8::7", 80, "/"},
      {"http://a_b-c.d1/%41%2f?q=%20", "http", "a_b-c.d1", 80, "/%41%2f?q=%20"},
      {"http://h/a;b,c=d@e:f!$&'()*+~", "http", "h", 80, "/a;b,c=d@e:f!$&'()*+~"},
      {"http://h?a/b", "http", "h", 80, "/?a/b"},
  };
  for (const Read& row : table) {
    const auto url = Url::parse(row.text);
    ASSERT_TRUE(url) << row.text << ": " << url.error().message;
    EXPECT_EQ(url->scheme, row.scheme) << row.text;
    EXPECT_EQ(url->host, row.host) << row.text;
    EXPECT_EQ(url->port, row.port) << row.text;
    EXPECT_EQ(url->target, row.target) << row.text;
    EXPECT_EQ(Url::parse(url->to_text())->to_text(), url->to_text()) << row.text;
  }
}

TEST(Url, RefusesWhatItShould) {
  const std::string table[] = {
      "", "example.com", "//example.com/", "/path", "ftp://example.com/", "javascript:alert(1)", "http:/example.com", "http:example.com",
      "http://", "http:///path", "http://:80/", "https://?q", " http://h/", "http://h/ ", "ht tp://h/",
      // user info
      "http://user@h/", "http://user:password@h/", "http://h@evil.example/", "http://@h/",
      // ports
      "http://h:/", "http://h:0/", "http://h:65536/", "http://h:99999999999/", "http://h:+80/", "http://h:-1/", "http://h:8a/",
      "http://h: 80/", "http://h:000080/",
      // hosts
      "http://h..i/", "http://.h/", "http://h./", "http://-h/", "http://h-/", "http://h%41/", "http://h\xC3\xA9/", "http://h\\i/",
      "http://1.2.3/", "http://1.2.3.4.5/", "http://256.1.1.1/", "http://127.1/", "http://0x7f.0.0.0x1/", "http://2130706433/",
      "http://01.2.3.4/", "http://" + std::string(64, 'a') + "/", "http://" + std::string(254, 'a') + "/",
      // IPv6
      "http://::1/", "http://[::1/", "http://[]/", "http://[::g]/", "http://[::1]x/", "http://[::1%25eth0]/", "http://[v1.a]/",
      "http://[127.0.0.1]/",
      // characters
      "http://h/a b", "http://h/\t", "http://h/\r\nHost: evil", "http://h/\n", std::string("http://h/\0", 10), "http://h/\x7F",
      "http://h/\xC3\xA9", "http://h/<", "http://h/\"", "http://h/\\", "http://h/^", "http://h/`", "http://h/{", "http://h/|", "http://h/[",
      "http://h/?]", "http://h/#\n",
      // escapes
      "http://h/%", "http://h/%4", "http://h/%zz", "http://h/?%G0"};
  for (const std::string& text : table) {
    const auto url = Url::parse(text);
    EXPECT_FALSE(url) << text;
    EXPECT_TRUE(url || url.error().fault == Fault::kBadInput) << text;
  }
}

TEST(Url, RefusesMoreThan2048Bytes) {
  const std::string start = "http://h/";
  EXPECT_TRUE(Url::parse(start + std::string(2048 - start.size(), 'a')));
  EXPECT_FALSE(Url::parse(start + std::string(2049 - start.size(), 'a')));
}

TEST(Url, AuthorityLeavesOutTheDefaultPortAndBracketsIpv6) {
  EXPECT_EQ(Url::parse("http://h:80/")->authority(), "h");
  EXPECT_EQ(Url::parse("https://h:443/")->authority(), "h");
  EXPECT_EQ(Url::parse("https://h:80/")->authority(), "h:80");
  EXPECT_EQ(Url::parse("https://[::1]/")->authority(), "[::1]");
  EXPECT_EQ(Url::parse("https://[::1]:8443/x")->to_text(), "https://[::1]:8443/x");
}

// The examples of RFC 3986 section 5.4 that stay on http, without their fragments.
TEST(Url, ResolvesTheExamplesOfRfc3986) {
  const std::pair<std::string, std::string> table[] = {{"g", "http://a/b/c/g"},
                                                       {"./g", "http://a/b/c/g"},
                                                       {"g/", "http://a/b/c/g/"},
                                                       {"/g", "http://a/g"},
                                                       {"//g", "http://g/"},
                                                       {"?y", "http://a/b/c/d;p?y"},
                                                       {"g?y", "http://a/b/c/g?y"},
                                                       {"#s", "http://a/b/c/d;p?q"},
                                                       {"g#s", "http://a/b/c/g"},
                                                       {"g?y#s", "http://a/b/c/g?y"},
                                                       {";x", "http://a/b/c/;x"},
                                                       {"g;x", "http://a/b/c/g;x"},
                                                       {"", "http://a/b/c/d;p?q"},
                                                       {".", "http://a/b/c/"},
                                                       {"./", "http://a/b/c/"},
                                                       {"..", "http://a/b/"},
                                                       {"../", "http://a/b/"},
                                                       {"../g", "http://a/b/g"},
                                                       {"../..", "http://a/"},
                                                       {"../../", "http://a/"},
                                                       {"../../g", "http://a/g"},
                                                       {"../../../g", "http://a/g"},
                                                       {"../../../../g", "http://a/g"},
                                                       {"/./g", "http://a/g"},
                                                       {"/../g", "http://a/g"},
                                                       {"g.", "http://a/b/c/g."},
                                                       {".g", "http://a/b/c/.g"},
                                                       {"g..", "http://a/b/c/g.."},
                                                       {"..g", "http://a/b/c/..g"},
                                                       {"./../g", "http://a/b/g"},
                                                       {"./g/.", "http://a/b/c/g/"},
                                                       {"g/./h", "http://a/b/c/g/h"},
                                                       {"g/../h", "http://a/b/c/h"},
                                                       {"g;x=1/./y", "http://a/b/c/g;x=1/y"},
                                                       {"g;x=1/../y", "http://a/b/c/y"},
                                                       {"g?y/./x", "http://a/b/c/g?y/./x"},
                                                       {"g?y/../x", "http://a/b/c/g?y/../x"},
                                                       {"https://h:8443/x/../y", "https://h:8443/y"}};
  const Url base = Url::parse("http://a/b/c/d;p?q").value();
  for (const auto& [reference, expected] : table) {
    const auto url = base.resolve(reference);
    ASSERT_TRUE(url) << reference;
    EXPECT_EQ(url->to_text(), expected) << reference;
  }
}

TEST(Url, ResolvesToHttpAndHttpsAlone) {
  const Url base = Url::parse("https://a/b").value();
  for (const char* reference : {"mailto:a@b", "javascript:alert(1)", "g:h", "http:g", "//user@h/", "a b", "/\r\nX: y", "//"}) {
    EXPECT_FALSE(base.resolve(reference)) << reference;
  }
}

}  // namespace
}  // namespace airtight::http
