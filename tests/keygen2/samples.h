// The messages of tests/vectors/keygen2, and ways to spoil them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "keygen2/messages.h"

namespace airtight::keygen2::testing {

// keygen2.xsd, compiled once.
const xml::Schema& schema();

// The file tests/vectors/keygen2/<name>.xml.
std::string sample(std::string_view name);
// The same without white space between elements, which canonical XML would keep.
std::string compact_sample(std::string_view name);
// The names of all files.
std::vector<std::string> sample_names();

Result<Received> read(std::string_view text);
// The message in a sample that has to be readable.
Message read_sample(std::string_view name);
template <typename T>
T read_sample_as(std::string_view name) {
  return std::get<T>(read_sample(name));
}

// `text` with the first occurrence of `from`, which has to be there, replaced.
std::string with(std::string text, std::string_view from, std::string_view to);

// An attribute of an element outside ServerCookie and ds:Signature, as it stands in a text.
struct AttributePlace {
  std::string element;  // with its prefix, if any
  std::string name;
  std::size_t begin;  // of the space before the name
  std::size_t value_begin;
  std::size_t value_end;

  [[nodiscard]] std::string label() const { return element + "@" + name; }
};
std::vector<AttributePlace> attributes_in(const std::string& text);
std::string without(std::string text, const AttributePlace& place);
std::string with_value(std::string text, const AttributePlace& place, std::string_view value);

// That `text` is refused, and answered by `error`.
void expect_refused(std::string_view text, ClientError error = ClientError::kNonMatchingRequests);
void expect_accepted(std::string_view text);

}  // namespace airtight::keygen2::testing
