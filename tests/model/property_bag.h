// Property bags as extensions have them: exclusive canonical XML of a PropertyBag element without prefixes and without its MAC attribute
// (sks.md section 7). A reader of just that form, which has nothing in common with an XML parser.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace airtight::sks::model {

struct Property {
  std::string space_before;  // white space between properties is kept
  std::string name;
  std::string value;
  std::optional<std::string> writable;  // as written: "true", "false", "1" or "0"
};

struct PropertyBag {
  std::string type;
  std::vector<Property> properties;
  std::string space_after;
};

// The bag, or nothing if `xml` is not the canonical form of one with at least one property and unique names.
[[nodiscard]] std::optional<PropertyBag> read_property_bag(std::string_view xml);

[[nodiscard]] std::string write_property_bag(const PropertyBag& bag);

}  // namespace airtight::sks::model
