// The form of property bags: exclusive canonical XML of the KeyGen2 element, without MAC and prefixes (sks.md section 7, keygen2.md
// section 6).
#include "sks/property_bag.h"

#include <gtest/gtest.h>

#include "sks/status.h"

namespace airtight::sks {
namespace {

std::string bag(std::string_view content, std::string_view attributes = " Type=\"urn:t\"") {
  return "<PropertyBag xmlns=\"http://xmlns.webpki.org/keygen2/beta/20100402#\"" + std::string(attributes) + ">" + std::string(content) +
         "</PropertyBag>";
}
constexpr std::string_view kOne = "<Property Name=\"a\" Value=\"1\"></Property>";

bool accepted(std::string_view text, std::string_view type = "urn:t") {
  const auto parsed = PropertyBag::parse(bytes_of(text), type);
  EXPECT_EQ(parsed ? Status::kOption : status_of(parsed.error()), Status::kOption);
  return parsed.has_value();
}

TEST(PropertyBag, ReadsNamesValuesAndWhatIsWritable) {
  const auto parsed =
      PropertyBag::parse(bytes_of(bag("<Property Name=\"a&amp;b\" Value=\"&lt;&quot;>&#x9;&#xA;&#xD;\" Writable=\"1\"></Property>"
                                      "<Property Name=\"\xC3\xA4\" Value=\"\" Writable=\"false\"></Property>")),
                         "urn:t");
  ASSERT_TRUE(parsed.has_value());
  ASSERT_EQ(parsed->properties().size(), 2U);
  EXPECT_EQ(parsed->properties()[0].name, "a&b");
  EXPECT_EQ(parsed->properties()[0].value, "<\">\t\n\r");
  EXPECT_TRUE(parsed->properties()[0].writable);
  EXPECT_EQ(parsed->properties()[1].name, "\xC3\xA4");
  EXPECT_FALSE(parsed->properties()[1].writable);
}

TEST(PropertyBag, KeepsWhiteSpaceBetweenProperties) { EXPECT_TRUE(accepted(bag("\n  " + std::string(kOne) + "\t&#xD;\n "))); }

TEST(PropertyBag, IsCanonical) {
  EXPECT_TRUE(accepted(bag(kOne)));
  EXPECT_FALSE(accepted("<?xml version=\"1.0\"?>" + bag(kOne)));
  EXPECT_FALSE(accepted(bag(kOne) + "\n"));
  EXPECT_FALSE(accepted(bag("<Property Name=\"a\" Value=\"1\"/>")));
  EXPECT_FALSE(accepted(bag("<Property Value=\"1\" Name=\"a\"></Property>")));
  EXPECT_FALSE(accepted(bag("<Property Name='a' Value='1'></Property>")));
  EXPECT_FALSE(accepted(bag("<Property  Name=\"a\" Value=\"1\"></Property>")));
  EXPECT_FALSE(accepted(bag("<Property Name=\"a\" Value=\"&gt;\"></Property>")));
  EXPECT_FALSE(accepted(bag("<!-- -->" + std::string(kOne))));
  EXPECT_FALSE(accepted(""));
}

TEST(PropertyBag, HasNoPrefixesAndTheNamespaceOfKeyGen2) {
  EXPECT_FALSE(
      accepted("<k:PropertyBag xmlns:k=\"http://xmlns.webpki.org/keygen2/beta/20100402#\" Type=\"urn:t\">"
               "<k:Property Name=\"a\" Value=\"1\"></k:Property></k:PropertyBag>"));
  EXPECT_FALSE(accepted("<PropertyBag xmlns=\"urn:other\" Type=\"urn:t\">" + std::string(kOne) + "</PropertyBag>"));
  EXPECT_FALSE(accepted("<PropertyBag Type=\"urn:t\">" + std::string(kOne) + "</PropertyBag>"));
  EXPECT_FALSE(accepted(bag("<Property xmlns=\"urn:other\" Name=\"a\" Value=\"1\"></Property>")));
}

TEST(PropertyBag, HasATypeAloneAndTheRightOne) {
  EXPECT_FALSE(accepted(bag(kOne), "urn:u"));
  EXPECT_FALSE(accepted(bag(kOne, "")));
  EXPECT_FALSE(accepted(bag(kOne, " MAC=\"AAAA\" Type=\"urn:t\"")));
  EXPECT_FALSE(accepted(bag(kOne, " Type=\"urn:t\" Zeta=\"1\"")));
  EXPECT_TRUE(accepted(bag(kOne, " Type=\"a&amp;b\""), "a&b"));
}

TEST(PropertyBag, HoldsPropertiesAlone) {
  EXPECT_FALSE(accepted(bag("")));
  EXPECT_FALSE(accepted(bag("\n")));
  EXPECT_FALSE(accepted(bag("text" + std::string(kOne))));
  EXPECT_FALSE(accepted(bag(std::string(kOne) + "text")));
  EXPECT_FALSE(accepted(bag("<Other></Other>" + std::string(kOne))));
  EXPECT_FALSE(accepted(bag("<?pi?>" + std::string(kOne))));
  EXPECT_FALSE(accepted(bag("<Property Name=\"a\" Value=\"1\"> </Property>")));
  EXPECT_FALSE(accepted(bag("<Property Name=\"a\" Value=\"1\" Zeta=\"1\"></Property>")));
  EXPECT_FALSE(accepted(bag("<Property Name=\"a\"></Property>")));
  EXPECT_FALSE(accepted(bag("<Property Value=\"a\"></Property>")));
  EXPECT_FALSE(accepted(bag("<Property Name=\"a\" Value=\"1\" Writable=\"yes\"></Property>")));
}

TEST(PropertyBag, HasUniqueNames) {
  EXPECT_FALSE(accepted(bag(std::string(kOne) + std::string(kOne))));
  EXPECT_FALSE(accepted(bag(std::string(kOne) + "<Property Name=\"a\" Value=\"2\"></Property>")));
}

}  // namespace
}  // namespace airtight::sks
