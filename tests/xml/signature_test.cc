// Signatures: what is signed verifies, and nothing else does.
#include "xml/signature.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "tests/xml/signing.h"

namespace airtight::xml {
namespace {

using namespace tests;
using testing::HasSubstr;

Result<> verify(const Document& document) { return verify_hmac(document.root(), bytes_of(kKey), kKeyName); }
Result<> verify(std::string_view text) { return verify(parse(text)); }

TEST(HmacSignature, Verifies) {
  EXPECT_TRUE(verify(hmac_signed()));
  EXPECT_TRUE(verify(text_of_document(hmac_signed())));
}

TEST(HmacSignature, VerifiesTwiceAndLeavesTheDocumentAsItWas) {
  const Document document = hmac_signed();
  const Bytes before = document.serialize();
  EXPECT_TRUE(verify(document));
  EXPECT_TRUE(verify(document));
  EXPECT_EQ(document.serialize(), before);
}

TEST(HmacSignature, KeyMayHaveAnyLength) {
  for (const std::size_t size : {1U, 20U, 64U, 65U, 200U}) {
    const std::string key(size, 'k');
    Document document = parse(kMessage);
    must(sign_enveloped(document.root(), uri::kHmacSha256, {.key_name = "k"},
                        [&](ByteView data) { return Result<Bytes>(to_bytes(crypto::hmac_sha256(bytes_of(key), {data}))); }));
    EXPECT_TRUE(verify_hmac(document.root(), bytes_of(key), "k")) << size;
    EXPECT_FALSE(verify_hmac(document.root(), bytes_of(key + "k"), "k")) << size;
  }
}

TEST(HmacSignature, UnderAnotherKeyDoesNotVerify) {
  const auto result = verify_hmac(hmac_signed().root(), bytes_of("another key"), kKeyName);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().fault, Fault::kRefused);
  EXPECT_EQ(result.error().message, "the signature of Response does not verify");
}

TEST(HmacSignature, UnderAnotherKeyNameIsRefused) {
  EXPECT_THAT(verify_hmac(hmac_signed().root(), bytes_of(kKey), "another").error().message, HasSubstr("under the key 'another'"));
}

TEST(HmacSignature, EmptyKeyVerifiesNothing) { EXPECT_FALSE(verify_hmac(hmac_signed().root(), {}, kKeyName)); }

TEST(HmacSignature, AnyChangeOfWhatIsSignedBreaksIt) {
  const std::string text = text_of_document(hmac_signed());
  for (const auto& [from, to] : std::vector<std::pair<std::string, std::string>>{{"Amount=\"1\"", "Amount=\"2\""},
                                                                                 {"a &amp; b", "a &amp; c"},
                                                                                 {"text", "test"},
                                                                                 {"<Other/>", "<Other> </Other>"},
                                                                                 {"<Other/>", ""},
                                                                                 {"urn:test", "urn:other"},
                                                                                 {"<Other/>", "<Other/><Other/>"},
                                                                                 {"<Key ", "<Key New=\"\" "}}) {
    EXPECT_FALSE(verify(replaced(text, from, to))) << from << " to " << to;
  }
}

TEST(HmacSignature, ChangesThatTheCanonicalFormDoesNotSeeDoNotBreakIt) {
  const std::string text = text_of_document(hmac_signed());
  EXPECT_TRUE(verify(replaced(text, "<Other/>", "<Other ></Other>")));
  EXPECT_TRUE(verify(replaced(text, "<!-- comment -->", "")));
  EXPECT_TRUE(verify(replaced(text, "<Response xmlns=\"urn:test\" ID=\"S.1\" Amount=\"1\">",
                              "<Response Amount='1' ID='S.1' xmlns:unused='urn:unused' xmlns='urn:test'>")));
}

TEST(HmacSignature, ChangedValueDoesNotVerify) {
  Document document = hmac_signed();
  Element signature = *document.root().child(kSignatureNamespace, "Signature");
  Element value = *signature.child(kSignatureNamespace, "SignatureValue");
  const Bytes bytes = must(base64_decode(value.text()));
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    Bytes changed = bytes;
    changed[i] ^= std::byte{1};
    value.set_text(base64_encode(changed));
    EXPECT_FALSE(verify(document)) << i;
  }
  value.set_text(base64_encode(ByteView(bytes).first(16)));
  EXPECT_FALSE(verify(document));
  value.set_text(base64_encode(bytes));
  EXPECT_TRUE(verify(document));
}

TEST(HmacSignature, MayBeOverAnElementInsideTheDocument) {
  Document document = parse("<All xmlns='urn:test' ID='all'><One ID='one'><x/></One><Two ID='two'/></All>");
  const auto parts = document.root().children();
  for (const Element& part : parts) must(sign_enveloped(part, uri::kHmacSha256, {.key_name = std::string(kKeyName)}, hmac()));
  must(sign_enveloped(document.root(), uri::kHmacSha256, {.key_name = std::string(kKeyName)}, hmac()));
  const Document again = parse(text_of_document(document));
  EXPECT_TRUE(verify(again));
  for (const Element& part : again.root().children("urn:test", "One")) EXPECT_TRUE(verify_hmac(part, bytes_of(kKey), kKeyName));
  EXPECT_TRUE(verify_hmac(again.root().children()[1], bytes_of(kKey), kKeyName));
}

TEST(HmacSignature, VerifiesInManyThreads) {
  const std::string text = text_of_document(hmac_signed());
  std::vector<std::thread> threads;
  std::vector<int> right(4, 0);
  for (std::size_t t = 0; t < right.size(); ++t) {
    threads.emplace_back([&text, &right, t] {
      for (int i = 0; i < 50; ++i) right[t] += verify(text) && !verify(replaced(text, "Amount=\"1\"", "Amount=\"2\"")) ? 1 : 0;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(right, testing::Each(50));
}

TEST(HmacSignature, RefusalsPrintNothing) {
  testing::internal::CaptureStderr();
  testing::internal::CaptureStdout();
  EXPECT_FALSE(verify(replaced(text_of_document(hmac_signed()), "Amount=\"1\"", "Amount=\"2\"")));
  EXPECT_FALSE(verify_hmac(hmac_signed().root(), bytes_of("another key"), kKeyName));
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "");
}

TEST(Signing, PutsTheSignatureLastWithItsPartsInOrder) {
  const Document document = hmac_signed();
  EXPECT_TRUE(document.root().children().back().is(kSignatureNamespace, "Signature"));
  EXPECT_THAT(document.root().children().back().children(),
              testing::ElementsAre(testing::Property(&Element::name, "SignedInfo"), testing::Property(&Element::name, "SignatureValue"),
                                   testing::Property(&Element::name, "KeyInfo")));
  EXPECT_THAT(text_of_document(document),
              HasSubstr("<ds:KeyInfo><ds:KeyName>derived-session-key</ds:KeyName></ds:KeyInfo></ds:Signature>"));
}

TEST(Signing, SignsTheExclusiveCanonicalSignedInfo) {
  Document document = parse(kMessage);
  std::string given;
  must(sign_enveloped(document.root(), uri::kHmacSha256, {.key_name = "k"}, [&](ByteView data) {
    given = to_text(data);
    return Result<Bytes>(to_bytes("value"));
  }));
  const std::string digest =
      base64_encode(crypto::sha256(bytes_of("<Response xmlns=\"urn:test\" Amount=\"1\" ID=\"S.1\"><Key Name=\"a &amp; b\"></Key>text"
                                            "<Other></Other></Response>")));
  EXPECT_EQ(given,
            "<ds:SignedInfo xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\">"
            "<ds:CanonicalizationMethod Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"></ds:CanonicalizationMethod>"
            "<ds:SignatureMethod Algorithm=\"http://www.w3.org/2001/04/xmldsig-more#hmac-sha256\"></ds:SignatureMethod>"
            "<ds:Reference URI=\"#S.1\"><ds:Transforms>"
            "<ds:Transform Algorithm=\"http://www.w3.org/2000/09/xmldsig#enveloped-signature\"></ds:Transform>"
            "<ds:Transform Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"></ds:Transform></ds:Transforms>"
            "<ds:DigestMethod Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha256\"></ds:DigestMethod>"
            "<ds:DigestValue>" +
                digest + "</ds:DigestValue></ds:Reference></ds:SignedInfo>");
}

TEST(Signing, NeedsAnId) {
  for (const char* text : {"<a/>", "<a ID=''/>", "<a ID='1'/>", "<a ID='a:b'/>", "<a Id='a'/>", "<a xmlns:p='urn:p' p:ID='a'/>"}) {
    Document document = parse(text);
    const auto result = sign_enveloped(document.root(), uri::kHmacSha256, {.key_name = "k"}, hmac());
    ASSERT_FALSE(result) << text;
    EXPECT_EQ(result.error().fault, Fault::kRefused);
  }
}

TEST(Signing, IsOnceAnElement) {
  Document document = hmac_signed();
  const auto result = sign_enveloped(document.root(), uri::kHmacSha256, {.key_name = "k"}, hmac());
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().message, HasSubstr("signed already"));
}

TEST(Signing, LeavesTheDocumentAsItWasWhenTheKeyRefuses) {
  Document document = parse(kMessage);
  const Bytes before = document.serialize();
  const auto result = sign_enveloped(document.root(), uri::kHmacSha256, {.key_name = "k"},
                                     [](ByteView) { return Result<Bytes>(fail(Fault::kUnavailable, "the key store is gone")); });
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message, "the key store is gone");
  EXPECT_EQ(document.serialize(), before);
}

class CertificateSignature : public testing::TestWithParam<const Signer& (*)()> {
 protected:
  const Signer& signer_ = GetParam()();
};

INSTANTIATE_TEST_SUITE_P(Keys, CertificateSignature, testing::Values(ec_signer, rsa_signer),
                         [](const auto& parameter) { return parameter.index == 0 ? "Ec" : "Rsa"; });

TEST_P(CertificateSignature, VerifiesAndTellsTheCertificate) {
  const Document document = parse(text_of_document(certificate_signed(signer_)));
  const auto certificate = verify_with_certificate(document.root());
  ASSERT_TRUE(certificate) << certificate.error().message;
  EXPECT_EQ(*certificate, signer_.certificate);
}

TEST_P(CertificateSignature, AnyChangeBreaksIt) {
  const std::string text = text_of_document(certificate_signed(signer_));
  const auto result = verify_with_certificate(parse(replaced(text, "Amount=\"1\"", "Amount=\"2\"")).root());
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().fault, Fault::kRefused);
}

TEST_P(CertificateSignature, UnderAnotherKeyDoesNotVerify) {
  Document document = certificate_signed(signer_);
  const Signer other = make_signer(must(crypto::PrivateKey::generate(crypto::EcSpec{crypto::Curve::kP256})));
  sign_again(document.root(), signer(other.key));
  EXPECT_FALSE(verify_with_certificate(document.root()));
}

TEST_P(CertificateSignature, KeyNameBesideTheCertificateIsAllowed) {
  Document document = parse(kMessage);
  must(sign_enveloped(document.root(), signer_.method, {.key_name = "me", .certificate = signer_.certificate}, signer(signer_.key)));
  EXPECT_TRUE(verify_with_certificate(document.root()));
}

TEST_P(CertificateSignature, IssuerSerialBesideTheCertificateIsAllowed) {
  const std::string text = text_of_document(certificate_signed(signer_));
  EXPECT_TRUE(verify_with_certificate(parse(replaced(text, "<ds:X509Data>",
                                                     "<ds:X509Data><ds:X509IssuerSerial><ds:X509IssuerName>CN=x</ds:X509IssuerName>"
                                                     "<ds:X509SerialNumber>1</ds:X509SerialNumber></ds:X509IssuerSerial>"))
                                          .root()));
}

TEST_P(CertificateSignature, MethodMustFitTheKey) {
  const std::string_view other = signer_.method == uri::kRsaSha256 ? uri::kEcdsaSha256 : uri::kRsaSha256;
  Document document = parse(replaced(text_of_document(certificate_signed(signer_)), signer_.method, other));
  sign_again(document.root(), signer(signer_.key));
  EXPECT_FALSE(verify_with_certificate(document.root()));
}

TEST_P(CertificateSignature, WeakOrStrangeMethodsAreRefused) {
  for (const std::string_view method : {uri::kRsaSha1, uri::kRsaSha512, uri::kEcdsaSha384, uri::kHmacSha256, uri::kHmacSha1}) {
    const Document document = parse(replaced(text_of_document(certificate_signed(signer_)), signer_.method, method));
    EXPECT_THAT(verify_with_certificate(document.root()).error().message, HasSubstr("neither rsa-sha256 nor ecdsa-sha256")) << method;
  }
}

TEST(CertificateSignatureValue, EcdsaInDerIsNotTheXmlForm) {
  Document document = certificate_signed(ec_signer());
  sign_again(document.root(),
             [](ByteView data) { return ec_signer().key.sign(crypto::SignatureScheme::kEcdsaDer, crypto::Digest::kSha256, data); });
  EXPECT_FALSE(verify_with_certificate(document.root()));
}

TEST(CertificateSignatureValue, PublicKeyIsNoHmacKey) {
  const std::string text = replaced(text_of_document(certificate_signed(rsa_signer())), uri::kRsaSha256, uri::kHmacSha256);
  EXPECT_FALSE(verify_with_certificate(parse(text).root()));
  EXPECT_FALSE(verify_hmac(parse(text).root(), rsa_signer().certificate.der(), kKeyName));
}

}  // namespace
}  // namespace airtight::xml
