#include "crypto/certificate_builder.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <functional>

#include "crypto/der.h"
#include "crypto/digest.h"
#include "crypto/internal/name.h"
#include "crypto/internal/object_ids.h"
#include "crypto/internal/signature_algorithm.h"

namespace airtight::crypto {
namespace {

using der::Tag;
using der::Writer;

constexpr std::uint64_t kVersion3 = 2;
constexpr std::int64_t kYear1950 = -631152000;
constexpr std::int64_t kYear2050 = 2524608000;
constexpr std::int64_t kYear10000 = 253402300800;

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

Result<Bytes> ip_octets(const std::string& text) {
  std::array<std::byte, 16> address{};
  if (inet_pton(AF_INET, text.c_str(), address.data()) == 1) return to_bytes(ByteView(address).first(4));
  if (inet_pton(AF_INET6, text.c_str(), address.data()) == 1) return to_bytes(ByteView(address));
  return bad("\"" + text + "\" is no IP address");
}

// RFC 5280, section 4.1.2.5.
void write_time(Writer& out, Instant instant) {
  using namespace std::chrono;
  const sys_seconds at{floor<seconds>(milliseconds(instant.milliseconds))};
  const auto day = floor<days>(at);
  const year_month_day date{day};
  const hh_mm_ss time{at - day};
  const bool general = at.time_since_epoch().count() >= kYear2050 || at.time_since_epoch().count() < kYear1950;
  std::string text;
  const auto two = [&](auto value) {
    const auto number = static_cast<unsigned>(value) % 100;
    text.push_back(static_cast<char>('0' + number / 10));
    text.push_back(static_cast<char>('0' + number % 10));
  };
  if (general) two(static_cast<int>(date.year()) / 100);
  two(static_cast<int>(date.year()));
  two(static_cast<unsigned>(date.month()));
  two(static_cast<unsigned>(date.day()));
  two(time.hours().count());
  two(time.minutes().count());
  two(time.seconds().count());
  text.push_back('Z');
  out.element(general ? Tag::kGeneralizedTime : Tag::kUtcTime, bytes_of(text));
}

Result<> check(const CertificateContent& content) {
  const auto seconds = [](Instant at) { return at.milliseconds / 1000; };
  ByteView serial = content.serial;
  while (!serial.empty() && serial[0] == std::byte{0}) serial = serial.subspan(1);
  // Section 4.1.2.2: positive, and at most 20 octets with the sign.
  if (serial.empty() || serial.size() > 20 || (serial.size() == 20 && serial[0] >= std::byte{0x80}))
    return bad("the serial number is zero or too long");
  if (content.not_after < content.not_before) return bad("it would end before it starts");
  if (seconds(content.not_before) < kYear1950 || seconds(content.not_after) >= kYear10000) return bad("its time is out of range");
  if (content.path_length && !content.ca) return bad("a path length is for CAs alone");
  if ((content.key_usage & static_cast<unsigned>(KeyUsageBit::kKeyCertSign)) != 0 && !content.ca)
    return bad("signing certificates is for CAs alone");
  if (TRY(read_name(content.issuer_der)).empty()) return bad("it has no issuer");
  const bool no_alternative = content.dns_names.empty() && content.ip_addresses.empty() && content.emails.empty();
  if (TRY(read_name(content.subject_der)).empty() && (content.ca || no_alternative)) return bad("it has no subject");
  for (const auto* ids : {&content.extended_key_usage, &content.policies}) {
    for (const std::string& id : *ids) {
      if (!is_dotted_object_id(id)) return bad("\"" + id + "\" is no dotted object identifier");
    }
  }
  for (const auto* urls : {&content.crl_urls, &content.ocsp_urls, &content.issuer_urls}) {
    for (const std::string& url : *urls) {
      if (!is_visible_ascii(url)) return bad("\"" + url + "\" is no URL");
    }
  }
  for (const std::string& name : content.dns_names) {
    if (!is_dns_name(name)) return bad("\"" + name + "\" is no DNS name");
  }
  for (const std::string& email : content.emails) {
    if (!is_email(email)) return bad("\"" + email + "\" is no mail address in ASCII");
  }
  for (const std::string& address : content.ip_addresses) TRY(ip_octets(address));
  return {};
}

enum class Criticality : bool { kPlain, kCritical };

void extension(Writer& list, const ObjectId& id, Criticality criticality, const std::function<void(Writer&)>& body) {
  Writer value;
  body(value);
  list.sequence([&](Writer& out) {
    out.element(Tag::kObjectId, id.content());
    if (criticality == Criticality::kCritical) out.boolean(true);
    out.octet_string(value.bytes());
  });
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
    for (const std::string& email : content.emails) names.element(der::context(1), bytes_of(email));
    for (const std::string& name : content.dns_names) names.element(der::context(2), bytes_of(name));
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
  extension(list, oid::kSubjectKeyIdentifier, Criticality::kPlain, [&](Writer& out) { out.octet_string(subject_key_id); });
  if (content.authority_key_id) {
    extension(list, oid::kAuthorityKeyIdentifier, Criticality::kPlain, [&](Writer& out) {
      out.sequence([&](Writer& identifier) { identifier.element(der::context(0), *content.authority_key_id); });
    });
  }
  extension(list, oid::kBasicConstraints, Criticality::kCritical, [&](Writer& out) {
    out.sequence([&](Writer& constraints) {
      if (content.ca) constraints.boolean(true);
      if (content.path_length) constraints.integer(*content.path_length);
    });
  });
  if (content.key_usage != 0) {
    extension(list, oid::kKeyUsage, Criticality::kCritical, [&](Writer& out) { write_key_usage(out, content.key_usage); });
  }
  if (!content.extended_key_usage.empty()) {
    extension(list, oid::kExtendedKeyUsage, Criticality::kPlain, [&](Writer& out) {
      out.sequence([&](Writer& purposes) {
        for (const std::string& id : content.extended_key_usage) purposes.object_id(id);
      });
    });
  }
  if (!content.policies.empty()) {
    extension(list, oid::kCertificatePolicies, Criticality::kPlain, [&](Writer& out) {
      out.sequence([&](Writer& policies) {
        for (const std::string& id : content.policies) policies.sequence([&](Writer& policy) { policy.object_id(id); });
      });
    });
  }
  if (!content.dns_names.empty() || !content.ip_addresses.empty() || !content.emails.empty()) {
    // Section 4.2.1.6: critical where it is all that names the subject.
    const bool alone = read_name(content.subject_der).value().empty();
    extension(list, oid::kSubjectAltName, alone ? Criticality::kCritical : Criticality::kPlain,
              [&](Writer& out) { write_alternative_names(out, content); });
  }
  if (!content.crl_urls.empty()) {
    extension(list, oid::kCrlDistributionPoints, Criticality::kPlain, [&](Writer& out) { write_crl_points(out, content.crl_urls); });
  }
  if (!content.ocsp_urls.empty() || !content.issuer_urls.empty()) {
    extension(list, oid::kAuthorityInfoAccess, Criticality::kPlain, [&](Writer& out) { write_access(out, content); });
  }
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

Result<Certificate> sign_certificate(const CertificateContent& content, const PrivateKey& issuer_key) {
  TRY(check(content));
  const SignatureScheme scheme = x509_scheme(issuer_key.public_key().type());
  const Bytes algorithm = sha256_signature_algorithm(scheme);
  const Bytes subject_key_id = TRY(key_identifier(content.spki));
  const Bytes tbs = write_tbs(content, algorithm, subject_key_id);
  const Bytes signature = TRY(issuer_key.sign(scheme, Digest::kSha256, tbs));
  Writer out;
  out.sequence([&](Writer& certificate) {
    certificate.raw(tbs);
    certificate.raw(algorithm);
    certificate.bit_string(signature);
  });
  return Certificate::parse(out.bytes());
}

Result<Bytes> key_identifier(ByteView spki) {
  der::Reader outer(spki);
  der::Reader reader = TRY(outer.enter(Tag::kSequence));
  TRY(outer.expect_end());
  TRY(reader.element(Tag::kSequence));
  const ByteView bits = TRY(reader.bit_string());
  TRY(reader.expect_end());
  return digest(Digest::kSha1, {bits});
}

}  // namespace airtight::crypto
