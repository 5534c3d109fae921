// OBJECT IDENTIFIERs of X.509, each spelled once in dotted form and encoded by the compiler, so that reading compares bytes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/bytes.h"

namespace airtight::crypto {

class ObjectId {
 public:
  consteval explicit ObjectId(std::string_view dotted) : dotted_(dotted) {
    std::uint32_t first = 0;
    unsigned index = 0;
    for (std::size_t at = 0; at < dotted.size(); ++index) {
      std::uint32_t arc = 0;
      for (; at < dotted.size() && dotted[at] != '.'; ++at) arc = arc * 10 + static_cast<std::uint32_t>(dotted[at] - '0');
      ++at;
      if (index == 0) {
        first = arc;
      } else {
        add_arc(index == 1 ? first * 40 + arc : arc);
      }
    }
  }

  [[nodiscard]] constexpr std::string_view dotted() const { return dotted_; }
  // What an element of der::Tag::kObjectId holds.
  [[nodiscard]] constexpr ByteView content() const { return {content_.data(), size_}; }
  [[nodiscard]] bool is(ByteView content) const { return equal(this->content(), content); }

 private:
  consteval void add_arc(std::uint32_t arc) {
    unsigned groups = 1;
    while ((arc >> (7 * groups)) != 0) ++groups;
    while (groups-- > 0) content_[size_++] = static_cast<std::byte>(((arc >> (7 * groups)) & 0x7F) | (groups > 0 ? 0x80U : 0U));
  }

  std::string_view dotted_;
  std::array<std::byte, 16> content_{};
  std::size_t size_ = 0;
};

// True for well-formed dotted text: at least two arcs, no leading zeros, first arcs in range (X.660), all within 63 bits.
[[nodiscard]] bool is_dotted_object_id(std::string_view text);

// True for well-formed content of an OBJECT IDENTIFIER (X.690, section 8.19) whose arcs fit into 63 bits, so that der::Reader can give it
// in dotted form.
[[nodiscard]] bool is_object_id(ByteView content);

namespace oid {

// Extensions (RFC 5280, section 4.2).
inline constexpr ObjectId kSubjectKeyIdentifier("2.5.29.14");
inline constexpr ObjectId kKeyUsage("2.5.29.15");
inline constexpr ObjectId kSubjectAltName("2.5.29.17");
inline constexpr ObjectId kBasicConstraints("2.5.29.19");
inline constexpr ObjectId kCrlDistributionPoints("2.5.29.31");
inline constexpr ObjectId kCertificatePolicies("2.5.29.32");
inline constexpr ObjectId kAuthorityKeyIdentifier("2.5.29.35");
inline constexpr ObjectId kExtendedKeyUsage("2.5.29.37");
inline constexpr ObjectId kAuthorityInfoAccess("1.3.6.1.5.5.7.1.1");
inline constexpr ObjectId kAccessOcsp("1.3.6.1.5.5.7.48.1");
inline constexpr ObjectId kAccessCaIssuers("1.3.6.1.5.5.7.48.2");

inline constexpr ObjectId kCrlNumber("2.5.29.20");
inline constexpr ObjectId kReasonCode("2.5.29.21");

// OCSP (RFC 6960, section 4.4; RFC 8954).
inline constexpr ObjectId kOcspBasic("1.3.6.1.5.5.7.48.1.1");
inline constexpr ObjectId kOcspNonce("1.3.6.1.5.5.7.48.1.2");
inline constexpr ObjectId kOcspNoCheck("1.3.6.1.5.5.7.48.1.5");

// The otherName of user principal names.
inline constexpr ObjectId kUserPrincipalName("1.3.6.1.4.1.311.20.2.3");

// The one attribute type that is read for its own sake besides those of names.
inline constexpr ObjectId kEmailAddress("1.2.840.113549.1.9.1");
inline constexpr ObjectId kCommonName("2.5.4.3");
inline constexpr ObjectId kOrganizationName("2.5.4.10");

// Signature algorithms (RFC 4055, RFC 5758) and what RSASSA-PSS is made of.
inline constexpr ObjectId kSha1WithRsa("1.2.840.113549.1.1.5");
inline constexpr ObjectId kRsaPss("1.2.840.113549.1.1.10");
inline constexpr ObjectId kSha256WithRsa("1.2.840.113549.1.1.11");
inline constexpr ObjectId kSha384WithRsa("1.2.840.113549.1.1.12");
inline constexpr ObjectId kSha512WithRsa("1.2.840.113549.1.1.13");
inline constexpr ObjectId kEcdsaWithSha1("1.2.840.10045.4.1");
inline constexpr ObjectId kEcdsaWithSha256("1.2.840.10045.4.3.2");
inline constexpr ObjectId kEcdsaWithSha384("1.2.840.10045.4.3.3");
inline constexpr ObjectId kEcdsaWithSha512("1.2.840.10045.4.3.4");
inline constexpr ObjectId kSha1("1.3.14.3.2.26");
inline constexpr ObjectId kMgf1("1.2.840.113549.1.1.8");
inline constexpr ObjectId kSha256("2.16.840.1.101.3.4.2.1");
inline constexpr ObjectId kSha384("2.16.840.1.101.3.4.2.2");
inline constexpr ObjectId kSha512("2.16.840.1.101.3.4.2.3");

}  // namespace oid
}  // namespace airtight::crypto
