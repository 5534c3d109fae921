// Signing keys that live in a PKCS #11 token and never leave it: made there, found again by their label, and used through it.
#pragma once

#include <memory>
#include <string>
#include <variant>

#include "base/result.h"
#include "crypto/key.h"
#include "crypto/signer.h"
#include "sealing/seal.h"

namespace airtight::sealing {

// What kind of key; RSA with the exponent 65537.
using TokenKeySpec = std::variant<crypto::EcSpec, crypto::RsaSpec>;

// A key is named by a URI of RFC 7512 that names its token and, by `object`, its label; module-path as for seals (Pkcs11Seal).
// Fault::kBadInput otherwise.
[[nodiscard]] Result<> check_token_key_uri(const std::string& uri);

// Makes a key pair in the token: sensitive, not extractable, for signatures alone. Fault::kRefused if the token has a key of this label
// already, cannot make such a key, or for a wrong PIN; kNotFound if there is no such token or module; kUnavailable if it fails.
[[nodiscard]] Result<std::shared_ptr<const crypto::Signer>> make_token_key(const std::string& uri, const TokenKeySpec& spec,
                                                                           const PassphrasePrompt& prompt);

// Opens it, and keeps the token's session as long as the signer lives. Fault::kNotFound if the token has no such key, kRefused if it has
// several or for a wrong PIN.
[[nodiscard]] Result<std::shared_ptr<const crypto::Signer>> open_token_key(const std::string& uri, const PassphrasePrompt& prompt);

}  // namespace airtight::sealing
