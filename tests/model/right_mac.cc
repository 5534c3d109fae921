#include "tests/model/right_mac.h"

#include "crypto/cipher.h"
#include "crypto/digest.h"
#include "crypto/random.h"

namespace airtight::sks::model {
namespace {

const Session* session_of(const Model& model, Handle handle) {
  const auto found = model.sessions().find(handle);
  return found == model.sessions().end() ? nullptr : &found->second;
}

const Key* key_of(const Model& model, Handle handle) {
  const auto found = model.keys().find(handle);
  return found == model.keys().end() ? nullptr : &found->second;
}

Bytes end_entity(const Model& model, Handle handle) {
  const Key* const key = key_of(model, handle);
  return key == nullptr || key->path.empty() ? Bytes() : key->path[0];
}

Bytes encryption_key(const Session& session) { return to_bytes(crypto::hmac_sha256(session.key, {bytes_of("Encryption Key")})); }

Bytes decrypted(const Model& model, Handle handle, ByteView data) {
  const Session* const session = session_of(model, handle);
  if (session == nullptr) return {};
  const auto plain = crypto::decrypt_cbc(encryption_key(*session), data);
  return plain ? to_bytes(plain->expose_secret()) : Bytes();
}

// "Post Provisioning MAC Operations"
Bytes proof_of_issuance(const Model& model, Handle target) {
  const Key* const key = key_of(model, target);
  const Session* const owner = key == nullptr ? nullptr : session_of(model, key->session);
  if (owner == nullptr) return {};
  return to_bytes(crypto::hmac_sha256(concat({bytes_of("Proof Of Issuance"), owner->key}), {end_entity(model, target)}));
}

}  // namespace

std::vector<Bytes> mac_data(const Model& model, const CloseProvisioningSession& request) {
  const Session* const session = session_of(model, request.provisioning_handle);
  if (session == nullptr) return {};
  return {to_bytes(session->client_session_id), to_bytes(session->asked.server_session_id.value), session->asked.issuer_uri};
}

std::vector<Bytes> mac_data(const Model& model, const SetCertificatePath& request) {
  std::vector<Bytes> data;
  if (const Key* const key = key_of(model, request.key_handle)) data = {key->generated_public_key, to_bytes(key->id)};
  data.insert(data.end(), request.x509_certificates.begin(), request.x509_certificates.end());
  return data;
}

std::vector<Bytes> mac_data(const Model& model, const SetSymmetricKey& request) {
  Bytes algorithms;
  for (const Bytes& algorithm : request.endorsed_algorithms) append(algorithms, algorithm);
  return {end_entity(model, request.key_handle), decrypted(model, request.provisioning_handle, request.symmetric_key), algorithms};
}

std::vector<Bytes> mac_data(const Model& model, const AddExtensionData& request) {
  const Bytes& data = request.extension_data.value;
  return {end_entity(model, request.key_handle), Bytes{static_cast<std::byte>(request.base_type)}, request.qualifier,
          request.base_type == 1 ? decrypted(model, request.provisioning_handle, data) : data, request.extension_type};
}

std::vector<Bytes> mac_data(const Model& model, const RestorePrivateKey& request) {
  return {end_entity(model, request.key_handle), decrypted(model, request.provisioning_handle, request.private_key)};
}

std::vector<Bytes> mac_data(const Model& model, const PostProvisioningDeleteKey& request) {
  return {proof_of_issuance(model, request.key_handle)};
}

std::vector<Bytes> mac_data(const Model& model, const PostProvisioningUpdateKey& request) {
  return {proof_of_issuance(model, request.key_handle_original), end_entity(model, request.key_handle)};
}

Bytes32 mac_of(const Model& model, Handle handle, std::string_view method, const std::vector<Bytes>& data, const MacMistake& mistake) {
  const Session* const session = session_of(model, handle);
  if (session == nullptr) return {};
  const std::string_view name = mistake.method.empty() ? method : mistake.method;
  const auto counter = static_cast<std::uint16_t>(session->mac_counter + mistake.counter);
  const std::vector<ByteView> views(data.begin(), data.end());
  return crypto::hmac_sha256(concat({bytes_of(name), session->key, big_endian(counter, 2)}), views);
}

Bytes encrypted_for(const Model& model, Handle handle, ByteView plain) {
  crypto::SystemRandom random;
  const Session* const session = session_of(model, handle);
  return crypto::encrypt_cbc(session == nullptr ? Bytes(32) : encryption_key(*session), plain, random);
}

}  // namespace airtight::sks::model
