#include "crypto/cipher.h"

#include <openssl/core_names.h>
#include <openssl/params.h>

#include <array>

#include "base/constant_time.h"
#include "crypto/internal/openssl.h"

namespace airtight::crypto {
namespace {

constexpr std::size_t kNonce = 12;
constexpr std::size_t kTag = 16;
constexpr std::size_t kKey = 32;

const EVP_CIPHER* gcm() {
  static EVP_CIPHER* const kCipher = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
  return kCipher;
}

CipherContext start(const EVP_CIPHER* cipher, ByteView key, ByteView iv, int encrypting) {
  CipherContext context(EVP_CIPHER_CTX_new());
  require(context && key.size() == kKey && EVP_CipherInit_ex2(context.get(), cipher, octets(key), octets(iv), encrypting, nullptr) == 1,
          "starting a cipher");
  return context;
}

int as_int(std::size_t size) { return static_cast<int>(size); }

}  // namespace

Bytes encrypt_cbc(ByteView key, ByteView plain, RandomSource& random) {
  require(key.size() == kKey, "starting a cipher");
  Bytes out = random.bytes(kAesBlock);
  const SecretBytes blocks = pad_pkcs7(plain);
  const SecretBytes cipher_text = encrypt_aes(BlockMode::kCbc, key, out, blocks.expose_secret());
  append(out, cipher_text.expose_secret());
  return out;
}

SecretBytes decrypt_cbc_with_padding(ByteView key, ByteView iv_and_cipher) {
  require(key.size() == kKey, "starting a cipher");
  if (iv_and_cipher.size() < 2 * kAesBlock || iv_and_cipher.size() % kAesBlock != 0) return {};
  return decrypt_aes(BlockMode::kCbc, key, iv_and_cipher.first(kAesBlock), iv_and_cipher.subspan(kAesBlock));
}

Result<SecretBytes> decrypt_cbc(ByteView key, ByteView iv_and_cipher) {
  SecretBytes padded = decrypt_cbc_with_padding(key, iv_and_cipher);
  auto plain = padded.empty() ? std::nullopt : unpad(std::move(padded), Padding::kPkcs7);
  if (!plain) return airtight::fail(Fault::kRefused, "the encrypted data do not decrypt");
  return std::move(*plain);
}

Bytes seal_gcm(ByteView key, ByteView plain, ByteView context, RandomSource& random) {
  Bytes out(kNonce + plain.size() + kTag);
  random.fill(std::span(out).first(kNonce));
  const CipherContext cipher = start(gcm(), key, ByteView(out).first(kNonce), 1);
  int written = 0;
  unsigned char* at = octets(std::span(out)) + kNonce;
  require(EVP_CipherUpdate(cipher.get(), nullptr, &written, octets(context), as_int(context.size())) == 1, "sealing");
  require(EVP_CipherUpdate(cipher.get(), at, &written, octets(plain), as_int(plain.size())) == 1, "sealing");
  require(EVP_CipherFinal_ex(cipher.get(), at + written, &written) == 1, "sealing");
  require(EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_AEAD_GET_TAG, kTag, at + plain.size()) == 1, "sealing");
  declassify(out);  // a cipher text hides what is in it
  return out;
}

Result<SecretBytes> open_gcm(ByteView key, ByteView sealed, ByteView context) {
  const auto refused = [] {
    return airtight::fail(Fault::kRefused, "a sealed record does not open: it was changed, moved or sealed under another key");
  };
  if (sealed.size() < kNonce + kTag) return refused();
  const ByteView cipher_text = sealed.subspan(kNonce, sealed.size() - kNonce - kTag);
  Bytes tag = to_bytes(sealed.last(kTag));
  const CipherContext cipher = start(gcm(), key, sealed.first(kNonce), 0);
  SecretBytes plain(cipher_text.size());
  int written = 0;
  std::byte nothing{};  // OpenSSL wants an output pointer for an empty plain text too
  unsigned char* at = plain.empty() ? reinterpret_cast<unsigned char*>(&nothing) : octets(plain.expose_secret_for_writing());
  require(EVP_CipherUpdate(cipher.get(), nullptr, &written, octets(context), as_int(context.size())) == 1, "opening a sealed record");
  require(EVP_CipherUpdate(cipher.get(), at, &written, octets(cipher_text), as_int(cipher_text.size())) == 1, "opening a sealed record");
  require(EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_AEAD_SET_TAG, kTag, tag.data()) == 1, "opening a sealed record");
  if (EVP_CipherFinal_ex(cipher.get(), at + written, &written) != 1) {
    forget_openssl_errors();
    return refused();
  }
  return plain;
}

Result<SecretBytes> scrypt(ByteView passphrase, ByteView salt, const ScryptCost& cost, std::size_t size) {
  static EVP_KDF* const kScrypt = EVP_KDF_fetch(nullptr, "SCRYPT", nullptr);
  const KdfContext context(EVP_KDF_CTX_new(kScrypt));
  require(context != nullptr, "starting scrypt");
  std::uint64_t n = cost.n;
  std::uint64_t memory = 128 * cost.r * (cost.n + cost.p + 2);
  std::uint32_t r = cost.r;
  std::uint32_t p = cost.p;
  // OpenSSL takes parameters through non-const pointers but does not write to them.
  const std::array parameters = {
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_PASSWORD, const_cast<std::byte*>(passphrase.data()), passphrase.size()),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, const_cast<std::byte*>(salt.data()), salt.size()),
      OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_N, &n),
      OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_SCRYPT_R, &r),
      OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_SCRYPT_P, &p),
      OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_MAXMEM, &memory),
      OSSL_PARAM_construct_end()};
  SecretBytes out(size);
  if (EVP_KDF_derive(context.get(), octets(out.expose_secret_for_writing()), size, parameters.data()) != 1) {
    return openssl_failure(Fault::kBadInput, "scrypt does not take this cost");
  }
  return out;
}

}  // namespace airtight::crypto
