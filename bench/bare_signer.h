// The signature primitive without anything around it: a parsed key and a prepared context, as a caller of OpenSSL would keep them.
#pragma once

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include <array>

#include "base/c_handle.h"
#include "bench/measure.h"

namespace airtight::bench {

using EvpKey = CHandle<EVP_PKEY, EVP_PKEY_free>;
using EvpContext = CHandle<EVP_PKEY_CTX, EVP_PKEY_CTX_free>;

inline EvpKey new_rsa() { return EvpKey(EVP_RSA_gen(2048)); }
inline EvpKey new_p256() { return EvpKey(EVP_EC_gen("P-256")); }

class BareSigner {
 public:
  BareSigner(EvpKey key, bool rsa) : key_(std::move(key)), context_(EVP_PKEY_CTX_new(key_.get(), nullptr)) {
    must(EVP_PKEY_sign_init(context_.get()) == 1, "EVP_PKEY_sign_init");
    if (rsa) must(EVP_PKEY_CTX_set_rsa_padding(context_.get(), RSA_PKCS1_PADDING) == 1, "padding");
    must(EVP_PKEY_CTX_set_signature_md(context_.get(), EVP_sha256()) == 1, "digest");
  }
  void sign() {
    std::size_t size = signature_.size();
    must(EVP_PKEY_sign(context_.get(), signature_.data(), &size, hash_.data(), hash_.size()) == 1, "EVP_PKEY_sign");
  }

 private:
  EvpKey key_;
  EvpContext context_;
  std::array<unsigned char, 32> hash_{};
  std::array<unsigned char, 512> signature_{};
};

}  // namespace airtight::bench
