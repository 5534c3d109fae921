// What the fake issuer deploys: every call's MAC, in the order of the calls (SKS "MAC Operations", keygen2.md section 3).
#include <array>

#include "tests/agent/fake_issuer.h"
#include "tests/support/must.h"

namespace airtight::agent::testing {

using tests::must;

Bytes FakeIssuer::mac(std::string_view method, std::initializer_list<ByteView> data) {
  return to_bytes(sks::method_mac(method, session_key_, mac_counter_++, data));
}

keygen2::CertifiedPublicKey::Import FakeIssuer::import_of(const Extras& extra, ByteView certificate) {
  if (!extra.symmetric_key.empty()) {
    Bytes algorithms;  // one after the other: sk1 takes the content alone
    for (const std::string& algorithm : extra.endorsed_algorithms) {
      const Bytes bytes = to_bytes(algorithm);
      algorithms.insert(algorithms.end(), bytes.begin(), bytes.end());
    }
    return keygen2::SymmetricKey{.encrypted_value = sks::encrypt(session_key_, extra.symmetric_key, random_),
                                 .endorsed_algorithms = extra.endorsed_algorithms,
                                 .mac = mac("setSymmetricKey", {certificate, extra.symmetric_key, algorithms})};
  }
  if (extra.restored_key) {
    const SecretBytes pkcs8 = must(extra.restored_key->pkcs8());
    return keygen2::RestoredPrivateKey{.encrypted_value = sks::encrypt(session_key_, pkcs8.expose_secret(), random_),
                                       .mac = mac("restorePrivateKey", {certificate, pkcs8.expose_secret()})};
  }
  return std::monostate();
}

void FakeIssuer::protect(keygen2::ExtensionObject& object, ByteView certificate) {
  const auto extension_mac = [&](ExtensionBaseType base_type, std::string_view qualifier, ByteView data, std::string_view type) {
    const std::array base = {static_cast<std::byte>(base_type)};
    return mac("addExtensionData", {certificate, base, bytes_of(qualifier), data, bytes_of(type)});
  };
  if (auto* bag = std::get_if<keygen2::PropertyBag>(&object)) {
    bag->canonical = must(keygen2::canonical_property_bag(bag->type, bag->properties));
    bag->mac = extension_mac(ExtensionBaseType::kPropertyBag, "", bag->canonical, bag->type);
  } else if (auto* logotype = std::get_if<keygen2::Logotype>(&object)) {
    logotype->mac = extension_mac(ExtensionBaseType::kLogotype, logotype->mime_type, logotype->image, logotype->type);
  } else if (auto* extension = std::get_if<keygen2::Extension>(&object)) {
    const auto base_type = extension->encrypted ? ExtensionBaseType::kEncryptedExtension : ExtensionBaseType::kExtension;
    extension->mac = extension_mac(base_type, "", extension->data, extension->type);
    if (extension->encrypted) extension->data = sks::encrypt(session_key_, extension->data, random_);
  }
}

keygen2::TargetKey FakeIssuer::target(const IssuedKey& key, std::string_view method, ByteView new_certificate) {
  const SecretBytes original = SecretBytes::copy_of(key.session_key);
  const crypto::Sha256Value proof = sks::post_provisioning_mac(original, key.certificate.der());
  keygen2::TargetKey found = key.as_target();
  found.mac = mac(method, {proof, new_certificate});
  return found;
}

keygen2::CertifiedPublicKey FakeIssuer::certified(const keygen2::GeneratedPublicKey& key) {
  const Extras& extra = extras[key.id];
  const crypto::PublicKey certified_key = extra.restored_key && extra.restored_key->public_key().type() == KeyAlgorithmType::kEcc
                                              ? extra.restored_key->public_key()
                                              : key.public_key;
  const crypto::Certificate certificate = ca_.certify(certified_key, extra.particulars);
  unconfirmed_.push_back({.id = key.id,
                          .client_session_id = client_session_id_,
                          .server_session_id = server_session_id,
                          .session_key = to_bytes(session_key_.expose_secret()),
                          .certificate = certificate});
  keygen2::CertifiedPublicKey out;
  out.id = key.id;
  out.mac = mac("setCertificatePath", {key.public_key.spki(), bytes_of(key.id), certificate.der(), ca_.root().der()});
  out.certificate_path = {ca_.root(), certificate};  // any order will do (keygen2.md section 3)
  out.import = import_of(extra, certificate.der());
  for (keygen2::ExtensionObject object : extra.extensions) {
    protect(object, certificate.der());
    out.extensions.push_back(std::move(object));
  }
  if (extra.updates) out.update = target(*extra.updates, "postProvisioningUpdateKey", certificate.der());
  return out;
}

keygen2::CredentialDeploymentRequest FakeIssuer::deployment_request() {
  keygen2::CredentialDeploymentRequest request;
  request.id = server_session_id;
  request.client_session_id = client_session_id_;
  request.issuer_uri = kSubmitUrl;
  request.server_time = "2010-03-18T11:23:29Z";
  request.submit_url = kSubmitUrl;
  for (const keygen2::GeneratedPublicKey& key : keys) request.keys.push_back(certified(key));
  for (const IssuedKey& key : deletes) request.delete_keys.push_back(target(key, "postProvisioningDeleteKey", {}));
  request.close_session_mac =
      mac("closeProvisioningSession", {bytes_of(client_session_id_), bytes_of(server_session_id), bytes_of(kSubmitUrl)});
  return request;
}

}  // namespace airtight::agent::testing
