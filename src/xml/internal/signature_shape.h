// The one shape of XML signature that is read here, checked before any cryptography: what could make a signature cover something else
// than the element that carries it (signature wrapping) is not in it. XML Signature offers much more; KeyGen2 needs none of it.
#pragma once

#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"
#include "crypto/key.h"
#include "xml/document.h"
#include "xml/signature.h"

namespace airtight::xml::internal {

inline constexpr std::string_view kExclusiveC14n = "http://www.w3.org/2001/10/xml-exc-c14n#";
inline constexpr std::string_view kEnvelopedSignature = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";
inline constexpr std::string_view kDigestSha256 = "http://www.w3.org/2001/04/xmlenc#sha256";
inline constexpr std::string_view kDigestSha1 = "http://www.w3.org/2000/09/xmldsig#sha1";

struct SignatureShape {
  std::string id;  // of the signed element, and of no other in its document
  Element signature;
  std::string method;  // the algorithm URI
  Element key_info;
  std::string key_info_id;  // of the KeyInfo that the signature covers too; empty if it does not
};

// The ds:Signature child of `element`, which is: SignedInfo (exclusive canonicalization, any SignatureMethod without parameters, exactly
// one Reference "#ID" to `element` with the transforms enveloped-signature and exclusive canonicalization, and at most one more, to KeyInfo
// with exclusive canonicalization, each with a SHA-256 digest, or SHA-1 where that is accepted), SignatureValue and KeyInfo.
// Fault::kNotFound if there is none, Fault::kRefused for any other (keygen2.md section 3).
[[nodiscard]] Result<SignatureShape> check_shape(Element element, Sha1 sha1);

// How many elements of `element`'s document have an attribute that somebody could take for an identifier `id`.
[[nodiscard]] std::size_t count_ids(Element element, std::string_view id);

// The KeyName if KeyInfo holds that alone.
[[nodiscard]] Result<std::string> read_key_name(Element key_info);

// The public key if KeyInfo holds a KeyValue alone, and that an RSAKeyValue or an ECKeyValue.
[[nodiscard]] Result<crypto::PublicKey> read_key_value_alone(Element key_info);

// The DER certificate, if KeyInfo holds one X509Data with exactly one X509Certificate: a KeyName before it and an X509IssuerSerial in it
// are allowed and do not count.
[[nodiscard]] Result<Bytes> read_certificate(Element key_info);

}  // namespace airtight::xml::internal
