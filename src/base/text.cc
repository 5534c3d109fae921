#include "base/text.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

namespace airtight {
namespace {

// Takes one code point off the front of `bytes`; nothing if it is not well-formed.
std::optional<char32_t> take_code_point(ByteView& bytes) {
  const auto at = [&](std::size_t i) { return std::to_integer<std::uint32_t>(bytes[i]); };
  const std::uint32_t first = at(0);
  std::size_t length = 1;
  std::uint32_t value = first;
  std::uint32_t least = 0;
  if (first >= 0x80) {
    if (first >= 0xC2 && first <= 0xDF) {
      length = 2, value = first & 0x1F, least = 0x80;
    } else if (first >= 0xE0 && first <= 0xEF) {
      length = 3, value = first & 0x0F, least = 0x800;
    } else if (first >= 0xF0 && first <= 0xF4) {
      length = 4, value = first & 0x07, least = 0x10000;
    } else {
      return std::nullopt;
    }
  }
  if (bytes.size() < length) return std::nullopt;
  for (std::size_t i = 1; i < length; ++i) {
    if ((at(i) & 0xC0) != 0x80) return std::nullopt;
    value = (value << 6) | (at(i) & 0x3F);
  }
  if (value < least || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) return std::nullopt;
  bytes = bytes.subspan(length);
  return static_cast<char32_t>(value);
}

struct Range {
  char32_t first;
  char32_t last;
};

// NameStartChar of XML 1.0 (fifth edition), production [4], without the colon.
constexpr std::array kNameStart = {
    Range{'A', 'Z'},       Range{'_', '_'},       Range{'a', 'z'},       Range{0xC0, 0xD6},     Range{0xD8, 0xF6},
    Range{0xF8, 0x2FF},    Range{0x370, 0x37D},   Range{0x37F, 0x1FFF},  Range{0x200C, 0x200D}, Range{0x2070, 0x218F},
    Range{0x2C00, 0x2FEF}, Range{0x3001, 0xD7FF}, Range{0xF900, 0xFDCF}, Range{0xFDF0, 0xFFFD}, Range{0x10000, 0xEFFFF},
};
// What NameChar, production [4a], adds.
constexpr std::array kNameMore = {Range{'-', '.'}, Range{'0', '9'}, Range{0xB7, 0xB7}, Range{0x300, 0x36F}, Range{0x203F, 0x2040}};

bool in(char32_t c, std::span<const Range> ranges) {
  for (const Range& range : ranges) {
    if (c >= range.first && c <= range.last) return true;
  }
  return false;
}

}  // namespace

bool is_utf8(ByteView bytes) {
  const auto is_not_ascii = [](std::byte byte) { return byte >= std::byte{0x80}; };
  while (true) {
    bytes = {std::ranges::find_if(bytes, is_not_ascii), bytes.end()};  // most text is mostly ASCII
    if (bytes.empty()) return true;
    if (!take_code_point(bytes)) return false;
  }
}

bool is_line(std::string_view text) {
  for (ByteView rest = bytes_of(text); !rest.empty();) {
    const auto c = take_code_point(rest);
    if (!c || *c < 0x20 || (*c >= 0x7F && *c <= 0x9F) || *c == 0x2028 || *c == 0x2029) return false;
  }
  return true;
}

bool is_ncname(std::string_view text) {
  ByteView bytes = bytes_of(text);
  if (bytes.empty()) return false;
  for (bool first = true; !bytes.empty(); first = false) {
    const auto c = take_code_point(bytes);
    if (!c || !(in(*c, kNameStart) || (!first && in(*c, kNameMore)))) return false;
  }
  return true;
}

bool is_sks_id(std::string_view text) { return text.size() <= 32 && is_ncname(text); }

}  // namespace airtight
