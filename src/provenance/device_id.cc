#include <array>
#include <cstdint>

#include "base/encoding.h"
#include "provenance/verdict.h"

namespace airtight::provenance {
namespace {

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";  // RFC 4648
constexpr std::size_t kDigits = 16;
constexpr std::size_t kHashBytes = 10;
constexpr std::size_t kGroup = 4;

// Times x in GF(32) = GF(2)[x] / (x^5 + x^2 + 1), in which x has order 31.
constexpr unsigned times_x(unsigned value) { return (value & 0x10) != 0 ? ((value << 1) ^ 0x25) & 0x1F : value << 1; }

// The sum of digit i times x^(i+1): the weights differ from one another and from the check character's own, 1.
unsigned check_value(std::string_view digits) {
  unsigned sum = 0;
  for (std::size_t left = digits.size(); left-- > 0;) sum = times_x(sum ^ static_cast<unsigned>(kAlphabet.find(digits[left])));
  return sum;
}

}  // namespace

std::string device_id(const crypto::Certificate& device) {
  const crypto::Sha256Value hash = device.sha256();
  std::string digits = base32_encode(ByteView(hash).first(kHashBytes));
  digits.push_back(kAlphabet[check_value(digits)]);
  std::string out;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && i % kGroup == 0) out.push_back('-');
    out.push_back(digits[i]);
  }
  return out;
}

bool is_device_id(std::string_view text) {
  std::string digits;
  for (char c : text) {
    if (c == '-' || c == ' ') continue;
    const char upper = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    if (kAlphabet.find(upper) == std::string_view::npos || digits.size() > kDigits) return false;
    digits.push_back(upper);
  }
  if (digits.size() != kDigits + 1) return false;
  return digits.back() == kAlphabet[check_value(std::string_view(digits).substr(0, kDigits))];
}

}  // namespace airtight::provenance
