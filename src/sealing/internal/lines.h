// The text files of this folder: lines of "name = value" in a fixed order, each written in one way only. A reader takes them one by one
// and refuses everything that it does not expect.
#pragma once

#include <charconv>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"

namespace airtight::sealing::internal {

void add_line(std::string& out, std::string_view name, std::string_view value);

// The lines of a text, taken one by one in their order. Every failure is Fault::kInternal, "damaged": the caller names the file.
class Lines {
 public:
  explicit Lines(std::string_view text) : rest_(text) {}

  // The value of the next line, which must have this name.
  [[nodiscard]] Result<std::string_view> value(std::string_view name);
  [[nodiscard]] Result<Bytes> hex(std::string_view name);

  template <typename Number>
  [[nodiscard]] Result<Number> number(std::string_view name) {
    const std::string_view text = TRY(value(name));
    Number out = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), out);
    if (code != std::errc{} || end != text.data() + text.size()) return damaged();
    return out;
  }

  // Whether the next line has this name; takes nothing.
  [[nodiscard]] bool next_is(std::string_view name) const;

  [[nodiscard]] static Failure damaged();

 private:
  std::string_view rest_;
};

// Text from outside that may stand in a line: printable ASCII, at most `longest` characters.
[[nodiscard]] bool fits_a_line(std::string_view text, std::size_t longest);

}  // namespace airtight::sealing::internal
