// XML against its peers: the xmlsec1 command verifies our signatures and we verify its, and xmllint has the same canonical form.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "tests/interop/command.h"
#include "tests/support/temporary_folder.h"
#include "tests/xml/signing.h"
#include "xml/signature.h"

namespace airtight::xml {
namespace {

using namespace tests;
using airtight::tests::Finished;
using airtight::tests::run;
using airtight::tests::TemporaryFolder;

std::string written(const TemporaryFolder& folder, const char* name, std::string_view text) {
  const std::filesystem::path path = folder / name;
  std::ofstream(path, std::ios::binary) << text;
  return path.native();
}

std::string read(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// A message with an empty signature for xmlsec1 to fill.
std::string unsigned_template(std::string_view method, std::string_view key_info) {
  return "<Response xmlns=\"urn:test\" xmlns:p=\"urn:p\" ID=\"S.1\" Amount=\"1\">\n <p:Key Name=\"a &amp; b\"/>text<!-- comment --><Other/>"
         "<ds:Signature xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><ds:SignedInfo>"
         "<ds:CanonicalizationMethod Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"/><ds:SignatureMethod Algorithm=\"" +
         std::string(method) +
         "\"/><ds:Reference URI=\"#S.1\"><ds:Transforms>"
         "<ds:Transform Algorithm=\"http://www.w3.org/2000/09/xmldsig#enveloped-signature\"/>"
         "<ds:Transform Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"/></ds:Transforms>"
         "<ds:DigestMethod Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha256\"/><ds:DigestValue/></ds:Reference></ds:SignedInfo>"
         "<ds:SignatureValue/><ds:KeyInfo>" +
         std::string(key_info) + "</ds:KeyInfo></ds:Signature></Response>";
}

class Xmlsec1 : public testing::Test {
 protected:
  const TemporaryFolder folder_;
  const std::string key_file_ = written(folder_, "key", kKey);
  const std::string document_ = folder_ / "document.xml";

  Finished verify_hmac_signed(std::string_view text) {
    written(folder_, "document.xml", text);
    return run({"xmlsec1", "--verify", "--enabled-reference-uris", "same-doc", "--hmackey:" + std::string(kKeyName), key_file_,
                "--id-attr:ID", "urn:test:Response", document_});
  }

  Finished verify_certificate_signed(const Signer& signer, std::string_view text) {
    const std::string certificate = written(folder_, "certificate.pem", crypto::to_pem(signer.certificate));
    written(folder_, "document.xml", text);
    return run({"xmlsec1", "--verify", "--enabled-reference-uris", "same-doc", "--enabled-key-data", "x509", "--trusted-pem", certificate,
                "--id-attr:ID", "urn:test:Response", document_});
  }

  Document signed_by_xmlsec1(const Signer& signer) {
    const std::string certificate = written(folder_, "certificate.pem", crypto::to_pem(signer.certificate));
    const SecretBytes pem = must(crypto::to_pem(signer.key));
    const std::string key = written(folder_, "key.pem", text_of(pem.expose_secret()));
    written(folder_, "document.xml", unsigned_template(signer.method, "<ds:X509Data><ds:X509Certificate/></ds:X509Data>"));
    const Finished finished = run({"xmlsec1", "--sign", "--privkey-pem", key + "," + certificate, "--id-attr:ID", "urn:test:Response",
                                   "--output", folder_ / "signed.xml", document_});
    EXPECT_EQ(finished.status, 0) << finished.output;
    return parse(read(folder_ / "signed.xml"));
  }
};

TEST_F(Xmlsec1, VerifiesOurHmacSignature) {
  const Finished finished = verify_hmac_signed(text_of_document(hmac_signed()));
  EXPECT_EQ(finished.status, 0) << finished.output;
}

TEST_F(Xmlsec1, RefusesOurHmacSignatureOfAChangedMessage) {
  EXPECT_NE(verify_hmac_signed(replaced(text_of_document(hmac_signed()), "Amount=\"1\"", "Amount=\"2\"")).status, 0);
}

TEST_F(Xmlsec1, VerifiesOurEcdsaSignature) {
  const Finished finished = verify_certificate_signed(ec_signer(), text_of_document(certificate_signed(ec_signer())));
  EXPECT_EQ(finished.status, 0) << finished.output;
}

TEST_F(Xmlsec1, VerifiesOurRsaSignature) {
  const Finished finished = verify_certificate_signed(rsa_signer(), text_of_document(certificate_signed(rsa_signer())));
  EXPECT_EQ(finished.status, 0) << finished.output;
}

TEST_F(Xmlsec1, RefusesOurSignatureOfAChangedMessage) {
  const std::string text = replaced(text_of_document(certificate_signed(ec_signer())), "Amount=\"1\"", "Amount=\"2\"");
  EXPECT_NE(verify_certificate_signed(ec_signer(), text).status, 0);
}

TEST_F(Xmlsec1, ItsHmacSignatureVerifiesHere) {
  written(folder_, "document.xml", unsigned_template(uri::kHmacSha256, "<ds:KeyName>derived-session-key</ds:KeyName>"));
  const Finished finished = run({"xmlsec1", "--sign", "--hmackey:" + std::string(kKeyName), key_file_, "--id-attr:ID", "urn:test:Response",
                                 "--output", folder_ / "signed.xml", document_});
  ASSERT_EQ(finished.status, 0) << finished.output;
  const std::string text = read(folder_ / "signed.xml");
  EXPECT_TRUE(verify_hmac(parse(text).root(), bytes_of(kKey), kKeyName));
  EXPECT_FALSE(verify_hmac(parse(replaced(text, "Amount=\"1\"", "Amount=\"2\"")).root(), bytes_of(kKey), kKeyName));
}

TEST_F(Xmlsec1, ItsEcdsaSignatureVerifiesHere) {
  const auto certificate = verify_with_certificate(signed_by_xmlsec1(ec_signer()).root());
  ASSERT_TRUE(certificate) << certificate.error().message;
  EXPECT_EQ(*certificate, ec_signer().certificate);
}

TEST_F(Xmlsec1, ItsRsaSignatureVerifiesHere) {
  const auto certificate = verify_with_certificate(signed_by_xmlsec1(rsa_signer()).root());
  ASSERT_TRUE(certificate) << certificate.error().message;
  EXPECT_EQ(*certificate, rsa_signer().certificate);
}

// xmllint keeps comments and what stands beside the top element, so that the documents here have none.
TEST(Xmllint, HasTheSameExclusiveCanonicalForm) {
  const TemporaryFolder folder;
  for (const char* text :
       {"<a/>",
        "<a z='1' b='2' xmlns:q='urn:1' xmlns:p='urn:2' q:x='3' p:x='4'>&lt;&gt;&amp;&#13;\t\n<q:b/><b p:y='&#9;&#10;&#13;&quot;'/></a>",
        "<a xmlns='urn:a'><b xmlns=''><c xmlns='urn:a'/><d/></b><p:e xmlns:p='urn:p'><f/><p:g xmlns:p='urn:q'/></p:e></a>",
        "<a xml:lang='sv' xml:space='preserve'> <![CDATA[<&>]]> <?pi data?><?empty?> \xC3\xA5\xF0\x9F\x94\x91 </a>",
        "<p:a xmlns:p='urn:1' xmlns:q='urn:1'><q:b q:x='1'/><p:b xmlns:p='urn:2' xmlns:r='urn:unused' p:x='1'><p:c/></p:b></p:a>"}) {
    const Finished finished = run({"xmllint", "--exc-c14n", written(folder, "document.xml", text)});
    ASSERT_EQ(finished.status, 0) << finished.output;
    EXPECT_EQ(to_text(must(canonicalize(parse(text).root()))), finished.output);
  }
}

}  // namespace
}  // namespace airtight::xml
