// Where randomness comes in: an interface, so that protocols can be replayed. The real one is crypto/random.h.
#pragma once

#include <cstddef>
#include <span>

#include "base/bytes.h"
#include "base/secret_bytes.h"

namespace airtight {

class RandomSource {
 public:
  virtual ~RandomSource() = default;
  // Fills `out` with bytes that nobody can guess. Throws std::runtime_error if the generator fails: nothing sensible can follow.
  virtual void fill(std::span<std::byte> out) = 0;

  [[nodiscard]] Bytes bytes(std::size_t size) {
    Bytes out(size);
    fill(out);
    return out;
  }
  [[nodiscard]] SecretBytes secret(std::size_t size) {
    SecretBytes out(size);
    fill(out.expose_secret_for_writing());
    return out;
  }
};

}  // namespace airtight
