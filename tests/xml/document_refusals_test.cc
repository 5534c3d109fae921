// What Document::parse refuses, and what it must not refuse although it looks alike (keygen2.md sections 1 and 6).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "xml/document.h"

namespace airtight::xml {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

std::string fault_in(std::string_view text, const Limits& limits = {}) {
  const auto document = Document::parse(bytes_of(text), limits);
  if (document) return "accepted";
  EXPECT_EQ(document.error().fault, Fault::kBadInput);
  return document.error().message;
}

bool accepts(std::string_view text, const Limits& limits = {}) { return fault_in(text, limits) == "accepted"; }

std::string nested(int levels, std::string_view innermost = "") {
  std::string text;
  for (int i = 0; i < levels; ++i) text += "<a>";
  text += innermost;
  for (int i = 0; i < levels; ++i) text += "</a>";
  return text;
}

TEST(DocumentRefusals, DocumentType) {
  EXPECT_EQ(fault_in("<!DOCTYPE a><a/>"), "line 1: a document type or other declaration, which is not allowed");
}

TEST(DocumentRefusals, DocumentTypeAfterOtherThingsWithItsLine) {
  EXPECT_THAT(fault_in("<?xml version='1.0'?>\n<!-- a -->\n<!DOCTYPE a SYSTEM 'a.dtd'>\n<a/>"), StartsWith("line 3: a document type"));
}

TEST(DocumentRefusals, DocumentTypeInsideTheDocument) { EXPECT_THAT(fault_in("<a><!DOCTYPE a></a>"), HasSubstr("document type")); }

TEST(DocumentRefusals, InternalEntity) { EXPECT_THAT(fault_in("<!DOCTYPE a [<!ENTITY e 'text'>]><a>&e;</a>"), HasSubstr("document type")); }

TEST(DocumentRefusals, ExternalEntity) {
  EXPECT_THAT(fault_in("<!DOCTYPE a [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><a>&e;</a>"), HasSubstr("document type"));
}

TEST(DocumentRefusals, ParameterEntity) {
  EXPECT_THAT(fault_in("<!DOCTYPE a [<!ENTITY % e SYSTEM 'http://127.0.0.1:9/e'> %e;]><a/>"), HasSubstr("document type"));
}

TEST(DocumentRefusals, BillionLaughs) {
  std::string text = "<!DOCTYPE a [<!ENTITY l0 'ha'>";
  for (int i = 1; i < 10; ++i) {
    text += "<!ENTITY l" + std::to_string(i) + " '";
    for (int j = 0; j < 10; ++j) text += "&l" + std::to_string(i - 1) + ";";
    text += "'>";
  }
  EXPECT_THAT(fault_in(text + "]><a>&l9;</a>"), HasSubstr("document type"));
}

TEST(DocumentRefusals, UndeclaredEntity) {
  EXPECT_EQ(fault_in("<a>\n&nbsp;</a>"), "line 2: Entity 'nbsp' not defined");
  EXPECT_EQ(fault_in("<a b='&nbsp;'/>"), "line 1: Entity 'nbsp' not defined");
}

TEST(DocumentRefusals, DocumentTypeIsMereTextInCommentsCdataAndInstructions) {
  EXPECT_TRUE(accepts("<a><!-- <!DOCTYPE a> --><![CDATA[<!DOCTYPE a>]]><?pi <!DOCTYPE a>?></a>"));
}

TEST(DocumentRefusals, DocumentTypeBehindWhatOnlyLooksLikeAComment) {
  EXPECT_THAT(fault_in("<a b='<!--'/><!DOCTYPE a><!-- '/>"), HasSubstr("an attribute that does not end"));
  EXPECT_THAT(fault_in("<!-- --><!DOCTYPE a><a><!-- --></a>"), HasSubstr("document type"));
  EXPECT_THAT(fault_in("<![CDATA[ <!-- ]]><!DOCTYPE a><a/>"), HasSubstr("document type or other declaration"));
}

TEST(DocumentLimits, Level64IsGood) { EXPECT_TRUE(accepts(nested(64))); }

TEST(DocumentLimits, EmptyElementAtLevel64IsGood) { EXPECT_TRUE(accepts(nested(63, "<b/><b/>"))); }

TEST(DocumentLimits, Level65IsNot) {
  EXPECT_EQ(fault_in(nested(65)), "line 1: elements are nested more than 64 levels deep");
  EXPECT_EQ(fault_in(nested(64, "\n<b/>")), "line 2: elements are nested more than 64 levels deep");
}

TEST(DocumentLimits, VeryDeepNestingIsRefusedWithoutRecursion) { EXPECT_THAT(fault_in(nested(200000)), HasSubstr("levels deep")); }

TEST(DocumentLimits, FourMebibytesAreGood) {
  const std::string text = "<a>" + std::string((4U << 20) - 7, 'x') + "</a>";
  ASSERT_EQ(text.size(), 4U << 20);
  EXPECT_TRUE(accepts(text));
}

TEST(DocumentLimits, OneByteMoreIsNot) {
  EXPECT_EQ(fault_in("<a>" + std::string((4U << 20) - 6, 'x') + "</a>"), "the document has 4194305 bytes, more than the limit of 4194304");
}

TEST(DocumentLimits, FiveMebibytesAreNot) { EXPECT_THAT(fault_in("<a>" + std::string(5U << 20, 'x') + "</a>"), HasSubstr("limit")); }

TEST(DocumentLimits, LimitsAreTheCallers) {
  EXPECT_THAT(fault_in("<a><b/></a>", {.max_depth = 1}), HasSubstr("1 levels"));
  EXPECT_THAT(fault_in("<a></a>", {.max_bytes = 6}), HasSubstr("limit of 6"));
}

std::string with_attributes(int count, std::string_view prefix) {
  std::string text = "<a";
  for (int i = 0; i < count; ++i) text += " " + std::string(prefix) + std::to_string(i) + "='urn:x'";
  return text + "/>";
}

TEST(DocumentLimits, AttributesOfAnElement) {
  EXPECT_TRUE(accepts(with_attributes(256, "x")));
  EXPECT_EQ(fault_in(with_attributes(257, "x")), "line 1: more than 256 attributes");
}

TEST(DocumentLimits, NamespacesInScope) {
  const std::string inner = with_attributes(156, "xmlns:y");
  const std::string outer = with_attributes(100, "xmlns:x");
  const std::string open = outer.substr(0, outer.size() - 2) + ">";
  EXPECT_TRUE(accepts(open + inner + inner + inner + "</a>"));
  EXPECT_EQ(fault_in(open + "<b xmlns='urn:b'>" + inner + "</b></a>"), "line 1: more than 256 namespaces");
}

TEST(DocumentEncoding, Utf8WithAndWithoutDeclaration) {
  EXPECT_TRUE(accepts("<a>\xC3\xA5</a>"));
  EXPECT_TRUE(accepts("<?xml version='1.0'?><a>\xC3\xA5</a>"));
  EXPECT_TRUE(accepts("<?xml version=\"1.0\" encoding=\"utf-8\" standalone='yes' ?><a>\xC3\xA5</a>"));
  EXPECT_TRUE(accepts("\xEF\xBB\xBF<?xml version=\"1.0\" encoding=\"UTF-8\"?><a>\xC3\xA5</a>"));
}

TEST(DocumentEncoding, Utf16) {
  using namespace std::string_view_literals;
  EXPECT_THAT(fault_in("\xFF\xFE<\0a\0/\0>\0"sv), HasSubstr("not UTF-8"));
  EXPECT_THAT(fault_in("\xFE\xFF\0<\0a\0/\0>"sv), HasSubstr("not UTF-8"));
  EXPECT_THAT(fault_in("<\0a\0/\0>\0"sv), HasSubstr("a character that XML does not allow"));
}

TEST(DocumentEncoding, ForeignDeclaration) {
  for (const char* encoding : {"ISO-8859-1", "UTF-16", "UTF-7", "US-ASCII", "unheard-of", ""}) {
    EXPECT_EQ(fault_in("<?xml version='1.0' encoding='" + std::string(encoding) + "'?><a/>"), "line 1: the declared encoding is not UTF-8");
  }
}

TEST(DocumentEncoding, Utf7CannotHideADocumentType) {
  EXPECT_THAT(fault_in("<?xml version='1.0' \t\n encoding = \"UTF-7\"?>+ADwAIQ-DOCTYPE a+AD4-<a/>"), HasSubstr("not UTF-8"));
}

TEST(DocumentEncoding, BadUtf8WithItsLine) {
  EXPECT_EQ(fault_in("<a>\n\n\xC3</a>"), "line 3: the text is not UTF-8");
  EXPECT_EQ(fault_in("<a>\xED\xA0\x80</a>"), "line 1: the text is not UTF-8");
}

TEST(DocumentEncoding, Version11) {
  EXPECT_EQ(fault_in("<?xml version='1.1'?><a/>"), "line 1: the XML version is not 1.0");
  EXPECT_EQ(fault_in("<?xml version=\"1.01\"?><a/>"), "line 1: the XML version is not 1.0");
}

TEST(DocumentEncoding, MalformedDeclaration) {
  for (const char* declaration : {"<?xml ?>", "<?xml encoding='UTF-8'?>", "<?xml version='1.0?>", "<?xml version=?>", "<?xml version='1.0'",
                                  "<?xml =''?>", "<?xml version='1.0' encoding='UTF-8' more='x'?>", " <?xml version='1.0'?>"}) {
    EXPECT_FALSE(accepts(std::string(declaration) + "<a/>")) << declaration;
  }
}

TEST(DocumentEncoding, NulAndControlCharacters) {
  using namespace std::string_view_literals;
  EXPECT_EQ(fault_in("<a>\n\0</a>"sv), "line 2: a character that XML does not allow");
  EXPECT_EQ(fault_in("<a/>\0"sv), "line 1: a character that XML does not allow");
  EXPECT_EQ(fault_in("<a>\x1B</a>"), "line 1: a character that XML does not allow");
  EXPECT_EQ(fault_in("<a>\xEF\xBF\xBF</a>"), "line 1: a character that XML does not allow");
  EXPECT_FALSE(accepts("<a>&#0;</a>"));
  EXPECT_FALSE(accepts("<a>&#x1B;</a>"));
}

TEST(DocumentSyntax, MalformedMarkupIsRefused) {
  for (const char* text : {"",
                           " ",
                           "text",
                           "<",
                           "<a",
                           "<a>",
                           "</a>",
                           "<a></b>",
                           "<a/><b/>",
                           "<a/>text",
                           "<a b></a>",
                           "<a b=c/>",
                           "<a b='/>",
                           "<a b='1' b='2'/>",
                           "<a><b></a></b>",
                           "<a>&</a>",
                           "<a>&amp</a>",
                           "<a>]]></a>",
                           "<!--",
                           "<a><!-- -- --></a>",
                           "<a><!-- ---></a>",
                           "<a><![CDATA[</a>",
                           "<a><?pi</a>",
                           "<a><?"
                           "?></a>",
                           "<a><? pi?></a>",
                           "<a><?xml ?></a>",
                           "<a><?XML x?></a>",
                           "<><a/>",
                           "<a><1/></a>",
                           "<a></a",
                           "<a></<a>"}) {
    EXPECT_FALSE(accepts(text)) << text;
  }
}

TEST(DocumentSyntax, FaultsInNamespacesAreRefused) {
  for (const char* text : {"<p:a/>", "<a p:b='1'/>", "<a xmlns:p=''/>", "<a xmlns:p='urn:x' xmlns:q='urn:x' p:b='1' q:b='2'/>", "<a:b:c/>",
                           "<a xmlns:xmlns='urn:x'/>", "<a xmlns:xml='urn:x'/>", "<a xmlns='http://www.w3.org/2000/xmlns/'/>"}) {
    EXPECT_FALSE(accepts(text)) << text;
  }
}

TEST(DocumentSyntax, RelativeNamespaceUrisAreRefusedForTheyHaveNoCanonicalForm) {
  EXPECT_THAT(fault_in("<a>\n<b xmlns='relative'/></a>"), StartsWith("line 2: "));
  EXPECT_THAT(fault_in("<a>\n<b xmlns:p='rel/ative:x'/></a>"), StartsWith("line 2: "));
}

TEST(DocumentSyntax, FaultsAreToldWithTheirLine) {
  EXPECT_EQ(fault_in("<a>\n  <b>\n  </c>\n</a>"), "line 3: Opening and ending tag mismatch: b line 2 and c");
}

TEST(DocumentSyntax, LinesBeyond65535AreTold) {
  EXPECT_THAT(fault_in("<a>" + std::string(70000, '\n') + "<b></c></a>"), StartsWith("line 70001: "));
}

TEST(DocumentSyntax, AFaultEchoesNoLongText) { EXPECT_LT(fault_in("<a><" + std::string(20000, 'b') + "></c></a>").size(), 400U); }

TEST(DocumentSyntax, NothingIsPrinted) {
  testing::internal::CaptureStderr();
  testing::internal::CaptureStdout();
  EXPECT_FALSE(accepts("<p:a b=c>&x;"));
  EXPECT_FALSE(accepts("<a xmlns='relative'/>"));
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "");
}

}  // namespace
}  // namespace airtight::xml
