#include "xml/document.h"

#include <libxml/c14n.h>
#include <libxml/parser.h>
#include <libxml/tree.h>

#include "xml/internal/libxml.h"
#include "xml/internal/markup.h"
#include "xml/internal/namespaces.h"

namespace airtight::xml {
namespace {

using internal::ErrorTrap;
using internal::made;
using internal::start_libraries;
using internal::to_xml;

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

// No file, no network, CDATA sections as the text they are, the true line beyond 65535, and a warning of each relative namespace URI.
// The markup check has seen to the encoding.
constexpr int kParseOptions = XML_PARSE_NONET | XML_PARSE_NOCDATA | XML_PARSE_BIG_LINES | XML_PARSE_PEDANTIC | XML_PARSE_IGNORE_ENC;

// Comments and processing instructions may stand beside the top element; its canonical form is without them.
int is_not_beside_root(void* /*unused*/, xmlNodePtr node, xmlNodePtr parent) {
  return node->type != XML_PI_NODE || parent->type == XML_ELEMENT_NODE ? 1 : 0;
}

int append_to(void* out, const char* text, int size) {
  append(*static_cast<Bytes*>(out), bytes_of(std::string_view(text, static_cast<std::size_t>(size))));
  return size;
}

xmlDocPtr new_doc() {
  start_libraries();
  return made(xmlNewDoc(to_xml("1.0")));
}

}  // namespace

Result<Document> Document::parse(ByteView text, const Limits& limits) {
  std::string_view markup = text_of(text);
  if (markup.starts_with(kByteOrderMark)) markup.remove_prefix(kByteOrderMark.size());
  TRY(internal::check_markup(markup, limits));
  start_libraries();
  const ErrorTrap trap;
  const CHandle<xmlParserCtxt, xmlFreeParserCtxt> context(made(xmlNewParserCtxt()));
  Document document(xmlCtxtReadMemory(context.get(), markup.data(), static_cast<int>(markup.size()), nullptr, nullptr, kParseOptions));
  if (trap.caught() || document.doc_ == nullptr) return fail(Fault::kBadInput, trap.sentence("the text is not a well-formed XML document"));
  return document;
}

Document Document::create(const Namespace& space, std::string_view root_name, const std::vector<Namespace>& others) {
  Document document(new_doc());
  xmlNodePtr root = made(xmlNewDocNode(document.doc(), nullptr, to_xml(std::string(root_name)), nullptr));
  xmlDocSetRootElement(document.doc(), root);
  xmlSetNs(root, internal::find_or_declare(root, space));
  for (const Namespace& other : others) internal::declare(root, other);
  return document;
}

Document Document::copy_of(Element element) {
  Document document(new_doc());
  internal::copy_into(document.doc(), nullptr, element.node());
  return document;
}

Document Document::unprefixed_copy_of(Element element) {
  Document document(new_doc());
  internal::copy_unprefixed_into(document.doc(), nullptr, element.node());
  return document;
}

Element Document::root() const { return Element(xmlDocGetRootElement(doc_.get())); }

Bytes Document::serialize() const {
  xmlChar* text = nullptr;
  int size = 0;
  xmlDocDumpFormatMemoryEnc(doc_.get(), &text, &size, "UTF-8", 0);
  const CHandle<xmlChar, [](xmlChar* memory) { xmlFree(memory); }> owner(made(text));
  return to_bytes(ByteView(reinterpret_cast<const std::byte*>(text), static_cast<std::size_t>(size)));
}

void Document::Free::operator()(_xmlDoc* doc) const { xmlFreeDoc(doc); }

Result<Bytes> canonicalize(Element element) {
  xmlDocPtr doc = element.node()->doc;
  // libxml2 walks the whole document even for a part of it; so a part is made a document first.
  if (element.node() != xmlDocGetRootElement(doc)) return canonicalize(Document::copy_of(element).root());
  const ErrorTrap trap;
  Bytes canonical;
  const CHandle<xmlOutputBuffer, xmlOutputBufferClose> out(made(xmlOutputBufferCreateIO(append_to, nullptr, &canonical, nullptr)));
  const int written = xmlC14NExecute(doc, is_not_beside_root, nullptr, XML_C14N_EXCLUSIVE_1_0, nullptr, 0, out.get());
  if (written < 0 || xmlOutputBufferFlush(out.get()) < 0) {
    return fail(Fault::kBadInput, trap.sentence("the element has no canonical form"));
  }
  return canonical;
}

}  // namespace airtight::xml
