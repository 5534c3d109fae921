#include "sks/capabilities.h"

#include "base/algorithms.h"

namespace airtight::sks {
namespace {

constexpr std::array kAlgorithms = {
    uri::kSessionKey1,  uri::kKeyAttestation1, uri::kP256,                                                //
    uri::kAes128Cbc,    uri::kAes192Cbc,       uri::kAes256Cbc,    uri::kAesEcbNoPad, uri::kAesEcbPkcs5,  //
    uri::kHmacSha1,     uri::kHmacSha256,                                                                 //
    uri::kRsa15,        uri::kRsaOaep,         uri::kEcdhRaw,                                             //
    uri::kRsaSha1,      uri::kRsaSha256,       uri::kRsaSha384,    uri::kRsaSha512,                       //
    uri::kRsaPssSha256, uri::kRsaPssSha384,    uri::kRsaPssSha512,                                        //
    uri::kEcdsaSha256,  uri::kEcdsaSha384,     uri::kEcdsaSha512,
};

using crypto::Digest;
using crypto::SignatureScheme;

constexpr std::array kSignatures = {
    SignatureAlgorithm{uri::kRsaSha1, SignatureScheme::kRsaPkcs1, Digest::kSha1},
    SignatureAlgorithm{uri::kRsaSha256, SignatureScheme::kRsaPkcs1, Digest::kSha256},
    SignatureAlgorithm{uri::kRsaSha384, SignatureScheme::kRsaPkcs1, Digest::kSha384},
    SignatureAlgorithm{uri::kRsaSha512, SignatureScheme::kRsaPkcs1, Digest::kSha512},
    SignatureAlgorithm{uri::kRsaPssSha256, SignatureScheme::kRsaPss, Digest::kSha256},
    SignatureAlgorithm{uri::kRsaPssSha384, SignatureScheme::kRsaPss, Digest::kSha384},
    SignatureAlgorithm{uri::kRsaPssSha512, SignatureScheme::kRsaPss, Digest::kSha512},
    SignatureAlgorithm{uri::kEcdsaSha256, SignatureScheme::kEcdsaRaw, Digest::kSha256},
    SignatureAlgorithm{uri::kEcdsaSha384, SignatureScheme::kEcdsaRaw, Digest::kSha384},
    SignatureAlgorithm{uri::kEcdsaSha512, SignatureScheme::kEcdsaRaw, Digest::kSha512},
};

}  // namespace

std::span<const std::string_view> algorithms() { return kAlgorithms; }

std::optional<SignatureAlgorithm> signature_algorithm(std::string_view uri) {
  for (const SignatureAlgorithm& algorithm : kSignatures) {
    if (algorithm.uri == uri) return algorithm;
  }
  return std::nullopt;
}

}  // namespace airtight::sks
