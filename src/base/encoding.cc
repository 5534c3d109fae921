#include "base/encoding.h"

#include <array>
#include <cstdint>

namespace airtight {
namespace {

constexpr std::string_view kHex = "0123456789abcdef";
constexpr std::string_view kBase64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kBase64Url = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::string_view kBase32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

constexpr std::array<std::int8_t, 256> kBase64Values = [] {
  std::array<std::int8_t, 256> values{};
  values.fill(-1);
  for (std::size_t i = 0; i < kBase64.size(); ++i) {
    values[static_cast<unsigned char>(kBase64[i])] = static_cast<std::int8_t>(i);
  }
  return values;
}();

// Writes `bytes` in groups of `bits` bits, most significant first, the last group filled with zero bits.
std::string encode_groups(ByteView bytes, unsigned bits, std::string_view alphabet) {
  std::string out;
  out.reserve((bytes.size() * 8 + bits - 1) / bits + 4);
  std::uint32_t held = 0;
  unsigned count = 0;
  const std::uint32_t mask = (1U << bits) - 1;
  for (std::byte byte : bytes) {
    held = (held << 8) | std::to_integer<std::uint32_t>(byte);
    for (count += 8; count >= bits;) {
      count -= bits;
      out.push_back(alphabet[(held >> count) & mask]);
    }
  }
  if (count > 0) out.push_back(alphabet[(held << (bits - count)) & mask]);
  return out;
}

bool is_xml_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

}  // namespace

std::string hex_encode(ByteView bytes) { return encode_groups(bytes, 4, kHex); }

Result<Bytes> hex_decode(std::string_view text) {
  if (text.size() % 2 != 0) return fail(Fault::kBadInput, "hex text has an odd number of digits");
  Bytes out;
  out.reserve(text.size() / 2);
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const int high = hex_value(text[i]);
    const int low = hex_value(text[i + 1]);
    if (high < 0 || low < 0) return fail(Fault::kBadInput, "hex text has a character that is no hex digit");
    out.push_back(static_cast<std::byte>(high * 16 + low));
  }
  return out;
}

std::string base64_encode(ByteView bytes) {
  std::string out = encode_groups(bytes, 6, kBase64);
  while (out.size() % 4 != 0) out.push_back('=');
  return out;
}

Result<Bytes> base64_decode(std::string_view text, Whitespace whitespace) {
  Bytes out;
  out.reserve(text.size() / 4 * 3);
  std::uint32_t held = 0;
  unsigned digits = 0;
  unsigned pads = 0;
  for (char c : text) {
    if (whitespace == Whitespace::kXml && is_xml_space(c)) continue;
    if (c == '=') {
      ++pads;
      continue;
    }
    const int value = kBase64Values[static_cast<unsigned char>(c)];
    if (value < 0) return fail(Fault::kBadInput, "base64 text has a foreign character");
    if (pads > 0) return fail(Fault::kBadInput, "base64 text goes on after its padding");
    held = (held << 6) | static_cast<std::uint32_t>(value);
    if (++digits == 4) {
      for (int shift : {16, 8, 0}) out.push_back(static_cast<std::byte>((held >> shift) & 0xFF));
      held = 0;
      digits = 0;
    }
  }
  if (digits == 1 || (digits + pads) % 4 != 0 || pads > 2) {
    return fail(Fault::kBadInput, "base64 text is cut or wrongly padded");
  }
  if (digits == 0) return out;
  const unsigned spare = digits == 2 ? 4 : 2;
  if ((held & ((1U << spare) - 1)) != 0) return fail(Fault::kBadInput, "base64 text has non-zero spare bits");
  held >>= spare;
  for (unsigned left = digits - 1; left-- > 0;) out.push_back(static_cast<std::byte>((held >> (8 * left)) & 0xFF));
  return out;
}

std::string base64url_encode(ByteView bytes) { return encode_groups(bytes, 6, kBase64Url); }

std::string base32_encode(ByteView bytes) { return encode_groups(bytes, 5, kBase32); }

}  // namespace airtight
