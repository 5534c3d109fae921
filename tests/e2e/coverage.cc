#include "tests/e2e/coverage.h"

#include <libxml/tree.h>

#include <algorithm>
#include <map>
#include <sstream>
#include <stdexcept>
#include <vector>

#include "keygen2/messages.h"
#include "tests/support/must.h"
#include "xml/document.h"

namespace airtight::e2e {
namespace {

using tests::must;

constexpr std::string_view kXsd = "http://www.w3.org/2001/XMLSchema";

std::string local(std::string_view name) { return std::string(name.substr(name.find(':') + 1)); }

// Walks the schema from its top elements, through the types, groups and attribute groups that it names.
class SchemaWalk {
 public:
  explicit SchemaWalk(xml::Element schema) {
    for (const xml::Element part : schema.children()) {
      if (const auto name = part.attribute("name")) parts_.emplace(std::string(part.name()) + " " + *name, part);
    }
  }

  std::set<std::string> items() {
    for (const auto& [name, part] : parts_) {
      if (part.name() == "element") walk_element(part, *part.attribute("name"));
    }
    return items_;
  }

 private:
  void walk_element(xml::Element declaration, const std::string& name) {
    if (const auto type = declaration.attribute("type")) {
      if (type->starts_with("kg:")) walk_type(part("complexType", local(*type)), name);
    }
    if (const auto type = declaration.child(kXsd, "complexType")) walk_type(*type, name);
  }

  void walk_type(xml::Element type, const std::string& owner) {
    if (!walked_.insert(std::pair(type.node(), owner)).second) return;
    walk(type, owner);
  }

  void walk(xml::Element node, const std::string& owner) {
    for (const xml::Element child : node.children()) {
      const std::string_view kind = child.name();
      if (kind == "element") {
        const auto reference = child.attribute("ref");
        const std::string name = reference ? local(*reference) : *child.attribute("name");
        items_.insert(owner + "/" + name);
        if (!reference) walk_element(child, name);
      } else if (kind == "attribute") {
        add_attribute(child, owner);
      } else if (kind == "attributeGroup" || kind == "group") {
        walk(part(std::string(kind), local(*child.attribute("ref"))), owner);
      } else if (kind == "extension") {
        const std::string base = *child.attribute("base");
        if (base.starts_with("kg:")) walk(part("complexType", local(base)), owner);
        walk(child, owner);
      } else {
        walk(child, owner);
      }
    }
  }

  void add_attribute(xml::Element attribute, const std::string& owner) {
    const std::string item = owner + "@" + *attribute.attribute("name");
    items_.insert(item);
    const std::string type = attribute.attribute("type").value_or("");
    add_values(attribute, item);
    if (type.starts_with("kg:")) add_values(part("simpleType", local(type)), item);
    if (const auto usual = attribute.attribute("default")) items_.erase(item + "=" + *usual);  // nobody writes it
  }

  // Of enumerations and lists of them.
  void add_values(xml::Element node, const std::string& item) {
    for (const xml::Element child : node.children()) {
      if (child.name() == "enumeration") items_.insert(item + "=" + *child.attribute("value"));
      if (child.name() == "list" && child.attribute("itemType").value_or("").starts_with("kg:")) {
        add_values(part("simpleType", local(*child.attribute("itemType"))), item);
      }
      add_values(child, item);
    }
  }

  [[nodiscard]] xml::Element part(const std::string& kind, const std::string& name) const {
    const auto found = parts_.find(kind + " " + name);
    if (found == parts_.end()) throw std::runtime_error("the schema has no " + kind + " " + name);
    return found->second;
  }

  std::map<std::string, xml::Element> parts_;
  std::set<std::pair<const _xmlNode*, std::string>> walked_;
  std::set<std::string> items_;
};

void add_items(xml::Element element, std::set<std::string>& items) {
  const std::string owner(element.name());
  if (owner == "ServerCookie" || element.namespace_uri() != keygen2::kNamespace) return;
  for (const xmlAttr* attribute = element.node()->properties; attribute != nullptr; attribute = attribute->next) {
    const std::string name = reinterpret_cast<const char*>(attribute->name);
    const std::string item = owner + "@" + name;
    items.insert(item);
    std::istringstream words(element.attribute(name).value_or(""));
    for (std::string word; words >> word;) items.insert(item + "=" + word);
  }
  for (const xml::Element child : element.children()) {
    items.insert(owner + "/" + std::string(child.name()));
    add_items(child, items);
  }
}

}  // namespace

void add_items_of(ByteView text, std::set<std::string>& items) {
  const auto document = xml::Document::parse(text);
  if (document) add_items(document->root(), items);
}

std::set<std::string> items_of_schema(ByteView schema) {
  const xml::Document document = must(xml::Document::parse(schema));
  return SchemaWalk(document.root()).items();
}

}  // namespace airtight::e2e
