#include "sks/capabilities.h"

#include <algorithm>

#include "base/algorithms.h"

namespace airtight::sks {
namespace {

using crypto::BlockMode;
using crypto::Digest;
using crypto::Padding;
using crypto::RsaEncryption;
using crypto::SignatureScheme;

// The most used ones first.
constexpr std::array kSignatures = {
    SignatureAlgorithm{uri::kEcdsaSha256, SignatureScheme::kEcdsaRaw, Digest::kSha256},
    SignatureAlgorithm{uri::kRsaSha256, SignatureScheme::kRsaPkcs1, Digest::kSha256},
    SignatureAlgorithm{uri::kRsaSha1, SignatureScheme::kRsaPkcs1, Digest::kSha1},
    SignatureAlgorithm{uri::kRsaSha384, SignatureScheme::kRsaPkcs1, Digest::kSha384},
    SignatureAlgorithm{uri::kRsaSha512, SignatureScheme::kRsaPkcs1, Digest::kSha512},
    SignatureAlgorithm{uri::kRsaPssSha256, SignatureScheme::kRsaPss, Digest::kSha256},
    SignatureAlgorithm{uri::kRsaPssSha384, SignatureScheme::kRsaPss, Digest::kSha384},
    SignatureAlgorithm{uri::kRsaPssSha512, SignatureScheme::kRsaPss, Digest::kSha512},
    SignatureAlgorithm{uri::kEcdsaSha384, SignatureScheme::kEcdsaRaw, Digest::kSha384},
    SignatureAlgorithm{uri::kEcdsaSha512, SignatureScheme::kEcdsaRaw, Digest::kSha512},
};

constexpr std::array kCiphers = {
    SymmetricCipher{uri::kAes128Cbc, BlockMode::kCbc, 16, Padding::kXmlEncryption},
    SymmetricCipher{uri::kAes192Cbc, BlockMode::kCbc, 24, Padding::kXmlEncryption},
    SymmetricCipher{uri::kAes256Cbc, BlockMode::kCbc, 32, Padding::kXmlEncryption},
    SymmetricCipher{uri::kAesEcbNoPad, BlockMode::kEcb, 0, std::nullopt},
    SymmetricCipher{uri::kAesEcbPkcs5, BlockMode::kEcb, 0, Padding::kPkcs7},
};

constexpr std::array kHmacs = {
    HmacAlgorithm{uri::kHmacSha1, Digest::kSha1},
    HmacAlgorithm{uri::kHmacSha256, Digest::kSha256},
};

constexpr std::array kDecryptions = {
    DecryptionAlgorithm{uri::kRsa15, RsaEncryption::kPkcs1},
    DecryptionAlgorithm{uri::kRsaOaep, RsaEncryption::kOaepSha1},
};

template <typename List>
auto find(const List& list, std::string_view uri) -> decltype(list.data()) {
  const auto found = std::ranges::find_if(list, [&](const auto& algorithm) { return algorithm.uri == uri; });
  return found == list.end() ? nullptr : &*found;
}

}  // namespace

std::vector<std::string_view> algorithms(const StoreOptions& options) {
  std::vector<std::string_view> out = {uri::kSessionKey1};
  if (options.sk2) out.push_back(uri::kSessionKey2);
  out.insert(out.end(), {uri::kKeyAttestation1, uri::kP256});
  if (options.p384) out.push_back(uri::kP384);
  if (options.p521) out.push_back(uri::kP521);
  out.insert(out.end(), {uri::kAes128Cbc,    uri::kAes192Cbc,    uri::kAes256Cbc,    uri::kAesEcbNoPad, uri::kAesEcbPkcs5,  //
                         uri::kHmacSha1,     uri::kHmacSha256,                                                              //
                         uri::kRsa15,        uri::kRsaOaep,      uri::kEcdhRaw,                                             //
                         uri::kRsaSha1,      uri::kRsaSha256,    uri::kRsaSha384,    uri::kRsaSha512,                       //
                         uri::kRsaPssSha256, uri::kRsaPssSha384, uri::kRsaPssSha512,                                        //
                         uri::kEcdsaSha256,  uri::kEcdsaSha384,  uri::kEcdsaSha512});
  return out;
}

const SignatureAlgorithm* signature_algorithm(std::string_view uri) { return find(kSignatures, uri); }
const SymmetricCipher* symmetric_cipher(std::string_view uri) { return find(kCiphers, uri); }
const HmacAlgorithm* hmac_algorithm(std::string_view uri) { return find(kHmacs, uri); }
const DecryptionAlgorithm* decryption_algorithm(std::string_view uri) { return find(kDecryptions, uri); }

bool fits_symmetric_key(std::string_view uri, std::size_t key_size) {
  if (hmac_algorithm(uri) != nullptr) return key_size >= 1;
  const SymmetricCipher* const cipher = symmetric_cipher(uri);
  if (cipher == nullptr) return false;
  return cipher->key_size == 0 ? crypto::is_aes_key_size(key_size) : key_size == cipher->key_size;
}

std::optional<crypto::Curve> key_curve(const StoreOptions& options, std::string_view uri) {
  if (uri == uri::kP256) return crypto::Curve::kP256;
  if (uri == uri::kP384 && options.p384) return crypto::Curve::kP384;
  if (uri == uri::kP521 && options.p521) return crypto::Curve::kP521;
  return std::nullopt;
}

}  // namespace airtight::sks
