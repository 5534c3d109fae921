// Signatures of other shapes, among them those by which a signature is made to cover something else than the element that carries it
// (signature wrapping). Each is cryptographically right wherever it can be, so that the refusal is of the shape.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/xml/signing.h"
#include "xml/signature.h"

namespace airtight::xml {
namespace {

using namespace tests;
using testing::HasSubstr;

constexpr std::string_view kOpenSignature = "<ds:Signature xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\">";
constexpr std::string_view kReferenceEnd = "</ds:Reference>";

std::string fault(Element element) {
  const auto result = verify_hmac(element, bytes_of(kKey), kKeyName);
  if (result) return "verified";
  EXPECT_EQ(result.error().fault, Fault::kRefused);
  return result.error().message;
}

// The fault of a signed message in which `from` was replaced by `to` before SignedInfo was signed anew.
std::string fault_with(std::string_view from, std::string_view to) {
  const Document document = parse(replaced(text_of_document(hmac_signed()), from, to));
  sign_again(document.root());
  return fault(document.root());
}

// The signed message as it stands in another document: without the XML declaration.
std::string signed_text() {
  const std::string text = text_of_document(hmac_signed());
  return text.substr(text.find("<Response"), text.rfind('>') + 1 - text.find("<Response"));
}

std::string between(std::string_view text, std::string_view from, std::string_view to) {
  const std::size_t start = text.find(from);
  return std::string(text.substr(start, text.find(to, start) + to.size() - start));
}

std::string signature_text() { return between(signed_text(), kOpenSignature, "</ds:Signature>"); }

TEST(SignatureShape, HelperChangesAreRight) { EXPECT_EQ(fault_with("<Other/>", "<Other></Other>"), "verified"); }

TEST(SignatureShape, NoSignatureIsNotFound) {
  const auto result = verify_hmac(parse(kMessage).root(), bytes_of(kKey), kKeyName);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().fault, Fault::kNotFound);
  EXPECT_EQ(verify_with_certificate(parse(kMessage).root()).error().fault, Fault::kNotFound);
}

TEST(SignatureShape, SecondSignature) {
  const std::string signature = signature_text();
  EXPECT_THAT(fault(parse(replaced(signed_text(), signature, signature + signature)).root()), HasSubstr("more than one"));
}

TEST(SignatureShape, SecondReference) {
  const std::string reference = between(signed_text(), "<ds:Reference", kReferenceEnd);
  EXPECT_THAT(fault_with(kReferenceEnd, std::string(kReferenceEnd) + reference), HasSubstr("not exactly one Reference is to the element"));
}

TEST(SignatureShape, SecondReferenceToSomethingElse) {
  const std::string reference = replaced(between(signed_text(), "<ds:Reference", kReferenceEnd), "#S.1", "#key");
  EXPECT_THAT(fault_with(kReferenceEnd, std::string(kReferenceEnd) + reference), HasSubstr("neither to the element that carries it nor"));
}

TEST(SignatureShape, NoReference) {
  EXPECT_THAT(fault_with(between(signed_text(), "<ds:Reference", kReferenceEnd), ""), HasSubstr("SignedInfo does not hold exactly"));
}

TEST(SignatureShape, ReferenceToAnythingElse) {
  for (const char* uri :
       {"URI=\"\"", "", "URI=\"#other\"", "URI=\"#xpointer(/)\"", "URI=\"#xpointer(id('S.1'))\"", "URI=\"http://127.0.0.1:9/x\"",
        "URI=\"file:///etc/hostname\"", "URI=\"S.1\"", "URI=\"##S.1\"", "URI=\"#S.1 \""}) {
    EXPECT_THAT(fault_with("URI=\"#S.1\"", uri), HasSubstr("a Reference is neither to the element that carries it")) << uri;
  }
}

TEST(SignatureShape, ReferenceWithAType) {
  EXPECT_THAT(fault_with("URI=\"#S.1\"", "URI=\"#S.1\" Type=\"http://www.w3.org/2000/09/xmldsig#Manifest\""), HasSubstr("'Type'"));
}

TEST(SignatureShape, OtherTransforms) {
  const std::string enveloped = "<ds:Transform Algorithm=\"http://www.w3.org/2000/09/xmldsig#enveloped-signature\"/>";
  const std::string exclusive = "<ds:Transform Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"/>";
  EXPECT_THAT(fault_with(enveloped, ""), HasSubstr("Transforms does not hold exactly"));
  EXPECT_THAT(fault_with(exclusive, ""), HasSubstr("Transforms does not hold exactly"));
  EXPECT_THAT(fault_with(enveloped + exclusive, enveloped + exclusive + exclusive), HasSubstr("Transforms does not hold exactly"));
  EXPECT_THAT(fault_with(enveloped + exclusive, exclusive + enveloped), HasSubstr("not 'http://www.w3.org/2000/09/xmldsig#enveloped"));
  EXPECT_THAT(fault_with(exclusive, "<ds:Transform Algorithm=\"http://www.w3.org/TR/2001/REC-xml-c14n-20010315\"/>"),
              HasSubstr("Transform is 'http://www.w3.org/TR/2001/REC-xml-c14n-20010315'"));
  EXPECT_THAT(fault_with(exclusive, "<ds:Transform Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#WithComments\"/>"),
              HasSubstr("WithComments"));
  EXPECT_THAT(fault_with(exclusive, "<ds:Transform Algorithm=\"http://www.w3.org/TR/1999/REC-xslt-19991116\"/>"), HasSubstr("xslt"));
  EXPECT_THAT(fault_with(exclusive,
                         "<ds:Transform Algorithm=\"http://www.w3.org/TR/1999/REC-xpath-19991116\">"
                         "<ds:XPath>false()</ds:XPath></ds:Transform>"),
              HasSubstr("Transform does not hold exactly nothing"));
}

TEST(SignatureShape, InclusiveNamespaces) {
  EXPECT_THAT(fault_with("<ds:Transform Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"/>",
                         "<ds:Transform Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\">"
                         "<ec:InclusiveNamespaces xmlns:ec=\"http://www.w3.org/2001/10/xml-exc-c14n#\" PrefixList=\"ds\"/></ds:Transform>"),
              HasSubstr("Transform does not hold exactly nothing"));
}

TEST(SignatureShape, OtherCanonicalizationMethod) {
  EXPECT_THAT(fault_with("<ds:CanonicalizationMethod Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"/>",
                         "<ds:CanonicalizationMethod Algorithm=\"http://www.w3.org/TR/2001/REC-xml-c14n-20010315\"/>"),
              HasSubstr("CanonicalizationMethod is"));
}

TEST(SignatureShape, Sha1Digest) {
  const Bytes canonical = must(canonicalize(parse(kMessage).root()));
  const std::string sha1 = base64_encode(crypto::digest(crypto::Digest::kSha1, {canonical}));
  const std::string text =
      replaced(text_of_document(hmac_signed()), "http://www.w3.org/2001/04/xmlenc#sha256", "http://www.w3.org/2000/09/xmldsig#sha1");
  const Document document = parse(replaced(text, base64_encode(crypto::sha256(canonical)), sha1));
  sign_again(document.root());
  EXPECT_THAT(fault(document.root()), HasSubstr("DigestMethod is 'http://www.w3.org/2000/09/xmldsig#sha1'"));
}

TEST(SignatureShape, WrongDigest) {
  const std::string digest = base64_encode(crypto::sha256(must(canonicalize(parse(kMessage).root()))));
  EXPECT_EQ(fault_with(digest, base64_encode(crypto::sha256(bytes_of("another")))), "the signature of Response does not verify");
  EXPECT_THAT(fault_with(digest, base64_encode(bytes_of("short"))), HasSubstr("DigestValue is not as long as a digest"));
  EXPECT_THAT(fault_with(digest, ""), HasSubstr("DigestValue is not base64"));
  EXPECT_THAT(fault_with(digest, digest + "<!-- -->"), HasSubstr("DigestValue holds more than text"));
}

TEST(SignatureShape, OtherSignatureMethod) {
  EXPECT_THAT(fault_with(uri::kHmacSha256, uri::kHmacSha1), HasSubstr("not by hmac-sha256"));
  EXPECT_THAT(fault_with(uri::kHmacSha256, "urn:none"), HasSubstr("not by hmac-sha256"));
}

TEST(SignatureShape, TruncatedHmac) {
  EXPECT_THAT(fault_with("<ds:SignatureMethod Algorithm=\"http://www.w3.org/2001/04/xmldsig-more#hmac-sha256\"/>",
                         "<ds:SignatureMethod Algorithm=\"http://www.w3.org/2001/04/xmldsig-more#hmac-sha256\">"
                         "<ds:HMACOutputLength>8</ds:HMACOutputLength></ds:SignatureMethod>"),
              HasSubstr("SignatureMethod does not hold exactly nothing"));
}

TEST(SignatureShape, ObjectAndManifest) {
  EXPECT_THAT(fault_with("</ds:Signature>", "<ds:Object/></ds:Signature>"), HasSubstr("Signature does not hold exactly"));
  EXPECT_THAT(fault_with("</ds:Signature>", "<ds:Object><ds:Manifest/></ds:Object></ds:Signature>"),
              HasSubstr("Signature does not hold exactly"));
}

TEST(SignatureShape, PartsInAnotherOrder) {
  const std::string key_info = between(signed_text(), "<ds:KeyInfo>", "</ds:KeyInfo>");
  const std::string text = replaced(replaced(signed_text(), key_info, ""), "<ds:SignatureValue>", key_info + "<ds:SignatureValue>");
  EXPECT_THAT(fault(parse(text).root()), HasSubstr("Signature does not hold exactly SignedInfo, SignatureValue, KeyInfo"));
}

TEST(SignatureShape, TextCommentsAndInstructionsBetweenTheParts) {
  EXPECT_THAT(fault_with("<ds:SignatureValue>", "text<ds:SignatureValue>"), HasSubstr("Signature holds more than elements"));
  EXPECT_THAT(fault_with("<ds:SignedInfo>", "<ds:SignedInfo><!-- -->"), HasSubstr("SignedInfo holds more than elements"));
  EXPECT_THAT(fault_with("<ds:Transforms>", "<ds:Transforms><?pi?>"), HasSubstr("Transforms holds more than elements"));
  EXPECT_EQ(fault_with("<ds:Transforms>", "<ds:Transforms>\n "), "verified");
}

TEST(SignatureShape, StrangeAttributes) {
  EXPECT_THAT(fault_with("<ds:Transforms>", "<ds:Transforms Id=\"x\">"), HasSubstr("Transforms has the attribute 'Id'"));
  EXPECT_THAT(fault_with("<ds:KeyInfo>", "<ds:KeyInfo xmlns:p=\"urn:p\" p:Id=\"x\">"), HasSubstr("KeyInfo has the attribute 'Id'"));
  EXPECT_EQ(fault_with("<ds:KeyInfo>", "<ds:KeyInfo Id=\"x\">"), "verified");
}

TEST(SignatureShape, ElementsOfAnotherNamespace) {
  EXPECT_THAT(fault_with("<ds:DigestMethod ", "<DigestMethod "), HasSubstr("Reference does not hold exactly"));
}

TEST(SignatureShape, SignatureValueThatIsNotBase64) {
  const std::string value = between(signed_text(), "<ds:SignatureValue>", "</ds:SignatureValue>");
  EXPECT_THAT(fault(parse(replaced(signed_text(), value, "<ds:SignatureValue/>")).root()), HasSubstr("SignatureValue is not base64"));
  EXPECT_THAT(fault(parse(replaced(signed_text(), "<ds:SignatureValue>", "<ds:SignatureValue>*")).root()), HasSubstr("not base64"));
}

TEST(SignatureShape, HmacKeyInfoIsTheKeyNameAlone) {
  EXPECT_THAT(fault_with("<ds:KeyName>derived-session-key</ds:KeyName>", ""), HasSubstr("KeyInfo does not hold exactly KeyName"));
  EXPECT_THAT(fault_with("<ds:KeyInfo>", "<ds:KeyInfo><ds:KeyName>derived-session-key</ds:KeyName>"), HasSubstr("exactly KeyName"));
  EXPECT_THAT(fault_with("</ds:KeyInfo>", "<ds:RetrievalMethod URI=\"#x\"/></ds:KeyInfo>"), HasSubstr("exactly KeyName"));
}

// Signature wrapping.

TEST(SignatureWrapping, SignedElementMovedIntoAWrapper) {
  const std::string text = "<Response xmlns=\"urn:test\" ID=\"S.2\" Amount=\"1000\"><Wrapper>" +
                           replaced(signed_text(), signature_text(), "") + "</Wrapper>" + signature_text() + "</Response>";
  EXPECT_THAT(fault(parse(text).root()), HasSubstr("a Reference is neither to the element that carries it"));
}

TEST(SignatureWrapping, SignedElementMovedIntoAWrapperUnderTheSameId) {
  const std::string text = "<Response xmlns=\"urn:test\" ID=\"S.1\" Amount=\"1000\"><Wrapper>" +
                           replaced(signed_text(), signature_text(), "") + "</Wrapper>" + signature_text() + "</Response>";
  EXPECT_THAT(fault(parse(text).root()), HasSubstr("more than one element has the ID 'S.1'"));
}

TEST(SignatureWrapping, WholeSignedMessageInsideAnother) {
  const std::string text = "<Response xmlns=\"urn:test\" ID=\"S.2\" Amount=\"1000\">" + signed_text() + "</Response>";
  const Document document = parse(text);
  EXPECT_EQ(verify_hmac(document.root(), bytes_of(kKey), kKeyName).error().fault, Fault::kNotFound);
  EXPECT_EQ(fault(document.root().children()[0]), "verified");
}

TEST(SignatureWrapping, SignatureInASibling) {
  const std::string text =
      "<All xmlns=\"urn:test\">" + replaced(signed_text(), signature_text(), "") + "<Sibling>" + signature_text() + "</Sibling></All>";
  const Document document = parse(text);
  EXPECT_EQ(verify_hmac(document.root().children()[0], bytes_of(kKey), kKeyName).error().fault, Fault::kNotFound);
  EXPECT_THAT(fault(document.root().children()[1]), HasSubstr("no proper ID"));
}

TEST(SignatureWrapping, SignatureInAGrandchild) {
  const std::string text = replaced(replaced(signed_text(), signature_text(), ""), "<Other/>", "<Other>" + signature_text() + "</Other>");
  EXPECT_EQ(verify_hmac(parse(text).root(), bytes_of(kKey), kKeyName).error().fault, Fault::kNotFound);
}

TEST(SignatureWrapping, SignedElementInAnObjectOfTheSignature) {
  const std::string object = "<ds:Object>" + replaced(signed_text(), signature_text(), "") + "</ds:Object></ds:Signature>";
  for (const char* id : {"S.1", "S.2"}) {
    const std::string text = "<Response xmlns=\"urn:test\" ID=\"" + std::string(id) + "\" Amount=\"1000\">" +
                             replaced(signature_text(), "</ds:Signature>", object) + "</Response>";
    EXPECT_NE(fault(parse(text).root()), "verified") << id;
  }
}

TEST(SignatureWrapping, SameIdInAnySpellingElsewhere) {
  for (const char* attribute : {"ID", "Id", "id", "xml:id", "p:ID"}) {
    const std::string text =
        replaced(signed_text(), "<ds:SignatureValue>", "<ds:SignatureValue xmlns:p=\"urn:p\" " + std::string(attribute) + "=\"S.1\">");
    EXPECT_THAT(fault(parse(text).root()), HasSubstr("more than one element has the ID 'S.1'")) << attribute;
    const std::string outside = "<All xmlns:p=\"urn:p\"><x " + std::string(attribute) + "=\"S.1\"/>" + signed_text() + "</All>";
    EXPECT_THAT(fault(parse(outside).root().children()[1]), HasSubstr("more than one element has the ID 'S.1'")) << attribute;
  }
}

TEST(SignatureWrapping, IdWrittenAsACharacterReference) {
  const std::string text = "<All><x ID=\"&#83;.1\"/>" + signed_text() + "</All>";
  EXPECT_THAT(fault(parse(text).root().children()[1]), HasSubstr("more than one element has the ID 'S.1'"));
}

// Certificates.

std::string certificate_fault(std::string_view from, std::string_view to) {
  const Document document = parse(replaced(text_of_document(certificate_signed(ec_signer())), from, to));
  const auto result = verify_with_certificate(document.root());
  if (result) return "verified";
  EXPECT_EQ(result.error().fault, Fault::kRefused);
  return result.error().message;
}

std::string certificate_text() { return "<ds:X509Certificate>" + base64_encode(ec_signer().certificate.der()) + "</ds:X509Certificate>"; }

TEST(SignatureCertificate, EmptyKeyInfo) {
  EXPECT_THAT(certificate_fault("<ds:X509Data>" + certificate_text() + "</ds:X509Data>", ""), HasSubstr("KeyInfo does not hold exactly"));
  EXPECT_THAT(certificate_fault(certificate_text(), ""), HasSubstr("exactly one X509Certificate"));
}

TEST(SignatureCertificate, TwoCertificates) {
  EXPECT_THAT(certificate_fault(certificate_text(), certificate_text() + certificate_text()), HasSubstr("exactly one X509Certificate"));
  const std::string data = "<ds:X509Data>" + certificate_text() + "</ds:X509Data>";
  EXPECT_THAT(certificate_fault(data, data + data), HasSubstr("KeyInfo does not hold exactly"));
}

TEST(SignatureCertificate, OtherKeysBesideIt) {
  EXPECT_THAT(certificate_fault("<ds:X509Data>", "<ds:KeyValue/><ds:X509Data>"), HasSubstr("KeyInfo does not hold exactly"));
  EXPECT_THAT(certificate_fault("<ds:X509Data>", "<ds:RetrievalMethod URI=\"http://127.0.0.1:9/\"/><ds:X509Data>"),
              HasSubstr("KeyInfo does not hold exactly"));
  EXPECT_THAT(certificate_fault("<ds:X509Data>", "<ds:X509Data><ds:X509SubjectName>CN=x</ds:X509SubjectName>"),
              HasSubstr("exactly one X509Certificate"));
}

TEST(SignatureCertificate, NotACertificate) {
  EXPECT_THAT(certificate_fault(certificate_text(), "<ds:X509Certificate>MAA=</ds:X509Certificate>"),
              HasSubstr("the signer's certificate"));
  EXPECT_THAT(certificate_fault(certificate_text(), "<ds:X509Certificate>*</ds:X509Certificate>"),
              HasSubstr("X509Certificate is not base64"));
}

TEST(SignatureCertificate, AnotherKeysCertificate) {
  EXPECT_EQ(certificate_fault(certificate_text(),
                              "<ds:X509Certificate>" + base64_encode(rsa_signer().certificate.der()) + "</ds:X509Certificate>"),
            "the signature of Response does not verify");
}

}  // namespace
}  // namespace airtight::xml
