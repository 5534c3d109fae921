// The basic profile: what its messages say, and the signatures by which keys prove their possession.
#include <gtest/gtest.h>

#include <algorithm>

#include "base/encoding.h"
#include "tests/keygen2/samples.h"
#include "tests/xml/signing.h"

namespace airtight::keygen2::testing {
namespace {

using tests::must;
using xml::tests::ec_signer;
using xml::tests::rsa_signer;

constexpr std::string_view kRequest = "I.535100037738";

TEST(KeyOperationRequest, SaysWhatItsTextSays) {
  const auto message = read_sample_as<KeyOperationRequest>("KeyOperationRequest");
  EXPECT_EQ(message.request_id, kRequest);
  EXPECT_EQ(message.submit_url, "https://issuer.example.com/basic");
  EXPECT_EQ(message.keys,
            (std::vector<BasicKeyPair>{
                {.id = "Key.1", .key_usage = KeyUsage::kAuthentication, .algorithm = RsaKeyAlgorithm{.key_size = 2048, .exponent = 65537}},
                {.id = "Key.2", .key_usage = KeyUsage::kSignature, .algorithm = EcKeyAlgorithm{"urn:oid:1.2.840.10045.3.1.7"}}}));
}

TEST(KeyOperationResponse, SaysWhatItsTextSays) {
  const auto message = read_sample_as<KeyOperationResponse>("KeyOperationResponse");
  EXPECT_EQ(message.request_id, kRequest);
  ASSERT_EQ(message.keys.size(), 2U);
  EXPECT_EQ(message.keys[0].id, "Key.1");
  EXPECT_EQ(message.keys[0].public_key.bits(), 2048U);
  EXPECT_EQ(message.keys[1].id, "Key.2");
  EXPECT_EQ(message.keys[1].public_key.curve(), crypto::Curve::kP256);
}

TEST(BasicCredentialDeploymentRequest, SaysWhatItsTextSays) {
  const auto message = read_sample_as<BasicCredentialDeploymentRequest>("CredentialDeploymentRequest-basic");
  EXPECT_EQ(message.id, kRequest);
  EXPECT_EQ(message.server_time, "2010-03-18T11:23:29Z");
  EXPECT_EQ(message.submit_url, "https://issuer.example.com/basic");
  ASSERT_EQ(message.keys.size(), 1U);
  EXPECT_EQ(message.keys[0].id, "Key.1");
  ASSERT_EQ(message.keys[0].certificate_path.size(), 2U);
  EXPECT_EQ(message.keys[0].certificate_path[0].common_name(), "Example Root CA");  // as written
}

TEST(BasicCredentialDeploymentResponse, SaysWhatItsTextSays) {
  EXPECT_EQ(read_sample_as<BasicCredentialDeploymentResponse>("CredentialDeploymentResponse-basic").server_session_id, kRequest);
}

TEST(Presentation, ItsMessagesAreReadAndItsSignatureVerifies) {
  const auto request = read_sample_as<KeyOperationRequest>("presentation-KeyOperationRequest");
  EXPECT_EQ(
      request.keys,
      (std::vector<BasicKeyPair>{{.id = "Key.1", .key_usage = KeyUsage::kAuthentication, .algorithm = RsaKeyAlgorithm{.key_size = 2048}}}));
  const Received response = must(read(sample("presentation-KeyOperationResponse")));
  EXPECT_EQ(std::get<KeyOperationResponse>(response.message).keys.at(0).public_key.bits(), 2048U);
  EXPECT_TRUE(verify_generated_keys(response.document));
  const auto deployment = read_sample_as<BasicCredentialDeploymentRequest>("presentation-CredentialDeploymentRequest");
  EXPECT_EQ(deployment.keys.at(0).id, "Key.1");
}

TEST(KeyOperationResponse, AnswersOneRequestInAllItsKeys) {
  const std::string text = sample("KeyOperationResponse");
  const std::string id = "RequestID=\"I.535100037738\"";
  expect_refused(with(text, id, "RequestID=\"I.535100037739\""));  // of the message
  expect_refused(with(text, "ID=\"Key.2\" " + id, "ID=\"Key.2\" RequestID=\"I.535100037739\""));
}

TEST(KeyOperationResponse, HasKeysInItsSignatures) {
  const std::string text = compact_sample("KeyOperationResponse");
  const std::size_t begin = text.find("<ds:KeyValue>");
  const std::string key_value = text.substr(begin, text.find("</ds:KeyValue>") + 14 - begin);
  expect_refused(with(text, key_value, "<ds:KeyName>Key.1</ds:KeyName>"));
  expect_refused(with(text, key_value, "<ds:KeyValue/>"));
  expect_refused(with(text, "urn:oid:1.2.840.10045.3.1.7", "urn:oid:1.3.132.0.10"), ClientError::kUnsupportedFeatureRequested);
}

KeyOperationResponse response_with(const std::vector<const xml::tests::Signer*>& signers) {
  KeyOperationResponse message{.request_id = std::string(kRequest)};
  for (const xml::tests::Signer* signer : signers)
    message.keys.push_back({.id = "Key." + std::to_string(message.keys.size() + 1), .public_key = signer->key.public_key()});
  return message;
}

// A response with an RSA and an EC key, each signed by itself.
std::string signed_response() {
  xml::Document document = must(write_message(Message(response_with({&rsa_signer(), &ec_signer()}))));
  must(sign_generated_key(document, "Key.1", uri::kRsaSha256, xml::tests::signer(rsa_signer().key)));
  must(sign_generated_key(document, "Key.2", uri::kEcdsaSha256, xml::tests::signer(ec_signer().key)));
  return to_text(document.serialize());
}

// What verify_generated_keys says of `text`: the fault's message, or "verified".
std::string verdict(std::string_view text) {
  const Received received = must(read(text));
  const auto verified = verify_generated_keys(received.document);
  if (verified) return "verified";
  EXPECT_EQ(verified.error().code_in(Protocol::kKeyGen2), static_cast<int>(ClientError::kNonMatchingRequests));
  EXPECT_FALSE(verified.error().hint.empty());
  return verified.error().message;
}

TEST(GeneratedKeys, ProveTheirPossession) {
  const Received received = must(read(signed_response()));
  EXPECT_TRUE(verify_generated_keys(received.document));
  const auto& message = std::get<KeyOperationResponse>(received.message);
  EXPECT_EQ(message.keys.at(0).public_key, rsa_signer().key.public_key());
  EXPECT_EQ(message.keys.at(1).public_key, ec_signer().key.public_key());
}

TEST(GeneratedKeys, SignTheirKeyInfoToo) {
  const xml::Document document = must(xml::Document::parse(bytes_of(signed_response())));
  for (const xml::Element key : document.root().children()) {
    const xml::Element signature = key.child(xml::kSignatureNamespace, "Signature").value();
    const std::string key_info_id = signature.children().back().attribute("Id").value();
    const auto references = signature.children().front().children(xml::kSignatureNamespace, "Reference");
    ASSERT_EQ(references.size(), 2U);
    EXPECT_EQ(references[0].attribute("URI"), "#" + key.attribute("ID").value());
    EXPECT_EQ(references[1].attribute("URI"), "#" + key_info_id);
    EXPECT_EQ(references[1].children().front().children().size(), 1U);  // one transform
  }
}

TEST(GeneratedKeys, AreSentWithoutSha1) {
  EXPECT_EQ(signed_response().find("sha1"), std::string::npos);
  xml::Document document = must(write_message(Message(response_with({&rsa_signer()}))));
  const auto refused = sign_generated_key(document, "Key.1", uri::kRsaSha1, xml::tests::signer(rsa_signer().key));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().fault, Fault::kRefused);
}

TEST(GeneratedKeys, ThatWereChangedDoNotVerify) {
  const std::string text = signed_response();
  EXPECT_EQ(verdict(text), "verified");
  EXPECT_NE(verdict(with(text, "ID=\"Key.1\"", "ID=\"Key.3\"")), "verified");
  std::string other_request = text;
  for (int i = 0; i < 3; ++i) other_request = with(other_request, kRequest, "I.535100037739");
  EXPECT_NE(verdict(other_request), "verified");  // a proof for another request
}

TEST(GeneratedKeys, ThatWereExchangedDoNotVerify) {
  const std::string text = signed_response();
  const auto other = must(crypto::PrivateKey::generate(crypto::EcSpec{crypto::Curve::kP256})).public_key();
  EXPECT_NE(verdict(with(text, base64_encode(ec_signer().key.public_key().ec_point().value()), base64_encode(other.ec_point().value()))),
            "verified");
  EXPECT_NE(verdict(with(text, "AQAB", "Aw==")), "verified");
}

TEST(GeneratedKeys, SignedByAnotherKeyDoNotVerify) {
  xml::Document document = must(write_message(Message(response_with({&ec_signer()}))));
  const auto other = must(crypto::PrivateKey::generate(crypto::EcSpec{crypto::Curve::kP256}));
  must(sign_generated_key(document, "Key.1", uri::kEcdsaSha256, xml::tests::signer(other)));
  EXPECT_NE(verdict(text_of(document.serialize())), "verified");
}

TEST(GeneratedKeys, SignedByACertificateAreRefused) {
  KeyOperationResponse message = response_with({&ec_signer()});
  xml::Document document = must(write_message(Message(std::move(message))));
  xml::Element key = document.root().children().front();
  key.child(xml::kSignatureNamespace, "Signature")->remove();
  must(xml::sign_enveloped(key, uri::kEcdsaSha256, {.certificate = ec_signer().certificate}, xml::tests::signer(ec_signer().key)));
  expect_refused(text_of(document.serialize()));
  EXPECT_FALSE(verify_generated_keys(document));
}

TEST(GeneratedKeys, AreNamedToBeSigned) {
  xml::Document document = must(write_message(Message(response_with({&ec_signer()}))));
  const auto unknown = sign_generated_key(document, "Key.9", uri::kEcdsaSha256, xml::tests::signer(ec_signer().key));
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().fault, Fault::kNotFound);
  xml::Document other = must(write_message(read_sample("KeyOperationRequest")));
  EXPECT_FALSE(sign_generated_key(other, "Key.1", uri::kEcdsaSha256, xml::tests::signer(ec_signer().key)));
  EXPECT_FALSE(verify_generated_keys(other));
}

TEST(GeneratedKeys, AreAsTheyWereWhenTheKeyRefuses) {
  xml::Document document = must(write_message(Message(response_with({&ec_signer()}))));
  const Bytes before = document.serialize();
  EXPECT_FALSE(sign_generated_key(document, "Key.1", uri::kEcdsaSha256,
                                  [](ByteView) -> Result<Bytes> { return fail(Fault::kUnavailable, "the key is away"); }));
  EXPECT_EQ(document.serialize(), before);
  EXPECT_TRUE(sign_generated_key(document, "Key.1", uri::kEcdsaSha256, xml::tests::signer(ec_signer().key)));
}

TEST(GeneratedKeys, OfIdsThatLookLikeThoseOfKeyInfoAreSignedAllTheSame) {
  KeyOperationResponse message{.request_id = std::string(kRequest)};
  message.keys.push_back({.id = "Key", .public_key = ec_signer().key.public_key()});
  message.keys.push_back({.id = "Key.KeyInfo", .public_key = ec_signer().key.public_key()});
  xml::Document document = must(write_message(Message(std::move(message))));
  for (const char* id : {"Key", "Key.KeyInfo"})
    must(sign_generated_key(document, id, uri::kEcdsaSha256, xml::tests::signer(ec_signer().key)));
  EXPECT_EQ(verdict(text_of(document.serialize())), "verified");
}

}  // namespace
}  // namespace airtight::keygen2::testing
