#include "sks/property_bag.h"

#include <algorithm>
#include <array>
#include <optional>

#include "sks/status.h"
#include "xml/document.h"

namespace airtight::sks {
namespace {

constexpr std::string_view kStart = "<PropertyBag xmlns=\"http://xmlns.webpki.org/keygen2/beta/20100402#\" Type=\"";
constexpr std::string_view kEnd = "</PropertyBag>";

struct Escape {
  char character;
  std::string_view text;
};
// Of attribute values (Canonical XML, section 2.3).
constexpr std::array kEscapes = {Escape{'&', "&amp;"},  Escape{'<', "&lt;"},   Escape{'"', "&quot;"},
                                 Escape{'\t', "&#x9;"}, Escape{'\n', "&#xA;"}, Escape{'\r', "&#xD;"}};

std::string escaped(std::string_view value) {
  std::string out;
  for (const char c : value) {
    const auto escape = std::ranges::find(kEscapes, c, &Escape::character);
    if (escape == kEscapes.end()) {
      out += c;
    } else {
      out += escape->text;
    }
  }
  return out;
}

// Reads text that is known to be canonical XML; each take says whether it worked and does not move on failure.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : text_(text) {}
  [[nodiscard]] std::size_t place() const { return at_; }
  [[nodiscard]] bool at_end() const { return at_ == text_.size(); }

  [[nodiscard]] bool take(std::string_view expected) {
    if (!text_.substr(at_).starts_with(expected)) return false;
    at_ += expected.size();
    return true;
  }
  void skip_white_space() {
    while (take(" ") || take("\t") || take("\n") || take("&#xD;")) {
    }
  }
  // Up to the quotation mark and past it, without escapes.
  [[nodiscard]] std::optional<std::string> take_value() {
    const std::size_t end = text_.find('"', at_);
    if (end == std::string_view::npos) return std::nullopt;
    std::string value;
    while (at_ < end) {
      const auto escape = std::ranges::find_if(kEscapes, [&](const Escape& one) { return text_.substr(at_).starts_with(one.text); });
      value += escape == kEscapes.end() ? text_[at_] : escape->character;
      at_ += escape == kEscapes.end() ? 1 : escape->text.size();
    }
    ++at_;
    return value;
  }

 private:
  std::string_view text_;
  std::size_t at_ = 0;
};

std::optional<bool> boolean(std::string_view text) {
  if (text == "true" || text == "1") return true;
  if (text == "false" || text == "0") return false;
  return std::nullopt;
}

// After "<Property ".
std::optional<PropertyBag::Property> read_property(Cursor& cursor) {
  PropertyBag::Property property;
  if (!cursor.take("Name=\"")) return std::nullopt;
  property.name = cursor.take_value().value_or("");
  if (!cursor.take(" Value=\"")) return std::nullopt;
  property.value_at = cursor.place();
  const auto value = cursor.take_value();
  if (!value) return std::nullopt;
  property.value = *value;
  property.value_size = cursor.place() - 1 - property.value_at;
  if (cursor.take(" Writable=\"")) {
    const auto writable = boolean(cursor.take_value().value_or(""));
    if (!writable) return std::nullopt;
    property.writable = *writable;
  }
  if (!cursor.take("></Property>")) return std::nullopt;
  return property;
}

bool is_canonical(ByteView text) {
  const auto document = xml::Document::parse(text);
  if (!document) return false;
  const auto canonical = xml::canonicalize(document->root());
  return canonical && equal(*canonical, text);
}

}  // namespace

Result<PropertyBag> PropertyBag::parse(ByteView canonical, std::string_view type) {
  const auto refused = [](std::string_view why) { return fail(Status::kOption, "the property bag " + std::string(why)); };
  if (!is_canonical(canonical)) return refused("is not exclusive canonical XML");
  PropertyBag bag;
  bag.text_ = to_text(canonical);
  Cursor cursor(bag.text_);
  if (!cursor.take(kStart)) return refused("is no PropertyBag element of KeyGen2, without prefixes and with a Type alone");
  if (cursor.take_value() != type) return refused("has another Type than ExtensionType");
  if (!cursor.take(">")) return refused("has attributes beside its Type");
  for (cursor.skip_white_space(); cursor.take("<Property "); cursor.skip_white_space()) {
    auto property = read_property(cursor);
    if (!property) return refused("has a property that is not Name, Value and perhaps Writable");
    if (std::ranges::any_of(bag.properties_, [&](const Property& other) { return other.name == property->name; })) {
      return refused("has two properties of one name");
    }
    bag.properties_.push_back(std::move(*property));
  }
  if (!cursor.take(kEnd) || !cursor.at_end()) return refused("holds something else than properties");
  if (bag.properties_.empty()) return refused("has no properties");
  return bag;
}

Result<Bytes> PropertyBag::with(std::string_view name, std::string_view value) const {
  const auto property = std::ranges::find_if(properties_, [&](const Property& one) { return one.name == name; });
  if (property == properties_.end()) return fail(Status::kOption, "the extension has no such property");
  if (!property->writable) return fail(Status::kNotAllowed, "the property is not writable");
  std::string changed = text_;
  changed.replace(property->value_at, property->value_size, escaped(value));
  Bytes out = to_bytes(changed);
  if (!is_canonical(out)) return fail(Status::kOption, "Value has characters that XML cannot hold");
  return out;
}

}  // namespace airtight::sks
