#include "ca/template.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "crypto/certificate_builder.h"
#include "tests/support/must.h"

namespace airtight::ca {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using tests::must;

Facts facts(std::initializer_list<std::pair<std::string_view, std::string_view>> values) {
  Facts out;
  for (const auto& [name, value] : values) must(out.add(name, value));
  return out;
}

std::string expanded(std::string_view text, const Facts& known) { return must(must(Template::parse(text)).expand(known)); }
std::string subject(std::string_view text, const Facts& known) {
  return must(crypto::name_to_text(must(must(NameTemplate::parse(text)).expand(known))));
}

TEST(Template, PutsValuesInTheirPlaces) {
  EXPECT_EQ(expanded("{user_id}@{dns}", facts({{"user_id", "jane"}, {"dns", "example.com"}})), "jane@example.com");
  EXPECT_EQ(expanded("plain", {}), "plain");
}

TEST(Template, WritesABraceForTwo) { EXPECT_EQ(expanded("{{{user_id}}}", facts({{"user_id", "jane"}})), "{jane}"); }

TEST(Template, ListsTheNamesInIt) {
  EXPECT_THAT(must(Template::parse("{user_id} and {dns}, {user_id}")).names(), ElementsAre("user_id", "dns", "user_id"));
}

constexpr auto kProseNames = std::to_array<std::string_view>({"url"});
constexpr Vocabulary kProse{.names = kProseNames, .prefix = "seed.", .is_prose = true};

TEST(Prose, HasAnyNumberOfLinesAndAnyValue) {
  Facts known(kProse);
  must(known.add("url", "two\nlines"));
  EXPECT_EQ(must(must(Template::parse("Go to:\n{url}\n", kProse)).expand(known)), "Go to:\ntwo\nlines\n");
  EXPECT_EQ(must(must(Template::parse("", kProse)).expand(known)), "");
  EXPECT_FALSE(Template::parse("\xFF", kProse)) << "not UTF-8";
  EXPECT_FALSE(Template::parse("two\nlines")) << "no prose in a certificate";
}

TEST(Prose, KnowsItsOwnNamesAndThoseBehindItsPrefix) {
  EXPECT_TRUE(Template::parse("{seed.name} {seed.Counter}", kProse));
  EXPECT_FALSE(Template::parse("{seed.}", kProse));
  const auto refused = Template::parse("{email}", kProse);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().hint, "use one of url, seed.NAME");
  EXPECT_FALSE(Facts(kProse).add("email", "x"));
}

TEST(Template, DoesNotReadValuesAgain) { EXPECT_EQ(expanded("{email}", facts({{"email", "{upn}"}})), "{upn}"); }

TEST(Template, RefusesANameThatDoesNotExistAndListsThoseThatDo) {
  const auto refused = Template::parse("a {mail}");
  EXPECT_EQ(refused.error().fault, Fault::kBadInput);
  EXPECT_THAT(refused.error().message, HasSubstr("at character 3"));
  EXPECT_THAT(refused.error().message, HasSubstr("\"mail\""));
  EXPECT_THAT(refused.error().hint, HasSubstr("subject.cn"));
  EXPECT_THAT(refused.error().hint, HasSubstr("device_id"));
}

TEST(Template, RefusesBracesThatDoNotMatch) {
  for (const char* text : {"{email", "email}", "{", "}", "{}", "{email}}", "{ email}", "{Email}"}) {
    EXPECT_EQ(Template::parse(text).error().fault, Fault::kBadInput) << text;
  }
}

TEST(Template, RefusesTextThatIsNone) {
  for (const std::string& text :
       {std::string(), std::string(1025, 'a'), std::string("a\nb"), std::string("\xFF"), std::string("a\0b", 3)}) {
    EXPECT_EQ(Template::parse(text).error().fault, Fault::kBadInput);
  }
}

TEST(Template, SaysWhichFactIsMissing) {
  const auto refused = must(Template::parse("{upn}")).expand(facts({{"email", "a@b"}}));
  EXPECT_EQ(refused.error().fault, Fault::kRefused);
  EXPECT_THAT(refused.error().message, HasSubstr("wants the fact upn"));
}

TEST(Template, MakesOneTextForEachValue) {
  const Facts two = facts({{"dns", "a.example"}, {"dns", "b.example"}, {"user_id", "jane"}});
  EXPECT_THAT(must(must(Template::parse("{user_id}.{dns}")).expand_all(two)), ElementsAre("jane.a.example", "jane.b.example"));
  EXPECT_EQ(must(Template::parse("{dns}")).expand(two).error().fault, Fault::kRefused);
}

TEST(Template, RefusesSeveralValuesOfTwoFacts) {
  const Facts two = facts({{"dns", "a"}, {"dns", "b"}, {"ip", "1"}, {"ip", "2"}});
  EXPECT_EQ(must(Template::parse("{dns}{ip}")).expand_all(two).error().fault, Fault::kRefused);
}

TEST(Facts, RefuseValuesThatAreNone) {
  Facts out;
  EXPECT_EQ(out.add("mail", "a").error().fault, Fault::kBadInput);
  for (const std::string& value :
       {std::string(), std::string(1025, 'a'), std::string("a\nb"), std::string("\xC0"), std::string("a\0b", 3)}) {
    EXPECT_EQ(out.add("email", value).error().fault, Fault::kBadInput);
  }
}

TEST(Facts, KnowTheAttributesOfASubject) {
  Facts out;
  must(out.add_subject(must(crypto::name_from_text("CN=Jane Doe,OU=A,OU=B,O=Example,serialNumber=7,2.5.4.15=x,C=SE"))));
  EXPECT_THAT(out.values("subject.cn"), ElementsAre("Jane Doe"));
  EXPECT_THAT(out.values("subject.ou"), ElementsAre("B", "A"));
  EXPECT_THAT(out.values("subject.serialnumber"), ElementsAre("7"));
  EXPECT_THAT(out.values("subject.c"), ElementsAre("SE"));
  EXPECT_TRUE(out.values("email").empty());
}

TEST(NameTemplate, MakesAName) {
  EXPECT_EQ(subject("CN={subject.cn},O=Example Bank,C=SE", facts({{"subject.cn", "Jane Doe"}})), "CN=Jane Doe,O=Example Bank,C=SE");
  EXPECT_EQ(subject("CN={subject.cn}+UID={user_id}", facts({{"subject.cn", "J"}, {"user_id", "7"}})),
            subject("UID={user_id}+CN={subject.cn}", facts({{"subject.cn", "J"}, {"user_id", "7"}})));
}

TEST(NameTemplate, NeverReadsAValueAsSyntax) {
  for (const char* value : {"Jane,O=Evil", "Jane+O=Evil", "#0C0441", " Jane ", "a\\,b", "\\4A", "=", "\"a\"", "<a>;b", "Zoë 銀行", "\\"}) {
    const Bytes name = must(must(NameTemplate::parse("CN={subject.cn},O=Example")).expand(facts({{"subject.cn", value}})));
    const auto attributes = must(crypto::name_attributes(name));
    ASSERT_EQ(attributes.size(), 2U) << value;
    EXPECT_EQ(attributes[1].value, value);
  }
}

TEST(NameTemplate, RefusesAPlaceholderOutsideOfAValue) {
  for (const char* text : {"{subject.cn}", "{subject.cn}=Jane", "CN=a,{dns}", "2.5.4.{user_id}=a", "CN=#{serial}", "CN=\\{serial}",
                           "CN=\\a{serial}", "C{user_id}=a", "CN=a+{dns}=b"}) {
    EXPECT_EQ(NameTemplate::parse(text).error().fault, Fault::kBadInput) << text;
  }
}

TEST(NameTemplate, HoldsValuesToTheUpperBounds) {
  const NameTemplate name = must(NameTemplate::parse("CN={subject.cn}"));
  EXPECT_TRUE(name.expand(facts({{"subject.cn", std::string(64, 'a')}})));
  const auto refused = name.expand(facts({{"subject.cn", std::string(65, 'a')}}));
  EXPECT_EQ(refused.error().fault, Fault::kBadInput);
  EXPECT_THAT(refused.error().message, HasSubstr("64 characters"));
  EXPECT_EQ(must(NameTemplate::parse("C={subject.c}")).expand(facts({{"subject.c", "SWE"}})).error().fault, Fault::kBadInput);
  EXPECT_EQ(must(NameTemplate::parse("serialNumber={user_id}")).expand(facts({{"user_id", "Zoë"}})).error().fault, Fault::kBadInput);
}

}  // namespace
}  // namespace airtight::ca
