#include "crypto/internal/rsa_rejection.h"

#include <algorithm>

#include "base/constant_time.h"
#include "crypto/digest.h"

namespace airtight::crypto {
namespace {

using constant_time::choose;
using constant_time::Mask;

constexpr std::size_t kHash = 32;               // of SHA-256
constexpr std::size_t kLengthCandidates = 128;  // draft, section 7.2: that none of them fits has a chance of 2^-128
constexpr std::uint32_t kShortestPadding = 8;
constexpr std::uint32_t kBeforePadding = 2;  // 00 02

std::uint32_t value_of(std::byte b) { return std::to_integer<std::uint32_t>(b); }

// The pseudo-random function of the draft: `size` bytes of HMAC(key, counter || label || size in bits).
SecretBytes expand(const SecretBytes& key, std::string_view label, std::size_t size) {
  const Bytes bits = big_endian(size * 8, 2);
  SecretBytes out(size);
  const auto all = out.expose_secret_for_writing();
  for (std::size_t at = 0, counter = 0; at < size; at += kHash, ++counter) {
    const SecretBytes block = hmac_sha256_key(key.expose_secret(), {big_endian(counter, 2), bytes_of(label), bits});
    std::ranges::copy(block.expose_secret().first(std::min(kHash, size - at)), all.subspan(at).begin());
  }
  return out;
}

// The length of the synthetic message: the last candidate that leaves room for a padding.
std::uint32_t synthetic_length(const SecretBytes& key, std::uint32_t modulus_size) {
  const std::uint32_t limit = modulus_size - kBeforePadding - kShortestPadding;
  std::uint32_t mask = limit;
  for (const unsigned shift : {1U, 2U, 4U, 8U}) mask |= mask >> shift;
  const SecretBytes candidates = expand(key, "length", kLengthCandidates * 2);
  const ByteView bytes = candidates.expose_secret();
  std::uint32_t length = 0;
  for (std::size_t i = 0; i < bytes.size(); i += 2) {
    const std::uint32_t candidate = ((value_of(bytes[i]) << 8) | value_of(bytes[i + 1])) & mask;
    length = choose(constant_time::less(candidate, limit), candidate, length);
  }
  return length;
}

}  // namespace

SecretBytes open_pkcs1_block(ByteView secret_exponent, ByteView encrypted, ByteView block) {
  const auto size = static_cast<std::uint32_t>(block.size());
  const SecretBytes exponent_hash = sha256_key({secret_exponent});
  const SecretBytes key = hmac_sha256_key(exponent_hash.expose_secret(), {encrypted});
  const SecretBytes synthetic = expand(key, "message", size);
  const std::uint32_t synthetic_start = size - synthetic_length(key, size);

  Mask right = constant_time::is_zero(value_of(block[0])) & constant_time::equal(value_of(block[1]), 2);
  Mask found = 0;
  std::uint32_t separator = 0;
  for (std::uint32_t i = kBeforePadding; i < size; ++i) {
    const Mask zero = constant_time::is_zero(value_of(block[i]));
    separator = choose(zero & ~found, i, separator);
    found |= zero;
  }
  right &= ~constant_time::less(separator, kBeforePadding + kShortestPadding);

  // From here on the length says nothing: both messages have one that an attacker cannot foretell. Which of them is read must not show
  // either, so that both are.
  const std::uint32_t start = declassified(choose(right, separator + 1, synthetic_start));
  SecretBytes message(size - start);
  const auto out = message.expose_secret_for_writing();
  for (std::uint32_t i = start; i < size; ++i) {
    out[i - start] = static_cast<std::byte>(choose(right, value_of(block[i]), value_of(synthetic.expose_secret()[i])));
  }
  return message;
}

}  // namespace airtight::crypto
