// Code whose time must not depend on what it looks at: choices without branches, and the two functions by which such code says what is
// secret and what is not any more. tests/constant_time runs it under valgrind and finds every branch and every address that a secret
// decides.
#pragma once

#include <cstdint>
#include <type_traits>

#include "base/bytes.h"

namespace airtight {

namespace constant_time {

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

}  // namespace constant_time

// From here on the bytes are secret. Does nothing but in tests/constant_time, which has its own.
void classify(ByteView secret);

// From here on the bytes, though computed from secrets, are not secret: each caller says why. Does nothing but in tests/constant_time.
void declassify(ByteView published);

// The same for a verdict or a length that is acted upon.
template <typename T>
  requires std::is_arithmetic_v<T>
[[nodiscard]] T declassified(T value) {
  declassify(std::as_bytes(std::span(&value, 1)));
  return value;
}

}  // namespace airtight
