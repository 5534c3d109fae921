#include "xml/signature.h"

#include <libxml/parser.h>
#include <libxml/valid.h>
#include <xmlsec/crypto.h>
#include <xmlsec/keys.h>
#include <xmlsec/xmldsig.h>

#include <utility>

#include "base/algorithms.h"
#include "base/encoding.h"
#include "base/text.h"
#include "crypto/digest.h"
#include "xml/internal/libxml.h"
#include "xml/internal/signature_shape.h"

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

Element add_signed_info(Element signature, std::string_view method, std::string_view id, ByteView digest) {
  Element signed_info = signature.add(kDs, "SignedInfo");
  add_algorithm(signed_info, "CanonicalizationMethod", internal::kExclusiveC14n);
  add_algorithm(signed_info, "SignatureMethod", method);
  Element reference = signed_info.add(kDs, "Reference");
  reference.set_attribute("URI", "#" + std::string(id));
  Element transforms = reference.add(kDs, "Transforms");
  add_algorithm(transforms, "Transform", internal::kEnvelopedSignature);
  add_algorithm(transforms, "Transform", internal::kExclusiveC14n);
  add_algorithm(reference, "DigestMethod", internal::kDigestSha256);
  add_text(reference, "DigestValue", base64_encode(digest));
  return signed_info;
}

void add_key_info(Element signature, const SignatureKeyInfo& key_info) {
  Element element = signature.add(kDs, "KeyInfo");
  if (!key_info.key_name.empty()) add_text(element, "KeyName", key_info.key_name);
  if (key_info.certificate) add_text(element.add(kDs, "X509Data"), "X509Certificate", base64_encode(key_info.certificate->der()));
}

// While it lives, "#ID" leads libxml2 to the element that has that ID.
class IdInForce {
 public:
  IdInForce(Element element, const std::string& id)
      : doc_(element.node()->doc), attribute_(xmlHasNsProp(element.node(), to_xml("ID"), nullptr)) {
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
  bool in_force_ = false;
};

Result<> verify_under(Key key, Element element, const SignatureShape& shape) {
  const internal::ErrorTrap trap;
  const IdInForce id(element, shape.id);
  const CHandle<xmlSecDSigCtx, xmlSecDSigCtxDestroy> context(made(xmlSecDSigCtxCreate(nullptr)));
  context->enabledReferenceUris = xmlSecTransformUriTypeSameDocument;
  context->signKey = key.release();  // so that xmlsec looks for no key in KeyInfo
  if (!id.in_force() || context->signKey == nullptr || xmlSecDSigCtxVerify(context.get(), shape.signature.node()) != 0 ||
      context->status != xmlSecDSigStatusSucceeded) {
    return fail(Fault::kRefused, "the signature of " + std::string(element.name()) + " does not verify");
  }
  return {};
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
  const Element signed_info = add_signed_info(signature, signature_method, id, crypto::sha256(canonical));
  auto value = canonicalize(signed_info);
  if (value) value = sign(*value);
  if (!value) {
    signature.remove();
    return Failure(std::move(value).error());
  }
  add_text(signature, "SignatureValue", base64_encode(*value));
  add_key_info(signature, key_info);
  return {};
}

Result<> verify_hmac(Element element, ByteView key, std::string_view key_name) {
  internal::start_libraries();
  const SignatureShape shape = TRY(internal::check_shape(element));
  const std::string found_name = TRY(internal::read_key_name(shape.key_info));
  if (shape.method != uri::kHmacSha256 || found_name != key_name) {
    return fail(Fault::kRefused, "the signature is not by hmac-sha256 under the key '" + std::string(key_name) + "'");
  }
  return verify_under(Key(xmlSecKeyReadMemory(xmlSecKeyDataHmacId, to_xmlsec(key), static_cast<xmlSecSize>(key.size()))), element, shape);
}

Result<crypto::Certificate> verify_with_certificate(Element element) {
  internal::start_libraries();
  const SignatureShape shape = TRY(internal::check_shape(element));
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

}  // namespace airtight::xml
