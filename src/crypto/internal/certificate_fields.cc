#include "crypto/internal/certificate_fields.h"

#include <algorithm>
#include <chrono>

#include "crypto/der.h"
#include "crypto/internal/name.h"
#include "crypto/internal/object_ids.h"

namespace airtight::crypto {
namespace {

using der::Element;
using der::Reader;
using der::Tag;

constexpr der::Limits kLimits{.max_size = 64 * 1024, .max_depth = 24};
constexpr std::size_t kMaxSerialSize = 20;  // RFC 5280, section 4.1.2.2

Failure bad(std::string what) { return fail(Fault::kBadInput, "the certificate " + std::move(what)); }

// Two decimal digits at `at`, or -1.
int two_digits(ByteView text, std::size_t at) {
  const int tens = std::to_integer<int>(text[at]) - '0';
  const int ones = std::to_integer<int>(text[at + 1]) - '0';
  return tens < 0 || tens > 9 || ones < 0 || ones > 9 ? -1 : tens * 10 + ones;
}

// Section 4.1.2.5: UTCTime through 2049, GeneralizedTime from 2050 on, both to the second and in UTC.
Result<Instant> read_time(Reader& reader) {
  const Element element = TRY(reader.element());
  const bool general = element.tag == Tag::kGeneralizedTime;
  const std::size_t year_size = general ? 4 : 2;
  const ByteView text = element.content;
  if ((!general && element.tag != Tag::kUtcTime) || text.size() != year_size + 11 || text.back() != std::byte{'Z'}) {
    return bad("has a time in a form that RFC 5280 does not allow");
  }
  int field[5] = {};  // month to second
  for (std::size_t i = 0; i < 5; ++i) field[i] = two_digits(text, year_size + 2 * i);
  const int high = two_digits(text, 0);
  const int low = general ? two_digits(text, 2) : 0;
  if (high < 0 || low < 0 || std::ranges::any_of(field, [](int value) { return value < 0; })) return bad("has a time that is none");
  const int year = general ? high * 100 + low : high + (high < 50 ? 2000 : 1900);
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(field[0])),
                                         std::chrono::day(static_cast<unsigned>(field[1]))};
  if (!date.ok() || field[2] > 23 || field[3] > 59 || field[4] > 59) return bad("has a time that is none");
  if (general && year < 2050) return bad("has a GeneralizedTime before 2050");
  const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  return Instant{(days * 86400 + field[2] * 3600 + field[3] * 60 + field[4]) * 1000};
}

Result<> read_validity(Reader& tbs, CertificateFields& out) {
  Reader validity = TRY(tbs.enter(Tag::kSequence));
  out.not_before = TRY(read_time(validity));
  out.not_after = TRY(read_time(validity));
  TRY(validity.expect_end());
  if (out.not_after < out.not_before) return bad("ends before it starts");
  return {};
}

// Version 3 is [0] EXPLICIT 2; version 1 is the default, which DER leaves out. Returns true for version 3.
Result<bool> read_version(Reader& tbs) {
  const auto wrapper = TRY(tbs.optional_element(der::context_constructed(0)));
  if (!wrapper) return false;
  Reader version(wrapper->content);
  const std::uint64_t number = TRY(version.small_integer());
  TRY(version.expect_end());
  if (number != 2) return bad("is of a version other than 3 and 1");
  return true;
}

// SubjectPublicKeyInfo in form; crypto/key.h looks into it when the key is wanted.
Result<ByteView> read_spki(Reader& tbs) {
  const Element whole = TRY(tbs.element(Tag::kSequence));
  Reader spki(whole.content);
  Reader algorithm = TRY(spki.enter(Tag::kSequence));
  TRY(algorithm.element(Tag::kObjectId));
  TRY(spki.bit_string());
  TRY(spki.expect_end());
  return whole.whole;
}

// Section 4.2.1.9.
Result<> read_basic_constraints(Reader& value, CertificateFields& out) {
  Reader constraints = TRY(value.enter(Tag::kSequence));
  if (constraints.peek_tag() == Tag::kBoolean) {
    out.is_ca = TRY(constraints.boolean());
    if (!out.is_ca) return bad("writes a default value in basicConstraints, which DER leaves out");
  }
  if (!constraints.at_end()) {
    if (!out.is_ca) return bad("has a path length without being a CA");
    out.path_length = TRY(constraints.small_integer());
  }
  return constraints.expect_end();
}

// Section 4.2.1.3: a named bit list, so that the last bit written is a one (X.690, section 11.2.2).
Result<> read_key_usage(Reader& value, CertificateFields& out) {
  const Element bits = TRY(value.element(Tag::kBitString));
  const ByteView content = bits.content;
  const auto unused = std::to_integer<unsigned>(content[0]);
  if (content.size() < 2 || content.size() > 3 || (std::to_integer<unsigned>(content.back()) >> unused) % 2 != 1) {
    return bad("has a keyUsage that is not in DER or has no bit set");
  }
  const unsigned low = content.size() > 2 ? std::to_integer<unsigned>(content[2]) : 0;
  out.key_usage = static_cast<std::uint16_t>((std::to_integer<unsigned>(content[1]) << 8) | low);
  return {};
}

// Section 4.2.1.1; the name and serial number in it, which nobody here uses, may be anything.
Result<> read_authority_key_id(Reader& value, CertificateFields& out) {
  Reader identifier = TRY(value.enter(Tag::kSequence));
  if (const auto key = TRY(identifier.optional_element(der::context(0)))) out.authority_key_id = key->content;
  TRY(identifier.optional_element(der::context_constructed(1)));
  TRY(identifier.optional_element(der::context(2)));
  return identifier.expect_end();
}

// Section 4.2.1.6.
Result<> read_alternative_names(Reader& value, CertificateFields& out) {
  Reader names = TRY(value.enter(Tag::kSequence));
  if (names.at_end()) return bad("has an empty list of alternative names");
  while (!names.at_end()) {
    const Element name = TRY(names.element());
    const auto form = static_cast<unsigned>(name.tag);
    if ((form & 0xC0) != 0x80 || (form & 0x1F) > 8) return bad("has an alternative name of a kind that does not exist");
    if (name.tag != der::context(1)) continue;
    if (name.content.empty() || !allows(Tag::kIa5String, name.content)) return bad("has a mail address that is not in ASCII");
    out.alternative_emails.push_back(name.content);
  }
  return {};
}

Result<> read_known_extension(const ExtensionView& extension, CertificateFields& out) {
  Result<> (*read)(Reader&, CertificateFields&) = nullptr;
  if (oid::kBasicConstraints.is(extension.id)) read = read_basic_constraints;
  if (oid::kKeyUsage.is(extension.id)) read = read_key_usage;
  if (oid::kAuthorityKeyIdentifier.is(extension.id)) read = read_authority_key_id;
  if (oid::kSubjectAltName.is(extension.id)) read = read_alternative_names;
  if (oid::kSubjectKeyIdentifier.is(extension.id)) {
    read = [](Reader& value, CertificateFields& fields) -> Result<> {
      fields.subject_key_id = TRY(value.octet_string());
      return {};
    };
  }
  if (read == nullptr) return {};
  TRY(der::read_one(extension.value, kLimits));
  Reader value(extension.value);
  TRY(read(value, out));
  return value.expect_end();
}

Result<> read_extensions(Reader& wrapper, CertificateFields& out) {
  Reader list = TRY(wrapper.enter(Tag::kSequence));
  TRY(wrapper.expect_end());
  if (list.at_end()) return bad("has an empty list of extensions");
  while (!list.at_end()) {
    Reader fields = TRY(list.enter(Tag::kSequence));
    ExtensionView extension{};
    const Element id = TRY(fields.element(Tag::kObjectId));
    extension.id = id.content;
    if (!is_object_id(id.content)) return bad("has an extension with a malformed identifier");
    if (fields.peek_tag() == Tag::kBoolean) {
      extension.critical = TRY(fields.boolean());
      if (!extension.critical) return bad("writes a default value in an extension, which DER leaves out");
    }
    extension.value = TRY(fields.octet_string());
    TRY(fields.expect_end());
    if (std::ranges::any_of(out.extensions, [&](const ExtensionView& other) { return equal(other.id, extension.id); })) {
      return bad("has an extension twice");
    }
    TRY(read_known_extension(extension, out));
    out.extensions.push_back(extension);
  }
  return {};
}

Result<> read_tbs(ByteView content, CertificateFields& out) {
  Reader tbs(content);
  const bool v3 = TRY(read_version(tbs));
  out.serial = TRY(tbs.unsigned_integer());
  if (out.serial.size() > kMaxSerialSize) return bad("has a serial number of more than 20 octets");
  const Element algorithm = TRY(tbs.element(Tag::kSequence));
  if (!equal(algorithm.whole, out.signature_algorithm)) return bad("names one signature algorithm inside and another outside");
  out.issuer = TRY(tbs.element(Tag::kSequence)).whole;
  TRY(read_validity(tbs, out));
  out.subject = TRY(tbs.element(Tag::kSequence)).whole;
  if (TRY(read_name(out.issuer)).empty()) return bad("has no issuer");
  TRY(read_name(out.subject));
  out.spki = TRY(read_spki(tbs));
  if (const auto wrapper = TRY(tbs.optional_element(der::context_constructed(3)))) {
    if (!v3) return bad("has extensions without being of version 3");
    Reader extensions(wrapper->content);
    out.extensions.reserve(12);
    TRY(read_extensions(extensions, out));
  }
  if (!tbs.at_end()) return bad("has a unique identifier or something else that does not belong there");
  return {};
}

}  // namespace

Result<CertificateFields> read_certificate(ByteView der) {
  const Element whole = TRY(der::read_one(der, kLimits));
  if (whole.tag != Tag::kSequence) return bad("is no SEQUENCE");
  CertificateFields out;
  Reader certificate(whole.content);
  const Element tbs = TRY(certificate.element(Tag::kSequence));
  out.tbs = tbs.whole;
  out.signature_algorithm = TRY(certificate.element(Tag::kSequence)).whole;
  out.signature = TRY(certificate.bit_string());
  TRY(certificate.expect_end());
  TRY(read_tbs(tbs.content, out));
  return out;
}

}  // namespace airtight::crypto
