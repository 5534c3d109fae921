// What belongs to one session that is being provisioned: methods 1 to 31, but for closing and post provisioning (closing.cc).
#include <algorithm>

#include "base/algorithms.h"
#include "base/text.h"
#include "crypto/certificate.h"
#include "crypto/cipher.h"
#include "crypto/digest.h"
#include "tests/model/model.h"
#include "tests/model/property_bag.h"

namespace airtight::sks::model {
namespace {

Bytes bit_string(ByteView value) { return concat({big_endian(value.size(), 2), value}); }

Bytes byte_of(unsigned value) { return Bytes{static_cast<std::byte>(value)}; }

bool is_uri_length(const Bytes& uri) { return !uri.empty() && uri.size() <= 1024 && is_utf8(uri); }

// Section 2: 91 bytes, a named curve that is listed, an uncompressed point on it. With the curve's name changed it is another curve or
// garbage, and nothing says which.
std::set<Status> errors_of_ephemeral_key(const Bytes& spki) {
  const auto key = crypto::PublicKey::from_spki(spki);
  if (key && key->type() == KeyAlgorithmType::kEcc) {
    return *key->curve() == crypto::Curve::kP256 ? std::set<Status>{} : std::set{Status::kAlgorithm};
  }
  const auto like = crypto::PrivateKey::generate(crypto::EcSpec{crypto::Curve::kP256})->public_key().spki();
  const bool is_like = spki.size() == like.size() && std::equal(like.begin(), like.begin() + 15, spki.begin()) &&
                       std::equal(like.begin() + 23, like.begin() + 27, spki.begin() + 23);
  const bool is_p256 = is_like && std::equal(like.begin() + 15, like.begin() + 23, spki.begin() + 15);
  if (is_like && !is_p256) return {Status::kCrypto, Status::kAlgorithm};
  return {Status::kCrypto};
}

bool is_policy_id(const Id& id) { return is_sks_id(id.value) && id.value != "Device"; }

// Algorithms of a symmetric key, and the key lengths that each is for; empty: any.
const std::map<std::string_view, std::set<std::size_t>>& symmetric_algorithms() {
  static const std::map<std::string_view, std::set<std::size_t>> all = {
      {uri::kAes128Cbc, {16}},           {uri::kAes192Cbc, {24}}, {uri::kAes256Cbc, {32}}, {uri::kAesEcbNoPad, {16, 24, 32}},
      {uri::kAesEcbPkcs5, {16, 24, 32}}, {uri::kHmacSha1, {}},    {uri::kHmacSha256, {}}};
  return all;
}

bool is_mime_type(ByteView qualifier) {
  const std::string_view text = text_of(qualifier);
  const auto slash = text.find('/');
  if (slash == std::string_view::npos || slash == 0 || slash + 1 == text.size()) return false;
  return text.find('/', slash + 1) == std::string_view::npos && is_utf8(qualifier);
}

}  // namespace

// "createProvisioningSession": ConcatenationKDF, section 2.
Bytes Model::new_session_key(const CreateProvisioningSession& request, const CreateProvisioningSession::Response& got) const {
  const auto peer = crypto::PublicKey::from_spki(got.client_ephemeral_key);
  same(peer.has_value() && got.client_ephemeral_key.size() == 91, "the form of ClientEphemeralKey");
  const auto z = known_keys_.at(to_text(request.server_ephemeral_key)).agree(*peer);
  same(z.has_value() && z->size() == 32, "the curve of ClientEphemeralKey");
  const Bytes other_info = concat({bit_string(bytes_of("0000")), bit_string(request.issuer_uri), bit_string(device_.certificate_path[0]),
                                   bit_string(concat({bytes_of(got.client_session_id.value), bytes_of(request.server_session_id.value)}))});
  const auto key = crypto::sha256({big_endian(1, 4), z->expose_secret(), other_info});
  const auto attested = crypto::hmac_sha256(key, {bytes_of(got.client_session_id.value), bytes_of(request.server_session_id.value),
                                                  request.issuer_uri, request.server_ephemeral_key, got.client_ephemeral_key,
                                                  byte_of(request.updatable ? 1 : 0), big_endian(request.client_time.milliseconds, 8),
                                                  big_endian(request.session_life_time, 4), big_endian(request.session_key_limit, 2)});
  const auto device_key = crypto::Certificate::parse(device_.certificate_path[0])->public_key().value();
  same(device_key.verify(crypto::x509_scheme(device_key.type()), crypto::Digest::kSha256, attested, got.session_attestation).has_value(),
       "SessionAttestation");
  return to_bytes(key);
}

// createProvisioningSession (1)
void Model::perform(const CreateProvisioningSession& request, const Answer<CreateProvisioningSession>& answer) {
  std::set<Status> statuses = errors_of_ephemeral_key(request.server_ephemeral_key);
  if (request.session_key_algorithm != uri::kSessionKey1) statuses.insert(Status::kAlgorithm);
  if (!is_sks_id(request.server_session_id.value) || !is_uri_length(request.issuer_uri) || request.session_life_time == 0 ||
      request.session_key_limit == 0) {
    statuses.insert(Status::kOption);
  }
  if (!statuses.empty()) throw Refusal{statuses};

  const auto& got = accepted(answer);
  const std::string& id = got.client_session_id.value;
  same(id.size() == 32 && id.starts_with("C-") && id.find_first_not_of("0123456789abcdefABCDEF", 2) == std::string::npos,
       "ClientSessionID");
  same(client_session_ids_.insert(id).second, "that a ClientSessionID is unique");
  fresh(got.provisioning_handle, last_session_, "ProvisioningHandle");
  Session& session = sessions_[got.provisioning_handle];
  session.asked = request;
  session.client_session_id = id;
  session.created = now_;
  session.key = new_session_key(request, got);
}

// getProvisioningSession (3)
void Model::perform(const GetProvisioningSession& request, const Answer<GetProvisioningSession>& answer) {
  for (const auto& [handle, session] : sessions_) {
    if (session.open && session.client_session_id == request.client_session_id.value &&
        session.asked.server_session_id.value == request.server_session_id.value && session.asked.issuer_uri == request.issuer_uri) {
      same(accepted(answer).provisioning_handle == handle, "ProvisioningHandle");
      return;
    }
  }
  Unordered errors;
  errors.unless(false, Status::kNoSession);
  errors.unless(
      is_sks_id(request.client_session_id.value) && is_sks_id(request.server_session_id.value) && is_uri_length(request.issuer_uri),
      Status::kOption);
  errors.refuse_if_any();
}

// abortProvisioningSession (5)
void Model::perform(const AbortProvisioningSession& request, const Answer<AbortProvisioningSession>& answer) {
  (void)open_session(request.provisioning_handle);
  (void)accepted(answer);
  terminate(request.provisioning_handle);
}

// signProvisioningSessionData (6)
void Model::perform(const SignProvisioningSessionData& request, const Answer<SignProvisioningSessionData>& answer) {
  Session& session = open_session(request.provisioning_handle);
  limit(session, 1);
  ++session.uses;
  const auto expected = crypto::hmac_sha256(concat({bytes_of("External Signature"), session.key}), {request.data});
  same(equal(accepted(answer).result, expected), "Result");
}

// createPUKPolicy (7)
void Model::perform(const CreatePukPolicy& request, const Answer<CreatePukPolicy>& answer) {
  Session& session = open_session(request.provisioning_handle);
  limit(session, 1);
  ++session.uses;
  Unordered errors;
  errors.unless(is_policy_id(request.id), Status::kOption);
  for (const auto& [handle, policy] : puk_policies_) {
    errors.unless(policy.session != request.provisioning_handle || policy.asked.id.value != request.id.value, Status::kOption);
  }
  errors.unless(request.format <= 3, Status::kOption);
  const auto value = decrypt(session, request.puk_value);
  errors.unless(value && !value->empty() && value->size() <= 100, Status::kCrypto);
  errors.refuse_if_any();
  const Handle handle = accepted(answer).puk_policy_handle;
  fresh(handle, last_puk_policy_, "PUKPolicyHandle");
  puk_policies_[handle] = {request.provisioning_handle, request, *value};
}

// createPINPolicy (8)
void Model::perform(const CreatePinPolicy& request, const Answer<CreatePinPolicy>& answer) {
  (void)open_session(request.provisioning_handle);
  if (request.puk_policy_handle != 0) {
    const auto puk = puk_policies_.find(request.puk_policy_handle);
    unless(puk != puk_policies_.end() && puk->second.session == request.provisioning_handle, Status::kOption);
  }
  for (const auto& [handle, policy] : pin_policies_) {
    unless(policy.session != request.provisioning_handle || policy.asked.id.value != request.id.value, Status::kOption);
  }
  unless(is_policy_id(request.id), Status::kOption);
  unless(request.format <= 3 && request.grouping <= 3 && request.input_method <= 2 && request.retry_limit >= 1, Status::kOption);
  unless(request.pattern_restrictions <= 0x1F, Status::kOption);
  unless((request.pattern_restrictions & 0x10) == 0 || request.format == 1 || request.format == 2, Status::kOption);
  unless(request.min_length >= 1 && request.min_length <= request.max_length && request.max_length <= 100, Status::kOption);
  const Handle handle = accepted(answer).pin_policy_handle;
  fresh(handle, last_pin_policy_, "PINPolicyHandle");
  pin_policies_[handle] = {request.provisioning_handle, request};
}

void Model::check_attributes(const CreateKeyPair& request, Unordered& errors) const {
  errors.unless(request.attestation_algorithm == uri::kKeyAttestation1, Status::kAlgorithm);
  errors.unless(is_sks_id(request.id.value), Status::kOption);
  for (const auto& [handle, key] : keys_) {
    errors.unless(key.session != request.provisioning_handle || key.id != request.id.value, Status::kOption);
  }
  errors.unless(request.biometric_protection == 0, Status::kOption);  // not offered here
  errors.unless(request.export_policy <= 3 && request.delete_policy <= 2 && request.key_usage <= 5, Status::kOption);
  errors.unless(request.friendly_name.size() <= 100 && is_utf8(request.friendly_name), Status::kOption);
  if (request.key_usage >= 4) errors.unless(!request.private_key_backup && !request.import_private_key, Status::kOption);
  errors.unless(!request.private_key_backup || !request.import_private_key, Status::kOption);
  if (request.key_usage == 4) errors.unless(request.export_policy == 0, Status::kOption);
  if (const auto* const rsa = std::get_if<RsaKeySpec>(&request.key_algorithm)) {
    errors.unless(std::set<unsigned>{1024, 2048, 3072, 4096}.contains(rsa->rsa_key_size), Status::kOption);
    errors.unless(rsa->rsa_exponent == 0 || (rsa->rsa_exponent % 2 == 1 && rsa->rsa_exponent >= 3), Status::kOption);
  } else {
    errors.unless(std::get<EccKeySpec>(request.key_algorithm).named_curve == uri::kP256, Status::kAlgorithm);
  }
}

// "Key Attestation Data for: ...#algorithm.ka1"
Bytes Model::key_attestation(const Session& session, const CreateKeyPair& request, const CreateKeyPair::Response& got,
                             const std::optional<Bytes>& pin) const {
  Bytes data = to_bytes("PUK Policy=");
  const PinPolicy* const policy = request.pin_policy_handle == 0 ? nullptr : &pin_policies_.at(request.pin_policy_handle);
  if (policy == nullptr || policy->asked.puk_policy_handle == 0) {
    append(data, bytes_of("N/A"));
  } else {
    const PukPolicy& puk = puk_policies_.at(policy->asked.puk_policy_handle);
    data = concat({data, bytes_of(puk.asked.id.value), byte_of(puk.asked.retry_limit), puk.value, byte_of(puk.asked.format)});
  }
  append(data, bytes_of("PIN Policy="));
  if (policy == nullptr) {
    append(data, bytes_of("N/A"));
  } else {
    const CreatePinPolicy& a = policy->asked;
    data = concat({data, bytes_of(a.id.value), byte_of(a.user_defined ? 1 : 0), a.user_defined ? bytes_of("N/A") : ByteView(*pin),
                   byte_of(a.user_modifiable ? 1 : 0), byte_of(a.format), byte_of(a.retry_limit), byte_of(a.grouping),
                   byte_of(a.pattern_restrictions), byte_of(a.min_length), byte_of(a.max_length), byte_of(a.input_method)});
  }
  data = concat({data, bytes_of("Key="), bytes_of(request.id.value), request.issuer_seed, got.generated_public_key,
                 byte_of(request.private_key_backup ? 1 : 0), byte_of(request.biometric_protection), byte_of(request.export_policy),
                 byte_of(request.updatable ? 1 : 0), byte_of(request.delete_policy), byte_of(request.enable_pin_caching ? 1 : 0),
                 byte_of(request.import_private_key ? 1 : 0), byte_of(request.key_usage), request.friendly_name});
  return to_bytes(crypto::hmac_sha256(concat({bytes_of("Device Attestation"), session.key}), {data}));
}

// createKeyPair (9)
void Model::perform(const CreateKeyPair& request, const Answer<CreateKeyPair>& answer) {
  Session& session = open_session(request.provisioning_handle);
  const PinPolicy* policy = nullptr;
  if (request.pin_policy_handle != 0) {  // a device PIN is not offered here, so that its handle is like any that is not there
    const auto found = pin_policies_.find(request.pin_policy_handle);
    unless(found != pin_policies_.end() && found->second.session == request.provisioning_handle, Status::kOption);
    policy = &found->second;
  }
  const bool issuer_pin = policy != nullptr && !policy->asked.user_defined;
  const unsigned uses = 1U + (issuer_pin ? 1U : 0U) + (request.private_key_backup ? 1U : 0U);
  limit(session, uses);
  session.uses += uses;

  Unordered errors;
  check_attributes(request, errors);
  std::optional<Bytes> pin;
  if (issuer_pin) {
    pin = decrypt(session, request.pin_value.expose_secret());
    errors.unless(pin && pin->size() >= policy->asked.min_length && pin->size() <= policy->asked.max_length, Status::kCrypto);
  } else if (policy != nullptr) {
    pin = to_bytes(request.pin_value.expose_secret());
    errors.unless(fits_rules(policy->asked, *pin), Status::kOption);
  } else {
    errors.unless(request.pin_value.empty(), Status::kOption);
  }
  const auto usage = static_cast<KeyUsage>(request.key_usage);
  if (pin) errors.unless(fits_group(request.pin_policy_handle, usage, *pin, nullptr), Status::kOption);
  errors.refuse_if_any();

  const auto& got = accepted(answer);
  const auto public_key = crypto::PublicKey::from_spki(got.generated_public_key);
  same(public_key.has_value(), "the form of GeneratedPublicKey");
  if (const auto* const rsa = std::get_if<RsaKeySpec>(&request.key_algorithm)) {
    same(public_key->rsa().has_value() && public_key->bits() == rsa->rsa_key_size, "RSAKeySize");
    Bytes exponent = big_endian(rsa->rsa_exponent == 0 ? 65537 : rsa->rsa_exponent, 4);
    exponent.erase(exponent.begin(), std::ranges::find_if(exponent, [](std::byte b) { return b != std::byte{0}; }));
    same(public_key->rsa()->exponent == exponent, "RSAExponent");
  } else {
    same(public_key->curve() == crypto::Curve::kP256, "NamedCurve");
  }
  same(got.key_attestation == key_attestation(session, request, got, pin), "KeyAttestation");
  same(got.private_key.has_value() == request.private_key_backup, "whether there is a PrivateKey");
  fresh(got.key_handle, last_key_, "KeyHandle");

  Key key;
  key.session = request.provisioning_handle;
  key.id = request.id.value;
  key.pin_policy = request.pin_policy_handle;
  key.biometric_protection = request.biometric_protection;
  key.private_key_backup = request.private_key_backup;
  key.export_policy = request.export_policy;
  key.updatable = request.updatable;
  key.delete_policy = request.delete_policy;
  key.enable_pin_caching = request.enable_pin_caching;
  key.import_private_key = request.import_private_key;
  key.usage = usage;
  key.friendly_name = request.friendly_name;
  key.generated_public_key = got.generated_public_key;
  if (got.private_key) {
    const auto plain = decrypt(session, *got.private_key);
    same(plain.has_value(), "the encryption of PrivateKey");
    auto private_key = crypto::PrivateKey::from_pkcs8(*plain);
    same(private_key.has_value() && equal(private_key->public_key().spki(), got.generated_public_key), "PrivateKey");
    key.private_key = *private_key;
  }
  if (pin) {
    key.pin = shared_pin(request.pin_policy_handle, usage);
    if (!key.pin) key.pin = std::make_shared<Pin>(Pin{*pin});
  }
  keys_[got.key_handle] = key;
}

void Model::take_certificate_path_errors(const Key& key, const SetCertificatePath& request) const {
  unless(!request.x509_certificates.empty(), Status::kOption);
  std::vector<crypto::Certificate> path;
  for (const Bytes& der : request.x509_certificates) {
    auto certificate = crypto::Certificate::parse(der);
    unless(certificate.has_value(), Status::kCrypto);
    path.push_back(*certificate);
  }
  unless(key.import_private_key || equal(path[0].spki(), key.generated_public_key), Status::kCrypto);
  for (std::size_t i = 0; i + 1 < path.size(); ++i) unless(path[i].verify_issued_by(path[i + 1]).has_value(), Status::kCrypto);
}

// setCertificatePath (10)
void Model::perform(const SetCertificatePath& request, const Answer<SetCertificatePath>& answer) {
  Session& session = open_session(request.provisioning_handle);
  Key& key = session_key_pair(request.provisioning_handle, request.key_handle);
  unless(key.path.empty(), Status::kNotAllowed);
  limit(session, 1);
  std::vector<Bytes> data = {key.generated_public_key, to_bytes(key.id)};
  data.insert(data.end(), request.x509_certificates.begin(), request.x509_certificates.end());
  mac(session, "setCertificatePath", data, request.mac);
  take_certificate_path_errors(key, request);
  (void)accepted(answer);
  key.path = request.x509_certificates;
}

// setSymmetricKey (11)
void Model::perform(const SetSymmetricKey& request, const Answer<SetSymmetricKey>& answer) {
  Session& session = open_session(request.provisioning_handle);
  Key& key = session_key_pair(request.provisioning_handle, request.key_handle);
  unless(!key.path.empty() && key.usage == KeyUsage::kSymmetricKey && !key.symmetric_key, Status::kNotAllowed);
  limit(session, 2);
  ++session.uses;
  const auto plain = decrypt(session, request.symmetric_key);
  unless(plain.has_value(), Status::kMac);
  Bytes algorithms;
  for (const Bytes& algorithm : request.endorsed_algorithms) append(algorithms, algorithm);
  mac(session, "setSymmetricKey", {key.path[0], *plain, algorithms}, request.mac);

  Unordered errors;
  errors.unless(!request.endorsed_algorithms.empty(), Status::kOption);
  const auto less = [](const Bytes& a, const Bytes& b) { return text_of(a) < text_of(b); };
  for (std::size_t i = 1; i < request.endorsed_algorithms.size(); ++i) {
    errors.unless(less(request.endorsed_algorithms[i - 1], request.endorsed_algorithms[i]), Status::kOption);
  }
  for (const Bytes& algorithm : request.endorsed_algorithms) {
    const auto known = symmetric_algorithms().find(text_of(algorithm));
    errors.unless(known != symmetric_algorithms().end() && (known->second.empty() || known->second.contains(plain->size())),
                  Status::kAlgorithm);
  }
  errors.refuse_if_any();
  (void)accepted(answer);
  key.symmetric_key = *plain;
  key.endorsed_algorithms = request.endorsed_algorithms;
}

// addExtensionData (12)
void Model::perform(const AddExtensionData& request, const Answer<AddExtensionData>& answer) {
  Session& session = open_session(request.provisioning_handle);
  Key& key = session_key_pair(request.provisioning_handle, request.key_handle);
  unless(!key.path.empty(), Status::kNotAllowed);
  limit(session, request.base_type == 1 ? 2 : 1);
  std::optional<Bytes> data = request.extension_data.value;
  if (request.base_type == 1) {
    ++session.uses;
    data = decrypt(session, *data);
    unless(data.has_value(), Status::kMac);
  }
  mac(session, "addExtensionData", {key.path[0], byte_of(request.base_type), request.qualifier, *data, request.extension_type},
      request.mac);

  unless(request.base_type <= 3, Status::kOption);
  unless(request.base_type == 3 ? is_mime_type(request.qualifier) : request.qualifier.empty(), Status::kOption);
  unless(is_utf8(request.extension_type), Status::kOption);
  unless(data->size() <= 65536, Status::kOption);
  for (const Extension& other : key.extensions) unless(other.type != request.extension_type, Status::kOption);
  if (request.base_type == 2) {
    const auto bag = read_property_bag(text_of(*data));
    unless(bag && bag->type == text_of(request.extension_type), Status::kOption);
  }
  (void)accepted(answer);
  key.extensions.push_back({request.extension_type, request.base_type, request.qualifier, *data});
}

// restorePrivateKey (20)
void Model::perform(const RestorePrivateKey& request, const Answer<RestorePrivateKey>& answer) {
  Session& session = open_session(request.provisioning_handle);
  Key& key = session_key_pair(request.provisioning_handle, request.key_handle);
  unless(!key.path.empty() && key.import_private_key && !key.restored, Status::kNotAllowed);
  limit(session, 2);
  ++session.uses;
  const auto plain = decrypt(session, request.private_key);
  unless(plain.has_value(), Status::kMac);
  mac(session, "restorePrivateKey", {key.path[0], *plain}, request.mac);
  const auto private_key = crypto::PrivateKey::from_pkcs8(*plain);
  unless(private_key && equal(private_key->public_key().spki(), key.public_key()), Status::kCrypto);
  (void)accepted(answer);
  key.private_key = *private_key;
  key.restored = true;
}

// getDeviceInfo (31)
void Model::perform(const GetDeviceInfo& /*request*/, const Answer<GetDeviceInfo>& answer) {
  const auto& got = accepted(answer);
  same(got.api_level == 1, "APILevel");
  same(got.vendor_name == device_.vendor_name && got.vendor_description == device_.vendor_description, "the vendor");
  same(got.x509_certificates == device_.certificate_path, "the device's path");
  const std::set<std::string_view> algorithms = {
      uri::kSessionKey1, uri::kKeyAttestation1, uri::kP256,         uri::kRsaSha1,      uri::kRsaSha256,   uri::kRsaSha384,
      uri::kRsaSha512,   uri::kRsaPssSha256,    uri::kRsaPssSha384, uri::kRsaPssSha512, uri::kEcdsaSha256, uri::kEcdsaSha384,
      uri::kEcdsaSha512, uri::kHmacSha1,        uri::kHmacSha256,   uri::kAes128Cbc,    uri::kAes192Cbc,   uri::kAes256Cbc,
      uri::kAesEcbNoPad, uri::kAesEcbPkcs5,     uri::kRsa15,        uri::kRsaOaep,      uri::kEcdhRaw};
  same(std::set<std::string_view>(got.algorithms.values.begin(), got.algorithms.values.end()) == algorithms &&
           got.algorithms.values.size() == algorithms.size(),
       "Algorithm");
  same(got.rsa_exponent_support && got.rsa_key_sizes == std::vector<std::uint16_t>{1024, 2048, 3072, 4096}, "what RSA keys there are");
  same(got.extension_data_size == 65536, "ExtensionDataSize");
  same(!got.device_pin_support && !got.biometric_support, "DevicePINSupport or BiometricSupport");
}

}  // namespace airtight::sks::model
