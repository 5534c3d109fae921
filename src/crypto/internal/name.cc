#include "crypto/internal/name.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace airtight::crypto {
namespace {

using der::Element;
using der::Reader;
using der::Tag;

// In the order in which people expect to find them documented; the names are those of RFC 4514 and, beyond it, of OpenSSL.
constexpr std::array kTypes = {
    AttributeType{"CN", oid::kCommonName, Tag::kUtf8String, 64},
    AttributeType{"O", oid::kOrganizationName, Tag::kUtf8String, 64},
    AttributeType{"OU", ObjectId("2.5.4.11"), Tag::kUtf8String, 64},
    AttributeType{"C", ObjectId("2.5.4.6"), Tag::kPrintableString, 2},
    AttributeType{"L", ObjectId("2.5.4.7"), Tag::kUtf8String, 128},
    AttributeType{"ST", ObjectId("2.5.4.8"), Tag::kUtf8String, 128},
    AttributeType{"serialNumber", ObjectId("2.5.4.5"), Tag::kPrintableString, 64},
    AttributeType{"emailAddress", oid::kEmailAddress, Tag::kIa5String, 255},
    AttributeType{"DC", ObjectId("0.9.2342.19200300.100.1.25"), Tag::kIa5String, 255},
    AttributeType{"UID", ObjectId("0.9.2342.19200300.100.1.1"), Tag::kUtf8String, 256},
    AttributeType{"SN", ObjectId("2.5.4.4"), Tag::kUtf8String, 64},
    AttributeType{"GN", ObjectId("2.5.4.42"), Tag::kUtf8String, 64},
    AttributeType{"title", ObjectId("2.5.4.12"), Tag::kUtf8String, 64},
    AttributeType{"street", ObjectId("2.5.4.9"), Tag::kUtf8String, 128},
};

Failure bad(std::string what) { return fail(Fault::kBadInput, "the name " + std::move(what)); }

bool is_printable(std::byte b) {
  const auto c = static_cast<char>(b);
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view(" '()+,-./:=?").find(c) != std::string_view::npos;
}

std::uint32_t code_unit(ByteView content, std::size_t at, std::size_t size) {
  std::uint32_t value = 0;
  for (std::byte b : content.subspan(at, size)) value = (value << 8) | std::to_integer<std::uint32_t>(b);
  return value;
}

bool is_scalar_value(std::uint32_t c) { return c <= 0x10FFFF && (c < 0xD800 || c > 0xDFFF); }

// UCS-2 and UCS-4: whole code units, each a character.
bool is_wide(ByteView content, std::size_t unit) {
  if (content.size() % unit != 0) return false;
  for (std::size_t at = 0; at < content.size(); at += unit) {
    if (!is_scalar_value(code_unit(content, at, unit))) return false;
  }
  return true;
}

void append_utf8(std::string& out, std::uint32_t c) {
  const auto tail = [&](unsigned shift) { out.push_back(static_cast<char>(0x80 | ((c >> shift) & 0x3F))); };
  if (c < 0x80) {
    out.push_back(static_cast<char>(c));
  } else if (c < 0x800) {
    out.push_back(static_cast<char>(0xC0 | (c >> 6)));
    tail(0);
  } else if (c < 0x10000) {
    out.push_back(static_cast<char>(0xE0 | (c >> 12)));
    tail(6), tail(0);
  } else {
    out.push_back(static_cast<char>(0xF0 | (c >> 18)));
    tail(12), tail(6), tail(0);
  }
}

Result<> read_rdn(ByteView content, std::size_t rdn, std::vector<AttributeView>& out) {
  Reader set(content);
  if (set.at_end()) return bad("has an empty part");
  ByteView previous;
  while (!set.at_end()) {
    const Element entry = TRY(set.element(Tag::kSequence));
    if (!previous.empty() && !std::ranges::lexicographical_compare(previous, entry.whole)) {
      return bad("has a part whose attributes are not in DER's order");
    }
    previous = entry.whole;
    Reader attribute(entry.content);
    const Element type = TRY(attribute.element(Tag::kObjectId));
    const Element value = TRY(attribute.element());
    TRY(attribute.expect_end());
    if (!is_object_id(type.content)) return bad("has an attribute of a malformed type");
    if (!allows(value.tag, value.content)) return bad("has an attribute with characters that its string type does not allow");
    out.push_back({rdn, type.content, value});
  }
  return {};
}

bool same_letters(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::ranges::equal(a, b, {}, lower, lower);
}

}  // namespace

Result<std::vector<AttributeView>> read_name(ByteView name_der) {
  Reader reader(name_der);
  Reader name = TRY(reader.enter(Tag::kSequence));
  TRY(reader.expect_end());
  std::vector<AttributeView> out;
  out.reserve(8);
  for (std::size_t rdn = 0; !name.at_end(); ++rdn) {
    const Element set = TRY(name.element(Tag::kSet));
    TRY(read_rdn(set.content, rdn, out));
  }
  return out;
}

bool is_text(Tag tag) {
  switch (tag) {
    case Tag::kUtf8String:
    case Tag::kPrintableString:
    case Tag::kNumericString:
    case Tag::kTeletexString:
    case Tag::kIa5String:
    case Tag::kBmpString:
    case Tag::kUniversalString: return true;
    default: return false;
  }
}

bool allows(Tag tag, ByteView content) {
  switch (tag) {
    case Tag::kUtf8String: return is_utf8(content);
    case Tag::kPrintableString: return std::ranges::all_of(content, is_printable);
    case Tag::kNumericString:
      return std::ranges::all_of(content, [](std::byte b) { return b == std::byte{' '} || (b >= std::byte{'0'} && b <= std::byte{'9'}); });
    case Tag::kIa5String: return std::ranges::all_of(content, [](std::byte b) { return b < std::byte{0x80}; });
    case Tag::kBmpString: return is_wide(content, 2);
    case Tag::kUniversalString: return is_wide(content, 4);
    default: return true;
  }
}

std::string attribute_text(const Element& value) {
  const std::size_t unit = value.tag == Tag::kBmpString ? 2 : value.tag == Tag::kUniversalString ? 4 : 1;
  // T.61 is read as Latin-1, which is what those who still write it mean.
  if (unit == 1 && value.tag != Tag::kTeletexString) return to_text(value.content);
  std::string out;
  for (std::size_t at = 0; at < value.content.size(); at += unit) append_utf8(out, code_unit(value.content, at, unit));
  return out;
}

std::string last_attribute_text(ByteView name_der, const ObjectId& id) {
  const auto attributes = read_name(name_der);
  if (!attributes) return {};
  for (auto it = attributes->rbegin(); it != attributes->rend(); ++it) {
    if (id.is(it->type) && is_text(it->value.tag)) return attribute_text(it->value);
  }
  return {};
}

const AttributeType* attribute_type_named(std::string_view name) {
  const auto found =
      std::ranges::find_if(kTypes, [&](const AttributeType& type) { return same_letters(type.name, name) || type.id.dotted() == name; });
  return found == kTypes.end() ? nullptr : &*found;
}

const AttributeType* attribute_type_of(ByteView id) {
  const auto found = std::ranges::find_if(kTypes, [&](const AttributeType& type) { return type.id.is(id); });
  return found == kTypes.end() ? nullptr : &*found;
}

}  // namespace airtight::crypto
