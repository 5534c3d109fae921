#include <algorithm>
#include <charconv>
#include <string_view>

#include "crypto/der.h"

namespace airtight::crypto::der {
namespace {

void append_length(Bytes& out, std::size_t length) {
  if (length < 0x80) {
    out.push_back(static_cast<std::byte>(length));
    return;
  }
  std::size_t count = 1;
  while (count < sizeof(length) && (length >> (8 * count)) != 0) ++count;
  out.push_back(static_cast<std::byte>(0x80 | count));
  append(out, big_endian(length, count));
}

void append_arc(Bytes& out, std::uint64_t arc) {
  unsigned groups = 1;
  while (groups < 10 && (arc >> (7 * groups)) != 0) ++groups;
  while (groups-- > 0) out.push_back(static_cast<std::byte>(((arc >> (7 * groups)) & 0x7F) | (groups > 0 ? 0x80 : 0)));
}

}  // namespace

void Writer::element(Tag tag, ByteView content) {
  out_.push_back(static_cast<std::byte>(tag));
  append_length(out_, content.size());
  append(out_, content);
}

void Writer::raw(ByteView der) { append(out_, der); }

void Writer::boolean(bool value) {
  const std::byte content = value ? std::byte{0xFF} : std::byte{0};
  element(Tag::kBoolean, {&content, 1});
}

void Writer::integer(std::uint64_t value) { unsigned_integer(big_endian(value, 8)); }

void Writer::unsigned_integer(ByteView magnitude) {
  while (magnitude.size() > 1 && magnitude[0] == std::byte{0}) magnitude = magnitude.subspan(1);
  Bytes content;
  if (magnitude.empty() || (std::to_integer<unsigned>(magnitude[0]) & 0x80) != 0) content.push_back(std::byte{0});
  append(content, magnitude);
  element(Tag::kInteger, content);
}

void Writer::bit_string(ByteView bytes) {
  Bytes content{std::byte{0}};
  append(content, bytes);
  element(Tag::kBitString, content);
}

void Writer::octet_string(ByteView bytes) { element(Tag::kOctetString, bytes); }

void Writer::object_id(std::string_view dotted) {
  Bytes content;
  std::uint64_t first = 0;
  for (unsigned index = 0; !dotted.empty(); ++index) {
    std::uint64_t arc = 0;
    const auto [end, status] = std::from_chars(dotted.data(), dotted.data() + dotted.size(), arc);
    dotted.remove_prefix(std::min(dotted.size(), static_cast<std::size_t>(end - dotted.data()) + 1));
    if (index == 0) {
      first = arc;
    } else {
      append_arc(content, index == 1 ? first * 40 + arc : arc);
    }
    if (status != std::errc()) break;
  }
  element(Tag::kObjectId, content);
}

void Writer::null() { element(Tag::kNull, {}); }

void Writer::utf8_string(std::string_view text) { element(Tag::kUtf8String, bytes_of(text)); }

void Writer::nested(Tag tag, const std::function<void(Writer&)>& body) {
  Writer inner;
  body(inner);
  element(tag, inner.out_);
}

void Writer::set_of(std::vector<Bytes> elements) {
  std::ranges::sort(elements, [](const Bytes& a, const Bytes& b) { return std::ranges::lexicographical_compare(a, b); });
  Bytes content;
  for (const Bytes& item : elements) append(content, item);
  element(Tag::kSet, content);
}

}  // namespace airtight::crypto::der
