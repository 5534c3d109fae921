// The system's randomness, with a note of all that was drawn: a test looks for it where it must not be.
#pragma once

#include <algorithm>
#include <iterator>
#include <vector>

#include "base/random.h"
#include "crypto/random.h"

namespace airtight::tests {

class RecordingRandom final : public RandomSource {
 public:
  void fill(std::span<std::byte> out) override {
    random_.fill(out);
    drawn_.emplace_back(out.begin(), out.end());
  }
  // Every value, in order.
  [[nodiscard]] const std::vector<Bytes>& drawn() const { return drawn_; }
  // Those of `size` bytes.
  [[nodiscard]] std::vector<Bytes> drawn_of(std::size_t size) const {
    std::vector<Bytes> out;
    std::ranges::copy_if(drawn_, std::back_inserter(out), [size](const Bytes& each) { return each.size() == size; });
    return out;
  }

 private:
  crypto::SystemRandom random_;
  std::vector<Bytes> drawn_;
};

}  // namespace airtight::tests
