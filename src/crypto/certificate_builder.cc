#include "crypto/certificate_builder.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "crypto/der.h"
#include "crypto/digest.h"
#include "crypto/internal/name.h"
#include "crypto/internal/object_ids.h"
#include "crypto/internal/signature_algorithm.h"
#include "crypto/internal/write_fields.h"

namespace airtight::crypto {
namespace {

using der::Tag;
using der::Writer;

constexpr std::uint64_t kVersion3 = 2;

Failure bad(std::string what) { return fail(Fault::kBadInput, "a certificate cannot be made: " + std::move(what)); }

bool is_visible_ascii(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7F; });
}

// A host name of letters, digits, hyphens and dots, perhaps with a wildcard as its first label.
bool is_dns_name(std::string_view text) {
  if (text.starts_with("*.")) text.remove_prefix(2);
  if (text.empty() || text.size() > 253 || text.front() == '.' || text.back() == '.' || text.find("..") != std::string_view::npos)
    return false;
  return std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
  });
}

bool is_email(std::string_view text) {
  const std::size_t at = text.find('@');
  return is_visible_ascii(text) && at != std::string_view::npos && at > 0 && at + 1 < text.size() &&
         text.find('@', at + 1) == std::string_view::npos;
}

// A scheme and something behind it (RFC 3986, section 3.1).
bool is_uri(std::string_view text) {
  const std::size_t colon = text.find(':');
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  if (!is_visible_ascii(text) || colon == std::string_view::npos || colon + 1 == text.size() || !is_letter(text[0])) return false;
  return std::ranges::all_of(text.substr(0, colon),
                             [&](char c) { return is_letter(c) || (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.'; });
}

// Something on either side of one @, in UTF-8 without spaces and control characters.
bool is_upn(std::string_view text) {
  const std::size_t at = text.find('@');
  if (at == std::string_view::npos || at == 0 || at + 1 == text.size() || text.find('@', at + 1) != std::string_view::npos) return false;
  return text.size() <= 1024 && is_utf8(bytes_of(text)) &&
         std::ranges::none_of(text, [](char c) { return static_cast<unsigned char>(c) <= 0x20 || c == 0x7F; });
}

bool has_alternative_names(const CertificateContent& content) {
  return !content.dns_names.empty() || !content.ip_addresses.empty() || !content.emails.empty() || !content.uris.empty() ||
         !content.upns.empty();
}

Result<Bytes> ip_octets(const std::string& text) {
  std::array<std::byte, 16> address{};
  if (inet_pton(AF_INET, text.c_str(), address.data()) == 1) return to_bytes(ByteView(address).first(4));
  if (inet_pton(AF_INET6, text.c_str(), address.data()) == 1) return to_bytes(ByteView(address));
  return bad("\"" + text + "\" is no IP address");
}

Result<> check_uris(const std::vector<std::string>& uris) {
  for (const std::string& uri : uris) {
    if (!is_uri(uri)) return bad("\"" + uri + "\" is no URL");
  }
  return {};
}

Result<> check(const CertificateContent& content) {
  ByteView serial = content.serial;
  while (!serial.empty() && serial[0] == std::byte{0}) serial = serial.subspan(1);
  // Section 4.1.2.2: positive, and at most 20 octets with the sign.
  if (serial.empty() || serial.size() > 20 || (serial.size() == 20 && serial[0] >= std::byte{0x80}))
    return bad("the serial number is zero or too long");
  if (content.not_after < content.not_before) return bad("it would end before it starts");
  if (!can_write_time(content.not_before) || !can_write_time(content.not_after)) return bad("its time is out of range");
  if (content.path_length && !content.ca) return bad("a path length is for CAs alone");
  if ((content.key_usage & static_cast<unsigned>(KeyUsageBit::kKeyCertSign)) != 0 && !content.ca)
    return bad("signing certificates is for CAs alone");
  if (TRY(read_name(content.issuer_der)).empty()) return bad("it has no issuer");
  if (TRY(read_name(content.subject_der)).empty() && (content.ca || !has_alternative_names(content))) return bad("it has no subject");
  for (const auto* ids : {&content.extended_key_usage, &content.policies}) {
    for (const std::string& id : *ids) {
      if (!is_dotted_object_id(id)) return bad("\"" + id + "\" is no dotted object identifier");
    }
  }
  for (const auto* urls : {&content.crl_urls, &content.ocsp_urls, &content.issuer_urls}) TRY(check_uris(*urls));
  return check_alternative_names(content);
}

// A named bit list: no zero bits at the end (X.690, section 11.2.2).
void write_key_usage(Writer& out, std::uint16_t bits) {
  std::byte content[3] = {std::byte{0}, static_cast<std::byte>(bits >> 8), static_cast<std::byte>(bits & 0xFF)};
  const std::size_t size = content[2] == std::byte{0} ? 2 : 3;
  unsigned unused = 0;
  while ((std::to_integer<unsigned>(content[size - 1]) >> unused) % 2 == 0) ++unused;
  content[0] = static_cast<std::byte>(unused);
  out.element(Tag::kBitString, ByteView(content, size));
}

void write_alternative_names(Writer& out, const CertificateContent& content) {
  out.sequence([&](Writer& names) {
    for (const std::string& upn : content.upns) {
      names.nested(der::context_constructed(0), [&](Writer& other) {
        other.element(Tag::kObjectId, oid::kUserPrincipalName.content());
        other.nested(der::context_constructed(0), [&](Writer& value) { value.utf8_string(upn); });
      });
    }
    for (const std::string& email : content.emails) names.element(der::context(1), bytes_of(email));
    for (const std::string& name : content.dns_names) names.element(der::context(2), bytes_of(name));
    for (const std::string& uri : content.uris) names.element(der::context(6), bytes_of(uri));
    for (const std::string& address : content.ip_addresses) names.element(der::context(7), ip_octets(address).value());
  });
}

void write_crl_points(Writer& out, const std::vector<std::string>& urls) {
  out.sequence([&](Writer& points) {
    for (const std::string& url : urls) {
      points.sequence([&](Writer& point) {
        point.nested(der::context_constructed(0), [&](Writer& name) {
          name.nested(der::context_constructed(0), [&](Writer& full) { full.element(der::context(6), bytes_of(url)); });
        });
      });
    }
  });
}

void write_access(Writer& out, const CertificateContent& content) {
  const auto write = [](Writer& list, const ObjectId& method, const std::vector<std::string>& urls) {
    for (const std::string& url : urls) {
      list.sequence([&](Writer& description) {
        description.element(Tag::kObjectId, method.content());
        description.element(der::context(6), bytes_of(url));
      });
    }
  };
  out.sequence([&](Writer& list) {
    write(list, oid::kAccessOcsp, content.ocsp_urls);
    write(list, oid::kAccessCaIssuers, content.issuer_urls);
  });
}

void write_extensions(Writer& list, const CertificateContent& content, ByteView subject_key_id) {
  write_extension(list, oid::kSubjectKeyIdentifier, Criticality::kPlain, [&](Writer& out) { out.octet_string(subject_key_id); });
  if (content.authority_key_id) {
    write_authority_key_id(list, *content.authority_key_id);
  }
  write_extension(list, oid::kBasicConstraints, Criticality::kCritical, [&](Writer& out) {
    out.sequence([&](Writer& constraints) {
      if (content.ca) constraints.boolean(true);
      if (content.path_length) constraints.integer(*content.path_length);
    });
  });
  if (content.key_usage != 0) {
    write_extension(list, oid::kKeyUsage, Criticality::kCritical, [&](Writer& out) { write_key_usage(out, content.key_usage); });
  }
  if (!content.extended_key_usage.empty()) {
    write_extension(list, oid::kExtendedKeyUsage, Criticality::kPlain, [&](Writer& out) {
      out.sequence([&](Writer& purposes) {
        for (const std::string& id : content.extended_key_usage) purposes.object_id(id);
      });
    });
  }
  if (!content.policies.empty()) {
    write_extension(list, oid::kCertificatePolicies, Criticality::kPlain, [&](Writer& out) {
      out.sequence([&](Writer& policies) {
        for (const std::string& id : content.policies) policies.sequence([&](Writer& policy) { policy.object_id(id); });
      });
    });
  }
  if (has_alternative_names(content)) {
    // Section 4.2.1.6: critical where it is all that names the subject.
    const bool alone = read_name(content.subject_der).value().empty();
    write_extension(list, oid::kSubjectAltName, alone ? Criticality::kCritical : Criticality::kPlain,
                    [&](Writer& out) { write_alternative_names(out, content); });
  }
  if (!content.crl_urls.empty()) {
    write_extension(list, oid::kCrlDistributionPoints, Criticality::kPlain, [&](Writer& out) { write_crl_points(out, content.crl_urls); });
  }
  if (!content.ocsp_urls.empty() || !content.issuer_urls.empty()) {
    write_extension(list, oid::kAuthorityInfoAccess, Criticality::kPlain, [&](Writer& out) { write_access(out, content); });
  }
  if (content.ocsp_no_check) write_extension(list, oid::kOcspNoCheck, Criticality::kPlain, [](Writer& out) { out.null(); });
}

Bytes write_tbs(const CertificateContent& content, ByteView algorithm, ByteView subject_key_id) {
  Writer out;
  out.sequence([&](Writer& tbs) {
    tbs.nested(der::context_constructed(0), [](Writer& version) { version.integer(kVersion3); });
    tbs.unsigned_integer(content.serial);
    tbs.raw(algorithm);
    tbs.raw(content.issuer_der);
    tbs.sequence([&](Writer& validity) {
      write_time(validity, content.not_before);
      write_time(validity, content.not_after);
    });
    tbs.raw(content.subject_der);
    tbs.raw(content.spki);
    tbs.nested(der::context_constructed(3),
               [&](Writer& wrapper) { wrapper.sequence([&](Writer& list) { write_extensions(list, content, subject_key_id); }); });
  });
  return out.take();
}

}  // namespace

bool is_object_id_text(std::string_view text) { return is_dotted_object_id(text); }

Result<> check_alternative_names(const CertificateContent& content) {
  TRY(check_uris(content.uris));
  for (const std::string& name : content.dns_names) {
    if (!is_dns_name(name)) return bad("\"" + name + "\" is no DNS name");
  }
  for (const std::string& email : content.emails) {
    if (!is_email(email)) return bad("\"" + email + "\" is no mail address in ASCII");
  }
  for (const std::string& upn : content.upns) {
    if (!is_upn(upn)) return bad("\"" + upn + "\" is no user principal name such as jane@example.com");
  }
  for (const std::string& address : content.ip_addresses) TRY(ip_octets(address));
  return {};
}

Result<Certificate> sign_certificate(const CertificateContent& content, const Signer& issuer_key) {
  TRY(check(content));
  const Bytes subject_key_id = TRY(key_identifier(content.spki));
  const Bytes der = TRY(sign_outer(issuer_key, [&](ByteView algorithm) { return write_tbs(content, algorithm, subject_key_id); }));
  return Certificate::parse(der);
}

Result<ByteView> key_bits(ByteView spki) {
  der::Reader outer(spki);
  der::Reader reader = TRY(outer.enter(Tag::kSequence));
  TRY(outer.expect_end());
  TRY(reader.element(Tag::kSequence));
  const ByteView bits = TRY(reader.bit_string());
  TRY(reader.expect_end());
  return bits;
}

Result<Bytes> key_identifier(ByteView spki) {
  const ByteView bits = TRY(key_bits(spki));
  return digest(Digest::kSha1, {bits});
}

}  // namespace airtight::crypto
