#include <gtest/gtest.h>

#include "base/encoding.h"
#include "crypto/certificate_builder.h"
#include "tests/support/must.h"

namespace airtight::crypto {
namespace {

using tests::must;

std::string hex_of(std::string_view text) { return hex_encode(must(name_from_text(text))); }
std::string text_of_hex(std::string_view hex) { return must(name_to_text(must(hex_decode(hex)))); }
std::string again(std::string_view text) { return must(name_to_text(must(name_from_text(text)))); }

void expect_bad(std::string_view text, std::string_view why) {
  const auto name = name_from_text(text);
  ASSERT_FALSE(name.has_value()) << text;
  EXPECT_EQ(name.error().fault, Fault::kBadInput);
  EXPECT_NE(name.error().message.find(why), std::string::npos) << text << ": " << name.error().message;
}

TEST(NameFromText, StartsAtTheLeaf) {
  // SEQUENCE { SET { C PrintableString SE }, SET { CN UTF8String A } }
  EXPECT_EQ(hex_of("CN=A,C=SE"), "3019310b3009060355040613025345310a300806035504030c0141");
}

TEST(NameFromText, TakesTheEmptyName) { EXPECT_EQ(hex_of(""), "3000"); }

TEST(NameFromText, AllowsSpacesAroundSeparatorsAndAnyCase) { EXPECT_EQ(hex_of(" cn = A , c=SE "), hex_of("CN=A,C=SE")); }

TEST(NameFromText, SortsTheAttributesOfOnePart) { EXPECT_EQ(hex_of("UID=u+CN=A"), hex_of("CN=A+UID=u")); }

TEST(NameFromText, TakesDottedTypes) {
  EXPECT_EQ(hex_of("2.5.4.3=A"), hex_of("CN=A"));
  EXPECT_EQ(hex_of("1.2.3.4=A"), "300c310a300806032a03040c0141");
}

TEST(NameFromText, TakesValuesInHex) { EXPECT_EQ(hex_of("1.2.3.4=#040141"), "300c310a300806032a0304040141"); }

TEST(NameFromText, WritesEachTypeInItsString) {
  EXPECT_EQ(hex_of("serialNumber=7"), "300c310a30080603550405130137");
  EXPECT_EQ(hex_of("DC=a"), "30133111300f060a0992268993f22c640119160161");
  EXPECT_EQ(hex_of("emailAddress=a@b"),
            "3014311230100"
            "6092a864886f70d0109011603614062");
}

TEST(NameFromText, UnescapesAsRfc4514Has) {
  // The examples of RFC 4514, section 4.
  EXPECT_EQ(again("UID=jsmith,DC=example,DC=net"), "UID=jsmith,DC=example,DC=net");
  EXPECT_EQ(again(R"(CN=James \"Jim\" Smith\, III,DC=example,DC=net)"), R"(CN=James \"Jim\" Smith\, III,DC=example,DC=net)");
  EXPECT_EQ(again(R"(CN=Before\0dAfter,DC=example,DC=net)"), R"(CN=Before\0DAfter,DC=example,DC=net)");
  EXPECT_EQ(again(R"(CN=Lu\C4\8Di\C4\87)"), "CN=Lučić");
  EXPECT_EQ(again("1.3.6.1.4.1.1466.0=#04024869"), "1.3.6.1.4.1.1466.0=#04024869");
}

TEST(NameFromText, KeepsEscapedSpacesAtTheEdges) { EXPECT_EQ(again(R"(CN=\ a b\ )"), R"(CN=\ a b\ )"); }

TEST(NameFromText, SaysWhatIsWrongWhere) {
  expect_bad("Jane Doe", "at character 9");
  expect_bad("CN=A,", "at character 6");
  expect_bad("CN=A;O=B", "at character 5");
  expect_bad(R"(CN=A\)", "backslash");
  expect_bad(R"(CN=A\zz)", "backslash");
  expect_bad("CN=", "the CN of a name is empty");
  expect_bad("CN=  ,O=A", "the CN of a name is empty");
  expect_bad("XY=A", "\"XY\" is no attribute type");
  expect_bad("1=A", "\"1\" is no attribute type");
  expect_bad("3.1=A", "is no attribute type");
  expect_bad("1.2.03=A", "is no attribute type");
  expect_bad("1.2.3=#0401", "DER element in hex");
  expect_bad("1.2.3=#040141x", "DER element in hex");
  expect_bad("1.2.3=#040141 x", "follows a value");
  expect_bad("CN=#13025f2a", "string type does not allow");
  expect_bad("CN=A+CN=A", "twice");
  expect_bad("C=Sweden", "longer than 2");
  expect_bad("C=S", "two letters");
  expect_bad("serialNumber=1_2", "not allowed there");
  expect_bad("emailAddress=\xC3\xA9@b", "not allowed there");
  expect_bad("CN=\xFF", "not UTF-8");
  expect_bad(std::string_view("CN=a\0b", 6), "wants a backslash");
}

TEST(NameFromText, HoldsTheUpperBoundsInCharacters) {
  std::string umlauts;
  for (int i = 0; i < 64; ++i) umlauts += "ü";
  EXPECT_TRUE(name_from_text("CN=" + umlauts));
  expect_bad("CN=" + umlauts + "x", "longer than 64 characters");
}

TEST(NameToText, ReadsWideAndOldStrings) {
  EXPECT_EQ(text_of_hex("300d310b300906035504031e0200e9"), "CN=é");       // BMPString
  EXPECT_EQ(text_of_hex("300f310d300b06035504031c040001f600"), "CN=😀");  // UniversalString
  EXPECT_EQ(text_of_hex("300c310a30080603550403"
                        "1401e9"),
            "CN=é");  // T.61, read as Latin-1
  EXPECT_EQ(text_of_hex("300c310a30080603550403"
                        "120137"),
            "CN=7");  // NumericString
}

TEST(NameToText, GivesOtherValuesInHex) { EXPECT_EQ(text_of_hex("300c310a30080603550403040141"), "CN=#040141"); }

TEST(NameToText, EscapesWhatCouldForgeTheLine) {
  EXPECT_EQ(again(R"(CN=a\0Adecision: allow)"), R"(CN=a\0Adecision: allow)");
  EXPECT_EQ(again(R"(CN=\00\7F\C2\9B)"), R"(CN=\00\7F\C2\9B)");                    // NUL, DEL, CSI
  EXPECT_EQ(again(R"(CN=\E2\80\AEtxt\E2\81\A6)"), R"(CN=\E2\80\AEtxt\E2\81\A6)");  // right-to-left override, isolate
  EXPECT_EQ(again("CN=\xE2\x82\xAC"), "CN=€");
}

TEST(NameToText, RefusesMalformedNames) {
  for (const char* hex : {"", "30", "3100", "30023100", "300a3108300606035504030c", "300c310a300806035504030c01ff",  // not UTF-8
                          "300c310a30080603550403130140",    // @ in a PrintableString
                          "300d310b300906035504031e02d800",  // a surrogate
                          "300c310a300806035504031e0141",    // half a code unit
                          "3016311430080603550403"
                          "0c0142"
                          "300806035504030c0141",  // unsorted
                          "300e310c300a06035504030c01410500",
                          "3000"
                          "00"}) {
    const auto der = hex_decode(hex);
    EXPECT_FALSE(name_to_text(*der)) << hex;
  }
}

TEST(NameFromAttributes, TakesValuesWithoutEscapes) {
  EXPECT_EQ(must(name_to_text(must(name_from_attributes({{"O", "Example, Inc."}, {"CN", "#1 <x>"}})))), R"(CN=\#1 \<x\>,O=Example\, Inc.)");
}

TEST(NameFromAttributes, HoldsTheSameRules) {
  EXPECT_EQ(name_from_attributes({{"CN", ""}}).error().fault, Fault::kBadInput);
  EXPECT_EQ(name_from_attributes({{"XY", "a"}}).error().fault, Fault::kBadInput);
}

}  // namespace
}  // namespace airtight::crypto
