// Byte strings: the vocabulary in which every binary format of the project is read and written.
// Views are borrowed, Bytes are owned; text and bytes convert explicitly.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace airtight {

using Bytes = std::vector<std::byte>;
using ByteView = std::span<const std::byte>;

// Views `text` as bytes, without its terminator.
[[nodiscard]] ByteView bytes_of(std::string_view text);

// Views `bytes` as text; the caller knows that they are text.
[[nodiscard]] std::string_view text_of(ByteView bytes);

// Copies.
[[nodiscard]] Bytes to_bytes(ByteView bytes);
[[nodiscard]] Bytes to_bytes(std::string_view text);
[[nodiscard]] std::string to_text(ByteView bytes);

// `parts` one after the other.
[[nodiscard]] Bytes concat(std::initializer_list<ByteView> parts);
void append(Bytes& out, ByteView bytes);

// Compares public values; secrets are compared by SecretBytes.
[[nodiscard]] bool equal(ByteView a, ByteView b);

// `value` as `size` big-endian bytes.
[[nodiscard]] Bytes big_endian(std::uint64_t value, std::size_t size);

}  // namespace airtight
