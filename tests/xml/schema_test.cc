// Schemas: compiled from the given files and no others, and what their faults say.
#include "xml/schema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/temporary_folder.h"
#include "tests/xml/signing.h"

namespace airtight::xml {
namespace {

using testing::HasSubstr;
using testing::StartsWith;
using tests::must;
using tests::parse;

constexpr std::string_view kMain = R"(<?xml version="1.0" encoding="UTF-8"?>
<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:o="urn:other" targetNamespace="urn:main" xmlns="urn:main"
           elementFormDefault="qualified">
  <xs:import namespace="urn:other" schemaLocation="other.xsd"/>
  <xs:element name="Message">
    <xs:complexType>
      <xs:sequence>
        <xs:element name="Count" type="xs:positiveInteger"/>
        <xs:element ref="o:Thing" minOccurs="0"/>
        <xs:any namespace="http://www.w3.org/2000/09/xmldsig#" processContents="skip" minOccurs="0"/>
      </xs:sequence>
      <xs:attribute name="ID" type="xs:ID" use="required"/>
      <xs:attribute name="Policy" type="xs:string" default="none"/>
    </xs:complexType>
  </xs:element>
</xs:schema>)";

constexpr std::string_view kOther = R"(<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:other">
  <xs:element name="Thing" type="xs:NCName"/>
</xs:schema>)";

Schema compile() { return must(Schema::compile({{"main.xsd", kMain}, {"other.xsd", kOther}})); }

std::string fault(const Schema& schema, std::string_view text) {
  const auto valid = schema.validate(parse(text));
  if (valid) return "valid";
  EXPECT_EQ(valid.error().fault, Fault::kBadInput);
  return valid.error().message;
}

std::string compile_fault(const std::vector<SchemaFile>& files) {
  const auto schema = Schema::compile(files);
  if (schema) return "compiled";
  EXPECT_EQ(schema.error().fault, Fault::kBadInput);
  return schema.error().message;
}

TEST(Schema, AcceptsWhatFits) {
  const Schema schema = compile();
  EXPECT_EQ(fault(schema, "<Message xmlns='urn:main' ID='a'><Count>3</Count></Message>"), "valid");
}

TEST(Schema, ImportedElementsAreChecked) {
  const Schema schema = compile();
  EXPECT_EQ(fault(schema, "<Message xmlns='urn:main' xmlns:o='urn:other' ID='a'><Count>3</Count><o:Thing>x</o:Thing></Message>"), "valid");
  EXPECT_THAT(fault(schema, "<Message xmlns='urn:main' xmlns:o='urn:other' ID='a'><Count>3</Count><o:Thing>1 2</o:Thing></Message>"),
              HasSubstr("{urn:other}Thing"));
}

TEST(Schema, FaultNamesLineAndElement) {
  EXPECT_THAT(fault(compile(), "<Message xmlns='urn:main' ID='a'>\n\n<Count>0</Count></Message>"),
              testing::AllOf(StartsWith("line 3: "), HasSubstr("{urn:main}Count")));
}

TEST(Schema, MissingAttributeIsAFault) {
  EXPECT_EQ(fault(compile(), "<Message xmlns='urn:main'><Count>1</Count></Message>"),
            "line 1: Element '{urn:main}Message': The attribute 'ID' is required but missing");
}

TEST(Schema, UnknownTopElementIsAFault) { EXPECT_THAT(fault(compile(), "<Other/>"), HasSubstr("No matching global declaration")); }

TEST(Schema, InstanceCannotNameASchemaOfItsOwn) {
  EXPECT_THAT(fault(compile(),
                    "<Other xmlns='urn:x' xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance' "
                    "xsi:schemaLocation='urn:x other.xsd'/>"),
              HasSubstr("No matching global declaration"));
}

TEST(Schema, ValidationInsertsNoDefaults) {
  const Document document = parse("<Message xmlns='urn:main' ID='a'><Count>3</Count></Message>");
  const Bytes before = document.serialize();
  ASSERT_TRUE(compile().validate(document));
  EXPECT_EQ(document.serialize(), before);
}

TEST(Schema, ADocumentCanBeValidatedTwice) {
  const Document document = parse("<Message xmlns='urn:main' ID='a'><Count>3</Count></Message>");
  const Schema schema = compile();
  EXPECT_TRUE(schema.validate(document));
  EXPECT_TRUE(schema.validate(document));
}

TEST(Schema, ValidationAndSignaturesGoTogetherInEitherOrder) {
  const Schema schema = compile();
  const Document document = tests::hmac_signed("<Message xmlns='urn:main' ID='a'><Count>3</Count></Message>");
  EXPECT_TRUE(verify_hmac(document.root(), bytes_of(tests::kKey), tests::kKeyName));
  EXPECT_TRUE(schema.validate(document));
  EXPECT_TRUE(verify_hmac(document.root(), bytes_of(tests::kKey), tests::kKeyName));
  EXPECT_TRUE(schema.validate(document));
}

TEST(Schema, OneServesManyThreads) {
  const Schema schema = compile();
  std::vector<std::thread> threads;
  std::vector<int> right(4, 0);
  for (std::size_t t = 0; t < right.size(); ++t) {
    threads.emplace_back([&schema, &right, t] {
      for (int i = 0; i < 100; ++i) {
        const bool good = schema.validate(parse("<Message xmlns='urn:main' ID='a'><Count>3</Count></Message>")).has_value();
        const bool bad = schema.validate(parse("<Message xmlns='urn:main' ID='a'><Count>x</Count></Message>")).has_value();
        right[t] += good && !bad ? 1 : 0;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(right, testing::Each(100));
}

TEST(SchemaCompilation, ImportsComeFromTheSetAlone) {
  const airtight::tests::TemporaryFolder folder;
  std::ofstream(folder / "other.xsd") << kOther;
  const std::string location = (folder / "other.xsd").string();
  std::string main(kMain);
  main.replace(main.find("other.xsd"), 9, location);
  EXPECT_EQ(compile_fault({{"main.xsd", main}}), "the schema main.xsd needs " + location + ", which is not among the given files");
  EXPECT_EQ(compile_fault({{"main.xsd", main}, {location, kOther}}), "compiled");
}

TEST(SchemaCompilation, ImportsOverTheNetworkComeFromTheSetToo) {
  std::string main(kMain);
  main.replace(main.find("other.xsd"), 9, "http://127.0.0.1:9/other.xsd");
  EXPECT_THAT(compile_fault({{"main.xsd", main}}), HasSubstr("needs http://127.0.0.1:9/other.xsd"));
  EXPECT_EQ(compile_fault({{"main.xsd", main}, {"http://127.0.0.1:9/other.xsd", kOther}}), "compiled");
}

TEST(SchemaCompilation, ImportedFilesImportInTurn) {
  constexpr std::string_view kFirst = R"(<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:first">
    <xs:import namespace="urn:main" schemaLocation="main.xsd"/></xs:schema>)";
  EXPECT_EQ(compile_fault({{"first.xsd", kFirst}, {"main.xsd", kMain}, {"other.xsd", kOther}}), "compiled");
  EXPECT_THAT(compile_fault({{"first.xsd", kFirst}, {"main.xsd", kMain}}), HasSubstr("needs other.xsd"));
}

TEST(SchemaCompilation, SchemaFilesAreDocumentsUnderTheSameRules) {
  const std::string with_dtd = "<!DOCTYPE xs:schema [<!ENTITY e 'x'>]>" + std::string(kOther);
  EXPECT_THAT(compile_fault({{"main.xsd", kMain}, {"other.xsd", with_dtd}}), StartsWith("other.xsd: line 1: a document type"));
}

TEST(SchemaCompilation, FaultsNameTheFileAndTheLine) {
  EXPECT_THAT(
      compile_fault({{"bad.xsd", "<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema'>\n<xs:element name='a' type='b'/></xs:schema>"}}),
      StartsWith("bad.xsd: line 2: "));
  EXPECT_THAT(compile_fault({}), HasSubstr("no schema file"));
}

TEST(SchemaCompilation, NothingIsPrinted) {
  testing::internal::CaptureStderr();
  EXPECT_NE(compile_fault({{"main.xsd", kMain}}), "compiled");
  EXPECT_NE(fault(compile(), "<Other/>"), "valid");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

}  // namespace
}  // namespace airtight::xml
