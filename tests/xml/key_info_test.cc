// Signatures that cover their KeyInfo, and those under the key that it holds.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/xml/signing.h"
#include "xml/key_value.h"
#include "xml/signature.h"

namespace airtight::xml {
namespace {

using namespace tests;
using testing::HasSubstr;

constexpr std::string_view kSha1Digest = "http://www.w3.org/2000/09/xmldsig#sha1";

Document key_signed(const Signer& by, std::string_view text = kMessage) {
  Document document = parse(text);
  must(sign_enveloped(document.root(), by.method, {.public_key = by.key.public_key()}, signer(by.key)));
  return document;
}

std::string fault(const Document& document, Sha1 sha1 = Sha1::kAccept) {
  const auto result = verify_with_key_value(document.root(), sha1);
  if (result) return "verified";
  EXPECT_EQ(result.error().fault, Fault::kRefused);
  return result.error().message;
}

Element part_of(const Document& document, std::string_view name) {
  return document.root().child(kSignatureNamespace, "Signature")->child(kSignatureNamespace, name).value();
}

// The fault of a signed message in which `from` was replaced by `to` before SignedInfo was signed anew.
std::string fault_with(std::string_view from, std::string_view to) {
  const Document document = parse(replaced(text_of_document(key_signed(ec_signer())), from, to));
  sign_again(document.root(), signer(ec_signer().key));
  return fault(document);
}

TEST(KeyValueSignature, VerifiesAndTellsTheKey) {
  for (const Signer* by : {&rsa_signer(), &ec_signer()}) {
    const Document document = key_signed(*by);
    for (const Sha1 sha1 : {Sha1::kRefuse, Sha1::kAccept})
      EXPECT_EQ(must(verify_with_key_value(document.root(), sha1)), by->key.public_key());
  }
}

TEST(KeyValueSignature, VerifiesAfterItsWayThroughText) {
  for (const Signer* by : {&rsa_signer(), &ec_signer()}) EXPECT_EQ(fault(parse(text_of_document(key_signed(*by)))), "verified");
}

TEST(KeyValueSignature, CoversElementAndKeyInfo) {
  const Document document = key_signed(ec_signer());
  const auto references = part_of(document, "SignedInfo").children(kSignatureNamespace, "Reference");
  ASSERT_EQ(references.size(), 2U);
  EXPECT_EQ(references[0].attribute("URI"), "#S.1");
  EXPECT_EQ(references[1].attribute("URI"), "#" + part_of(document, "KeyInfo").attribute("Id").value());
}

TEST(KeyValueSignature, AnyChangeBreaksIt) {
  const std::string text = text_of_document(key_signed(ec_signer()));
  EXPECT_NE(fault(parse(replaced(text, "Amount=\"1\"", "Amount=\"2\""))), "verified");
  const auto other = must(crypto::PrivateKey::generate(crypto::EcSpec{crypto::Curve::kP256})).public_key();
  EXPECT_NE(
      fault(parse(replaced(text, base64_encode(ec_signer().key.public_key().ec_point().value()), base64_encode(other.ec_point().value())))),
      "verified");
}

TEST(KeyValueSignature, ChangedKeyInfoBreaksItThoughTheKeyIsTheSame) {
  const std::string text = text_of_document(key_signed(ec_signer()));
  EXPECT_NE(fault(parse(replaced(text, "<ds:KeyValue>", "<ds:KeyValue> "))), "verified");
  const Document document = parse(replaced(text, "<ds:KeyValue>", "<ds:KeyValue> "));
  sign_again(document.root(), signer(ec_signer().key));
  EXPECT_NE(fault(document), "verified");  // the digest of KeyInfo is that of before
}

TEST(KeyValueSignature, NeedNotCoverItsKeyInfo) {
  const std::string text = text_of_document(key_signed(ec_signer()));
  const std::size_t second = text.rfind("<ds:Reference");
  const std::size_t end = text.rfind("</ds:Reference>") + std::string_view("</ds:Reference>").size();
  const Document document = parse(text.substr(0, second) + text.substr(end));
  sign_again(document.root(), signer(ec_signer().key));
  EXPECT_EQ(fault(document), "verified");
}

TEST(KeyValueSignature, MayCoverKeyInfoFirst) {
  const std::string text = text_of_document(key_signed(ec_signer()));
  const std::size_t first = text.find("<ds:Reference");
  const std::size_t second = text.rfind("<ds:Reference");
  const std::size_t end = text.rfind("</ds:Reference>") + std::string_view("</ds:Reference>").size();
  const Document document =
      parse(text.substr(0, first) + text.substr(second, end - second) + text.substr(first, second - first) + text.substr(end));
  sign_again(document.root(), signer(ec_signer().key));
  EXPECT_EQ(fault(document), "verified");
}

TEST(KeyValueSignature, KeyInfoIsWhatItsReferenceNames) {
  EXPECT_THAT(fault_with("URI=\"#S.1.KeyInfo\"", "URI=\"#S.1.Other\""), HasSubstr("neither to the element"));
  EXPECT_THAT(fault_with(" Id=\"S.1.KeyInfo\"", ""), HasSubstr("neither to the element"));
  EXPECT_THAT(fault_with("<Other/>", "<Other Id=\"S.1.KeyInfo\"/>"), HasSubstr("more than one element has the ID"));
  EXPECT_THAT(fault_with("URI=\"#S.1.KeyInfo\"", "URI=\"#S.1\""), HasSubstr("Transforms does not hold exactly"));
  EXPECT_THAT(fault_with("URI=\"#S.1\"", "URI=\"#S.1.KeyInfo\""), HasSubstr("Transforms does not hold exactly"));
}

TEST(KeyValueSignature, KeyInfoIsCanonicalizedAndNothingElse) {
  const std::string text = text_of_document(key_signed(ec_signer()));
  const std::string_view transform = "<ds:Transform Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"/>";
  const std::string_view enveloped = "<ds:Transform Algorithm=\"http://www.w3.org/2000/09/xmldsig#enveloped-signature\"/>";
  for (const std::string& other : {std::string(), std::string(enveloped), std::string(enveloped) + std::string(transform),
                                   std::string(transform) + std::string(transform)}) {
    std::string changed = text;
    const Document document = parse(changed.replace(changed.rfind(transform), transform.size(), other));
    sign_again(document.root(), signer(ec_signer().key));
    EXPECT_NE(fault(document), "verified") << other;
  }
}

TEST(KeyValueSignature, ThreeReferencesAreTooMany) {
  const std::string text = text_of_document(key_signed(ec_signer()));
  const std::size_t second = text.rfind("<ds:Reference");
  const std::size_t end = text.rfind("</ds:Reference>") + std::string_view("</ds:Reference>").size();
  std::string changed = text;
  const Document document = parse(changed.insert(end, text.substr(second, end - second)));
  sign_again(document.root(), signer(ec_signer().key));
  EXPECT_THAT(fault(document), HasSubstr("SignedInfo does not hold exactly"));
}

TEST(KeyValueSignature, KeyInfoIsOneKeyValueAlone) {
  EXPECT_THAT(fault_with("<ds:KeyValue>", "<ds:KeyName>a</ds:KeyName><ds:KeyValue>"), HasSubstr("KeyInfo does not hold exactly"));
  EXPECT_THAT(fault(hmac_signed()), HasSubstr("not accepted"));
  EXPECT_THAT(fault(certificate_signed(ec_signer())), HasSubstr("KeyInfo does not hold exactly"));
  EXPECT_FALSE(verify_with_certificate(key_signed(ec_signer()).root()));
  EXPECT_THAT(fault_with("urn:oid:1.2.840.10045.3.1.7", "urn:oid:1.3.132.0.10"), HasSubstr("its key is not sound"));
}

TEST(KeyValueSignature, MethodMustFitTheKey) {
  EXPECT_NE(fault_with(uri::kEcdsaSha256, uri::kRsaSha256), "verified");
  EXPECT_NE(fault_with(uri::kEcdsaSha256, uri::kRsaSha1), "verified");
  for (const std::string_view method : {uri::kHmacSha256, uri::kRsaSha512, uri::kEcdsaSha512, uri::kHmacSha1})
    EXPECT_THAT(fault_with(uri::kEcdsaSha256, method), HasSubstr("not accepted here")) << method;
}

// The message with SHA-1 in the digests, and signed by `key` with `method` and `digest`.
Document sha1_signed(std::string_view method, crypto::Digest digest) {
  const Document original = key_signed(rsa_signer());
  std::string text = replaced(text_of_document(original), uri::kRsaSha256, method);
  text = replaced(text, "http://www.w3.org/2001/04/xmlenc#sha256", kSha1Digest);
  const Document unsigned_message = parse(kMessage);
  const Bytes canonical = must(canonicalize(unsigned_message.root()));
  const Bytes key_info = must(canonicalize(part_of(original, "KeyInfo")));
  text = replaced(text, base64_encode(crypto::sha256(canonical)), base64_encode(crypto::digest(crypto::Digest::kSha1, {canonical})));
  text = replaced(text, base64_encode(crypto::sha256(key_info)), base64_encode(crypto::digest(crypto::Digest::kSha1, {key_info})));
  Document document = parse(text);
  sign_again(document.root(), [&](ByteView data) { return rsa_signer().key.sign(crypto::SignatureScheme::kRsaPkcs1, digest, data); });
  return document;
}

TEST(Sha1Signature, IsAcceptedWhereTheCallerSaysSo) {
  EXPECT_EQ(fault(sha1_signed(uri::kRsaSha1, crypto::Digest::kSha1), Sha1::kAccept), "verified");
  EXPECT_EQ(fault(sha1_signed(uri::kRsaSha256, crypto::Digest::kSha256), Sha1::kAccept), "verified");
}

TEST(Sha1Signature, IsRefusedElsewhere) {
  EXPECT_THAT(fault(sha1_signed(uri::kRsaSha1, crypto::Digest::kSha1), Sha1::kRefuse), HasSubstr("DigestMethod is"));
  const Document method_alone = parse(replaced(text_of_document(key_signed(rsa_signer())), uri::kRsaSha256, uri::kRsaSha1));
  sign_again(method_alone.root(),
             [&](ByteView data) { return rsa_signer().key.sign(crypto::SignatureScheme::kRsaPkcs1, crypto::Digest::kSha1, data); });
  EXPECT_EQ(fault(method_alone, Sha1::kAccept), "verified");
  EXPECT_THAT(fault(method_alone, Sha1::kRefuse), HasSubstr("not accepted here"));
}

TEST(Sha1Signature, HasDigestsOfItsLength) {
  const std::string text = text_of_document(key_signed(rsa_signer()));
  EXPECT_THAT(fault(parse(replaced(text, "http://www.w3.org/2001/04/xmlenc#sha256", kSha1Digest))), HasSubstr("not as long as"));
}

TEST(KeyInfoReference, IsAllowedInEverySignature) {
  // An HMAC signature with a second Reference, as another implementation may make it.
  const std::string_view id = "<ds:KeyInfo>";
  std::string text = replaced(text_of_document(hmac_signed()), id, "<ds:KeyInfo Id=\"key\">");
  const Document with_id = parse(text);
  const Bytes key_info = must(canonicalize(part_of(with_id, "KeyInfo")));
  text = replaced(text, "</ds:Reference>",
                  "</ds:Reference><ds:Reference URI=\"#key\"><ds:Transforms>"
                  "<ds:Transform Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"/></ds:Transforms>"
                  "<ds:DigestMethod Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha256\"/><ds:DigestValue>" +
                      base64_encode(crypto::sha256(key_info)) + "</ds:DigestValue></ds:Reference>");
  const Document document = parse(text);
  sign_again(document.root());
  EXPECT_TRUE(verify_hmac(document.root(), bytes_of(kKey), kKeyName));
  const Document wrong = parse(replaced(text, base64_encode(crypto::sha256(key_info)), base64_encode(Bytes(32))));
  sign_again(wrong.root());
  EXPECT_FALSE(verify_hmac(wrong.root(), bytes_of(kKey), kKeyName));
}

TEST(KeyValue, IsReadAsItIsWritten) {
  for (const Signer* by : {&rsa_signer(), &ec_signer()}) {
    const Document document = Document::create({"", "urn:test"}, "Key");
    add_key_value(document.root(), by->key.public_key());
    EXPECT_EQ(must(read_key_value(document.root())), by->key.public_key());
  }
}

TEST(KeyValue, TellsAnUnknownCurveFromABrokenKey) {
  const Document document = Document::create({"", "urn:test"}, "Key");
  add_key_value(document.root(), ec_signer().key.public_key());
  const std::string text = text_of_document(document);
  EXPECT_EQ(read_key_value(parse(replaced(text, "1.2.840.10045.3.1.7", "1.3.132.0.10")).root()).error().fault, Fault::kNotFound);
  EXPECT_EQ(read_key_value(parse(replaced(text, "NamedCurve", "Curve")).root()).error().fault, Fault::kBadInput);
  EXPECT_EQ(read_key_value(parse("<Key/>").root()).error().fault, Fault::kBadInput);
}

TEST(UnprefixedCopy, HasItsNamespaceWithoutPrefix) {
  const Document source =
      parse("<p:a xmlns:p='urn:1' xmlns='urn:2' xmlns:q='urn:3' x='1' q:y='2'> <p:b/><c/><q:d/><!-- e --><?f g?></p:a>");
  EXPECT_EQ(to_text(must(canonicalize(Document::unprefixed_copy_of(source.root()).root()))),
            "<a xmlns=\"urn:1\" xmlns:q=\"urn:3\" x=\"1\" q:y=\"2\"> <b></b><c xmlns=\"urn:2\"></c><q:d></q:d><?f g?></a>");
}

TEST(UnprefixedCopy, LeavesTheSourceAlone) {
  const Document source = parse("<p:a xmlns:p='urn:1'><p:b x='1'/></p:a>");
  const std::string before = text_of_document(source);
  Document copy = Document::unprefixed_copy_of(source.root());
  copy.root().children().at(0).remove_attribute("x");
  copy.root().children().at(0).remove_attribute("y");  // there is none
  EXPECT_EQ(text_of_document(source), before);
  EXPECT_EQ(to_text(must(canonicalize(copy.root()))), "<a xmlns=\"urn:1\"><b></b></a>");
}

}  // namespace
}  // namespace airtight::xml
