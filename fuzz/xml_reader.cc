// The XML reader: whatever it accepts is within the limits, has a canonical form, and comes back the same after it was written, copied,
// or copied into another document.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iostream>

#include "xml/document.h"
#include "xml/signature.h"

namespace {

using airtight::Bytes;
using airtight::ByteView;
namespace xml = airtight::xml;

void require(bool holds, const char* what) {
  if (holds) return;
  std::cerr << "xml_reader: " << what << '\n';
  std::abort();
}

unsigned depth(xml::Element element) {
  unsigned deepest = 0;
  for (const xml::Element& child : element.children()) deepest = std::max(deepest, depth(child));
  return 1 + deepest;
}

Bytes canonical(xml::Element element) {
  auto bytes = xml::canonicalize(element);
  require(bytes.has_value(), "an accepted element has no canonical form");
  return *bytes;
}

// A copy keeps its canonical form, wherever it goes; a part is a copy, so that this is checked for parts too.
void check_copies(xml::Element element) {
  const Bytes before = canonical(element);
  xml::Document elsewhere = xml::Document::create({"", "urn:elsewhere"}, "root", {{"a", "urn:elsewhere:a"}});
  const xml::Element copy = elsewhere.root().add_copy(element);
  require(canonical(copy) == before, "a copy in another document differs");
  const auto read_again = xml::Document::parse(elsewhere.serialize(), {.max_bytes = 64U << 20, .max_depth = 65, .max_namespaces = 512});
  require(read_again.has_value(), "a copy in another document is refused when it is read again");
  require(canonical(read_again->root().children().at(0)) == before, "a copy in another document differs after it was read again");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView input(reinterpret_cast<const std::byte*>(data), size);
  const xml::Limits limits;
  const auto document = xml::Document::parse(input, limits);
  if (!document) {
    require(!document.error().message.empty(), "a refusal without a reason");
    return 0;
  }
  require(size <= limits.max_bytes, "too large, but accepted");
  require(depth(document->root()) <= limits.max_depth, "too deep, but accepted");

  // Escaping makes a text longer, so that only the size may be beyond the limit the second time.
  const auto again = xml::Document::parse(document->serialize(), {.max_bytes = 64U << 20});
  require(again.has_value(), "what was written is refused");
  require(canonical(again->root()) == canonical(document->root()), "what was written and read again differs");
  check_copies(document->root());
  for (const xml::Element& child : document->root().children()) check_copies(child);

  // No key and no certificate fits anything in a corpus without secrets.
  require(!xml::verify_hmac(document->root(), {}, "nobody").has_value(), "a signature under no key verifies");
  (void)xml::verify_with_certificate(document->root());
  return 0;
}
