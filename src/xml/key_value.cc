#include "xml/key_value.h"

#include <string>
#include <utility>

#include "base/algorithms.h"
#include "base/encoding.h"
#include "xml/signature.h"

namespace airtight::xml {
namespace {

constexpr Namespace kDs = {"ds", kSignatureNamespace};
constexpr Namespace kDs11 = {"ds11", kSignature11Namespace};

Result<Element> part(Element parent, const Namespace& space, std::string_view name) {
  const auto child = parent.child(space.uri, name);
  if (!child) return fail(Fault::kBadInput, std::string(name) + " is missing in " + std::string(parent.name()));
  return *child;
}

Result<Bytes> bytes_in(Element parent, const Namespace& space, std::string_view name) {
  const Element element = TRY(part(parent, space, name));
  auto bytes = base64_decode(element.text(), Whitespace::kXml);
  if (!bytes) return std::unexpected(std::move(bytes).error().in(name));
  return bytes;
}

Result<Bytes> rsa_integer(Element parent, std::string_view name) {
  Bytes value = TRY(bytes_in(parent, kDs, name));
  if (value.size() > 1 && value.front() == std::byte{0}) value.erase(value.begin());
  if (value.empty() || value.front() == std::byte{0})
    return fail(Fault::kBadInput, std::string(name) + " of RSAKeyValue is not a positive integer");
  return value;
}

Result<crypto::PublicKey> read_rsa_key(Element element) {
  Bytes modulus = TRY(rsa_integer(element, "Modulus"));
  Bytes exponent = TRY(rsa_integer(element, "Exponent"));
  return crypto::PublicKey::from_rsa({std::move(modulus), std::move(exponent)});
}

Result<crypto::PublicKey> read_ec_key(Element element) {
  constexpr std::string_view kWhiteSpace = " \t\r\n";
  const Element named_curve = TRY(part(element, kDs11, "NamedCurve"));
  std::string uri = named_curve.attribute("URI").value_or("");
  uri.erase(0, uri.find_first_not_of(kWhiteSpace));
  uri.erase(uri.find_last_not_of(kWhiteSpace) + 1);
  const std::optional<crypto::Curve> curve = crypto::curve_of_uri(uri);
  if (!curve)
    return fail(Fault::kNotFound, "the elliptic curve " + uri + " is not known here", "Use P-256 (" + std::string(uri::kP256) + ").");
  const Bytes point = TRY(bytes_in(element, kDs11, "PublicKey"));
  return crypto::PublicKey::from_ec_point(*curve, point);
}

}  // namespace

void add_key_value(Element parent, const crypto::PublicKey& key) {
  if (const auto rsa = key.rsa()) {
    Element element = parent.add(kDs, "RSAKeyValue");
    element.add(kDs, "Modulus").set_text(base64_encode(rsa->modulus));
    element.add(kDs, "Exponent").set_text(base64_encode(rsa->exponent));
    return;
  }
  Element element = parent.add(kDs11, "ECKeyValue");
  element.add(kDs11, "NamedCurve").set_attribute("URI", crypto::curve_uri(key.curve().value()));
  element.add(kDs11, "PublicKey").set_text(base64_encode(key.ec_point().value()));
}

Result<crypto::PublicKey> read_key_value(Element parent) {
  const auto rsa = parent.child(kSignatureNamespace, "RSAKeyValue");
  if (rsa) return read_rsa_key(*rsa);
  const Element ec = TRY(part(parent, kDs11, "ECKeyValue"));
  return read_ec_key(ec);
}

}  // namespace airtight::xml
