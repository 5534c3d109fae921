// Public keys in XML: ds:RSAKeyValue of XML Signature and ds11:ECKeyValue of XML Signature 1.1, from which both sides of a protocol
// rebuild the same SubjectPublicKeyInfo (keygen2.md section 3).
#pragma once

#include <string_view>

#include "base/result.h"
#include "crypto/key.h"
#include "xml/document.h"

namespace airtight::xml {

inline constexpr std::string_view kSignature11Namespace = "http://www.w3.org/2009/xmldsig11#";  // prefix ds11

// Appends ds:RSAKeyValue or ds11:ECKeyValue to `parent`, whichever `key` is. Integers are without a leading zero byte.
void add_key_value(Element parent, const crypto::PublicKey& key);

// The key in the first ds:RSAKeyValue under `parent`, or else in its first ds11:ECKeyValue. Integers with or without a leading zero byte.
// Fault::kNotFound for an elliptic curve that crypto/key.h does not know, Fault::kBadInput if there is no sound key.
[[nodiscard]] Result<crypto::PublicKey> read_key_value(Element parent);

}  // namespace airtight::xml
