// The names that a PSKC container is written and read with: namespaces, and what stands for the algorithms of its keys (RFC 6030). Those
// who read one and those who write one have them from here.
#pragma once

#include <array>
#include <string_view>

#include "crypto/digest.h"

namespace airtight::otp::internal {

inline constexpr std::string_view kPskc = "urn:ietf:params:xml:ns:keyprov:pskc";
inline constexpr std::string_view kSignature = "http://www.w3.org/2000/09/xmldsig#";
inline constexpr std::string_view kEncryption = "http://www.w3.org/2001/04/xmlenc#";
inline constexpr std::string_view kEncryption11 = "http://www.w3.org/2009/xmlenc11#";
inline constexpr std::string_view kPkcs5 = "http://www.rsasecurity.com/rsalabs/pkcs/schemas/pkcs-5v2-0#";

inline constexpr std::string_view kPkcs5Pbkdf2 = "http://www.rsasecurity.com/rsalabs/pkcs/schemas/pkcs-5v2-0#pbkdf2";
inline constexpr std::string_view kHotpAlgorithm = "urn:ietf:params:xml:ns:keyprov:pskc:hotp";
inline constexpr std::string_view kTotpAlgorithm = "urn:ietf:params:xml:ns:keyprov:pskc:totp";

// The HMAC of a key; without a Suite it is the first.
struct Suite {
  std::string_view name;
  crypto::Digest digest;
};
inline constexpr std::array kSuites = {Suite{"HMAC-SHA1", crypto::Digest::kSha1}, Suite{"HMAC-SHA256", crypto::Digest::kSha256},
                                       Suite{"HMAC-SHA512", crypto::Digest::kSha512}};

}  // namespace airtight::otp::internal
