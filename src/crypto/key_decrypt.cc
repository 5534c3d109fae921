// RSA decryption, over OpenSSL's raw operation (which is blinded) and its OAEP.
#include <openssl/core_names.h>
#include <openssl/rsa.h>

#include "crypto/internal/key_parts.h"
#include "crypto/internal/rsa_rejection.h"

namespace airtight::crypto {
namespace {

// What EVP_PKEY_decrypt makes of `encrypted` under `padding`.
Result<SecretBytes> run(EVP_PKEY* pkey, int padding, ByteView encrypted) {
  const PkeyContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, pkey, nullptr));
  require(context && EVP_PKEY_decrypt_init(context.get()) == 1 && EVP_PKEY_CTX_set_rsa_padding(context.get(), padding) == 1,
          "starting to decrypt");
  if (padding == RSA_PKCS1_OAEP_PADDING) {
    require(EVP_PKEY_CTX_set_rsa_oaep_md(context.get(), EVP_sha1()) == 1 && EVP_PKEY_CTX_set_rsa_mgf1_md(context.get(), EVP_sha1()) == 1,
            "starting to decrypt");
  }
  SecretBytes out(static_cast<std::size_t>(EVP_PKEY_get_size(pkey)));
  std::size_t size = out.size();
  if (EVP_PKEY_decrypt(context.get(), octets(out.expose_secret_for_writing()), &size, octets(encrypted), encrypted.size()) != 1) {
    forget_openssl_errors();
    return airtight::fail(Fault::kRefused, "the data do not decrypt with this key");
  }
  out.truncate(size);
  return out;
}

SecretBytes secret_exponent(const EVP_PKEY* pkey, std::size_t size) {
  BIGNUM* number = BN_secure_new();
  const CHandle<BIGNUM, BN_clear_free> owner(number);
  SecretBytes out(size);
  require(number != nullptr && EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_D, &number) == 1 &&
              BN_bn2binpad(number, octets(out.expose_secret_for_writing()), static_cast<int>(size)) == static_cast<int>(size),
          "reading a private key");
  return out;
}

}  // namespace

Result<SecretBytes> PrivateKey::decrypt(RsaEncryption scheme, ByteView encrypted) const {
  if (public_key().type() != KeyAlgorithmType::kRsa) return airtight::fail(Fault::kRefused, "only an RSA key decrypts");
  EVP_PKEY* pkey = parsed_->pkey.get();
  if (encrypted.size() != static_cast<std::size_t>(EVP_PKEY_get_size(pkey))) {
    return airtight::fail(Fault::kRefused, "the encrypted data are not as long as the modulus of the key");
  }
  if (scheme == RsaEncryption::kOaepSha1) return run(pkey, RSA_PKCS1_OAEP_PADDING, encrypted);
  const SecretBytes block = TRY(run(pkey, RSA_NO_PADDING, encrypted));
  const SecretBytes exponent = secret_exponent(pkey, block.size());
  return open_pkcs1_block(exponent.expose_secret(), encrypted, block.expose_secret());
}

}  // namespace airtight::crypto
