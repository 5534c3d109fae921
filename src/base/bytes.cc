#include "base/bytes.h"

#include <algorithm>

namespace airtight {

ByteView bytes_of(std::string_view text) { return std::as_bytes(std::span(text.data(), text.size())); }

std::string_view text_of(ByteView bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

Bytes to_bytes(ByteView bytes) { return {bytes.begin(), bytes.end()}; }

Bytes to_bytes(std::string_view text) { return to_bytes(bytes_of(text)); }

std::string to_text(ByteView bytes) { return std::string(text_of(bytes)); }

Bytes concat(std::initializer_list<ByteView> parts) {
  std::size_t size = 0;
  for (ByteView part : parts) size += part.size();
  Bytes out;
  out.reserve(size);
  for (ByteView part : parts) append(out, part);
  return out;
}

void append(Bytes& out, ByteView bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); }

bool equal(ByteView a, ByteView b) { return std::ranges::equal(a, b); }

Bytes big_endian(std::uint64_t value, std::size_t size) {
  Bytes out(size);
  for (std::size_t i = size; i-- > 0; value >>= 8) out[i] = static_cast<std::byte>(value & 0xFF);
  return out;
}

}  // namespace airtight
