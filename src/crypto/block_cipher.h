// AES over whole blocks, in the modes that keys of a key store are used in, and the padding that makes whole blocks of a message.
#pragma once

#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "base/secret_bytes.h"

namespace airtight::crypto {

inline constexpr std::size_t kAesBlock = 16;  // bytes

enum class BlockMode : std::uint8_t { kEcb, kCbc };

// True for the sizes of AES keys: 16, 24 and 32 bytes.
[[nodiscard]] bool is_aes_key_size(std::size_t size);

// Encrypts and decrypts `blocks`, a multiple of 16 bytes, without padding. `key` has a size of AES; `iv` has 16 bytes for CBC and none for
// ECB.
[[nodiscard]] SecretBytes encrypt_aes(BlockMode mode, ByteView key, ByteView iv, ByteView blocks);
[[nodiscard]] SecretBytes decrypt_aes(BlockMode mode, ByteView key, ByteView iv, ByteView blocks);

// `plain` with 1 to 16 bytes of PKCS #7 padding.
[[nodiscard]] SecretBytes pad_pkcs7(ByteView plain);

// Which bytes of a padding have to be right.
enum class Padding : std::uint8_t {
  kPkcs7,          // all of them
  kXmlEncryption,  // the last one, which says how many there are (XML Encryption, section 5.2)
};

// How many bytes of padding stand at the end of `padded`, which is not empty and of whole blocks: 1 to 16, or 0 where the padding is wrong.
// Which of these it is cannot be seen in the time that it takes.
[[nodiscard]] std::uint32_t padding_size(ByteView padded, Padding padding);

// `padded` without its padding; nothing where that is wrong. Just this shows, and how long the rest is.
[[nodiscard]] std::optional<SecretBytes> unpad(SecretBytes padded, Padding padding);

}  // namespace airtight::crypto
