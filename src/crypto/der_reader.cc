#include "crypto/der.h"

#include <string>

namespace airtight::crypto::der {
namespace {

Failure bad(std::string what) { return airtight::fail(Fault::kBadInput, "DER: " + std::move(what)); }

bool is_minimal_integer(ByteView content) {
  if (content.empty()) return false;
  if (content.size() == 1) return true;
  const auto first = std::to_integer<unsigned>(content[0]);
  const bool second_is_negative = (std::to_integer<unsigned>(content[1]) & 0x80) != 0;
  return !(first == 0x00 && !second_is_negative) && !(first == 0xFF && second_is_negative);
}

// One element off the front of `input`: low tag numbers, definite minimal lengths (X.690 8.1, 10.1).
Result<Element> take(ByteView input) {
  if (input.size() < 2) return bad("an element is cut off");
  const auto identifier = std::to_integer<std::uint8_t>(input[0]);
  if ((identifier & 0x1F) == 0x1F) return bad("a high tag number");
  if (identifier == 0) return bad("tag 0");
  const auto first = std::to_integer<std::size_t>(input[1]);
  std::size_t header = 2;
  std::size_t length = first;
  if (first >= 0x80) {
    const std::size_t count = first & 0x7F;
    if (count == 0 || count > 4) return bad(count == 0 ? "an indefinite length" : "an absurd length");
    if (input.size() < 2 + count) return bad("an element is cut off");
    length = 0;
    for (std::size_t i = 0; i < count; ++i) length = (length << 8) | std::to_integer<std::size_t>(input[2 + i]);
    if (length < 0x80 || (count > 1 && (length >> (8 * (count - 1))) == 0)) return bad("a length that is not the shortest");
    header += count;
  }
  if (input.size() - header < length) return bad("an element is longer than what holds it");
  return Element{static_cast<Tag>(identifier), input.subspan(header, length), input.first(header + length)};
}

Result<> check_primitive(const Element& element) {
  switch (element.tag) {
    case Tag::kBoolean:
      if (element.content.size() != 1 || (element.content[0] != std::byte{0} && element.content[0] != std::byte{0xFF})) {
        return bad("a BOOLEAN other than 00 or FF");
      }
      break;
    case Tag::kInteger:
    case Tag::kEnumerated:
      if (!is_minimal_integer(element.content)) return bad("an INTEGER that is not the shortest");
      break;
    case Tag::kNull:
      if (!element.content.empty()) return bad("a NULL with content");
      break;
    case Tag::kBitString: {
      if (element.content.empty()) return bad("a BIT STRING without its count of unused bits");
      const auto unused = std::to_integer<unsigned>(element.content[0]);
      if (unused > 7 || (unused > 0 && element.content.size() == 1)) return bad("a BIT STRING with a wrong count of unused bits");
      if (unused > 0 && (std::to_integer<unsigned>(element.content.back()) & ((1U << unused) - 1)) != 0) {
        return bad("a BIT STRING with unused bits that are not zero");
      }
      break;
    }
    default: break;
  }
  return {};
}

Result<> check_tree(const Element& element, const Limits& limits, unsigned depth) {
  if (depth > limits.max_depth) return bad("elements are nested too deep");
  const bool constructed = is_constructed(element.tag);
  const bool universal = (static_cast<unsigned>(element.tag) & 0xC0) == 0;
  const bool sequence_or_set = element.tag == Tag::kSequence || element.tag == Tag::kSet;
  if (universal && constructed && !sequence_or_set) return bad("a constructed string");
  const auto number = static_cast<unsigned>(element.tag) & 0x1F;
  if (universal && !constructed && (number == 0x10 || number == 0x11)) return bad("a primitive SEQUENCE or SET");
  if (!constructed) return universal ? check_primitive(element) : Result<>{};
  Reader inside(element.content);
  while (!inside.at_end()) {
    const Element child = TRY(inside.element());
    TRY(check_tree(child, limits, depth + 1));
  }
  return {};
}

}  // namespace

std::optional<Tag> Reader::peek_tag() const {
  if (rest_.empty()) return std::nullopt;
  return static_cast<Tag>(rest_[0]);
}

Result<Element> Reader::element() {
  const Element found = TRY(take(rest_));
  rest_ = rest_.subspan(found.whole.size());
  return found;
}

Result<Element> Reader::element(Tag tag) {
  if (peek_tag() != tag) return bad("another element than expected");
  return element();
}

Result<std::optional<Element>> Reader::optional_element(Tag tag) {
  if (peek_tag() != tag) return std::optional<Element>();
  const Element found = TRY(element());
  return std::optional<Element>(found);
}

Result<Reader> Reader::enter(Tag tag) {
  const Element found = TRY(element(tag));
  return Reader(found.content);
}

Result<bool> Reader::boolean() {
  Reader ahead(rest_);
  const Element found = TRY(ahead.element(Tag::kBoolean));
  TRY(check_primitive(found));
  *this = ahead;
  return found.content[0] != std::byte{0};
}

Result<ByteView> Reader::integer() {
  Reader ahead(rest_);
  const Element found = TRY(ahead.element(Tag::kInteger));
  TRY(check_primitive(found));
  *this = ahead;
  return found.content;
}

Result<ByteView> Reader::unsigned_integer() {
  Reader ahead(rest_);
  const ByteView content = TRY(ahead.integer());
  if ((std::to_integer<unsigned>(content[0]) & 0x80) != 0) return bad("a negative INTEGER");
  *this = ahead;
  return content.size() > 1 && content[0] == std::byte{0} ? content.subspan(1) : content;
}

Result<std::uint64_t> Reader::small_integer() {
  Reader ahead(rest_);
  const ByteView magnitude = TRY(ahead.unsigned_integer());
  if (magnitude.size() > 8 || (magnitude.size() == 8 && (std::to_integer<unsigned>(magnitude[0]) & 0x80) != 0)) {
    return bad("an INTEGER that is too large here");
  }
  std::uint64_t value = 0;
  for (std::byte b : magnitude) value = (value << 8) | std::to_integer<std::uint64_t>(b);
  *this = ahead;
  return value;
}

Result<ByteView> Reader::bit_string() {
  Reader ahead(rest_);
  const Element found = TRY(ahead.element(Tag::kBitString));
  TRY(check_primitive(found));
  if (found.content[0] != std::byte{0}) return bad("a BIT STRING that is no whole number of octets");
  *this = ahead;
  return found.content.subspan(1);
}

Result<ByteView> Reader::octet_string() {
  const Element found = TRY(element(Tag::kOctetString));
  return found.content;
}

Result<std::string> Reader::object_id() {
  Reader ahead(rest_);
  const Element found = TRY(ahead.element(Tag::kObjectId));
  std::string out;
  std::uint64_t arc = 0;
  bool at_start = true;
  for (std::byte b : found.content) {
    const auto value = std::to_integer<std::uint64_t>(b);
    if (at_start && value == 0x80) return bad("an OBJECT IDENTIFIER that is not the shortest");
    if (arc > (UINT64_MAX >> 7)) return bad("an OBJECT IDENTIFIER with an absurd arc");
    arc = (arc << 7) | (value & 0x7F);
    at_start = (value & 0x80) == 0;
    if (!at_start) continue;
    if (out.empty()) {
      const std::uint64_t root = arc < 40 ? 0 : arc < 80 ? 1 : 2;
      out = std::to_string(root) + "." + std::to_string(arc - root * 40);
    } else {
      out += "." + std::to_string(arc);
    }
    arc = 0;
  }
  if (out.empty() || !at_start) return bad("an OBJECT IDENTIFIER is cut off");
  *this = ahead;
  return out;
}

Result<> Reader::null() {
  Reader ahead(rest_);
  const Element found = TRY(ahead.element(Tag::kNull));
  TRY(check_primitive(found));
  *this = ahead;
  return {};
}

Result<> Reader::expect_end() const {
  if (!rest_.empty()) return bad("more data than expected");
  return {};
}

Result<Element> read_one(ByteView input, const Limits& limits) {
  if (input.size() > limits.max_size) return bad("the data are larger than allowed");
  Reader reader(input);
  const Element found = TRY(reader.element());
  TRY(reader.expect_end());
  TRY(check_tree(found, limits, 1));
  return found;
}

}  // namespace airtight::crypto::der
