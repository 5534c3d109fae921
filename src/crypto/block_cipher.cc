#include "crypto/block_cipher.h"

#include <algorithm>
#include <array>

#include "base/constant_time.h"
#include "crypto/internal/openssl.h"

namespace airtight::crypto {
namespace {

// Fetched once: OpenSSL 3 looks an algorithm up by name at each use otherwise.
const EVP_CIPHER* implementation(BlockMode mode, std::size_t key_size) {
  static const std::array<EVP_CIPHER*, 6> kFetched = {
      EVP_CIPHER_fetch(nullptr, "AES-128-ECB", nullptr), EVP_CIPHER_fetch(nullptr, "AES-192-ECB", nullptr),
      EVP_CIPHER_fetch(nullptr, "AES-256-ECB", nullptr), EVP_CIPHER_fetch(nullptr, "AES-128-CBC", nullptr),
      EVP_CIPHER_fetch(nullptr, "AES-192-CBC", nullptr), EVP_CIPHER_fetch(nullptr, "AES-256-CBC", nullptr)};
  return kFetched[(mode == BlockMode::kCbc ? 3U : 0U) + (key_size - 16) / 8];
}

enum class Direction : int { kDecrypt = 0, kEncrypt = 1 };

SecretBytes run(Direction direction, BlockMode mode, ByteView key, ByteView iv, ByteView blocks) {
  require(is_aes_key_size(key.size()) && blocks.size() % kAesBlock == 0 && iv.size() == (mode == BlockMode::kCbc ? kAesBlock : 0),
          "starting AES");
  SecretBytes out(blocks.size());
  if (blocks.empty()) return out;
  const CipherContext context(EVP_CIPHER_CTX_new());
  require(context && EVP_CipherInit_ex2(context.get(), implementation(mode, key.size()), octets(key), iv.empty() ? nullptr : octets(iv),
                                        static_cast<int>(direction), nullptr) == 1,
          "starting AES");
  EVP_CIPHER_CTX_set_padding(context.get(), 0);
  int written = 0;
  require(EVP_CipherUpdate(context.get(), octets(out.expose_secret_for_writing()), &written, octets(blocks),
                           static_cast<int>(blocks.size())) == 1 &&
              static_cast<std::size_t>(written) == out.size(),
          "running AES");
  return out;
}

}  // namespace

bool is_aes_key_size(std::size_t size) { return size == 16 || size == 24 || size == 32; }

SecretBytes encrypt_aes(BlockMode mode, ByteView key, ByteView iv, ByteView blocks) {
  return run(Direction::kEncrypt, mode, key, iv, blocks);
}

SecretBytes decrypt_aes(BlockMode mode, ByteView key, ByteView iv, ByteView blocks) {
  return run(Direction::kDecrypt, mode, key, iv, blocks);
}

SecretBytes pad_pkcs7(ByteView plain) {
  const std::size_t count = kAesBlock - plain.size() % kAesBlock;
  SecretBytes out(plain.size() + count);
  const auto all = out.expose_secret_for_writing();
  std::ranges::copy(plain, all.begin());
  std::ranges::fill(all.last(count), static_cast<std::byte>(count));
  return out;
}

std::uint32_t padding_size(ByteView padded, Padding padding) {
  using constant_time::Mask;
  const ByteView last = padded.last(kAesBlock);
  const std::uint32_t count = std::to_integer<std::uint32_t>(last[kAesBlock - 1]);
  Mask right = ~constant_time::is_zero(count) & constant_time::less(count, kAesBlock + 1);
  if (padding == Padding::kPkcs7) {
    for (std::uint32_t i = 0; i < kAesBlock; ++i) {
      const Mask in_padding = constant_time::less(i, count);
      right &= ~in_padding | constant_time::equal(std::to_integer<std::uint32_t>(last[kAesBlock - 1 - i]), count);
    }
  }
  return constant_time::choose(right, count, 0);
}

std::optional<SecretBytes> unpad(SecretBytes padded, Padding padding) {
  const std::uint32_t count = declassified(padding_size(padded.expose_secret(), padding));  // what is left, or nothing, is the answer
  if (count == 0) return std::nullopt;
  padded.truncate(padded.size() - count);
  return padded;
}

}  // namespace airtight::crypto
