#include "tests/e2e/forge.h"

#include <algorithm>
#include <map>
#include <stdexcept>
#include <vector>

#include "agent/key_list.h"
#include "base/algorithms.h"
#include "base/encoding.h"
#include "base/time.h"
#include "ca/authority.h"
#include "crypto/random.h"
#include "keygen2/messages.h"
#include "sealing/seal.h"
#include "sks/session_security.h"
#include "storage/database.h"
#include "tests/support/certificates.h"
#include "tests/support/must.h"
#include "xml/signature.h"

namespace airtight::e2e {
namespace {

using tests::must;

void remove_signature(xml::Element element) {
  if (auto signature = element.child(xml::kSignatureNamespace, "Signature")) signature->remove();
}

xml::SignatureFunction signing_with(const crypto::PrivateKey& key) {
  return [key](ByteView signed_info) { return key.sign(crypto::SignatureScheme::kEcdsaRaw, crypto::Digest::kSha256, signed_info); };
}

// The session key of a session, from the issuer's own database; empty if it is not one of its sessions, or has none.
SecretBytes session_key_of(Site& site, const std::string& server_session_id) {
  const auto database = must(storage::open_sqlite(site.folder / "issuer.db", {}));
  const auto sealed = must(storage::query_one(*database, "SELECT sealed_session_key FROM issuer_sessions WHERE server_session_id = ?1",
                                              {std::string_view(server_session_id)}, [](const storage::Row& row) { return row.blob(0); }));
  if (!sealed || sealed->empty()) return {};
  const auto master_key = must(site.issuer->unseal({}));
  return must(master_key.open("issuer session", bytes_of(server_session_id + "/session-key"), *sealed));
}

class Macs {
 public:
  Macs(World& world, Site& site, const keygen2::CredentialDeploymentRequest& request)
      : world_(world), site_(site), request_(request), key_(session_key_of(site, request.id)) {
    if (key_.empty()) throw std::runtime_error("the issuer has no key of this session");
  }

  // The next MAC, as it is written.
  std::string next(std::string_view method, const std::vector<ByteView>& data) {
    return base64_encode(sks::method_mac(method, key_, counter_++, std::span<const ByteView>(data)));
  }
  SecretBytes opened(ByteView encrypted) {
    auto plain = sks::decrypt(key_, encrypted);
    return plain ? std::move(*plain) : SecretBytes::copy_of(encrypted);
  }

  void write_key(xml::Element element, const keygen2::CertifiedPublicKey& key, const crypto::PublicKey& made) {
    auto ordered = crypto::order_path(key.certificate_path);
    const std::vector<crypto::Certificate> path = ordered ? *ordered : key.certificate_path;
    std::vector<ByteView> data = {made.spki(), bytes_of(key.id)};
    for (const crypto::Certificate& certificate : path) data.emplace_back(certificate.der());
    element.set_attribute("MAC", next("setCertificatePath", data));
    write_import(element, key, path.front());
    std::size_t next_extension = 0;
    for (xml::Element child : element.children()) {
      if (!is_extension(child)) continue;
      const keygen2::ExtensionObject& object = key.extensions.at(next_extension++);
      child.set_attribute("MAC", std::visit([&](const auto& one) { return extension_mac(path.front(), one); }, object));
    }
    if (key.update) {
      const auto proof = proof_for(*key.update);
      element.child(keygen2::kNamespace, "UpdateKey")
          ->set_attribute("MAC", next("postProvisioningUpdateKey", {ByteView(proof), path.front().der()}));
    }
  }
  void write_deletion(xml::Element element, const keygen2::TargetKey& target) {
    const auto proof = proof_for(target);
    element.set_attribute("MAC", next("postProvisioningDeleteKey", {ByteView(proof)}));
  }
  void write_close(xml::Element root) {
    root.set_attribute("CloseSessionMAC", next("closeProvisioningSession", {bytes_of(request_.client_session_id), bytes_of(request_.id),
                                                                            bytes_of(request_.issuer_uri)}));
  }

 private:
  static bool is_extension(xml::Element element) {
    const std::string_view name = element.name();
    return name == "PropertyBag" || name == "Logotype" || name == "Extension" || name == "EncryptedExtension";
  }

  void write_import(xml::Element element, const keygen2::CertifiedPublicKey& key, const crypto::Certificate& certificate) {
    if (const auto* symmetric = std::get_if<keygen2::SymmetricKey>(&key.import)) {
      const SecretBytes plain = opened(symmetric->encrypted_value);
      std::vector<ByteView> data = {certificate.der(), plain.expose_secret()};
      for (const std::string& algorithm : symmetric->endorsed_algorithms) data.push_back(bytes_of(algorithm));
      element.child(keygen2::kNamespace, "SymmetricKey")->set_attribute("MAC", next("setSymmetricKey", data));
    }
    if (const auto* restored = std::get_if<keygen2::RestoredPrivateKey>(&key.import)) {
      const SecretBytes plain = opened(restored->encrypted_value);
      element.child(keygen2::kNamespace, "PrivateKey")
          ->set_attribute("MAC", next("restorePrivateKey", {certificate.der(), plain.expose_secret()}));
    }
  }

  std::string extension_mac(const crypto::Certificate& certificate, const keygen2::PropertyBag& bag) {
    return extension_mac(certificate, ExtensionBaseType::kPropertyBag, "", bag.canonical, bag.type);
  }
  std::string extension_mac(const crypto::Certificate& certificate, const keygen2::Logotype& logotype) {
    return extension_mac(certificate, ExtensionBaseType::kLogotype, logotype.mime_type, logotype.image, logotype.type);
  }
  std::string extension_mac(const crypto::Certificate& certificate, const keygen2::Extension& extension) {
    if (!extension.encrypted) return extension_mac(certificate, ExtensionBaseType::kExtension, "", extension.data, extension.type);
    const SecretBytes plain = opened(extension.data);
    return extension_mac(certificate, ExtensionBaseType::kEncryptedExtension, "", plain.expose_secret(), extension.type);
  }
  std::string extension_mac(const crypto::Certificate& certificate, ExtensionBaseType base, std::string_view qualifier, ByteView data,
                            std::string_view type) {
    const Bytes base_type = {static_cast<std::byte>(base)};
    return next("addExtensionData", {certificate.der(), base_type, bytes_of(qualifier), data, bytes_of(type)});
  }

  // The real proof where this issuer can have it.
  crypto::Sha256Value proof_for(const keygen2::TargetKey& target) {
    const SecretBytes owner = session_key_of(site_, target.server_session_id);
    Bytes certificate;
    for (const agent::KeyEntry& key : must(agent::list_keys(world_.store()))) {
      if (key.is_usable() && equal(key.path.front().sha256(), target.certificate_fingerprint)) certificate = key.path.front().der();
    }
    return sks::post_provisioning_mac(owner.empty() ? key_ : owner, certificate);
  }

  World& world_;
  Site& site_;
  const keygen2::CredentialDeploymentRequest& request_;
  SecretBytes key_;
  std::uint16_t counter_ = 0;
};

}  // namespace

Bytes sign_again(World& world, ByteView text) {
  const xml::Document document = must(xml::Document::parse(text));
  remove_signature(document.root());
  const std::uint32_t session = must(agent::list_sessions(world.store())).back().handle;
  must(xml::sign_enveloped(document.root(), uri::kHmacSha256, {.key_name = std::string(keygen2::kSessionKeyName), .certificate = {}},
                           [&](ByteView signed_info) -> Result<Bytes> {
                             const auto answer =
                                 TRY(sks::call(world.store(), sks::SignProvisioningSessionData{session, to_bytes(signed_info)}));
                             return to_bytes(answer.result);
                           }));
  return document.serialize();
}

Bytes mac_again(World& world, Site& site, ByteView text, ByteView key_initialization) {
  const keygen2::Received received = must(keygen2::read_message(text, World::schema()));
  const auto& request = std::get<keygen2::CredentialDeploymentRequest>(received.message);
  std::map<std::string, crypto::PublicKey> made;
  if (!key_initialization.empty()) {
    const keygen2::Received keys = must(keygen2::read_message(key_initialization, World::schema()));
    for (const auto& key : std::get<keygen2::KeyInitializationResponse>(keys.message).keys) made.emplace(key.id, key.public_key);
  }
  const xml::Element root = received.document.root();
  Macs macs(world, site, request);
  const auto certified = root.children(keygen2::kNamespace, "CertifiedPublicKey");
  for (std::size_t i = 0; i < certified.size(); ++i) {
    const auto key = made.find(request.keys[i].id);
    macs.write_key(certified[i], request.keys[i],
                   key != made.end() ? key->second : must(request.keys[i].certificate_path.front().public_key()));
  }
  const auto deletions = root.children(keygen2::kNamespace, "DeleteKey");
  for (std::size_t i = 0; i < deletions.size(); ++i) macs.write_deletion(deletions[i], request.delete_keys[i]);
  macs.write_close(root);
  return received.document.serialize();
}

Bytes sign_by_stranger(ByteView text) {
  static const tests::Entity stranger = tests::new_root("CN=Stranger");
  const xml::Document document = must(xml::Document::parse(text));
  remove_signature(document.root());
  must(xml::sign_enveloped(document.root(), uri::kEcdsaSha256, {.key_name = {}, .certificate = stranger.certificate},
                           signing_with(stranger.key)));
  return document.serialize();
}

Bytes sign_lookups_by_namesake(ByteView text, const Site& site) {
  const auto database = must(storage::open_sqlite(site.folder / "issuer.db", {}));
  const SystemClock clock;
  crypto::SystemRandom random;
  const sealing::MasterKey master_key = must(sealing::open_master_key(site.folder, {}));
  const crypto::Certificate real = must(ca::Authority::open(*database, master_key, clock, random)).issuing();
  const tests::Entity namesake =
      tests::certify(tests::new_p256_key(), "CN=To be renamed", nullptr, [&](crypto::CertificateContent& content) {
        tests::as_ca(content);
        content.subject_der = to_bytes(real.subject_der());
        content.issuer_der = content.subject_der;
      });
  const xml::Document document = must(xml::Document::parse(text));
  for (const xml::Element lookup : document.root().children(keygen2::kNamespace, "LookupSpecifier")) {
    remove_signature(lookup);
    must(xml::sign_enveloped(lookup, uri::kEcdsaSha256, {.key_name = {}, .certificate = namesake.certificate}, signing_with(namesake.key)));
  }
  return document.serialize();
}

}  // namespace airtight::e2e
