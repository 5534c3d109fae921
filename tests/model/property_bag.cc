#include "tests/model/property_bag.h"

#include <array>
#include <set>
#include <utility>

#include "base/text.h"

namespace airtight::sks::model {
namespace {

constexpr std::string_view kStart = "<PropertyBag xmlns=\"http://xmlns.webpki.org/keygen2/beta/20100402#\" Type=\"";

// How canonical XML writes what an attribute cannot hold as it is.
constexpr std::array<std::pair<char, std::string_view>, 6> kEscapes = {
    {{'&', "&amp;"}, {'<', "&lt;"}, {'"', "&quot;"}, {'\t', "&#x9;"}, {'\n', "&#xA;"}, {'\r', "&#xD;"}}};

bool skip(std::string_view& rest, std::string_view literal) {
  if (!rest.starts_with(literal)) return false;
  rest.remove_prefix(literal.size());
  return true;
}

// What comes before the closing quote, which is passed over.
std::optional<std::string> attribute(std::string_view& rest) {
  std::string value;
  while (!rest.empty()) {
    if (skip(rest, "\"")) return value;
    if (rest.front() == '&') {
      bool known = false;
      for (const auto& [character, escape] : kEscapes) {
        if (known || !skip(rest, escape)) continue;
        value += character;
        known = true;
      }
      if (!known) return std::nullopt;
      continue;
    }
    if (rest.front() == '<' || static_cast<unsigned char>(rest.front()) < 0x20) return std::nullopt;
    value += rest.front();
    rest.remove_prefix(1);
  }
  return std::nullopt;
}

std::string space(std::string_view& rest) {
  std::string found;
  while (true) {
    if (!rest.empty() && (rest.front() == ' ' || rest.front() == '\t' || rest.front() == '\n')) {
      found += rest.front();
      rest.remove_prefix(1);
    } else if (skip(rest, "&#xD;")) {
      found += '\r';
    } else {
      return found;
    }
  }
}

std::string escaped(std::string_view value) {
  std::string out;
  for (const char c : value) {
    std::string_view as = std::string_view(&c, 1);
    for (const auto& [character, escape] : kEscapes) {
      if (c == character) as = escape;
    }
    out += as;
  }
  return out;
}

std::string escaped_space(std::string_view value) {
  std::string out;
  for (const char c : value) out += c == '\r' ? "&#xD;" : std::string(1, c);
  return out;
}

}  // namespace

std::optional<PropertyBag> read_property_bag(std::string_view xml) {
  if (!is_utf8(bytes_of(xml)) || !skip(xml, kStart)) return std::nullopt;
  PropertyBag bag;
  const auto type = attribute(xml);
  if (!type || !skip(xml, ">")) return std::nullopt;
  bag.type = *type;
  std::set<std::string> names;
  while (true) {
    Property property;
    property.space_before = space(xml);
    if (!skip(xml, "<Property Name=\"")) {
      bag.space_after = property.space_before;
      break;
    }
    const auto name = attribute(xml);
    if (!name || !skip(xml, " Value=\"")) return std::nullopt;
    const auto value = attribute(xml);
    if (!value) return std::nullopt;
    if (skip(xml, " Writable=\"")) {
      property.writable = attribute(xml);
      if (!property.writable || !std::set<std::string>{"true", "false", "1", "0"}.contains(*property.writable)) return std::nullopt;
    }
    if (!skip(xml, "></Property>") || !names.insert(*name).second) return std::nullopt;
    property.name = *name;
    property.value = *value;
    bag.properties.push_back(property);
  }
  if (xml != "</PropertyBag>" || bag.properties.empty()) return std::nullopt;
  return bag;
}

std::string write_property_bag(const PropertyBag& bag) {
  std::string xml = std::string(kStart) + escaped(bag.type) + "\">";
  for (const Property& property : bag.properties) {
    xml += escaped_space(property.space_before) + "<Property Name=\"" + escaped(property.name) + "\" Value=\"" + escaped(property.value) +
           "\"";
    if (property.writable) xml += " Writable=\"" + *property.writable + "\"";
    xml += "></Property>";
  }
  return xml + escaped_space(bag.space_after) + "</PropertyBag>";
}

}  // namespace airtight::sks::model
