// Algorithm URIs, as the SKS document's "Algorithm Support" and sks.md section 10 name them. One place spells each of them.
#pragma once

#include <string_view>

namespace airtight::uri {

inline constexpr std::string_view kSessionKey1 = "http://xmlns.webpki.org/keygen2/1.0#algorithm.sk1";
inline constexpr std::string_view kSessionKey2 = "urn:airtight:sks:algorithm:sk2";
inline constexpr std::string_view kKeyAttestation1 = "http://xmlns.webpki.org/keygen2/1.0#algorithm.ka1";
inline constexpr std::string_view kP256 = "urn:oid:1.2.840.10045.3.1.7";
inline constexpr std::string_view kP384 = "urn:oid:1.3.132.0.34";
inline constexpr std::string_view kP521 = "urn:oid:1.3.132.0.35";

inline constexpr std::string_view kRsaSha1 = "http://www.w3.org/2000/09/xmldsig#rsa-sha1";
inline constexpr std::string_view kRsaSha256 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256";
inline constexpr std::string_view kRsaSha384 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha384";
inline constexpr std::string_view kRsaSha512 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512";
inline constexpr std::string_view kRsaPssSha256 = "http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1";
inline constexpr std::string_view kRsaPssSha384 = "http://www.w3.org/2007/05/xmldsig-more#sha384-rsa-MGF1";
inline constexpr std::string_view kRsaPssSha512 = "http://www.w3.org/2007/05/xmldsig-more#sha512-rsa-MGF1";
inline constexpr std::string_view kEcdsaSha256 = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256";
inline constexpr std::string_view kEcdsaSha384 = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384";
inline constexpr std::string_view kEcdsaSha512 = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha512";
inline constexpr std::string_view kHmacSha1 = "http://www.w3.org/2000/09/xmldsig#hmac-sha1";
inline constexpr std::string_view kHmacSha256 = "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256";

inline constexpr std::string_view kAes128Cbc = "http://www.w3.org/2001/04/xmlenc#aes128-cbc";
inline constexpr std::string_view kAes192Cbc = "http://www.w3.org/2001/04/xmlenc#aes192-cbc";
inline constexpr std::string_view kAes256Cbc = "http://www.w3.org/2001/04/xmlenc#aes256-cbc";
inline constexpr std::string_view kAesEcbNoPad = "http://xmlns.webpki.org/keygen2/1.0#algorithm.aes.ecb.nopad";
inline constexpr std::string_view kAesEcbPkcs5 = "http://xmlns.webpki.org/keygen2/1.0#algorithm.aes.ecb.pkcs5";
inline constexpr std::string_view kRsa15 = "http://www.w3.org/2001/04/xmlenc#rsa-1_5";
inline constexpr std::string_view kRsaOaep = "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p";
inline constexpr std::string_view kEcdhRaw = "http://xmlns.webpki.org/keygen2/1.0#algorithm.ecdh.raw";

}  // namespace airtight::uri
