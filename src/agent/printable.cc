#include "agent/printable.h"

#include "base/text.h"

namespace airtight::agent {
namespace {

// The length of the UTF-8 character that starts with `c`.
std::size_t character_size(unsigned char c) {
  if (c < 0x80) return 1;
  if (c < 0xE0) return 2;
  return c < 0xF0 ? 3 : 4;
}

// Control characters, and those that change the direction in which others are read (U+200E, U+200F, U+202A-202E, U+2066-2069).
bool is_harmless(std::string_view character) {
  if (character.size() == 1) return character[0] >= 0x20 && character[0] != 0x7F;
  if (character.size() == 2) return !(character[0] == '\xC2' && character[1] < '\xA0');
  if (character.starts_with("\xE2\x80")) {
    return !(character[2] >= '\x8E' && character[2] <= '\x8F') && !(character[2] >= '\xA8' && character[2] <= '\xAE');
  }
  return !(character.starts_with("\xE2\x81") && character[2] >= '\xA6' && character[2] <= '\xA9');
}

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

}  // namespace

std::string printable(std::string_view text, std::size_t max_size) {
  const bool readable = is_utf8(bytes_of(text));
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t size = readable ? character_size(static_cast<unsigned char>(text[i])) : 1;
    const std::string_view character = text.substr(i, size);
    i += size;
    if (out.size() + size > max_size) return out + "…";
    if (is_space(character[0])) {
      if (!out.empty() && out.back() != ' ') out.push_back(' ');
    } else if (is_harmless(character) && (readable || static_cast<unsigned char>(character[0]) < 0x80)) {
      out += character;
    } else {
      out.push_back('?');
    }
  }
  if (out.ends_with(' ')) out.pop_back();
  return out;
}

}  // namespace airtight::agent
