// What texts of profiles and letters may name, and what a subject says to them.
#include "issuer/texts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/must.h"

namespace airtight::issuer {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using tests::must;

std::string filled(std::string_view text, std::string_view subject, std::string_view reached = {}) {
  return must(fill_text(text, must(facts_of_subject(subject, reached))));
}

TEST(Texts, NameTheSubjectAndItsAttributesAsCertificatesDo) {
  EXPECT_EQ(filled("{subject}", "CN=Jane Doe,C=SE"), "CN=Jane Doe,C=SE");
  EXPECT_EQ(filled("For {subject.cn},\nin {subject.c}", "CN=Jane Doe,C=SE"), "For Jane Doe,\nin SE");
}

TEST(Texts, HaveTheAddressThatWasReachedElseTheSubjects) {
  EXPECT_EQ(filled("{email}", "emailAddress=jane@example.com"), "jane@example.com");
  EXPECT_EQ(filled("{email}", "emailAddress=jane@example.com", "doe@example.com"), "doe@example.com");
  EXPECT_EQ(filled("{subject.emailaddress}", "emailAddress=jane@example.com", "doe@example.com"), "jane@example.com");
}

TEST(Texts, AreRefusedWhereAValueIsNotKnownOrNotTheOnlyOne) {
  EXPECT_EQ(fill_text("{subject.o}", must(facts_of_subject("CN=x", ""))).error().fault, Fault::kRefused);
  EXPECT_EQ(fill_text("{subject.ou}", must(facts_of_subject("OU=a,OU=b", ""))).error().fault, Fault::kRefused);
}

TEST(Texts, OfProfilesKnowSeedsAndNoLetters) {
  EXPECT_THAT(must(names_in_text("{seed.name} {key_id}")), ElementsAre("seed.name", "key_id"));
  EXPECT_FALSE(names_in_text("{url}"));
  const auto old = names_in_text("{subject.CN}");
  ASSERT_FALSE(old);
  EXPECT_THAT(old.error().hint, HasSubstr("subject.cn"));
}

}  // namespace
}  // namespace airtight::issuer
