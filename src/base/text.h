// Questions about text that more than one protocol asks: UTF-8, NCName, the id type of SKS.
#pragma once

#include <string_view>

#include "base/bytes.h"

namespace airtight {

// Well-formed UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing above U+10FFFF.
[[nodiscard]] bool is_utf8(ByteView bytes);

// UTF-8 that shows as one line: no control characters (C0, C1, DEL), no line or paragraph separators. May be empty. What has to be a line
// can forge none in a log, on a terminal or in a mail.
[[nodiscard]] bool is_line(std::string_view text);

// An NCName of XML Namespaces 1.0 (fifth edition of XML 1.0).
[[nodiscard]] bool is_ncname(std::string_view text);

// The SKS type `id`: an NCName of 1 to 32 bytes in UTF-8 (sks.md section 1).
[[nodiscard]] bool is_sks_id(std::string_view text);

}  // namespace airtight
