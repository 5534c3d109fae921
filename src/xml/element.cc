#include <libxml/tree.h>

#include "xml/document.h"
#include "xml/internal/characters.h"
#include "xml/internal/libxml.h"
#include "xml/internal/namespaces.h"

namespace airtight::xml {
namespace {

using internal::made;
using internal::to_xml;
using internal::view_of;

// Text goes into the tree as it is; it is escaped when it is written.
xmlNodePtr text_node(xmlDocPtr doc, std::string_view text) { return made(xmlNewDocText(doc, to_xml(internal::without_forbidden(text)))); }

void append_text(const xmlNode* first, std::string& out) {
  for (const xmlNode* node = first; node != nullptr; node = node->next) {
    if (node->type == XML_TEXT_NODE || node->type == XML_CDATA_SECTION_NODE) out += view_of(node->content);
    if (node->type == XML_ELEMENT_NODE) append_text(node->children, out);
  }
}

}  // namespace

std::string_view Element::name() const { return view_of(node_->name); }

std::string_view Element::namespace_uri() const { return node_->ns == nullptr ? std::string_view() : view_of(node_->ns->href); }

bool Element::is(std::string_view namespace_uri, std::string_view name) const {
  return this->name() == name && this->namespace_uri() == namespace_uri;
}

std::optional<std::string> Element::attribute(std::string_view name) const {
  for (const xmlAttr* attribute = node_->properties; attribute != nullptr; attribute = attribute->next) {
    if (attribute->ns != nullptr || view_of(attribute->name) != name) continue;
    std::string value;
    append_text(attribute->children, value);
    return value;
  }
  return std::nullopt;
}

std::vector<std::string> Element::attribute_names() const {
  std::vector<std::string> names;
  for (const xmlAttr* attribute = node_->properties; attribute != nullptr; attribute = attribute->next) {
    const std::string name(view_of(attribute->name));
    names.push_back(attribute->ns == nullptr ? name : "{" + std::string(view_of(attribute->ns->href)) + "}" + name);
  }
  return names;
}

std::string Element::text() const {
  std::string text;
  append_text(node_->children, text);
  return text;
}

std::vector<Element> Element::children() const {
  std::vector<Element> found;
  for (xmlNodePtr node = xmlFirstElementChild(node_); node != nullptr; node = xmlNextElementSibling(node)) found.emplace_back(node);
  return found;
}

std::optional<Element> Element::child(std::string_view namespace_uri, std::string_view name) const {
  for (xmlNodePtr node = xmlFirstElementChild(node_); node != nullptr; node = xmlNextElementSibling(node)) {
    if (Element(node).is(namespace_uri, name)) return Element(node);
  }
  return std::nullopt;
}

std::vector<Element> Element::children(std::string_view namespace_uri, std::string_view name) const {
  std::vector<Element> found = children();
  std::erase_if(found, [&](const Element& element) { return !element.is(namespace_uri, name); });
  return found;
}

void Element::set_attribute(std::string_view name, std::string_view value) {
  made(xmlSetNsProp(node_, nullptr, to_xml(std::string(name)), to_xml(internal::without_forbidden(value))));
}

void Element::set_text(std::string_view text) {
  xmlNodeSetContent(node_, nullptr);
  if (!text.empty()) made(xmlAddChild(node_, text_node(node_->doc, text)));
}

void Element::remove_attribute(std::string_view name) {
  xmlAttrPtr attribute = xmlHasNsProp(node_, to_xml(std::string(name)), nullptr);
  if (attribute != nullptr) xmlRemoveProp(attribute);
}

Element Element::add(const Namespace& space, std::string_view name) {
  xmlNodePtr child = made(xmlNewDocNode(node_->doc, nullptr, to_xml(std::string(name)), nullptr));
  made(xmlAddChild(node_, child));
  xmlSetNs(child, internal::find_or_declare(child, space));
  return Element(child);
}

Element Element::add_copy(Element source) { return Element(internal::copy_into(node_->doc, node_, source.node_)); }

void Element::remove() {
  xmlUnlinkNode(node_);
  xmlFreeNode(node_);
}

}  // namespace airtight::xml
