#include "cli/hex_lines.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

#include "cli/hex_digit.h"

namespace airtight::cli {
namespace {

constexpr std::size_t kLongestRequest = 1U << 20;  // bytes

// Bytes one after the other in memory that is wiped when it is outgrown.
class SecretBuilder {
 public:
  void add(std::byte byte) {
    if (size_ == bytes_.size()) grow();
    bytes_.expose_secret_for_writing()[size_++] = byte;
  }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] SecretBytes take() {
    bytes_.truncate(size_);
    return std::move(bytes_);
  }

 private:
  void grow() {
    SecretBytes larger(std::max<std::size_t>(256, 2 * size_));
    std::ranges::copy(bytes_.expose_secret(), larger.expose_secret_for_writing().begin());
    bytes_ = std::move(larger);
  }
  SecretBytes bytes_;
  std::size_t size_ = 0;
};

}  // namespace

Result<std::optional<char>> HexLines::next_character() {
  if (at_ == size_) {
    ssize_t count = 0;
    do {
      count = ::read(descriptor_, piece_.expose_secret_for_writing().data(), kPieceSize);
    } while (count < 0 && errno == EINTR);
    if (count < 0) return fail(Fault::kUnavailable, std::string("standard input cannot be read: ") + std::strerror(errno));
    if (count == 0) return std::optional<char>();
    at_ = 0;
    size_ = static_cast<std::size_t>(count);
  }
  return std::optional(static_cast<char>(piece_.expose_secret()[at_++]));
}

Result<std::optional<HexLine>> HexLines::next() {
  SecretBuilder bytes;
  std::optional<std::byte> high;  // the first of two digits
  bool readable = true;
  bool carriage_return = false;  // allowed as the last character alone
  std::optional<char> c = TRY(next_character());
  if (!c) return std::optional<HexLine>();
  for (; c && *c != '\n'; c = TRY(next_character())) {
    const std::optional<std::byte> digit = hex_digit(*c);
    if (carriage_return || (!digit && *c != '\r') || (digit && bytes.size() == kLongestRequest)) readable = false;
    carriage_return = *c == '\r';
    if (!readable || !digit) continue;
    if (!high) {
      high = digit;
    } else {
      bytes.add((*high << 4) | *digit);
      high.reset();
    }
  }
  readable = readable && !high && bytes.size() > 0;
  return std::optional(HexLine{.readable = readable, .bytes = readable ? bytes.take() : SecretBytes()});
}

void write_hex_line(std::ostream& out, const SecretBytes& bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  for (const std::byte byte : bytes.expose_secret()) {
    out.put(kDigits[std::to_integer<std::size_t>(byte >> 4)]);
    out.put(kDigits[std::to_integer<std::size_t>(byte & std::byte{0x0F})]);
  }
  out.put('\n');
  out.flush();
}

}  // namespace airtight::cli
