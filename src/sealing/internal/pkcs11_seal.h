// A key sealed by a PKCS #11 token: encrypted (RSA-OAEP) for a key pair that was generated in the token, and whose private half never
// leaves it.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/random.h"
#include "base/result.h"
#include "base/secret_bytes.h"
#include "sealing/seal.h"

namespace airtight::sealing::internal {

// The digest inside OAEP: not every token knows SHA-256 there, and SHA-1's collisions do not matter to it.
enum class OaepDigest : std::uint8_t { kSha256, kSha1 };
[[nodiscard]] std::string_view name_of(OaepDigest digest);  // "sha256", "sha1"
[[nodiscard]] Result<OaepDigest> parse_oaep_digest(std::string_view text);

struct TokenBlob {
  Bytes key_id;  // CKA_ID of the key pair, random
  OaepDigest oaep = OaepDigest::kSha256;
  Bytes encrypted;

  friend bool operator==(const TokenBlob&, const TokenBlob&) = default;
};

// A key that a token gave back. `discard` destroys the token's key pair, after which the blob is worthless.
struct TokenKey {
  SecretBytes key;
  std::function<Result<>()> discard;
};

// Checks a URI of RFC 7512 that is to name a token: Fault::kBadInput if it does not, or holds a PIN.
[[nodiscard]] Result<> check_token_uri(const std::string& uri);

// Generates a key pair in the token that `uri` names and encrypts `key` for it. The token's PIN is asked for once.
// Fault::kNotFound if there is no such module or token; kRefused if the token or its PIN says no.
[[nodiscard]] Result<TokenBlob> token_seal(const std::string& uri, const SecretBytes& key, const PassphrasePrompt& prompt,
                                           RandomSource& random);

// The reverse. Fault::kNotFound also if the token does not hold the key; kInternal if the blob was changed.
[[nodiscard]] Result<TokenKey> token_unseal(const std::string& uri, const TokenBlob& blob, const PassphrasePrompt& prompt);

}  // namespace airtight::sealing::internal
