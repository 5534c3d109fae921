#include "crypto/internal/object_ids.h"

#include <charconv>

namespace airtight::crypto {

bool is_dotted_object_id(std::string_view text) {
  std::uint64_t first = 0;
  unsigned index = 0;
  for (;; ++index) {
    const std::size_t dot = text.find('.');
    const std::string_view digits = text.substr(0, dot);
    std::uint64_t arc = 0;
    const auto [end, status] = std::from_chars(digits.data(), digits.data() + digits.size(), arc);
    if (digits.empty() || status != std::errc() || end != digits.data() + digits.size()) return false;
    if ((digits.size() > 1 && digits[0] == '0') || arc > (UINT64_MAX >> 2)) return false;
    if (index == 0) first = arc;
    if (index == 0 && arc > 2) return false;
    if (index == 1 && first < 2 && arc > 39) return false;
    if (dot == std::string_view::npos) break;
    text.remove_prefix(dot + 1);
  }
  return index >= 1;
}

bool is_object_id(ByteView content) {
  constexpr std::size_t kMaxArcSize = 9;
  std::size_t arc_size = 0;
  for (std::byte b : content) {
    if (arc_size == 0 && b == std::byte{0x80}) return false;  // not the shortest
    const bool ends = (b & std::byte{0x80}) == std::byte{0};
    if (++arc_size > kMaxArcSize) return false;
    if (ends) arc_size = 0;
  }
  return !content.empty() && arc_size == 0;
}

}  // namespace airtight::crypto
