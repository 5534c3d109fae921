// RSAES-PKCS1-v1_5 with implicit rejection (draft-irtf-cfrg-rsa-guidance, section 7): a wrong padding yields a message that depends on
// nothing but key and cipher text and looks like any other, so that nobody can ask whether the padding was right.
#pragma once

#include "base/bytes.h"
#include "base/secret_bytes.h"

namespace airtight::crypto {

// The message in `block`, which is the cipher text to the power of the private exponent; or the synthetic one. `secret_exponent`, `block`
// and `encrypted` are all as long as the modulus. Which of the two it is cannot be seen in the time that it takes.
[[nodiscard]] SecretBytes open_pkcs1_block(ByteView secret_exponent, ByteView encrypted, ByteView block);

}  // namespace airtight::crypto
