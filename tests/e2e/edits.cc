#include "tests/e2e/edits.h"

#include <libxml/tree.h>

#include <charconv>
#include <map>
#include <stdexcept>
#include <vector>

#include "base/encoding.h"
#include "keygen2/messages.h"
#include "tests/support/must.h"

namespace airtight::e2e {
namespace {

using tests::must;

struct PathStep {
  std::string_view name;
  std::size_t position = 1;
};

PathStep step_of(std::string_view text) {
  const std::size_t bracket = text.find('[');
  if (bracket == std::string_view::npos) return {text};
  std::size_t position = 0;
  std::from_chars(text.data() + bracket + 1, text.data() + text.size() - 1, position);
  return {text.substr(0, bracket), position};
}

void collect(xml::Element element, std::string_view name, std::vector<xml::Element>& out) {
  for (const xml::Element child : element.children()) {
    if (child.name() == name) out.push_back(child);
    collect(child, name, out);
  }
}

std::optional<xml::Element> nth_child(xml::Element parent, const PathStep& step) {
  std::size_t seen = 0;
  for (const xml::Element child : parent.children()) {
    if (child.name() == step.name && ++seen == step.position) return child;
  }
  return std::nullopt;
}

const xmlChar* x(const std::string& text) { return reinterpret_cast<const xmlChar*>(text.c_str()); }

std::string value_at(xml::Element element, const std::string& attribute) {
  if (attribute.empty()) return element.text();
  const auto value = element.attribute(attribute);
  if (!value) throw std::runtime_error("there is no attribute " + attribute + " at " + std::string(element.name()));
  return *value;
}

void set_value(xml::Element element, const std::string& attribute, std::string_view value) {
  if (attribute.empty()) {
    element.set_text(value);
  } else {
    element.set_attribute(attribute, value);
  }
}

// Changes one bit of a base64 value, at byte `amount` (from the end if it is negative).
void flip(xml::Element element, const Attack& attack) {
  Bytes bytes = must(base64_decode(value_at(element, attack.attribute), Whitespace::kXml));
  if (bytes.empty()) throw std::runtime_error("there is no bit to flip");
  const auto size = static_cast<std::int64_t>(bytes.size());
  const auto index = static_cast<std::size_t>(attack.amount < 0 ? size + attack.amount : attack.amount);
  bytes.at(index) ^= std::byte{1};
  set_value(element, attack.attribute, base64_encode(bytes));
}

void remove(xml::Element element, const Attack& attack) {
  if (attack.attribute.empty()) {
    element.remove();
  } else if (xmlUnsetProp(element.node(), x(attack.attribute)) != 0) {
    throw std::runtime_error("there is no attribute " + attack.attribute);
  }
}

xml::Element copy_of(xml::Element element) {
  xmlNode* copy = xmlDocCopyNode(element.node(), element.node()->doc, 1);
  xmlAddNextSibling(element.node(), copy);
  return xml::Element(copy);
}

void move(xml::Element element, const std::string& where) {
  xmlNode* node = element.node();
  xmlNode* parent = node->parent;
  xmlUnlinkNode(node);
  if (where == "first") {
    if (xmlNode* first = xmlFirstElementChild(parent)) {
      xmlAddPrevSibling(first, node);
      return;
    }
  }
  xmlAddChild(parent, node);
}

void swap(xml::Element a, xml::Element b) {
  xmlNode* mark = xmlNewDocComment(a.node()->doc, nullptr);
  xmlReplaceNode(a.node(), mark);
  xmlReplaceNode(b.node(), a.node());
  xmlReplaceNode(mark, b.node());
  xmlFreeNode(mark);
}

// Puts the elements of `attack.xml` before the child named `attack.with`, or at the end.
void insert(xml::Element parent, const Attack& attack) {
  const std::string wrapped = "<w xmlns=\"" + std::string(keygen2::kNamespace) +
                              "\" xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\" xmlns:ds11=\"http://www.w3.org/2009/xmldsig11#\">" +
                              attack.xml + "</w>";
  const xml::Document fragment = must(xml::Document::parse(bytes_of(wrapped)));
  const std::optional<xml::Element> next = attack.with.empty() ? std::nullopt : nth_child(parent, step_of(attack.with));
  for (const xml::Element element : fragment.root().children()) {
    const xml::Element added = parent.add_copy(element);
    if (!next) continue;
    xmlUnlinkNode(added.node());
    xmlAddPrevSibling(next->node(), added.node());
  }
}

void nest(xml::Element element, std::int64_t levels) {
  for (std::int64_t i = 0; i < levels; ++i) element = element.add({"x", "urn:example:nest"}, "Level");
}

// Puts the value, or the whole element, of another message in the place of this one.
void copy_from(xml::Element element, const Attack& attack, const EarlierMessage& earlier) {
  const xml::Document source = must(xml::Document::parse(earlier(attack.from)));
  const xml::Element other = element_at(source.root(), attack.from_at.empty() ? attack.at : attack.from_at);
  if (!attack.attribute.empty()) {
    element.set_attribute(attack.attribute, value_at(other, attack.with.empty() ? attack.attribute : attack.with));
    return;
  }
  xmlNode* copy = xmlDocCopyNode(other.node(), element.node()->doc, 1);
  xmlNode* old = xmlReplaceNode(element.node(), copy);
  xmlFreeNode(old);
}

bool edit_document(Bytes& text, const Attack& attack, const EarlierMessage& earlier) {
  using Change = std::function<void(xml::Element)>;
  const std::map<std::string, Change> changes = {
      {"set", [&](xml::Element e) { set_value(e, attack.attribute, attack.value); }},
      {"flip", [&](xml::Element e) { flip(e, attack); }},
      {"remove", [&](xml::Element e) { remove(e, attack); }},
      {"duplicate", [&](xml::Element e) { static_cast<void>(copy_of(e)); }},
      {"rename", [&](xml::Element e) { xmlNodeSetName(e.node(), x(attack.value)); }},
      {"move", [&](xml::Element e) { move(e, attack.value); }},
      {"insert", [&](xml::Element e) { insert(e, attack); }},
      {"nest", [&](xml::Element e) { nest(e, attack.amount); }},
      {"copy", [&](xml::Element e) { copy_from(e, attack, earlier); }},
  };
  const bool swaps = attack.action == "swap";
  const auto change = changes.find(attack.action);
  if (change == changes.end() && !swaps) return false;
  const xml::Document document = must(xml::Document::parse(text));
  const xml::Element element = element_at(document.root(), attack.at);
  if (swaps) {
    swap(element, element_at(document.root(), attack.with));
  } else {
    change->second(element);
  }
  text = document.serialize();
  return true;
}

std::string replaced(std::string text, const Attack& attack) {
  const std::size_t at = text.find(attack.find);
  if (at == std::string::npos) throw std::runtime_error("'" + attack.find + "' is not in the message");
  return text.replace(at, attack.find.size(), attack.value);
}

// Fills the message up to `amount` bytes with a comment after its end.
std::string padded(std::string text, std::int64_t amount) {
  constexpr std::string_view kBegin = "<!--";
  constexpr std::string_view kEnd = "-->";
  text += kBegin;
  const auto size = static_cast<std::size_t>(amount);
  if (text.size() + kEnd.size() < size) text.append(size - text.size() - kEnd.size(), 'x');
  return text.append(kEnd);
}

std::string in_utf16(std::string_view text) {
  std::string out = "\xFF\xFE";
  for (const char c : text) out.append({c, '\0'});
  return out;
}

}  // namespace

std::optional<xml::Element> find_element(xml::Element root, std::string_view path) {
  if (path.starts_with("//")) {
    const std::size_t slash = path.find('/', 2);
    const PathStep step = step_of(path.substr(2, slash == std::string_view::npos ? slash : slash - 2));
    std::vector<xml::Element> found;
    collect(root, step.name, found);
    if (found.size() < step.position) return std::nullopt;
    root = found[step.position - 1];
    path = slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1);
  }
  while (!path.empty()) {
    const std::size_t slash = path.find('/');
    const auto child = nth_child(root, step_of(path.substr(0, slash)));
    if (!child) return std::nullopt;
    root = *child;
    path = slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1);
  }
  return root;
}

xml::Element element_at(xml::Element root, std::string_view path) {
  const auto found = find_element(root, path);
  if (!found) throw std::runtime_error("there is no " + std::string(path) + " in " + std::string(root.name()));
  return *found;
}

bool edit(Bytes& text, const Attack& attack, const EarlierMessage& earlier) {
  if (edit_document(text, attack, earlier)) return true;
  const std::map<std::string, std::function<std::string(std::string)>> changes = {
      {"replace", [&](std::string old) { return replaced(std::move(old), attack); }},
      {"body", [&](const std::string&) { return attack.value; }},
      {"prepend", [&](const std::string& old) { return attack.value + old; }},
      {"append", [&](const std::string& old) { return old + attack.value; }},
      {"truncate", [&](const std::string& old) { return old.substr(0, old.size() / 2); }},
      {"pad", [&](std::string old) { return padded(std::move(old), attack.amount); }},
      {"in-utf-16", [&](const std::string& old) { return in_utf16(old); }},
      {"replay", [&](const std::string&) { return to_text(earlier(attack.from)); }},
  };
  const auto change = changes.find(attack.action);
  if (change == changes.end()) return false;
  text = to_bytes(change->second(to_text(text)));
  return true;
}

std::string top_element(ByteView text) {
  const auto document = xml::Document::parse(text);
  return document ? std::string(document->root().name()) : std::string();
}

}  // namespace airtight::e2e
