// setCertificatePath, setSymmetricKey and restorePrivateKey.
#include <algorithm>

#include "base/constant_time.h"
#include "crypto/certificate.h"
#include "sks/capabilities.h"
#include "sks/engine.h"
#include "sks/internal/key_steps.h"

namespace airtight::sks {
namespace internal {

Result<const Key*> key_of_session(const SessionTree& tree, Handle handle) {
  const Key* const key = tree.key(handle);
  if (key == nullptr) return fail(Status::kNoKey, "there is no key with this handle in the provisioning session");
  return key;
}

Result<const Key*> certified_key(const SessionTree& tree, Handle handle) {
  const Key* const key = TRY(key_of_session(tree, handle));
  if (!key->end_entity) return fail(Status::kNotAllowed, "the key has no certificate path yet: setCertificatePath comes first");
  return key;
}

Result<std::vector<Bytes>> certificate_path(const Call& call, const Key& key) {
  std::vector<Bytes> path = TRY(call.state.certificate_path(key));
  if (path.empty()) return fail(Status::kInternal, "the certificate of the key is missing");
  return path;
}

Result<> check_listing(const Key& key, const std::vector<Bytes>& path) {
  constexpr std::size_t kFixed = 1 + 4 + 4 + (2 + 32) + 1 + (2 + 100) + 1 + 1 + 2;  // with the longest ID and FriendlyName
  std::size_t size = kFixed;
  for (const Bytes& certificate : path) size += 2 + certificate.size();
  for (const std::string& algorithm : key.endorsed_algorithms) size += 2 + algorithm.size();
  for (const ExtensionInfo& extension : key.extensions) size += 2 + extension.type.size();
  if (size > kMaxListing || key.extensions.size() > 0xFFFF) {
    return fail(Status::kOption, "the key has grown beyond what enumerateKeys can answer");
  }
  return {};
}

}  // namespace internal

namespace {

using internal::certificate_path;
using internal::certified_key;

Result<crypto::Sha256Value> check_path(const Key& key, const std::vector<Bytes>& path) {
  if (path.empty()) return fail(Status::kOption, "the certificate path is empty");
  std::vector<crypto::Certificate> certificates;
  for (const Bytes& der : path) {
    auto certificate = crypto::Certificate::parse(der);
    if (!certificate) return fail(Status::kCrypto, "a certificate cannot be read");
    certificates.push_back(std::move(*certificate));
  }
  if (!key.import_private_key && !equal(certificates.front().spki(), key.public_key)) {
    return fail(Status::kCrypto, "the end-entity certificate is for another key");
  }
  for (std::size_t i = 0; i + 1 < certificates.size(); ++i) {
    if (!certificates[i].is_issued_by(certificates[i + 1])) {
      return fail(Status::kCrypto, "a certificate of the path is not issued by the next one");
    }
  }
  return certificates.front().sha256();
}

Result<std::vector<std::string>> check_endorsements(const std::vector<Bytes>& uris, std::size_t key_size) {
  if (uris.empty()) return fail(Status::kOption, "there is no EndorsedAlgorithm");
  const auto less = [](const Bytes& a, const Bytes& b) { return std::ranges::lexicographical_compare(a, b); };
  if (std::ranges::adjacent_find(uris, [&](const Bytes& a, const Bytes& b) { return !less(a, b); }) != uris.end()) {
    return fail(Status::kOption, "the EndorsedAlgorithms are not sorted, or there is one twice");
  }
  std::vector<std::string> out;
  for (const Bytes& uri : uris) {
    if (!fits_symmetric_key(text_of(uri), key_size)) {
      return fail(Status::kAlgorithm, "an EndorsedAlgorithm is not supported, or does not fit the length of the key");
    }
    out.push_back(to_text(uri));
  }
  return out;
}

// A key that PKCS #8 describes, is the one that the certificate certifies, and works.
Result<crypto::PrivateKey> check_restored(const SecretBytes& pkcs8, ByteView end_entity) {
  const auto refused = [] { return fail(Status::kCrypto, "PrivateKey is no PKCS #8 key that fits the certificate"); };
  auto key = crypto::PrivateKey::from_pkcs8(pkcs8.expose_secret());
  if (!key) return refused();
  const auto certificate = crypto::Certificate::parse(end_entity);
  if (!certificate || !equal(certificate->spki(), key->public_key().spki())) return refused();
  const auto scheme = crypto::x509_scheme(key->public_key().type());
  const auto trial = key->sign(scheme, crypto::Digest::kSha256, end_entity);
  if (!trial || !key->public_key().verify(scheme, crypto::Digest::kSha256, end_entity, *trial)) return refused();
  return key;
}

}  // namespace

Result<Nothing> perform(Call& call, const SetCertificatePath& request) {
  SessionTree& tree = *TRY(call.open_session(request.provisioning_handle));
  const Key* const key = TRY(internal::key_of_session(tree, request.key_handle));
  if (key->end_entity) return fail(Status::kNotAllowed, "the key has its certificate path already");
  TRY(Call::use_session_key(tree.session, 1));
  std::vector<MacInput> data = {ByteView(key->public_key), MacInput::text(key->id)};
  for (const Bytes& certificate : request.x509_certificates) data.emplace_back(ByteView(certificate));
  TRY(Call::verify_mac(tree.session, method_of<SetCertificatePath>().name, data, request.mac));
  const crypto::Sha256Value fingerprint = TRY(check_path(*key, request.x509_certificates));
  TRY(internal::check_listing(*key, request.x509_certificates));
  tree.change_key(request.key_handle).end_entity = fingerprint;
  call.write(request.key_handle, CertificatePathData{request.x509_certificates});
  return Nothing{};
}

Result<Nothing> perform(Call& call, const SetSymmetricKey& request) {
  SessionTree& tree = *TRY(call.open_session(request.provisioning_handle));
  const Key* const key = TRY(certified_key(tree, request.key_handle));
  if (key->usage != KeyUsage::kSymmetricKey) return fail(Status::kNotAllowed, "the KeyUsage of the key is not symmetric-key");
  if (key->has_symmetric_key) return fail(Status::kNotAllowed, "the key has its symmetric key already");
  const std::vector<Bytes> path = TRY(certificate_path(call, *key));
  TRY(Call::use_session_key(tree.session, 2));  // the MAC and the decryption
  const MacInput certificate = ByteView(path.front());
  const std::vector<MacInput> uris(request.endorsed_algorithms.begin(), request.endorsed_algorithms.end());
  const CoveredData data{.before = {&certificate, 1}, .encrypted = request.symmetric_key, .after = uris};
  SecretBytes symmetric_key = TRY(Call::open_under_mac(tree.session, method_of<SetSymmetricKey>().name, data, request.mac));
  std::vector<std::string> endorsed = TRY(check_endorsements(request.endorsed_algorithms, symmetric_key.size()));
  Key& changed = tree.change_key(request.key_handle);
  changed.has_symmetric_key = true;
  changed.endorsed_algorithms = std::move(endorsed);
  TRY(internal::check_listing(changed, path));
  call.write(request.key_handle, SymmetricKeyData{share(std::move(symmetric_key))});
  return Nothing{};
}

Result<Nothing> perform(Call& call, const RestorePrivateKey& request) {
  SessionTree& tree = *TRY(call.open_session(request.provisioning_handle));
  const Key* const key = TRY(certified_key(tree, request.key_handle));
  if (!key->import_private_key) return fail(Status::kNotAllowed, "the key was not announced with ImportPrivateKey");
  if (key->restored) return fail(Status::kNotAllowed, "the private key is restored already");
  const std::vector<Bytes> path = TRY(certificate_path(call, *key));
  TRY(Call::use_session_key(tree.session, 2));
  const MacInput certificate = ByteView(path.front());
  const CoveredData data{.before = {&certificate, 1}, .encrypted = request.private_key, .after = {}};
  const SecretBytes pkcs8 = TRY(Call::open_under_mac(tree.session, method_of<RestorePrivateKey>().name, data, request.mac));
  // Reading PKCS #8 takes the time that its numbers want. It is read once, and nobody but the issuer can have chosen it: the MAC is right.
  declassify(pkcs8.expose_secret());
  crypto::PrivateKey restored = TRY(check_restored(pkcs8, path.front()));
  tree.change_key(request.key_handle).restored = true;
  call.write(request.key_handle, PrivateKeyData{std::move(restored)});
  return Nothing{};
}

}  // namespace airtight::sks
