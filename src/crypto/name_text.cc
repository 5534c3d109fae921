#include <algorithm>
#include <array>
#include <optional>

#include "base/encoding.h"
#include "base/text.h"
#include "crypto/certificate_builder.h"
#include "crypto/der.h"
#include "crypto/internal/name.h"

namespace airtight::crypto {
namespace {

constexpr std::string_view kSpecials = ",+\"\\<>;";

bool is_escapable(char c) { return kSpecials.find(c) != std::string_view::npos || c == ' ' || c == '#' || c == '='; }

void append_hex(std::string& out, unsigned char byte) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  out.push_back(kDigits[byte >> 4]);
  out.push_back(kDigits[byte & 0x0F]);
}

// Length of the invisible character at `at` that could forge what a terminal or page shows: controls (C0, C1, DEL), line and paragraph
// separators, and those that change the direction of text. 0 for any other.
std::size_t invisible_at(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0U; };
  if (byte(0) < 0x20 || byte(0) == 0x7F) return 1;
  if (byte(0) == 0xC2 && byte(1) >= 0x80 && byte(1) <= 0x9F) return 2;
  if (byte(0) != 0xE2) return 0;
  const bool mark = byte(1) == 0x80 && (byte(2) == 0x8E || byte(2) == 0x8F || (byte(2) >= 0xA8 && byte(2) <= 0xAE));
  const bool isolate = byte(1) == 0x81 && byte(2) >= 0xA6 && byte(2) <= 0xA9;
  return mark || isolate ? 3 : 0;
}

// RFC 4514, section 2.4.
std::string escape(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    if (const std::size_t hidden = invisible_at(text, at); hidden > 0) {
      for (std::size_t end = at + hidden; at < end; ++at) {
        out.push_back('\\');
        append_hex(out, static_cast<unsigned char>(text[at]));
      }
      continue;
    }
    const char c = text[at];
    const bool edge = (at == 0 && (c == '#' || c == ' ')) || (at + 1 == text.size() && c == ' ');
    if (edge || kSpecials.find(c) != std::string_view::npos) out.push_back('\\');
    out.push_back(c);
    ++at;
  }
  return out;
}

std::string attribute_to_text(const AttributeView& attribute) {
  const AttributeType* type = attribute_type_of(attribute.type);
  if (type != nullptr && is_text(attribute.value.tag)) return std::string(type->name) + "=" + escape(attribute_text(attribute.value));
  std::string out;
  if (type != nullptr) {
    out = type->name;
  } else {
    der::Writer id;
    id.element(der::Tag::kObjectId, attribute.type);
    out = der::Reader(id.bytes()).object_id().value_or("?");
  }
  out += "=#";
  for (std::byte b : attribute.value.whole) append_hex(out, std::to_integer<unsigned char>(b));
  return out;
}

std::size_t character_count(std::string_view utf8) {
  return static_cast<std::size_t>(std::ranges::count_if(utf8, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

// AttributeTypeAndValue in DER.
Result<Bytes> encode_attribute(std::string_view type_text, std::string_view value) {
  const AttributeType* type = attribute_type_named(type_text);
  const std::string shown(type_text);
  if (type == nullptr && !is_dotted_object_id(type_text)) {
    return fail(Fault::kBadInput, "\"" + shown + "\" is no attribute type of names",
                "use CN, O, OU, C, L, ST, serialNumber, emailAddress, DC, UID, SN, GN, title, street or a dotted object identifier");
  }
  if (value.empty()) return fail(Fault::kBadInput, "the " + shown + " of a name is empty");
  if (!is_utf8(bytes_of(value))) return fail(Fault::kBadInput, "the " + shown + " of a name is not UTF-8");
  const der::Tag tag = type != nullptr ? type->tag : der::Tag::kUtf8String;
  if (type != nullptr && character_count(value) > type->max_chars) {
    return fail(Fault::kBadInput, "the " + shown + " of a name is longer than " + std::to_string(type->max_chars) + " characters");
  }
  if (type != nullptr && type->name == "C" && value.size() != 2)
    return fail(Fault::kBadInput, "the C of a name has to be two letters, such as SE");
  if (!allows(tag, bytes_of(value))) {
    return fail(Fault::kBadInput, "the " + shown + " of a name has a character that is not allowed there");
  }
  der::Writer out;
  out.sequence([&](der::Writer& attribute) {
    attribute.object_id(type != nullptr ? type->id.dotted() : type_text);
    attribute.element(tag, bytes_of(value));
  });
  return out.take();
}

// Reads RFC 4514 text, and beyond it spaces around separators as RFC 2253 had them.
class NameTextParser {
 public:
  explicit NameTextParser(std::string_view text) : text_(text) {}

  // The RelativeDistinguishedNames as written, each a SET in DER.
  Result<std::vector<Bytes>> parse() {
    std::vector<Bytes> names;
    skip_spaces();
    if (at_end()) return names;
    std::vector<Bytes> attributes;
    while (true) {
      attributes.push_back(TRY(attribute()));
      const char separator = at_end() ? ',' : text_[at_];
      if (separator == ',') {
        TRY(check_no_repeats(attributes));
        der::Writer set;
        set.set_of(std::move(attributes));
        attributes.clear();
        names.push_back(set.take());
      }
      if (at_end()) return names;
      ++at_;
    }
  }

 private:
  [[nodiscard]] bool at_end() const { return at_ == text_.size(); }
  void skip_spaces() {
    while (!at_end() && text_[at_] == ' ') ++at_;
  }
  [[nodiscard]] Failure bad(std::string what) const {
    return fail(Fault::kBadInput, "the name is wrong at character " + std::to_string(at_ + 1) + ": " + std::move(what),
                "write names as in \"CN=Jane Doe,O=Example Bank,C=SE\", with a backslash before , + \" \\ < > ;");
  }

  [[nodiscard]] Result<> check_no_repeats(const std::vector<Bytes>& attributes) const {
    for (std::size_t i = 1; i < attributes.size(); ++i) {
      if (std::find(attributes.begin(), attributes.begin() + static_cast<std::ptrdiff_t>(i), attributes[i]) !=
          attributes.begin() + static_cast<std::ptrdiff_t>(i)) {
        return bad("the same attribute twice in one part");
      }
    }
    return {};
  }

  // One AttributeTypeAndValue; stops at its separator.
  Result<Bytes> attribute() {
    skip_spaces();
    const std::size_t start = at_;
    while (!at_end() && text_[at_] != '=' && text_[at_] != ',' && text_[at_] != '+') ++at_;
    if (at_end() || text_[at_] != '=') return bad("an attribute has no \"=\"");
    std::string_view type = text_.substr(start, at_ - start);
    while (!type.empty() && type.back() == ' ') type.remove_suffix(1);
    ++at_;
    skip_spaces();
    if (!at_end() && text_[at_] == '#') return encoded_value(type);
    const std::string value = TRY(text_value());
    return encode_attribute(type, value);
  }

  Result<Bytes> encoded_value(std::string_view type) {
    ++at_;
    const std::size_t end = std::min(text_.find_first_of(",+ ", at_), text_.size());
    const auto value = hex_decode(text_.substr(at_, end - at_));
    if (!value || !der::read_one(*value, {.max_size = 4096, .max_depth = 8})) return bad("\"#\" wants one DER element in hex");
    at_ = end;
    skip_spaces();
    if (!at_end() && text_[at_] != ',' && text_[at_] != '+') return bad("something follows a value in hex");
    const AttributeType* known = attribute_type_named(type);
    if (known == nullptr && !is_dotted_object_id(type)) return bad("an attribute type that is not known");
    der::Writer out;
    out.sequence([&](der::Writer& attribute) {
      attribute.object_id(known != nullptr ? known->id.dotted() : type);
      attribute.raw(*value);
    });
    return out.take();
  }

  Result<std::string> text_value() {
    std::string value;
    std::size_t kept = 0;  // without the unescaped spaces at the end
    while (!at_end() && text_[at_] != ',' && text_[at_] != '+') {
      const char c = text_[at_];
      if (c == '\\') {
        value.push_back(TRY(escaped()));
        kept = value.size();
        continue;
      }
      if (c == '\0' || kSpecials.find(c) != std::string_view::npos) return bad("a character that wants a backslash before it");
      value.push_back(c);
      ++at_;
      if (c != ' ') kept = value.size();
    }
    value.resize(kept);
    return value;
  }

  // What a backslash and the one or two characters after it stand for.
  Result<char> escaped() {
    const std::string_view rest = text_.substr(at_ + 1);
    if (!rest.empty() && is_escapable(rest[0])) {
      at_ += 2;
      return rest[0];
    }
    const auto byte = hex_decode(rest.substr(0, 2));
    if (!byte || byte->size() != 1) return bad("a backslash before nothing that it could stand for");
    at_ += 3;
    return static_cast<char>((*byte)[0]);
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

// Checks the Name by reading it again: values given in hex come unchecked.
Result<Bytes> name_of_parts(const std::vector<Bytes>& parts) {
  der::Writer out;
  out.sequence([&](der::Writer& name) {
    for (const Bytes& part : parts) name.raw(part);
  });
  TRY(read_name(out.bytes()));
  return out.take();
}

}  // namespace

Result<Bytes> name_from_text(std::string_view text) {
  NameTextParser parser(text);
  std::vector<Bytes> parts = TRY(parser.parse());
  std::ranges::reverse(parts);  // the text starts at the leaf, the DER at the root
  return name_of_parts(parts);
}

Result<Bytes> name_from_attributes(std::initializer_list<NameAttribute> attributes) {
  std::vector<Bytes> parts;
  for (const NameAttribute& attribute : attributes) {
    der::Writer set;
    set.set_of({TRY(encode_attribute(attribute.type, attribute.value))});
    parts.push_back(set.take());
  }
  return name_of_parts(parts);
}

std::string escape_name_value(std::string_view value) {
  std::string out;
  for (const char c : value) {
    const bool plain =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (static_cast<unsigned char>(c) & 0x80U) != 0;
    if (!plain) {
      out.push_back('\\');
      append_hex(out, static_cast<unsigned char>(c));
    } else {
      out.push_back(c);
    }
  }
  return out;
}

Result<std::vector<NameText>> name_attributes(ByteView name_der) {
  std::vector<NameText> out;
  for (const AttributeView& attribute : TRY(read_name(name_der))) {
    const AttributeType* type = attribute_type_of(attribute.type);
    if (type != nullptr && is_text(attribute.value.tag)) out.push_back({std::string(type->name), attribute_text(attribute.value)});
  }
  return out;
}

Result<std::string> name_to_text(ByteView name_der) {
  const std::vector<AttributeView> attributes = TRY(read_name(name_der));
  std::string out;
  for (std::size_t left = attributes.size(); left-- > 0;) {
    if (left + 1 < attributes.size()) out += attributes[left].rdn == attributes[left + 1].rdn ? "+" : ",";
    out += attribute_to_text(attributes[left]);
  }
  return out;
}

}  // namespace airtight::crypto
