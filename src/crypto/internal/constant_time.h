// Choices without branches: masks of all ones or all zeros, for code whose time must not depend on what it looks at.
#pragma once

#include <cstdint>

namespace airtight::crypto::constant_time {

// All ones or all zeros. The compiler cannot see through it, so that it cannot turn masks back into branches.
using Mask = std::uint32_t;

[[nodiscard]] inline std::uint32_t opaque(std::uint32_t value) {
  __asm__("" : "+r"(value));
  return value;
}

[[nodiscard]] inline Mask is_zero(std::uint32_t value) { return 0 - (opaque(~value & (value - 1)) >> 31); }
[[nodiscard]] inline Mask equal(std::uint32_t a, std::uint32_t b) { return is_zero(a ^ b); }
// For values below 2^31.
[[nodiscard]] inline Mask less(std::uint32_t a, std::uint32_t b) { return 0 - (opaque(a - b) >> 31); }
[[nodiscard]] inline std::uint32_t choose(Mask mask, std::uint32_t if_set, std::uint32_t otherwise) {
  return (opaque(mask) & if_set) | (opaque(~mask) & otherwise);
}

}  // namespace airtight::crypto::constant_time
