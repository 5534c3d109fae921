#include "xml/internal/namespaces.h"

#include <string>

#include "xml/internal/libxml.h"

namespace airtight::xml::internal {
namespace {

// What `prefix` (nullptr: no prefix) stands for at `node`; empty if for no namespace. `node` may be nullptr: above all.
std::string_view meaning(xmlNodePtr node, const xmlChar* prefix) {
  const xmlNs* ns = node == nullptr ? nullptr : xmlSearchNs(node->doc, node, prefix);
  return ns == nullptr ? std::string_view() : view_of(ns->href);
}

bool declares(const xmlNode* node, const xmlChar* prefix) {
  for (const xmlNs* ns = node->nsDef; ns != nullptr; ns = ns->next) {
    if (xmlStrEqual(ns->prefix, prefix) != 0) return true;
  }
  return false;
}

void attach(xmlDocPtr doc, xmlNodePtr parent, xmlNodePtr node) {
  if (parent == nullptr) {
    xmlDocSetRootElement(doc, node);
  } else {
    made(xmlAddChild(parent, node));
  }
}

std::string_view uri_of(const xmlNode* node) { return node->ns == nullptr ? std::string_view() : view_of(node->ns->href); }

void free_list(xmlNsPtr* list) { xmlFree(static_cast<void*>(list)); }

}  // namespace

xmlNsPtr declare(xmlNodePtr node, const Namespace& space) {
  const std::string prefix(space.prefix);
  return made(xmlNewNs(node, to_xml(std::string(space.uri)), prefix.empty() ? nullptr : to_xml(prefix)));
}

xmlNsPtr find_or_declare(xmlNodePtr node, const Namespace& space) {
  const std::string prefix(space.prefix);
  const xmlChar* prefix_or_null = prefix.empty() ? nullptr : to_xml(prefix);
  const bool known = meaning(node, prefix_or_null) == space.uri;
  if (space.uri.empty()) {
    if (!known) declare(node, space);
    return nullptr;
  }
  return known ? xmlSearchNs(node->doc, node, prefix_or_null) : declare(node, space);
}

xmlNodePtr copy_into(xmlDocPtr doc, xmlNodePtr parent, xmlNodePtr source) {
  // libxml2 itself declares in the copy what the names in it need.
  xmlNodePtr copy = made(xmlDocCopyNode(source, doc, 1));
  const auto declare_if_needed = [&](const xmlChar* prefix, std::string_view uri) {
    if (!declares(copy, prefix) && meaning(parent, prefix) != uri) declare(copy, {view_of(prefix), uri});
  };
  const CHandle<xmlNsPtr, free_list> in_scope(xmlGetNsList(source->doc, source));
  for (const xmlNsPtr* ns = in_scope.get(); ns != nullptr && *ns != nullptr; ++ns) {
    declare_if_needed((*ns)->prefix, view_of((*ns)->href));
  }
  if (meaning(source, nullptr).empty()) declare_if_needed(nullptr, "");
  attach(doc, parent, copy);
  return copy;
}

xmlNodePtr copy_unprefixed_into(xmlDocPtr doc, xmlNodePtr parent, xmlNodePtr source) {
  xmlNodePtr copy = made(xmlNewDocNode(doc, nullptr, source->name, nullptr));
  attach(doc, parent, copy);
  xmlSetNs(copy, find_or_declare(copy, {"", uri_of(source)}));
  copy->properties = xmlCopyPropList(copy, source->properties);
  for (xmlNodePtr child = source->children; child != nullptr; child = child->next) {
    if (child->type != XML_ELEMENT_NODE) {
      made(xmlAddChild(copy, made(xmlDocCopyNode(child, doc, 1))));
    } else if (uri_of(child) == uri_of(source)) {
      copy_unprefixed_into(doc, copy, child);
    } else {
      copy_into(doc, copy, child);
    }
  }
  return copy;
}

}  // namespace airtight::xml::internal
