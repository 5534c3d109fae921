#include "sealing/internal/lines.h"

#include <algorithm>

#include "base/encoding.h"

namespace airtight::sealing::internal {

void add_line(std::string& out, std::string_view name, std::string_view value) {
  out += name;
  out += " = ";
  out += value;
  out += '\n';
}

Result<std::string_view> Lines::value(std::string_view name) {
  const std::size_t end = rest_.find('\n');
  if (end == std::string_view::npos || !next_is(name)) return damaged();
  const std::string_view value = rest_.substr(0, end).substr(name.size() + 3);
  rest_.remove_prefix(end + 1);
  return value;
}

Result<Bytes> Lines::hex(std::string_view name) { return hex_decode(TRY(value(name))); }

bool Lines::next_is(std::string_view name) const { return rest_.starts_with(name) && rest_.substr(name.size()).starts_with(" = "); }

Failure Lines::damaged() { return fail(Fault::kInternal, "the seal is damaged", "restore the file from a backup"); }

bool fits_a_line(std::string_view text, std::size_t longest) {
  return text.size() <= longest && std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
}

}  // namespace airtight::sealing::internal
