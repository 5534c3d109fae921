#include "xml/internal/signature_shape.h"

#include <libxml/tree.h>

#include <algorithm>
#include <initializer_list>
#include <span>
#include <vector>

#include "base/encoding.h"
#include "base/text.h"
#include "xml/internal/libxml.h"
#include "xml/key_value.h"

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
std::size_t count_ids_from(const xmlNode* first, std::string_view id) {
  std::size_t count = 0;
  for (const xmlNode* node = first; node != nullptr; node = node->next) {
    if (node->type != XML_ELEMENT_NODE) continue;
    for (const xmlAttr* attribute = node->properties; attribute != nullptr; attribute = attribute->next) {
      if (xmlStrcasecmp(attribute->name, to_xml("id")) != 0 || attribute->children == nullptr) continue;
      if (view_of(attribute->children->content) == id) ++count;
    }
    count += count_ids_from(node->children, id);
  }
  return count;
}

// `transforms` in this order, and a digest of the length that its method has.
Result<> check_reference(Element reference, std::initializer_list<std::string_view> transforms, Sha1 sha1) {
  const std::vector<Element> parts = TRY(read_children(reference, {"Transforms", "DigestMethod", "DigestValue"}, {"Id", "URI"}));
  TRY(check_element(parts[0], {}));
  const std::vector<Element> found = parts[0].children();
  if (found.size() != transforms.size()) return refuse("Transforms does not hold exactly what it has to");
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (!found[i].is(kSignatureNamespace, "Transform")) return refuse("Transforms holds something else than transforms");
    TRY(check_algorithm(found[i], *(transforms.begin() + i)));
  }
  const std::string method = TRY(read_algorithm(parts[1]));
  const bool is_sha1 = method == kDigestSha1 && sha1 == Sha1::kAccept;
  if (!is_sha1 && method != kDigestSha256) return refuse("DigestMethod is " + quoted(method) + ", not " + quoted(kDigestSha256));
  const Bytes digest = TRY(read_base64(parts[2]));
  if (digest.size() != (is_sha1 ? 20 : 32)) return refuse("DigestValue is not as long as a digest by its DigestMethod");
  return {};
}

// The one Reference to the element `id`, and perhaps one to KeyInfo, in any order. Returns the Id of KeyInfo if it is covered.
Result<std::string> check_references(std::span<const Element> references, std::string_view id, Element key_info, Sha1 sha1) {
  const std::string key_info_id = key_info.attribute("Id").value_or("");
  std::size_t to_element = 0;
  std::size_t to_key_info = 0;
  for (const Element reference : references) {
    const std::string uri = reference.attribute("URI").value_or("");
    if (uri == "#" + std::string(id)) {
      ++to_element;
      TRY(check_reference(reference, {kEnvelopedSignature, kExclusiveC14n}, sha1));
    } else if (is_ncname(key_info_id) && uri == "#" + key_info_id) {
      ++to_key_info;
      // Not enveloped-signature: that would take KeyInfo, which is in the signature, away again.
      TRY(check_reference(reference, {kExclusiveC14n}, sha1));
    } else {
      return refuse("a Reference is neither to the element that carries it nor to its KeyInfo");
    }
  }
  if (to_element != 1) return refuse("not exactly one Reference is to the element that carries it");
  if (to_key_info > 1) return refuse("more than one Reference is to KeyInfo");
  if (to_key_info == 1 && count_ids(key_info, key_info_id) != 1) return refuse("more than one element has the ID " + quoted(key_info_id));
  return to_key_info == 1 ? key_info_id : "";
}

// SignedInfo's CanonicalizationMethod, SignatureMethod and References.
Result<std::vector<Element>> read_signed_info(Element signed_info) {
  // At most two, since there are no more elements to refer to.
  const bool two = signed_info.children(kSignatureNamespace, "Reference").size() == 2;
  return two ? read_children(signed_info, {"CanonicalizationMethod", "SignatureMethod", "Reference", "Reference"}, {"Id"})
             : read_children(signed_info, {"CanonicalizationMethod", "SignatureMethod", "Reference"}, {"Id"});
}

}  // namespace

std::size_t count_ids(Element element, std::string_view id) { return count_ids_from(element.node()->doc->children, id); }

Result<SignatureShape> check_shape(Element element, Sha1 sha1) {
  const std::vector<Element> signatures = element.children(kSignatureNamespace, "Signature");
  if (signatures.empty()) return fail(Fault::kNotFound, std::string(element.name()) + " has no signature");
  if (signatures.size() > 1) return refuse(std::string(element.name()) + " has more than one");
  const std::string id = element.attribute("ID").value_or("");
  if (!is_ncname(id)) return refuse("the element that carries it has no proper ID");
  if (count_ids(element, id) != 1) return refuse("more than one element has the ID " + quoted(id));

  const std::vector<Element> parts = TRY(read_children(signatures[0], {"SignedInfo", "SignatureValue", "KeyInfo"}, {"Id"}));
  const std::vector<Element> signed_info = TRY(read_signed_info(parts[0]));
  TRY(check_algorithm(signed_info[0], kExclusiveC14n));
  std::string method = TRY(read_algorithm(signed_info[1]));
  std::string key_info_id = TRY(check_references(std::span(signed_info).subspan(2), id, parts[2], sha1));
  TRY(read_base64(parts[1]));
  return SignatureShape{id, signatures[0], std::move(method), parts[2], std::move(key_info_id)};
}

Result<std::string> read_key_name(Element key_info) {
  const std::vector<Element> children = TRY(read_children(key_info, {"KeyName"}, {"Id"}));
  return children[0].text();
}

Result<crypto::PublicKey> read_key_value_alone(Element key_info) {
  const std::vector<Element> children = TRY(read_children(key_info, {"KeyValue"}, {"Id"}));
  TRY(check_element(children[0], {}));
  if (children[0].children().size() != 1) return refuse("KeyValue does not hold exactly one key");
  auto key = read_key_value(children[0]);
  if (!key) return refuse("its key is not sound: " + key.error().message);
  return key;
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
