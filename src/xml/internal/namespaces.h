// Namespace declarations in a tree: finding, making and carrying them, so that what is written is what was meant.
#pragma once

#include <libxml/tree.h>

#include "xml/document.h"

namespace airtight::xml::internal {

// The declaration of `space` in scope at `node`, which is made there if there is none; nullptr for no namespace.
[[nodiscard]] xmlNsPtr find_or_declare(xmlNodePtr node, const Namespace& space);

// Declares `space` at `node`.
xmlNsPtr declare(xmlNodePtr node, const Namespace& space);

// Puts a deep copy of `source` under `parent`, or at the top of `doc` if that is nullptr, and returns it. Prefixes mean in the copy what
// they mean in the source: in its content too, which may hold qualified names that only its reader understands.
xmlNodePtr copy_into(xmlDocPtr doc, xmlNodePtr parent, xmlNodePtr source);

// The same, but `source` and what in it is in its namespace get no prefix, and only the declarations that this needs.
xmlNodePtr copy_unprefixed_into(xmlDocPtr doc, xmlNodePtr parent, xmlNodePtr source);

}  // namespace airtight::xml::internal
