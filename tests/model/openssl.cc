#include "tests/model/openssl.h"

#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <memory>
#include <string>

#include "base/algorithms.h"
#include "base/c_handle.h"

namespace airtight::sks::model::openssl {
namespace {

using Pkey = CHandle<EVP_PKEY, EVP_PKEY_free>;
using PkeyContext = CHandle<EVP_PKEY_CTX, EVP_PKEY_CTX_free>;

const unsigned char* data_of(ByteView bytes) { return reinterpret_cast<const unsigned char*>(bytes.data()); }
unsigned char* data_of(Bytes& bytes) { return reinterpret_cast<unsigned char*>(bytes.data()); }

Pkey public_key(ByteView spki) {
  const unsigned char* at = data_of(spki);
  return Pkey(d2i_PUBKEY(nullptr, &at, static_cast<long>(spki.size())));
}

Pkey private_key(ByteView pkcs8) {
  const unsigned char* at = data_of(pkcs8);
  return Pkey(d2i_AutoPrivateKey(nullptr, &at, static_cast<long>(pkcs8.size())));
}

// r || s as DER.
std::optional<Bytes> ecdsa_der(ByteView raw) {
  if (raw.size() % 2 != 0) return std::nullopt;
  const CHandle<ECDSA_SIG, ECDSA_SIG_free> signature(ECDSA_SIG_new());
  const int half = static_cast<int>(raw.size() / 2);
  ECDSA_SIG_set0(signature.get(), BN_bin2bn(data_of(raw), half, nullptr), BN_bin2bn(data_of(raw) + half, half, nullptr));
  Bytes der(static_cast<std::size_t>(i2d_ECDSA_SIG(signature.get(), nullptr)));
  unsigned char* at = data_of(der);
  i2d_ECDSA_SIG(signature.get(), &at);
  return der;
}

const EVP_MD* digest_of(std::string_view uri) {
  if (uri == uri::kRsaSha1) return EVP_sha1();
  if (uri.find("sha384") != std::string_view::npos) return EVP_sha384();
  if (uri.find("sha512") != std::string_view::npos) return EVP_sha512();
  return EVP_sha256();
}

int padding_of(RsaPadding padding) { return padding == RsaPadding::kOaepSha1 ? RSA_PKCS1_OAEP_PADDING : RSA_NO_PADDING; }

// 00 02, at least eight bytes other than 0, 00, message (RFC 8017 section 7.2.2).
std::optional<Bytes> pkcs1_message(const Bytes& block) {
  if (block.size() < 11 || block[0] != std::byte{0} || block[1] != std::byte{2}) return std::nullopt;
  std::size_t end = 2;
  while (end < block.size() && block[end] != std::byte{0}) ++end;
  if (end == block.size() || end < 10) return std::nullopt;
  return Bytes(block.begin() + static_cast<std::ptrdiff_t>(end) + 1, block.end());
}

}  // namespace

Bytes hmac(const char* digest, ByteView key, ByteView data) {
  Bytes out(EVP_MAX_MD_SIZE);
  unsigned size = 0;
  static const unsigned char kNothing = 0;  // an empty key is a key, not none
  HMAC(EVP_get_digestbyname(digest), key.empty() ? &kNothing : data_of(key), static_cast<int>(key.size()), data_of(data), data.size(),
       data_of(out), &size);
  out.resize(size);
  return out;
}

std::optional<Bytes> aes(Direction direction, ByteView key, ByteView iv, ByteView data) {
  const std::string name = "AES-" + std::to_string(key.size() * 8) + (iv.empty() ? "-ECB" : "-CBC");
  const EVP_CIPHER* const cipher = EVP_get_cipherbyname(name.c_str());
  if (cipher == nullptr || data.size() % 16 != 0) return std::nullopt;
  const CHandle<EVP_CIPHER_CTX, EVP_CIPHER_CTX_free> context(EVP_CIPHER_CTX_new());
  EVP_CipherInit_ex(context.get(), cipher, nullptr, data_of(key), iv.empty() ? nullptr : data_of(iv),
                    direction == Direction::kEncrypt ? 1 : 0);
  EVP_CIPHER_CTX_set_padding(context.get(), 0);
  Bytes out(data.size());
  int size = 0;
  if (!data.empty()) EVP_CipherUpdate(context.get(), data_of(out), &size, data_of(data), static_cast<int>(data.size()));
  return out;
}

bool verify_hash(ByteView spki, std::string_view uri, ByteView hash, ByteView signature) {
  const Pkey key = public_key(spki);
  if (!key) return false;
  const bool is_ec = EVP_PKEY_get_base_id(key.get()) == EVP_PKEY_EC;
  Bytes form = to_bytes(signature);
  if (is_ec) {
    const std::size_t coordinate = static_cast<std::size_t>(EVP_PKEY_get_bits(key.get()) + 7) / 8;
    const auto der = ecdsa_der(signature);
    if (signature.size() != 2 * coordinate || !der) return false;
    form = *der;
  }
  const PkeyContext context(EVP_PKEY_CTX_new(key.get(), nullptr));
  if (EVP_PKEY_verify_init(context.get()) != 1 || EVP_PKEY_CTX_set_signature_md(context.get(), digest_of(uri)) != 1) return false;
  if (uri.find("MGF1") != std::string_view::npos) {
    if (EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_PSS_PADDING) != 1 ||
        EVP_PKEY_CTX_set_rsa_pss_saltlen(context.get(), RSA_PSS_SALTLEN_DIGEST) != 1) {
      return false;
    }
  }
  const bool ok = EVP_PKEY_verify(context.get(), data_of(form), form.size(), data_of(hash), hash.size()) == 1;
  ERR_clear_error();
  return ok;
}

std::optional<Bytes> rsa_encrypt(ByteView spki, RsaPadding padding, ByteView plain) {
  const Pkey key = public_key(spki);
  const PkeyContext context(key ? EVP_PKEY_CTX_new(key.get(), nullptr) : nullptr);
  if (!context) return std::nullopt;
  EVP_PKEY_encrypt_init(context.get());
  EVP_PKEY_CTX_set_rsa_padding(context.get(), padding == RsaPadding::kPkcs1 ? RSA_PKCS1_PADDING : padding_of(padding));
  Bytes out(static_cast<std::size_t>(EVP_PKEY_get_size(key.get())));
  std::size_t size = out.size();
  const bool ok = EVP_PKEY_encrypt(context.get(), data_of(out), &size, data_of(plain), plain.size()) == 1;
  ERR_clear_error();
  if (!ok) return std::nullopt;
  out.resize(size);
  return out;
}

std::optional<Bytes> rsa_decrypt(ByteView pkcs8, RsaPadding padding, ByteView cipher) {
  const Pkey key = private_key(pkcs8);
  const PkeyContext context(key ? EVP_PKEY_CTX_new(key.get(), nullptr) : nullptr);
  if (!context || EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_RSA) return std::nullopt;
  EVP_PKEY_decrypt_init(context.get());
  EVP_PKEY_CTX_set_rsa_padding(context.get(), padding_of(padding));
  Bytes out(static_cast<std::size_t>(EVP_PKEY_get_size(key.get())));
  std::size_t size = out.size();
  const bool ok = EVP_PKEY_decrypt(context.get(), data_of(out), &size, data_of(cipher), cipher.size()) == 1;
  ERR_clear_error();
  if (!ok) return std::nullopt;
  out.resize(size);
  return padding == RsaPadding::kPkcs1 ? pkcs1_message(out) : out;
}

std::size_t rsa_size(ByteView spki) {
  const Pkey key = public_key(spki);
  if (!key || EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_RSA) return 0;
  return static_cast<std::size_t>(EVP_PKEY_get_size(key.get()));
}

}  // namespace airtight::sks::model::openssl
