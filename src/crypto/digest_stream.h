// A digest of what does not fit into memory: bytes go in piece by piece.
#pragma once

#include <memory>

#include "base/bytes.h"
#include "crypto/digest.h"

namespace airtight::crypto {

class DigestStream {
 public:
  explicit DigestStream(Digest digest);
  DigestStream(DigestStream&&) noexcept;
  DigestStream& operator=(DigestStream&&) noexcept;
  ~DigestStream();

  void add(ByteView piece);
  // The digest of everything added; the stream is spent after it.
  [[nodiscard]] Bytes finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace airtight::crypto
