// What a page of the guide says that a terminal shows, compared with what it did show. docs/guide/README.md tells readers the notation:
// "..." for what varies, and ‹...› for what they type.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace airtight::guide {

// A line of expected output. `text` may hold "..." for any text; a line that is "..." stands for any lines, or none.
struct ExpectedLine {
  std::string text;
  std::optional<std::string> typed;  // what the reader types after `text`, without Enter; "^C" and "^\" are these keys

  [[nodiscard]] bool is_any_lines() const { return !typed && text == "..."; }
};

// Reads a line of a console block: "Sure? [y/n] ‹y›" has the text "Sure? [y/n] " and "y" typed.
[[nodiscard]] ExpectedLine expected_line(std::string_view line);

// Whether all of `shown`, line by line, is what `expected` says. What was typed may show or not.
[[nodiscard]] bool matches(std::span<const ExpectedLine> expected, std::span<const std::string> shown);

// Whether the first lines of `shown` are.
[[nodiscard]] bool matches_beginning(std::span<const ExpectedLine> expected, std::span<const std::string> shown);

// The lines of what a terminal showed, without the spaces and carriage returns at their ends. A last line that has not ended is one too.
[[nodiscard]] std::vector<std::string> lines_of(std::string_view output);

}  // namespace airtight::guide
