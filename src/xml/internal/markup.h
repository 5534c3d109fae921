// A first pass over the markup of a document, before libxml2 sees it: what KeyGen2 forbids (DTDs, foreign encodings, depth) and what is
// legal XML but costs libxml2 quadratic time is refused here, by a lexer that is stricter than libxml2 wherever the two could disagree.
#pragma once

#include <string_view>

#include "base/result.h"
#include "xml/document.h"

namespace airtight::xml::internal {

// Fault::kBadInput with the line, if `text` (without byte order mark) is beyond `limits`, is not UTF-8, has a character or a version that
// XML 1.0 does not know, declares another encoding, or has a DTD. What passes has, for libxml2 too, exactly the tags that were seen here.
[[nodiscard]] Result<> check_markup(std::string_view text, const Limits& limits);

}  // namespace airtight::xml::internal
