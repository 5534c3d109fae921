// Signed documents for tests, and the means to break them: what is changed can be signed anew, so that a refusal is of the shape alone.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

#include "base/algorithms.h"
#include "base/encoding.h"
#include "base/time.h"
#include "crypto/certificate_builder.h"
#include "crypto/digest.h"
#include "tests/support/must.h"
#include "xml/document.h"
#include "xml/signature.h"

namespace airtight::xml::tests {

inline constexpr std::string_view kKey = "0123456789abcdef0123456789abcdef";
inline constexpr std::string_view kKeyName = "derived-session-key";
inline constexpr std::string_view kMessage =
    "<Response xmlns=\"urn:test\" ID=\"S.1\" Amount=\"1\"><Key Name=\"a &amp; b\"/>text<!-- comment --><Other/></Response>";

using airtight::tests::must;

inline Document parse(std::string_view text) { return must(Document::parse(bytes_of(text))); }
inline std::string text_of_document(const Document& document) { return to_text(document.serialize()); }

inline SignatureFunction hmac() {
  return [](ByteView data) { return Result<Bytes>(to_bytes(crypto::hmac_sha256(bytes_of(kKey), {data}))); };
}

inline SignatureFunction signer(const crypto::PrivateKey& key) {
  const bool rsa = key.public_key().type() == KeyAlgorithmType::kRsa;
  return [key, rsa](ByteView data) {
    return key.sign(rsa ? crypto::SignatureScheme::kRsaPkcs1 : crypto::SignatureScheme::kEcdsaRaw, crypto::Digest::kSha256, data);
  };
}

inline Document hmac_signed(std::string_view text = kMessage) {
  Document document = parse(text);
  must(sign_enveloped(document.root(), uri::kHmacSha256, {.key_name = std::string(kKeyName)}, hmac()));
  return document;
}

// A key with a certificate that it signed itself.
struct Signer {
  crypto::PrivateKey key;
  crypto::Certificate certificate;
  std::string_view method;
};

inline Signer make_signer(crypto::PrivateKey key) {
  const Bytes name = must(crypto::name_from_text("CN=Test Signer,O=Example"));
  const crypto::CertificateContent content{.serial = {std::byte{7}},
                                           .subject_der = name,
                                           .issuer_der = name,
                                           .not_before = must(parse_time("2020-01-01T00:00:00Z")),
                                           .not_after = must(parse_time("2049-01-01T00:00:00Z")),
                                           .spki = key.public_key().spki()};
  crypto::Certificate certificate = must(crypto::sign_certificate(content, key));
  const bool rsa = key.public_key().type() == KeyAlgorithmType::kRsa;
  return {std::move(key), std::move(certificate), rsa ? uri::kRsaSha256 : uri::kEcdsaSha256};
}

inline const Signer& ec_signer() {
  static const Signer kSigner = make_signer(must(crypto::PrivateKey::generate(crypto::EcSpec{crypto::Curve::kP256})));
  return kSigner;
}

inline const Signer& rsa_signer() {
  static const Signer kSigner = make_signer(must(crypto::PrivateKey::generate(crypto::RsaSpec{2048})));
  return kSigner;
}

inline Document certificate_signed(const Signer& by, std::string_view text = kMessage) {
  Document document = parse(text);
  must(sign_enveloped(document.root(), by.method, {.certificate = by.certificate}, signer(by.key)));
  return document;
}

// `text` with `from`, which must be in it, replaced by `to` wherever it stands.
inline std::string replaced(std::string text, std::string_view from, std::string_view to) {
  std::size_t at = text.find(from);
  if (at == std::string::npos) throw std::runtime_error("the test expects '" + std::string(from) + "' in: " + text);
  for (; at != std::string::npos; at = text.find(from, at + to.size())) text.replace(at, from.size(), to);
  return text;
}

// Signs the SignedInfo of the signature of `element` anew, whatever is in it now.
inline void sign_again(Element element, const SignatureFunction& sign = hmac()) {
  Element signature = *element.child(kSignatureNamespace, "Signature");
  const Bytes signed_info = must(canonicalize(*signature.child(kSignatureNamespace, "SignedInfo")));
  signature.child(kSignatureNamespace, "SignatureValue")->set_text(base64_encode(must(sign(signed_info))));
}

}  // namespace airtight::xml::tests
