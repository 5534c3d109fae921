// The characters that XML 1.0 allows (section 2.2), which are fewer than those of UTF-8.
#pragma once

#include <string>
#include <string_view>

namespace airtight::xml::internal {

// The place of the first character in `text`, which is UTF-8, that XML does not allow; npos if there is none.
[[nodiscard]] std::size_t find_forbidden(std::string_view text);

// `text`, whatever it is, with U+FFFD in place of each character that XML does not allow and each byte that is not UTF-8.
[[nodiscard]] std::string without_forbidden(std::string_view text);

}  // namespace airtight::xml::internal
