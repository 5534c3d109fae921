// The cryptography of the user methods and of issuers, straight over OpenSSL: what the store does with its own code is checked with this.
#pragma once

#include <optional>
#include <string_view>

#include "base/bytes.h"

namespace airtight::sks::model::openssl {

// "SHA1" or "SHA256".
[[nodiscard]] Bytes hmac(const char* digest, ByteView key, ByteView data);

enum class Direction : bool { kDecrypt, kEncrypt };
// AES without padding; `iv` is empty for ECB. Nothing if the length of `data` is no multiple of 16.
[[nodiscard]] std::optional<Bytes> aes(Direction direction, ByteView key, ByteView iv, ByteView data);

// True if `signature` (of the form that the XML Signature algorithm `uri` has) is the key's over `hash`.
[[nodiscard]] bool verify_hash(ByteView spki, std::string_view uri, ByteView hash, ByteView signature);

enum class RsaPadding : unsigned char { kPkcs1, kOaepSha1, kNone };
[[nodiscard]] std::optional<Bytes> rsa_encrypt(ByteView spki, RsaPadding padding, ByteView plain);
// Nothing if it does not decrypt. kPkcs1 is checked here, byte by byte, so that bad padding can be told from a message.
[[nodiscard]] std::optional<Bytes> rsa_decrypt(ByteView pkcs8, RsaPadding padding, ByteView cipher);

// Bytes of an RSA modulus; 0 if the key is not RSA.
[[nodiscard]] std::size_t rsa_size(ByteView spki);

}  // namespace airtight::sks::model::openssl
