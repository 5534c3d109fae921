#include "xml/signature.h"

#include <libxml/parser.h>
#include <libxml/valid.h>
#include <xmlsec/crypto.h>
#include <xmlsec/keys.h>
#include <xmlsec/xmldsig.h>

#include <initializer_list>
#include <optional>
#include <utility>

#include "base/algorithms.h"
#include "base/encoding.h"
#include "base/secret_bytes.h"
#include "base/text.h"
#include "crypto/digest.h"
#include "xml/internal/libxml.h"
#include "xml/internal/signature_shape.h"
#include "xml/key_value.h"

namespace airtight::xml {
namespace {

using internal::made;
using internal::SignatureShape;
using internal::to_xml;

constexpr Namespace kDs = {"ds", kSignatureNamespace};

using Key = CHandle<xmlSecKey, xmlSecKeyDestroy>;

Element add_algorithm(Element parent, std::string_view name, std::string_view algorithm) {
  Element element = parent.add(kDs, name);
  element.set_attribute("Algorithm", algorithm);
  return element;
}

Element add_text(Element parent, std::string_view name, std::string_view text) {
  Element element = parent.add(kDs, name);
  element.set_text(text);
  return element;
}

void add_reference(Element signed_info, std::string_view id, std::initializer_list<std::string_view> transforms, ByteView canonical) {
  Element reference = signed_info.add(kDs, "Reference");
  reference.set_attribute("URI", "#" + std::string(id));
  const Element list = reference.add(kDs, "Transforms");
  for (const std::string_view transform : transforms) add_algorithm(list, "Transform", transform);
  add_algorithm(reference, "DigestMethod", internal::kDigestSha256);
  add_text(reference, "DigestValue", base64_encode(crypto::sha256(canonical)));
}

Element add_key_info(Element signature, const SignatureKeyInfo& key_info) {
  Element element = signature.add(kDs, "KeyInfo");
  if (!key_info.key_name.empty()) add_text(element, "KeyName", key_info.key_name);
  if (key_info.certificate) add_text(element.add(kDs, "X509Data"), "X509Certificate", base64_encode(key_info.certificate->der()));
  if (key_info.public_key) add_key_value(element.add(kDs, "KeyValue"), *key_info.public_key);
  return element;
}

// An Id for the KeyInfo of the signature of the element `id` that no other element of the document has.
std::string unused_key_info_id(Element key_info, std::string_view id) {
  std::string unused = std::string(id) + ".KeyInfo";
  while (internal::count_ids(key_info, unused) != 0) unused += '_';
  return unused;
}

// Fills the new `signature` of the element `id`, whose canonical form without it is `canonical`.
Result<> fill_signature(Element signature, std::string_view id, ByteView canonical, std::string_view method,
                        const SignatureKeyInfo& key_info, const SignatureFunction& sign) {
  const Element signed_info = signature.add(kDs, "SignedInfo");
  Element value = signature.add(kDs, "SignatureValue");
  Element key_info_element = add_key_info(signature, key_info);
  add_algorithm(signed_info, "CanonicalizationMethod", internal::kExclusiveC14n);
  add_algorithm(signed_info, "SignatureMethod", method);
  add_reference(signed_info, id, {internal::kEnvelopedSignature, internal::kExclusiveC14n}, canonical);
  if (key_info.public_key) {
    const std::string key_info_id = unused_key_info_id(key_info_element, id);
    key_info_element.set_attribute("Id", key_info_id);
    const Bytes canonical_key_info = TRY(canonicalize(key_info_element));
    add_reference(signed_info, key_info_id, {internal::kExclusiveC14n}, canonical_key_info);
  }
  const Bytes canonical_signed_info = TRY(canonicalize(signed_info));
  const Bytes signature_value = TRY(sign(canonical_signed_info));
  value.set_text(base64_encode(signature_value));
  return {};
}

// While it lives, "#ID" leads libxml2 to the element that has that ID, in an attribute of that name.
class IdInForce {
 public:
  // `id` is the value of the attribute `name` of `element`; if it is empty, nothing is in force and nothing is asked for.
  IdInForce(Element element, std::string_view name, const std::string& id)
      : doc_(element.node()->doc), attribute_(xmlHasNsProp(element.node(), to_xml(std::string(name)), nullptr)) {
    if (id.empty()) return;
    // Schema validation has done so already where the schema says that it is an xs:ID.
    if (xmlGetID(doc_, to_xml(id)) == nullptr) added_ = xmlAddID(nullptr, doc_, to_xml(id), attribute_) != nullptr;
    in_force_ = xmlGetID(doc_, to_xml(id)) == attribute_;
  }
  ~IdInForce() {
    if (added_) xmlRemoveID(doc_, attribute_);
  }
  IdInForce(const IdInForce&) = delete;
  IdInForce& operator=(const IdInForce&) = delete;

  [[nodiscard]] bool in_force() const { return in_force_; }

 private:
  xmlDocPtr doc_;
  xmlAttrPtr attribute_;
  bool added_ = false;
  bool in_force_ = true;
};

Result<> verify_under(Key key, Element element, const SignatureShape& shape) {
  const internal::ErrorTrap trap;
  const IdInForce id(element, "ID", shape.id);
  const IdInForce key_info_id(shape.key_info, "Id", shape.key_info_id);
  const CHandle<xmlSecDSigCtx, xmlSecDSigCtxDestroy> context(made(xmlSecDSigCtxCreate(nullptr)));
  context->enabledReferenceUris = xmlSecTransformUriTypeSameDocument;
  context->signKey = key.release();  // so that xmlsec looks for no key in KeyInfo
  if (!id.in_force() || !key_info_id.in_force() || context->signKey == nullptr ||
      xmlSecDSigCtxVerify(context.get(), shape.signature.node()) != 0 || context->status != xmlSecDSigStatusSucceeded) {
    return fail(Fault::kRefused, "the signature of " + std::string(element.name()) + " does not verify");
  }
  return {};
}

// xmlsec compares a MAC byte by byte, until one differs: how long that takes would tell a forger how much of his was right. So that it
// compares equal ones alone, this comes first.
Result<> check_hmac_in_constant_time(Element element, const SignatureShape& shape, ByteView key) {
  const std::optional<Element> signed_info = shape.signature.child(kSignatureNamespace, "SignedInfo");
  const std::optional<Element> value = shape.signature.child(kSignatureNamespace, "SignatureValue");
  const Result<Bytes> given = value ? base64_decode(value->text(), Whitespace::kXml) : Result<Bytes>(Bytes());
  if (signed_info && given) {
    const Bytes canonical = TRY(canonicalize(*signed_info));
    if (equal_in_constant_time(crypto::hmac_sha256(key, {canonical}), *given)) return {};
  }
  return fail(Fault::kRefused, "the signature of " + std::string(element.name()) + " does not verify");
}

const xmlSecByte* to_xmlsec(ByteView bytes) { return reinterpret_cast<const xmlSecByte*>(bytes.data()); }

}  // namespace

Result<> sign_enveloped(Element element, std::string_view signature_method, const SignatureKeyInfo& key_info,
                        const SignatureFunction& sign) {
  const std::string id = element.attribute("ID").value_or("");
  if (!is_ncname(id)) return fail(Fault::kRefused, std::string(element.name()) + " has no proper ID to sign it by");
  if (element.child(kSignatureNamespace, "Signature")) return fail(Fault::kRefused, std::string(element.name()) + " is signed already");
  // The enveloped-signature transform takes the signature away again, so that the digest is of the element as it is now.
  const Bytes canonical = TRY(canonicalize(element));
  Element signature = element.add(kDs, "Signature");
  auto filled = fill_signature(signature, id, canonical, signature_method, key_info, sign);
  if (!filled) signature.remove();
  return filled;
}

Result<> verify_hmac(Element element, ByteView key, std::string_view key_name) {
  internal::start_libraries();
  const SignatureShape shape = TRY(internal::check_shape(element, Sha1::kRefuse));
  const std::string found_name = TRY(internal::read_key_name(shape.key_info));
  if (shape.method != uri::kHmacSha256 || found_name != key_name) {
    return fail(Fault::kRefused, "the signature is not by hmac-sha256 under the key '" + std::string(key_name) + "'");
  }
  TRY(check_hmac_in_constant_time(element, shape, key));
  return verify_under(Key(xmlSecKeyReadMemory(xmlSecKeyDataHmacId, to_xmlsec(key), static_cast<xmlSecSize>(key.size()))), element, shape);
}

Result<crypto::Certificate> verify_with_certificate(Element element) {
  internal::start_libraries();
  const SignatureShape shape = TRY(internal::check_shape(element, Sha1::kRefuse));
  if (shape.method != uri::kRsaSha256 && shape.method != uri::kEcdsaSha256) {
    return fail(Fault::kRefused, "the signature is by '" + shape.method + "', neither rsa-sha256 nor ecdsa-sha256");
  }
  const Bytes der = TRY(internal::read_certificate(shape.key_info));
  auto certificate = crypto::Certificate::parse(der);
  if (!certificate) return fail(Fault::kRefused, "the signer's certificate is refused: " + certificate.error().message);
  Key key(xmlSecCryptoAppKeyLoadMemory(to_xmlsec(der), static_cast<xmlSecSize>(der.size()), xmlSecKeyDataFormatCertDer, nullptr, nullptr,
                                       nullptr));
  TRY(verify_under(std::move(key), element, shape));
  return std::move(*certificate);
}

Result<crypto::PublicKey> verify_with_key_value(Element element, Sha1 sha1) {
  internal::start_libraries();
  const SignatureShape shape = TRY(internal::check_shape(element, sha1));
  const bool is_sha1 = shape.method == uri::kRsaSha1 && sha1 == Sha1::kAccept;
  if (!is_sha1 && shape.method != uri::kRsaSha256 && shape.method != uri::kEcdsaSha256) {
    return fail(Fault::kRefused, "the signature is by '" + shape.method + "', which is not accepted here");
  }
  crypto::PublicKey public_key = TRY(internal::read_key_value_alone(shape.key_info));
  Key key(xmlSecCryptoAppKeyLoadMemory(to_xmlsec(public_key.spki()), static_cast<xmlSecSize>(public_key.spki().size()),
                                       xmlSecKeyDataFormatDer, nullptr, nullptr, nullptr));
  TRY(verify_under(std::move(key), element, shape));
  return public_key;
}

}  // namespace airtight::xml
