// Enveloped XML signatures with exclusive canonicalization and SHA-256, over xmlsec. A signature covers the element that carries it, by
// the Reference "#ID", and perhaps its own KeyInfo (keygen2.md section 3); anything else is refused before any cryptography.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"
#include "crypto/certificate.h"
#include "crypto/key.h"
#include "xml/document.h"

namespace airtight::xml {

inline constexpr std::string_view kSignatureNamespace = "http://www.w3.org/2000/09/xmldsig#";  // prefix ds

// Makes the SignatureValue of the exclusive-canonical SignedInfo: the private key or session key stays where it is.
using SignatureFunction = std::function<Result<Bytes>(ByteView signed_info)>;

// What KeyInfo says: one of these.
struct SignatureKeyInfo {
  std::string key_name = {};                            // ds:KeyName if not empty
  std::optional<crypto::Certificate> certificate = {};  // ds:X509Data if present
  std::optional<crypto::PublicKey> public_key = {};     // ds:KeyValue if present; then the signature covers KeyInfo too
};

// Appends an enveloped ds:Signature as the last child of `element`, whose attribute `ID` it refers to.
// `signature_method` is the algorithm URI. Fault::kRefused if `element` has no ID that is an NCName, or is signed already; then, and when
// `sign` fails, the document is as before.
[[nodiscard]] Result<> sign_enveloped(Element element, std::string_view signature_method, const SignatureKeyInfo& key_info,
                                      const SignatureFunction& sign);

// Verifies the one enveloped ds:Signature child of `element` under an HMAC-SHA256 key. KeyInfo is that KeyName alone.
// Fault::kRefused for a signature that does not verify or is not shaped as above; Fault::kNotFound if there is none.
[[nodiscard]] Result<> verify_hmac(Element element, ByteView key, std::string_view key_name);

// Verifies it under the certificate in its KeyInfo (one X509Data with exactly one X509Certificate, X509IssuerSerial beside it allowed) and
// returns that certificate: what it may sign is the caller's question. rsa-sha256 and ecdsa-sha256 alone. Faults as above.
[[nodiscard]] Result<crypto::Certificate> verify_with_certificate(Element element);

// SHA-1 in a signature: rsa-sha1 and SHA-1 digests, apart or together.
enum class Sha1 : std::uint8_t { kRefuse, kAccept };

// Verifies it under the key in its KeyInfo (one KeyValue) and returns that key, whose possession the signature proves. rsa-sha256,
// ecdsa-sha256, and SHA-1 where `sha1` says so (keygen2.md section 5). Faults as above.
[[nodiscard]] Result<crypto::PublicKey> verify_with_key_value(Element element, Sha1 sha1);

}  // namespace airtight::xml
