#include "tests/constant_time/marking.h"

#include <valgrind/memcheck.h>

#include <algorithm>

namespace airtight {

void classify(ByteView secret) { VALGRIND_MAKE_MEM_UNDEFINED(secret.data(), secret.size()); }
void declassify(ByteView published) { VALGRIND_MAKE_MEM_DEFINED(published.data(), published.size()); }

namespace testing {

unsigned reported_leaks() { return static_cast<unsigned>(VALGRIND_COUNT_ERRORS); }

bool is_hidden(ByteView bytes) {
  Bytes undefined_bits(bytes.size());
  if (VALGRIND_GET_VBITS(bytes.data(), undefined_bits.data(), bytes.size()) != 1) return false;
  return std::ranges::all_of(undefined_bits, [](std::byte bits) { return bits == std::byte{0xFF}; });
}

SecretBytes hidden(ByteView bytes) {
  SecretBytes out = SecretBytes::copy_of(bytes);
  classify(out.expose_secret());
  return out;
}

}  // namespace testing
}  // namespace airtight
