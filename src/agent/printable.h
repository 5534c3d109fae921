// Text that came from an issuer, made fit to be shown: it cannot move a terminal's cursor, break a log line or go on for pages.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace airtight::agent {

// At most `max_size` bytes of `text` with white space folded and everything that is not printable UTF-8 replaced by '?'.
[[nodiscard]] std::string printable(std::string_view text, std::size_t max_size = 300);

}  // namespace airtight::agent
