// SKS requests and responses as text, one a line in hex (sks.md section 1). They hold PINs and keys: requests never touch a std::string.
#pragma once

#include <cstddef>
#include <optional>
#include <ostream>

#include "base/result.h"
#include "base/secret_bytes.h"

namespace airtight::cli {

struct HexLine {
  bool readable = false;  // hex digits of both cases, two for each byte, at least one byte, at most 1 MiB
  SecretBytes bytes;
};

class HexLines {
 public:
  // Reads from `descriptor`, which the caller keeps open.
  explicit HexLines(int descriptor) : descriptor_(descriptor), piece_(kPieceSize) {}

  // The next line, whatever is in it; nothing at the end. A last line without its end counts. Fault::kUnavailable if reading fails.
  [[nodiscard]] Result<std::optional<HexLine>> next();

 private:
  static constexpr std::size_t kPieceSize = 4096;
  [[nodiscard]] Result<std::optional<char>> next_character();
  int descriptor_;
  SecretBytes piece_;  // what was read and not yet taken: [at_, size_)
  std::size_t at_ = 0;
  std::size_t size_ = 0;
};

// `bytes` in lower-case hex and a line end, flushed.
void write_hex_line(std::ostream& out, const SecretBytes& bytes);

}  // namespace airtight::cli
