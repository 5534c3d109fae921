// XML documents, hardened: no DTD, no entities but the five, limits on size and depth, UTF-8 and XML 1.0 only. A Document owns its
// tree; an Element is a borrowed handle into it. Comments and processing instructions are allowed anywhere, kept, and mean nothing.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

struct _xmlDoc;
struct _xmlNode;

namespace airtight::xml {

// KeyGen2 sets size and depth. The others are far above any message and bound what would cost libxml2 quadratic time.
struct Limits {
  std::size_t max_bytes = 4U << 20;
  unsigned max_depth = 64;        // the top element is level 1
  unsigned max_attributes = 256;  // of one element, namespace declarations among them
  unsigned max_namespaces = 256;  // namespace declarations in scope at any element
};

// A namespace and the prefix it is written with ("" for the default namespace).
struct Namespace {
  std::string_view prefix;
  std::string_view uri;
};

class Element {
 public:
  explicit Element(_xmlNode* node) : node_(node) {}

  [[nodiscard]] std::string_view name() const;           // local name
  [[nodiscard]] std::string_view namespace_uri() const;  // "" if none
  [[nodiscard]] bool is(std::string_view namespace_uri, std::string_view name) const;
  [[nodiscard]] std::optional<std::string> attribute(std::string_view name) const;  // an attribute without a namespace
  [[nodiscard]] std::vector<std::string> attribute_names() const;                   // of all; those with a namespace as "{namespace}name"
  [[nodiscard]] std::string text() const;                                           // the concatenated text of all descendants
  [[nodiscard]] std::vector<Element> children() const;                              // elements only
  [[nodiscard]] std::optional<Element> child(std::string_view namespace_uri, std::string_view name) const;  // the first
  [[nodiscard]] std::vector<Element> children(std::string_view namespace_uri, std::string_view name) const;

  // Both take any text and escape it. What no XML document can hold (control characters, what is not UTF-8) becomes U+FFFD.
  void set_attribute(std::string_view name, std::string_view value);
  void set_text(std::string_view text);          // in place of all children
  void remove_attribute(std::string_view name);  // one without a namespace, if there is one
  // Appends a child in `space`, by the declaration that is in scope here if there is one, else by one of its own.
  Element add(const Namespace& space, std::string_view name);
  // Appends a deep copy of an element, mostly of another document, with comments and all namespaces in its scope.
  Element add_copy(Element source);
  void remove();  // unlinks and frees this element; the handle is dead

  [[nodiscard]] _xmlNode* node() const { return node_; }

 private:
  _xmlNode* node_;
};

class Document {
 public:
  // Fault::kBadInput with line number for anything malformed or beyond the limits, a DTD, or a foreign encoding.
  [[nodiscard]] static Result<Document> parse(ByteView text, const Limits& limits = {});
  // A new document with a root element; `others` are declared on the root too.
  [[nodiscard]] static Document create(const Namespace& space, std::string_view root_name, const std::vector<Namespace>& others = {});
  // A new document whose root is a deep copy of `element`, with all namespaces in its scope.
  [[nodiscard]] static Document copy_of(Element element);
  // The same, but `element`, and what in it is in its namespace, stand there without a prefix, however they were written.
  [[nodiscard]] static Document unprefixed_copy_of(Element element);

  [[nodiscard]] Element root() const;
  [[nodiscard]] Bytes serialize() const;  // UTF-8 with XML declaration

  [[nodiscard]] _xmlDoc* doc() const { return doc_.get(); }

 private:
  struct Free {
    void operator()(_xmlDoc* doc) const;
  };
  explicit Document(_xmlDoc* doc) : doc_(doc) {}
  std::unique_ptr<_xmlDoc, Free> doc_;
};

// Exclusive canonical XML 1.0 without comments of the subtree at `element` (http://www.w3.org/2001/10/xml-exc-c14n#).
[[nodiscard]] Result<Bytes> canonicalize(Element element);

}  // namespace airtight::xml
