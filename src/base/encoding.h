// Text encodings of bytes: hex, strict base64 (RFC 4648), base64url, and base32 for what people compare by eye.
// Decoders refuse every foreign character, wrong padding, and non-zero spare bits.
#pragma once

#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"

namespace airtight {

[[nodiscard]] std::string hex_encode(ByteView bytes);           // lower case
[[nodiscard]] Result<Bytes> hex_decode(std::string_view text);  // both cases

enum class Whitespace : unsigned char { kRefuse, kXml };  // kXml skips space, tab, CR and LF (keygen2.md section 6)

[[nodiscard]] std::string base64_encode(ByteView bytes);
[[nodiscard]] Result<Bytes> base64_decode(std::string_view text, Whitespace whitespace = Whitespace::kRefuse);

// Without padding, as in URLs.
[[nodiscard]] std::string base64url_encode(ByteView bytes);

// RFC 4648 base32 in capitals, without padding.
[[nodiscard]] std::string base32_encode(ByteView bytes);

}  // namespace airtight
