#include "xml/internal/characters.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/text.h"

namespace airtight::xml::internal {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

// The character that `text` starts with; empty if that is none in UTF-8.
std::string_view first_character(std::string_view text) {
  for (std::size_t length = 1; length <= std::min<std::size_t>(4, text.size()); ++length) {
    if (is_utf8(bytes_of(text.substr(0, length)))) return text.substr(0, length);
  }
  return {};
}

}  // namespace

std::size_t find_forbidden(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c < 0x20 && c != '\t' && c != '\n' && c != '\r') return i;
    if (c != 0xEF) continue;
    const std::string_view character = text.substr(i, 3);
    if (character == "\xEF\xBF\xBE" || character == "\xEF\xBF\xBF") return i;  // U+FFFE and U+FFFF
  }
  return std::string_view::npos;
}

std::string without_forbidden(std::string_view text) {
  if (is_utf8(bytes_of(text)) && find_forbidden(text) == std::string_view::npos) return std::string(text);
  std::string allowed;
  while (!text.empty()) {
    const std::string_view character = first_character(text);
    const bool is_allowed = !character.empty() && find_forbidden(character) == std::string_view::npos;
    allowed += is_allowed ? character : kReplacement;
    text.remove_prefix(std::max<std::size_t>(character.size(), 1));
  }
  return allowed;
}

}  // namespace airtight::xml::internal
