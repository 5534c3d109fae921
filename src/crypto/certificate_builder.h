// Makes X.509 certificates. ca/ decides what goes in and is the only caller outside tests; this writes it.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"
#include "crypto/certificate.h"
#include "crypto/key.h"
#include "crypto/signer.h"

namespace airtight::crypto {

// Bits of RFC 5280 KeyUsage, most significant bit first.
enum class KeyUsageBit : std::uint16_t {
  kDigitalSignature = 0x8000,
  kNonRepudiation = 0x4000,
  kKeyEncipherment = 0x2000,
  kDataEncipherment = 0x1000,
  kKeyAgreement = 0x0800,
  kKeyCertSign = 0x0400,
  kCrlSign = 0x0200,
};

struct CertificateContent {
  Bytes serial;  // magnitude, 1-20 bytes
  Bytes subject_der;
  Bytes issuer_der;
  Instant not_before;
  Instant not_after;
  Bytes spki;
  bool ca = false;
  std::optional<unsigned> path_length = {};          // with ca only
  std::uint16_t key_usage = 0;                       // KeyUsageBit ORed; critical; absent if 0
  std::vector<std::string> extended_key_usage = {};  // dotted OIDs
  std::vector<std::string> policies = {};            // dotted OIDs
  std::vector<std::string> dns_names = {};
  std::vector<std::string> ip_addresses = {};  // "127.0.0.1", "::1"
  std::vector<std::string> emails = {};
  std::vector<std::string> uris = {};
  std::vector<std::string> upns = {};  // user principal names, Microsoft's otherName: "jane@example.com"
  bool ocsp_no_check = false;          // id-pkix-ocsp-nocheck (RFC 6960, section 4.2.2.2.1)
  std::vector<std::string> crl_urls = {};
  std::vector<std::string> ocsp_urls = {};
  std::vector<std::string> issuer_urls = {};
  std::optional<Bytes> authority_key_id = {};  // subjectKeyIdentifier of the issuer
};

// True for a dotted OBJECT IDENTIFIER such as "1.3.6.1.5.5.7.3.2".
[[nodiscard]] bool is_object_id_text(std::string_view text);

// Fault::kBadInput for the first alternative name of `content` that cannot stand in a certificate.
[[nodiscard]] Result<> check_alternative_names(const CertificateContent& content);

// Signs `content`, with the issuer key's own scheme and the hash that x509_digest() gives. Adds subjectKeyIdentifier (SHA-1 of the key
// bits, RFC 5280 4.2.1.2).
[[nodiscard]] Result<Certificate> sign_certificate(const CertificateContent& content, const Signer& issuer_key);
[[nodiscard]] inline Result<Certificate> sign_certificate(const CertificateContent& content, const PrivateKey& issuer_key) {
  return sign_certificate(content, KeySigner(issuer_key));
}

// The bits of the key in a SubjectPublicKeyInfo, a view into it.
[[nodiscard]] Result<ByteView> key_bits(ByteView spki);

// The subjectKeyIdentifier that sign_certificate gives a key.
[[nodiscard]] Result<Bytes> key_identifier(ByteView spki);

// A Name from RFC 4514 text such as "CN=Jane Doe,O=Example Bank,C=SE" (types CN, O, OU, C, L, ST, serialNumber, emailAddress, DC, UID, SN,
// GN, title, street, in any case, and dotted OIDs; values with 4514's escapes). Spaces around separators are allowed; "" is the empty Name.
// Fault::kBadInput says what is wrong where, values beyond the upper bounds of RFC 5280 included.
[[nodiscard]] Result<Bytes> name_from_text(std::string_view text);

// A Name from attributes as they are, without escapes, the most general one first: {{"O", "Example Bank"}, {"CN", "Doe, Jane"}}. The same
// rules.
struct NameAttribute {
  std::string_view type;
  std::string_view value;
};
[[nodiscard]] Result<Bytes> name_from_attributes(std::initializer_list<NameAttribute> attributes);

// `value` as RFC 4514 text that stands for it and nothing else, wherever an attribute's value may stand.
[[nodiscard]] std::string escape_name_value(std::string_view value);

// The attributes of a Name that have a named type and are text, the most general one first, as name_from_attributes() takes them.
struct NameText {
  std::string type;
  std::string value;
};
[[nodiscard]] Result<std::vector<NameText>> name_attributes(ByteView name_der);

// RFC 4514 text in UTF-8, leaf first. Control characters and those that turn the direction of text are escaped in hex, so that a name
// cannot forge what is shown around it.
[[nodiscard]] Result<std::string> name_to_text(ByteView name_der);

}  // namespace airtight::crypto
