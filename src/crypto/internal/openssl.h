// OpenSSL's C handles as owning pointers, and the one place where its return codes become errors.
#pragma once

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>

#include <string_view>

#include "base/bytes.h"
#include "base/c_handle.h"
#include "base/result.h"

namespace airtight::crypto {

using PkeyHandle = CHandle<EVP_PKEY, EVP_PKEY_free>;
using PkeyContext = CHandle<EVP_PKEY_CTX, EVP_PKEY_CTX_free>;
using DigestContext = CHandle<EVP_MD_CTX, EVP_MD_CTX_free>;
using CipherContext = CHandle<EVP_CIPHER_CTX, EVP_CIPHER_CTX_free>;
using MacContext = CHandle<EVP_MAC_CTX, EVP_MAC_CTX_free>;
using KdfContext = CHandle<EVP_KDF_CTX, EVP_KDF_CTX_free>;

[[nodiscard]] inline const unsigned char* octets(ByteView bytes) { return reinterpret_cast<const unsigned char*>(bytes.data()); }
[[nodiscard]] inline unsigned char* octets(std::span<std::byte> bytes) { return reinterpret_cast<unsigned char*>(bytes.data()); }

// Drains OpenSSL's error queue into an error of `fault`: "<what>: <OpenSSL's first reason>".
[[nodiscard]] Failure openssl_failure(Fault fault, std::string_view what);

// Clears the queue after an expected failure.
void forget_openssl_errors();

// For calls that fail only for lack of memory or by a bug: throws std::runtime_error with OpenSSL's reason.
void require(bool ok, std::string_view what);

}  // namespace airtight::crypto
