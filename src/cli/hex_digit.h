// Hex digits one by one, for secrets: base's hex_decode leaves what it decodes in ordinary memory.
#pragma once

#include <cstddef>
#include <optional>

namespace airtight::cli {

// The value of a hex digit of either case.
[[nodiscard]] constexpr std::optional<std::byte> hex_digit(char c) {
  if (c >= '0' && c <= '9') return static_cast<std::byte>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<std::byte>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return static_cast<std::byte>(c - 'A' + 10);
  return std::nullopt;
}

}  // namespace airtight::cli
