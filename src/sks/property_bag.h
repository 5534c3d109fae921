// Property bags: extensions that are XML, kept as the exclusive canonical XML of their KeyGen2 element without the MAC attribute and
// without prefixes (sks.md section 7, keygen2.md section 6). White space between properties is part of them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace airtight::sks {

class PropertyBag {
 public:
  struct Property {
    std::string name;
    std::string value;
    bool writable = false;
    std::size_t value_at = 0;  // where the value stands in the text, escaped
    std::size_t value_size = 0;
  };

  // A bag of `type` in just that form: at least one property, each with another name. ERROR_OPTION for all else.
  [[nodiscard]] static Result<PropertyBag> parse(ByteView canonical, std::string_view type);

  [[nodiscard]] const std::vector<Property>& properties() const { return properties_; }

  // The canonical XML with the value of the property `name` changed. ERROR_OPTION if there is none or XML cannot hold `value`,
  // ERROR_NOT_ALLOWED if it is not Writable.
  [[nodiscard]] Result<Bytes> with(std::string_view name, std::string_view value) const;

 private:
  std::string text_;
  std::vector<Property> properties_;
};

}  // namespace airtight::sks
