// Reading PSKC elements by their schema: children in order, each where it may stand and nothing else, and what their text means.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/secret_bytes.h"
#include "otp/internal/pskc_names.h"
#include "xml/document.h"

namespace airtight::otp::internal {

// A fault of the container: it says what is wrong with it.
[[nodiscard]] Failure malformed(std::string what);
// A reason not to take one key (Fault::kRefused), of which nobody but its reader makes use.
[[nodiscard]] Failure not_taken(std::string why);

// The children of an element, taken in order.
class Sequence {
 public:
  explicit Sequence(xml::Element parent) : parent_(parent), children_(parent.children()) {}

  // The next child if it is that element.
  [[nodiscard]] std::optional<xml::Element> take(std::string_view name, std::string_view space = kPskc);
  [[nodiscard]] Result<xml::Element> require(std::string_view name, std::string_view space = kPskc);
  // Passes over any number of children of that name.
  void skip(std::string_view name);
  [[nodiscard]] std::optional<xml::Element> next();
  // No child is left.
  [[nodiscard]] Result<> end() const;

 private:
  xml::Element parent_;
  std::vector<xml::Element> children_;
  std::size_t at_ = 0;
};

// The element has no attributes but those, and those of other namespaces.
[[nodiscard]] Result<> only_attributes(xml::Element element, std::initializer_list<std::string_view> names);

// Its text without white space around it, of at most 1024 bytes; "" for an element that is not there.
[[nodiscard]] Result<std::string> text_of_element(const std::optional<xml::Element>& element);

// A whole number, decimal.
[[nodiscard]] Result<std::uint64_t> number_in_text(std::string_view name, std::string_view text, std::uint64_t largest);

// The bytes in its base64 text; what was read on the way is wiped.
[[nodiscard]] Result<SecretBytes> secret_in_base64(xml::Element element);
[[nodiscard]] Result<Bytes> bytes_in_base64(xml::Element element);

}  // namespace airtight::otp::internal
