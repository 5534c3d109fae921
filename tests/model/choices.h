// Choices made by bytes: a fuzzer's or a test's input, read from front to back. When it is used up, every choice is the first.
#pragma once

#include <cstdint>
#include <vector>

#include "base/bytes.h"

namespace airtight::sks::model {

class Choices {
 public:
  explicit Choices(ByteView input) : rest_(input) {}
  [[nodiscard]] bool done() const { return rest_.empty(); }

  unsigned next() {
    if (rest_.empty()) return 0;
    const auto value = std::to_integer<unsigned>(rest_.front());
    rest_ = rest_.subspan(1);
    return value;
  }
  unsigned below(std::size_t count) { return count <= 1 ? 0 : next() % static_cast<unsigned>(count); }
  bool one_in(unsigned count) { return next() % count == count - 1; }
  bool rarely() { return next() >= 248; }

  template <typename Container>
  decltype(auto) of(const Container& from) {
    return from[below(from.size())];
  }

 private:
  ByteView rest_;
};

}  // namespace airtight::sks::model
