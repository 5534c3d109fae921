#include "tests/guide/transcript.h"

#include <algorithm>

namespace airtight::guide {
namespace {

constexpr std::string_view kAnything = "...";
constexpr std::string_view kTypedBegin = "\u2039";
constexpr std::string_view kTypedEnd = "\u203a";

// Whether `text` fits `pattern`, in which "..." stands for anything: each part between is looked for from left to right.
bool text_matches(std::string_view pattern, std::string_view text) {
  const std::size_t first = pattern.find(kAnything);
  if (first == std::string_view::npos) return pattern == text;
  if (!text.starts_with(pattern.substr(0, first))) return false;
  text.remove_prefix(first);
  pattern.remove_prefix(first + kAnything.size());
  while (true) {
    const std::size_t next = pattern.find(kAnything);
    if (next == std::string_view::npos) return text.ends_with(pattern);
    const std::size_t at = text.find(pattern.substr(0, next));
    if (at == std::string_view::npos) return false;
    text.remove_prefix(at + next);
    pattern.remove_prefix(next + kAnything.size());
  }
}

std::string_view without_end(std::string_view line) {
  const std::size_t last = line.find_last_not_of(" \r");
  return line.substr(0, last == std::string_view::npos ? 0 : last + 1);
}

bool line_matches(const ExpectedLine& expected, std::string_view shown) {
  if (text_matches(without_end(expected.text), shown)) return true;
  if (!expected.typed) return false;
  const bool is_key = expected.typed->starts_with('^');  // after which the shell may say what it did
  return text_matches(std::string(without_end(expected.text + *expected.typed)) + (is_key ? std::string(kAnything) : ""), shown);
}

// Whether `shown` is what `expected` says, with more after it if `more` says so. Table row by row: reached[j] says that the expected lines
// so far fit the first j lines shown.
bool compare(std::span<const ExpectedLine> expected, std::span<const std::string> shown, bool more) {
  std::vector<bool> reached(shown.size() + 1, false);
  reached.front() = true;
  for (const ExpectedLine& line : expected) {
    std::vector<bool> next(shown.size() + 1, false);
    if (line.is_any_lines()) {
      const auto first = std::ranges::find(reached, true);
      std::fill(next.begin() + (first - reached.begin()), next.end(), true);
    } else {
      for (std::size_t j = 0; j < shown.size(); ++j) next[j + 1] = reached[j] && line_matches(line, shown[j]);
    }
    reached = std::move(next);
    if (std::ranges::find(reached, true) == reached.end()) return false;
  }
  return more || reached.back();
}

}  // namespace

ExpectedLine expected_line(std::string_view line) {
  const std::size_t begin = line.rfind(kTypedBegin);
  if (begin == std::string_view::npos || !line.ends_with(kTypedEnd)) return {.text = std::string(line), .typed = std::nullopt};
  const std::size_t typed_at = begin + kTypedBegin.size();
  return {.text = std::string(line.substr(0, begin)),
          .typed = std::string(line.substr(typed_at, line.size() - kTypedEnd.size() - typed_at))};
}

bool matches(std::span<const ExpectedLine> expected, std::span<const std::string> shown) { return compare(expected, shown, false); }

bool matches_beginning(std::span<const ExpectedLine> expected, std::span<const std::string> shown) {
  return compare(expected, shown, true);
}

std::vector<std::string> lines_of(std::string_view output) {
  std::vector<std::string> lines;
  while (!output.empty()) {
    const std::size_t end = std::min(output.find('\n'), output.size());
    lines.emplace_back(without_end(output.substr(0, end)));
    output.remove_prefix(std::min(end + 1, output.size()));
  }
  return lines;
}

}  // namespace airtight::guide
