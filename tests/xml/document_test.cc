// Documents and elements: reading, writing, and that nothing changes on the way.
#include "xml/document.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/xml/signing.h"

namespace airtight::xml {
namespace {

using testing::HasSubstr;
using tests::parse;
using tests::text_of_document;

std::string canonical(Element element) {
  auto bytes = canonicalize(element);
  return bytes ? to_text(*bytes) : bytes.error().message;
}

TEST(Element, NamesAreLocalWithTheNamespaceBeside) {
  const Document document = parse("<p:a xmlns:p='urn:p'><b/></p:a>");
  EXPECT_EQ(document.root().name(), "a");
  EXPECT_EQ(document.root().namespace_uri(), "urn:p");
  EXPECT_TRUE(document.root().is("urn:p", "a"));
  EXPECT_TRUE(document.root().children()[0].is("", "b"));
}

TEST(Element, AttributeIsOneWithoutANamespace) {
  const Document document = parse("<a xmlns:p='urn:p' p:ID='other' ID='this'/>");
  EXPECT_EQ(document.root().attribute("ID"), "this");
  EXPECT_EQ(parse("<a xmlns:p='urn:p' p:ID='other'/>").root().attribute("ID"), std::nullopt);
  EXPECT_EQ(parse("<a b=''/>").root().attribute("b"), "");
}

TEST(Element, AttributeNamesAreThoseOfAllButDeclarations) {
  const Document document = parse("<a xmlns:p='urn:p' p:x='1' y='2'/>");
  EXPECT_EQ(document.root().attribute_names(), (std::vector<std::string>{"{urn:p}x", "y"}));
}

TEST(Element, AttributeValuesAreDecoded) {
  EXPECT_EQ(parse("<a b='&lt;&amp;&#xE5;&quot;&#10;x\ny'/>").root().attribute("b"), "<&\xC3\xA5\"\nx y");
}

TEST(Element, TextIsThatOfAllDescendantsWithoutCommentsAndInstructions) {
  EXPECT_EQ(parse("<a>1<b>2<!-- no --></b><![CDATA[<3>]]>&amp;<?no no?>4</a>").root().text(), "12<3>&4");
}

TEST(Element, ChildrenAreElementsAlone) {
  const Document document = parse("<a xmlns='urn:a' xmlns:b='urn:b'>1<x/><!-- --><b:x/><?pi?><x/></a>");
  EXPECT_EQ(document.root().children().size(), 3U);
  EXPECT_EQ(document.root().children("urn:a", "x").size(), 2U);
  EXPECT_EQ(document.root().child("urn:b", "x")->namespace_uri(), "urn:b");
  EXPECT_FALSE(document.root().child("urn:a", "y"));
}

TEST(Element, SetTextEscapes) {
  Document document = parse("<a><b/>old</a>");
  document.root().set_text("<b>&amp; ]]> \r \xC3\xA5");
  EXPECT_THAT(text_of_document(document), HasSubstr("<a>&lt;b&gt;&amp;amp; ]]&gt; &#13; \xC3\xA5</a>"));
  EXPECT_EQ(parse(text_of_document(document)).root().text(), "<b>&amp; ]]> \r \xC3\xA5");
}

TEST(Element, SetAttributeEscapesAndReplaces) {
  Document document = parse("<a xmlns:p='urn:p' b='old' p:b='other'/>");
  const std::string value = "<\"'&lt;>\t\r\n\xC3\xA5";
  document.root().set_attribute("b", value);
  EXPECT_EQ(parse(text_of_document(document)).root().attribute("b"), value);
  EXPECT_THAT(text_of_document(document), HasSubstr("p:b=\"other\""));
}

TEST(Element, WhatXmlCannotHoldIsReplaced) {
  using namespace std::string_view_literals;
  Document document = parse("<a/>");
  document.root().set_text("x\0y\x01\xFFz\xEF\xBF\xBE\xC3"sv);
  document.root().set_attribute("b", "\x1B");
  const Document again = parse(text_of_document(document));
  EXPECT_EQ(again.root().text(), "x\uFFFDy\uFFFD\uFFFDz\uFFFD\uFFFD");
  EXPECT_EQ(again.root().attribute("b"), "\uFFFD");
}

TEST(Element, AddUsesTheDeclarationInScope) {
  Document document = Document::create({"", "urn:a"}, "a", {{"ds", "urn:ds"}});
  Element b = document.root().add({"", "urn:a"}, "b");
  b.add({"ds", "urn:ds"}, "c");
  EXPECT_THAT(text_of_document(document), HasSubstr("<a xmlns=\"urn:a\" xmlns:ds=\"urn:ds\"><b><ds:c/></b></a>"));
}

TEST(Element, AddDeclaresWhatIsNotInScope) {
  Document document = Document::create({"", "urn:a"}, "a", {{"p", "urn:p"}});
  document.root().add({"p", "urn:other"}, "b");
  document.root().add({"", ""}, "c");
  EXPECT_THAT(text_of_document(document),
              HasSubstr("<a xmlns=\"urn:a\" xmlns:p=\"urn:p\"><p:b xmlns:p=\"urn:other\"/><c xmlns=\"\"/></a>"));
}

TEST(Element, RemoveTakesTheElementAway) {
  Document document = parse("<a><b/><c/></a>");
  document.root().children()[0].remove();
  EXPECT_THAT(text_of_document(document), HasSubstr("<a><c/></a>"));
}

TEST(Element, CopyKeepsCommentsAndNamespaces) {
  const Document source = parse("<r xmlns='urn:r' xmlns:q='urn:q'><x a='q:name'><!-- kept --><?kept too?><q:y/>\n</x></r>");
  Document target = Document::create({"t", "urn:t"}, "t");
  const Element copy = target.root().add_copy(source.root().children()[0]);
  EXPECT_EQ(canonical(copy), canonical(source.root().children()[0]));
  const std::string text = text_of_document(target);
  EXPECT_THAT(text, HasSubstr("<!-- kept --><?kept too?>"));
  EXPECT_THAT(text, HasSubstr("xmlns:q=\"urn:q\""));
}

TEST(Element, CopyOfElementsWithoutNamespaceStaysWithout) {
  const Document source = parse("<x><y/></x>");
  Document target = Document::create({"", "urn:t"}, "t");
  target.root().add_copy(source.root());
  const Document again = parse(text_of_document(target));
  EXPECT_TRUE(again.root().children()[0].is("", "x"));
  EXPECT_TRUE(again.root().children()[0].children()[0].is("", "y"));
}

TEST(Document, CopyOfAnElementKeepsNamespacesFromAbove) {
  const Document source = parse("<r xmlns:q='urn:q' xmlns:z='urn:z'><q:x a='z:name'/></r>");
  const Document copy = Document::copy_of(source.root().children()[0]);
  EXPECT_TRUE(copy.root().is("urn:q", "x"));
  EXPECT_THAT(text_of_document(copy), HasSubstr("xmlns:z=\"urn:z\""));
}

TEST(Document, SerializesWithUtf8Declaration) {
  EXPECT_EQ(text_of_document(parse("<a>\xC3\xA5</a>")), "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<a>\xC3\xA5</a>\n");
}

TEST(Document, RoundTripKeepsTheCanonicalForm) {
  for (const char* text : {"<a b='&#9;&#10;&#13; &lt;\"' c=\"'\">&#13;&gt;]]&gt;<![CDATA[ <x>&amp; ]]></a>",
                           "<!-- x --><?p q?><a xmlns='urn:a'><b xmlns=''/></a><?r?>",
                           "<p:a xmlns:p='urn:p' p:x='1' x='2' xml:lang='sv' xml:space='preserve'> <p:b xmlns:p='urn:q' p:x='3'/>\n</p:a>",
                           "<a>\xF0\x9F\x94\x91\xC2\x85\xE2\x80\xA8</a>"}) {
    const Document document = parse(text);
    const Document again = parse(text_of_document(document));
    EXPECT_EQ(canonical(again.root()), canonical(document.root())) << text;
  }
}

// The examples of "Exclusive XML Canonicalization" 1.0, section 2.2: the same element in two enclosures has one form.
TEST(ExclusiveCanonicalForm, IsThatOfTheElementWhereverItStands) {
  const char* const element =
      "<n1:elem2 xmlns:n1=\"http://example.net\" xml:lang=\"en\">\n"
      "  <n3:stuff xmlns:n3=\"ftp://example.org\"/>\n</n1:elem2>";
  const std::string expected =
      "<n1:elem2 xmlns:n1=\"http://example.net\" xml:lang=\"en\">\n"
      "  <n3:stuff xmlns:n3=\"ftp://example.org\"></n3:stuff>\n</n1:elem2>";
  const Document local = parse("<n0:local xmlns:n0='foo:bar' xmlns:n3='ftp://example.org'>" + std::string(element) + "</n0:local>");
  const Document pdu = parse("<n2:pdu xmlns:n1='http://example.com' xmlns:n2='http://foo.example' xml:lang='fr' xml:space='preserve'>" +
                             std::string(element) + "</n2:pdu>");
  EXPECT_EQ(canonical(local.root().children()[0]), expected);
  EXPECT_EQ(canonical(pdu.root().children()[0]), expected);
}

TEST(ExclusiveCanonicalForm, DeclaresANamespaceWhereItIsVisiblyUsed) {
  const Document document = parse("<a xmlns='urn:a' xmlns:p='urn:p' xmlns:q='urn:q'><b p:x='1'><p:c/></b><p:d q='q:no'/></a>");
  EXPECT_EQ(canonical(document.root()),
            "<a xmlns=\"urn:a\"><b xmlns:p=\"urn:p\" p:x=\"1\"><p:c></p:c></b><p:d xmlns:p=\"urn:p\" q=\"q:no\"></p:d></a>");
}

TEST(ExclusiveCanonicalForm, UndeclaresTheDefaultNamespaceOnlyWhereOneWasWritten) {
  const Document document = parse("<a xmlns='urn:a'><p:b xmlns:p='urn:p'><c xmlns=''/></p:b></a>");
  EXPECT_EQ(canonical(document.root()), "<a xmlns=\"urn:a\"><p:b xmlns:p=\"urn:p\"><c xmlns=\"\"></c></p:b></a>");
  EXPECT_EQ(canonical(document.root().children()[0]), "<p:b xmlns:p=\"urn:p\"><c></c></p:b>");
}

TEST(ExclusiveCanonicalForm, SortsAttributesByNamespaceThenName) {
  const Document document = parse("<a xmlns:z='urn:1' xmlns:y='urn:2' z='3' y:b='5' b='2' z:c='4' a='1'/>");
  EXPECT_EQ(canonical(document.root()), "<a xmlns:y=\"urn:2\" xmlns:z=\"urn:1\" a=\"1\" b=\"2\" z=\"3\" z:c=\"4\" y:b=\"5\"></a>");
}

TEST(ExclusiveCanonicalForm, EscapesAsCanonicalXmlSays) {
  const Document document = parse("<a b='&lt;&gt;&amp;&quot;&apos;&#9;&#10;&#13;'>&lt;&gt;&amp;\"'&#9;&#13;</a>");
  EXPECT_EQ(canonical(document.root()), "<a b=\"&lt;>&amp;&quot;'&#x9;&#xA;&#xD;\">&lt;&gt;&amp;\"'\t&#xD;</a>");
}

TEST(ExclusiveCanonicalForm, LeavesOutCommentsAndWhatStandsBesideTheTopElement) {
  const Document document = parse("<?before x?><!-- c --><a>1<!-- c -->2<?inside x?></a><?after x?>");
  EXPECT_EQ(canonical(document.root()), "<a>12<?inside x?></a>");
}

TEST(ExclusiveCanonicalForm, OfAPartTakesNothingFromBesideIt) {
  const Document document = parse("<a><b/>x<c>1</c><d/></a>");
  EXPECT_EQ(canonical(document.root().children()[1]), "<c>1</c>");
}

}  // namespace
}  // namespace airtight::xml
