#include "xml/internal/signature_shape.h"

#include <libxml/tree.h>

#include <algorithm>
#include <initializer_list>
#include <vector>

#include "base/encoding.h"
#include "base/text.h"
#include "xml/internal/libxml.h"
#include "xml/signature.h"

namespace airtight::xml::internal {
namespace {

Failure refuse(std::string what) { return fail(Fault::kRefused, "the signature is refused: " + std::move(what)); }

std::string quoted(std::string_view text) { return "'" + std::string(text) + "'"; }

bool is_blank(const xmlNode* node) {
  return node->type == XML_TEXT_NODE && view_of(node->content).find_first_not_of(" \t\r\n") == std::string_view::npos;
}

// Attributes are among `names` and without a namespace; between the child elements is white space alone.
Result<> check_element(Element element, std::initializer_list<std::string_view> names) {
  for (const xmlAttr* attribute = element.node()->properties; attribute != nullptr; attribute = attribute->next) {
    const std::string_view name = view_of(attribute->name);
    if (attribute->ns != nullptr || std::ranges::find(names, name) == names.end()) {
      return refuse(std::string(element.name()) + " has the attribute " + quoted(name));
    }
  }
  for (const xmlNode* node = element.node()->children; node != nullptr; node = node->next) {
    if (node->type != XML_ELEMENT_NODE && !is_blank(node)) return refuse(std::string(element.name()) + " holds more than elements");
  }
  return {};
}

// The children, which are exactly the ds elements `names` in that order; its attributes are among `attributes`.
Result<std::vector<Element>> read_children(Element parent, std::initializer_list<std::string_view> names,
                                           std::initializer_list<std::string_view> attributes) {
  TRY(check_element(parent, attributes));
  std::vector<Element> children = parent.children();
  const auto is_named = [](const Element& child, std::string_view name) { return child.is(kSignatureNamespace, name); };
  if (std::ranges::equal(children, names, is_named)) return children;
  std::string wanted;
  for (const std::string_view name : names) wanted += (wanted.empty() ? "" : ", ") + std::string(name);
  return refuse(std::string(parent.name()) + " does not hold exactly " + (wanted.empty() ? "nothing" : wanted));
}

// The Algorithm of an element that says nothing else.
Result<std::string> read_algorithm(Element element) {
  TRY(read_children(element, {}, {"Algorithm"}));
  return element.attribute("Algorithm").value_or("");
}

Result<> check_algorithm(Element element, std::string_view wanted) {
  const std::string algorithm = TRY(read_algorithm(element));
  if (algorithm == wanted) return {};
  return refuse(std::string(element.name()) + " is " + quoted(algorithm) + ", not " + quoted(wanted));
}

// The bytes of an element that holds base64 text alone.
Result<Bytes> read_base64(Element element) {
  const xmlNode* node = element.node();
  for (const xmlNode* child = node->children; child != nullptr; child = child->next) {
    if (child->type != XML_TEXT_NODE) return refuse(std::string(element.name()) + " holds more than text");
  }
  auto bytes = base64_decode(element.text(), Whitespace::kXml);
  if (!bytes || bytes->empty()) return refuse(std::string(element.name()) + " is not base64");
  return bytes;
}

// How many attributes below `first` and its siblings could be taken for an identifier `id`: of any spelling, in any namespace, since
// readers differ in what they take for one.
std::size_t count_ids(const xmlNode* first, std::string_view id) {
  std::size_t count = 0;
  for (const xmlNode* node = first; node != nullptr; node = node->next) {
    if (node->type != XML_ELEMENT_NODE) continue;
    for (const xmlAttr* attribute = node->properties; attribute != nullptr; attribute = attribute->next) {
      if (xmlStrcasecmp(attribute->name, to_xml("id")) != 0 || attribute->children == nullptr) continue;
      if (view_of(attribute->children->content) == id) ++count;
    }
    count += count_ids(node->children, id);
  }
  return count;
}

Result<> check_reference(Element reference, std::string_view id) {
  const std::vector<Element> parts = TRY(read_children(reference, {"Transforms", "DigestMethod", "DigestValue"}, {"Id", "URI"}));
  if (reference.attribute("URI") != "#" + std::string(id)) return refuse("its Reference is not to the element that carries it");
  const std::vector<Element> transforms = TRY(read_children(parts[0], {"Transform", "Transform"}, {}));
  TRY(check_algorithm(transforms[0], kEnvelopedSignature));
  TRY(check_algorithm(transforms[1], kExclusiveC14n));
  TRY(check_algorithm(parts[1], kDigestSha256));
  const Bytes digest = TRY(read_base64(parts[2]));
  if (digest.size() != 32) return refuse("DigestValue is not a SHA-256 digest");
  return {};
}

}  // namespace

Result<SignatureShape> check_shape(Element element) {
  const std::vector<Element> signatures = element.children(kSignatureNamespace, "Signature");
  if (signatures.empty()) return fail(Fault::kNotFound, std::string(element.name()) + " has no signature");
  if (signatures.size() > 1) return refuse(std::string(element.name()) + " has more than one");
  const std::string id = element.attribute("ID").value_or("");
  if (!is_ncname(id)) return refuse("the element that carries it has no proper ID");
  if (count_ids(element.node()->doc->children, id) != 1) return refuse("more than one element has the ID " + quoted(id));

  const std::vector<Element> parts = TRY(read_children(signatures[0], {"SignedInfo", "SignatureValue", "KeyInfo"}, {"Id"}));
  const std::vector<Element> signed_info = TRY(read_children(parts[0], {"CanonicalizationMethod", "SignatureMethod", "Reference"}, {"Id"}));
  TRY(check_algorithm(signed_info[0], kExclusiveC14n));
  std::string method = TRY(read_algorithm(signed_info[1]));
  TRY(check_reference(signed_info[2], id));
  TRY(read_base64(parts[1]));
  return SignatureShape{id, signatures[0], std::move(method), parts[2]};
}

Result<std::string> read_key_name(Element key_info) {
  const std::vector<Element> children = TRY(read_children(key_info, {"KeyName"}, {"Id"}));
  return children[0].text();
}

Result<Bytes> read_certificate(Element key_info) {
  const bool named = !key_info.children(kSignatureNamespace, "KeyName").empty();
  const std::vector<Element> children =
      TRY(named ? read_children(key_info, {"KeyName", "X509Data"}, {"Id"}) : read_children(key_info, {"X509Data"}, {"Id"}));
  std::vector<Element> data = children.back().children();
  std::erase_if(data, [](const Element& part) { return part.is(kSignatureNamespace, "X509IssuerSerial"); });
  if (data.size() != 1 || !data[0].is(kSignatureNamespace, "X509Certificate")) {
    return refuse("X509Data does not hold exactly one X509Certificate");
  }
  return read_base64(data[0]);
}

}  // namespace airtight::xml::internal
