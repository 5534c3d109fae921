#include "crypto/digest.h"

#include <algorithm>

#include "crypto/internal/openssl.h"

namespace airtight::crypto {
namespace {

constexpr std::size_t kBlock = 64;        // of SHA-1 and SHA-256
constexpr std::size_t kLargeBlock = 128;  // of SHA-384 and SHA-512

// Fetched once: OpenSSL 3 looks an algorithm up by name at each use otherwise.
const EVP_MD* implementation(Digest digest) {
  static const std::array<EVP_MD*, 4> kFetched = {EVP_MD_fetch(nullptr, "SHA1", nullptr), EVP_MD_fetch(nullptr, "SHA256", nullptr),
                                                  EVP_MD_fetch(nullptr, "SHA384", nullptr), EVP_MD_fetch(nullptr, "SHA512", nullptr)};
  return kFetched[static_cast<std::size_t>(digest)];
}

// Digest of `parts` into `out`, through a context that each thread keeps.
void digest_into(Digest digest, std::span<const ByteView> first, std::span<const ByteView> parts, std::span<std::byte> out) {
  static thread_local const DigestContext kContext(EVP_MD_CTX_new());
  EVP_MD_CTX* context = kContext.get();
  require(context != nullptr && EVP_DigestInit_ex2(context, implementation(digest), nullptr) == 1, "starting a digest");
  for (const auto& list : {first, parts}) {
    for (ByteView part : list) require(EVP_DigestUpdate(context, part.data(), part.size()) == 1, "digesting");
  }
  require(EVP_DigestFinal_ex(context, octets(out), nullptr) == 1, "finishing a digest");
}

// RFC 2104.
void hmac_into(Digest digest, ByteView key, std::span<const ByteView> parts, std::span<std::byte> out) {
  const std::size_t size = digest_size(digest);
  const std::size_t block_size = size > 32 ? kLargeBlock : kBlock;
  std::array<std::byte, kLargeBlock> storage{};
  const auto block = std::span(storage).first(block_size);
  if (key.size() > block_size) {
    digest_into(digest, {}, std::span(&key, 1), block.first(size));
  } else {
    std::ranges::copy(key, block.begin());
  }
  for (std::byte& b : block) b ^= std::byte{0x36};
  std::array<std::byte, 64> inner{};
  const ByteView inner_pad(block);
  digest_into(digest, std::span(&inner_pad, 1), parts, std::span(inner).first(size));
  for (std::byte& b : block) b ^= std::byte{0x36 ^ 0x5C};
  const ByteView outer_pad(block);
  const ByteView inner_view = ByteView(inner).first(size);
  digest_into(digest, std::span(&outer_pad, 1), std::span(&inner_view, 1), out);
  wipe(storage);
  wipe(inner);
}

}  // namespace

std::size_t digest_size(Digest digest) {
  switch (digest) {
    case Digest::kSha1: return 20;
    case Digest::kSha256: return 32;
    case Digest::kSha384: return 48;
    case Digest::kSha512: return 64;
  }
  return 0;
}

Bytes digest(Digest digest, std::initializer_list<ByteView> parts) {
  Bytes out(digest_size(digest));
  digest_into(digest, {}, std::span(parts.begin(), parts.size()), out);
  return out;
}

Sha256Value sha256(std::initializer_list<ByteView> parts) {
  Sha256Value out{};
  digest_into(Digest::kSha256, {}, std::span(parts.begin(), parts.size()), out);
  return out;
}

SecretBytes sha256_key(std::initializer_list<ByteView> parts) {
  SecretBytes out(32);
  digest_into(Digest::kSha256, {}, std::span(parts.begin(), parts.size()), out.expose_secret_for_writing());
  return out;
}

Bytes hmac(Digest digest, ByteView key, ByteView data) {
  Bytes out(digest_size(digest));
  hmac_into(digest, key, std::span(&data, 1), out);
  return out;
}

SecretBytes hkdf_expand(ByteView pseudo_random_key, ByteView info) {
  const std::byte first_block{1};
  return hmac_sha256_key(pseudo_random_key, {info, ByteView(&first_block, 1)});
}

Sha256Value hmac_sha256(ByteView key, std::span<const ByteView> parts) {
  Sha256Value out{};
  hmac_into(Digest::kSha256, key, parts, out);
  return out;
}

SecretBytes hmac_sha256_key(ByteView key, std::initializer_list<ByteView> parts) {
  SecretBytes out(32);
  hmac_into(Digest::kSha256, key, std::span(parts.begin(), parts.size()), out.expose_secret_for_writing());
  return out;
}

}  // namespace airtight::crypto
