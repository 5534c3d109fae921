#include "crypto/random.h"

#include <openssl/rand.h>

#include "crypto/internal/openssl.h"

namespace airtight::crypto {

void SystemRandom::fill(std::span<std::byte> out) {
  require(RAND_priv_bytes_ex(nullptr, octets(out), out.size(), 0) == 1, "drawing random bytes");
}

void stir_random(ByteView seed) {
  if (EVP_RAND_CTX* drbg = RAND_get0_private(nullptr)) {
    require(EVP_RAND_reseed(drbg, 0, nullptr, 0, octets(seed), seed.size()) == 1, "stirring the random generator");
  }
}

}  // namespace airtight::crypto
