// The signatures inside messages: of what a discovery asks for, and of the basic profile's keys.
#include "keygen2/internal/values.h"
#include "keygen2/internal/vocabulary.h"
#include "keygen2/internal/writers.h"
#include "keygen2/messages.h"

namespace airtight::keygen2 {
namespace {

using internal::kDsUri;

// That `message` is `name`; asked of what the caller has read or written as such.
Result<> check_top(const xml::Document& message, std::string_view name) {
  if (message.root().is(kNamespace, name)) return {};
  return fail(Fault::kInternal, "the message is not a " + std::string(name));
}

// `element` of `message` with a signature that fails has this error.
template <typename T>
Result<T> answered(Result<T> verified, xml::Element element) {
  if (verified) return verified;
  return std::unexpected(internal::with_answer(std::move(verified).error().in(element.attribute("ID").value_or(""))));
}

}  // namespace

crypto::Sha256Value discovery_nonce(std::string_view client_session_id, std::string_view server_session_id, std::string_view issuer_uri) {
  return crypto::sha256({bytes_of(client_session_id), bytes_of(server_session_id), bytes_of(issuer_uri)});
}

Result<> sign_lookups(xml::Document& request, std::string_view signature_method, const crypto::Certificate& certificate,
                      const xml::SignatureFunction& sign) {
  TRY(check_top(request, "CredentialDiscoveryRequest"));
  const xml::SignatureKeyInfo key_info{.certificate = certificate};
  for (const xml::Element lookup : request.root().children(kNamespace, "LookupSpecifier"))
    TRY(xml::sign_enveloped(lookup, signature_method, key_info, sign));
  return {};
}

Result<std::vector<crypto::Certificate>> verify_lookups(const xml::Document& request) {
  TRY(check_top(request, "CredentialDiscoveryRequest"));
  std::vector<crypto::Certificate> certificates;
  for (const xml::Element lookup : request.root().children(kNamespace, "LookupSpecifier"))
    certificates.push_back(TRY(answered(xml::verify_with_certificate(lookup), lookup)));
  return certificates;
}

Result<> sign_generated_key(xml::Document& response, std::string_view id, std::string_view signature_method,
                            const xml::SignatureFunction& sign) {
  TRY(check_top(response, "KeyOperationResponse"));
  if (signature_method == uri::kRsaSha1) return fail(Fault::kRefused, "SHA-1 is sent never");
  for (const xml::Element key : response.root().children(kNamespace, "GeneratedPublicKey")) {
    if (key.attribute("ID") != id) continue;
    // What write_message has put there: KeyInfo alone.
    xml::Element unsigned_one = TRY(internal::only_child(key, kDsUri, "Signature"));
    const xml::Element key_info = TRY(internal::only_child(unsigned_one, kDsUri, "KeyInfo"));
    const xml::Element key_value = TRY(internal::only_child(key_info, kDsUri, "KeyValue"));
    const crypto::PublicKey public_key = TRY(internal::public_key_in(key_value));
    unsigned_one.remove();
    auto made = xml::sign_enveloped(key, signature_method, {.public_key = public_key}, sign);
    if (!made) internal::add_unsigned_signature(key, public_key);
    return made;
  }
  return fail(Fault::kNotFound, "the response has no key " + std::string(id));
}

Result<> verify_generated_keys(const xml::Document& response) {
  TRY(check_top(response, "KeyOperationResponse"));
  for (const xml::Element key : response.root().children(kNamespace, "GeneratedPublicKey"))
    TRY(answered(xml::verify_with_key_value(key, xml::Sha1::kAccept), key));
  return {};
}

}  // namespace airtight::keygen2
