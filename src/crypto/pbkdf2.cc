#include "crypto/pbkdf2.h"

#include <openssl/core_names.h>
#include <openssl/params.h>

#include <array>
#include <string>

#include "crypto/internal/openssl.h"

namespace airtight::crypto {
namespace {

std::string openssl_name(Digest digest) {
  switch (digest) {
    case Digest::kSha1: return "SHA1";
    case Digest::kSha256: return "SHA256";
    case Digest::kSha384: return "SHA384";
    case Digest::kSha512: return "SHA512";
  }
  return {};
}

}  // namespace

Result<SecretBytes> pbkdf2(Digest digest, ByteView passphrase, ByteView salt, std::uint32_t iterations, std::size_t size) {
  if (iterations == 0 || size == 0) return fail(Fault::kBadInput, "PBKDF2 needs iterations, and bytes to make");
  static EVP_KDF* const kPbkdf2 = EVP_KDF_fetch(nullptr, "PBKDF2", nullptr);
  const KdfContext context(EVP_KDF_CTX_new(kPbkdf2));
  require(context != nullptr, "starting PBKDF2");
  std::string name = openssl_name(digest);
  std::uint64_t count = iterations;
  int without_its_own_minima = 1;  // of salt, iterations and size: what is enough is the format's question
  // OpenSSL takes parameters through non-const pointers but does not write to them.
  const std::array parameters = {
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_PASSWORD, const_cast<std::byte*>(passphrase.data()), passphrase.size()),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, const_cast<std::byte*>(salt.data()), salt.size()),
      OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, name.data(), name.size()),
      OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_ITER, &count),
      OSSL_PARAM_construct_int(OSSL_KDF_PARAM_PKCS5, &without_its_own_minima),
      OSSL_PARAM_construct_end()};
  SecretBytes out(size);
  require(EVP_KDF_derive(context.get(), octets(out.expose_secret_for_writing()), size, parameters.data()) == 1, "running PBKDF2");
  return out;
}

}  // namespace airtight::crypto
