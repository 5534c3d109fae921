// The operating randomness: OpenSSL's private DRBG.
#pragma once

#include "base/random.h"

namespace airtight::crypto {

class SystemRandom final : public RandomSource {
 public:
  void fill(std::span<std::byte> out) override;
};

// Mixes `seed` into the private DRBG as additional input that counts for no entropy (sks.md section 7, IssuerSeed).
void stir_random(ByteView seed);

}  // namespace airtight::crypto
