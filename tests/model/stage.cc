#include "tests/model/stage.h"

#include "base/algorithms.h"
#include "tests/model/openssl.h"
#include "tests/model/property_bag.h"

namespace airtight::sks::model {
namespace {

constexpr std::string_view kPuk = "12345678";
constexpr std::string_view kPin = "1634";
constexpr std::string_view kBagType = "http://example.com/bag";

SecretBytes secret(ByteView bytes) { return SecretBytes::copy_of(bytes); }

template <typename Request>
bool send_as(const Method<Request>& method, ByteView bytes, Stage& stage, Status& status) {
  if (bytes.empty() || std::to_integer<std::uint8_t>(bytes[0]) != method.number) return false;
  const auto request = wire::decode<Request>(bytes.subspan(1));
  if (!request) return false;
  status = stage.call(*request).status;
  return true;
}

}  // namespace

// Those that make others.
template <>
CreateProvisioningSession Stage::valid();
template <>
CreatePukPolicy Stage::valid();
template <>
CreatePinPolicy Stage::valid();

Stage::Stage(Pause* pause) : workshop_(Workshop::instance()), world_(pause), model_(workshop_.device(), workshop_.known_keys()) {}

Status Stage::send(ByteView request) {
  Status status = Status::kInternal;
  const bool readable = std::apply([&](const auto&... method) { return (... || send_as(method, request, *this, status)); }, kMethods);
  if (readable) return status;
  const Bytes answer = world_.exchange(request);
  if (answer.empty() || answer[0] != static_cast<std::byte>(Status::kOption)) throw Difference("an unreadable request is not ERROR_OPTION");
  return Status::kOption;
}

void Stage::compare_all() {
  EnumerateProvisioningSessions sessions;
  do {
    sessions.provisioning_handle = call(sessions).response->provisioning_handle;
  } while (sessions.provisioning_handle != kNoHandle);
  EnumerateKeys keys;
  while (true) {
    const auto answer = call(keys);
    keys.key_handle = answer.response->key_handle;
    if (keys.key_handle == kNoHandle) return;
    call(GetKeyProtectionInfo{keys.key_handle});
    for (const std::string& type : answer.response->key->extension_types.values) call(GetExtensionObject{keys.key_handle, to_bytes(type)});
  }
}

Handle Stage::open_session() {
  if (model_.is_open(session_) && !model_.sessions().at(session_).operations.empty()) call(AbortProvisioningSession{session_});
  if (!model_.is_open(session_)) session_ = call(valid<CreateProvisioningSession>()).response->provisioning_handle;
  return session_;
}

Handle Stage::new_puk_policy() { return call(valid<CreatePukPolicy>()).response->puk_policy_handle; }

CreatePinPolicy Stage::pin_request(Handle puk_policy) {
  CreatePinPolicy request;
  request.provisioning_handle = open_session();
  request.puk_policy_handle = puk_policy;
  request.id.value = next_id("PIN.");
  request.user_defined = true;
  request.user_modifiable = true;
  request.retry_limit = 255;
  request.min_length = 4;
  request.max_length = 8;
  return request;
}

Handle Stage::new_pin_policy() { return call(valid<CreatePinPolicy>()).response->pin_policy_handle; }

CreateKeyPair Stage::key_request(KeyUsage usage, Handle pin_policy, Import import) {
  CreateKeyPair request;
  request.provisioning_handle = open_session();
  request.attestation_algorithm = uri::kKeyAttestation1;
  request.id.value = next_id("Key.");
  request.pin_policy_handle = pin_policy;
  if (pin_policy != 0) request.pin_value = secret(bytes_of(kPin));
  request.updatable = true;
  request.import_private_key = import == Import::kYes;
  request.key_usage = static_cast<std::uint8_t>(usage);
  request.friendly_name = to_bytes("A key");
  request.key_algorithm = EccKeySpec{std::string(uri::kP256)};
  return request;
}

Handle Stage::new_key(KeyUsage usage, Handle pin_policy, Import import) {
  return call(key_request(usage, pin_policy, import)).response->key_handle;
}

SetCertificatePath Stage::path_request(Handle key, const crypto::PrivateKey* restored) {
  SetCertificatePath request;
  request.provisioning_handle = session_;
  request.key_handle = key;
  const Bytes spki = restored != nullptr ? restored->public_key().spki() : model_.keys().at(key).generated_public_key;
  request.x509_certificates = {workshop_.certify(spki), workshop_.ca(0)};
  request.mac = right_mac(model_, request);
  return request;
}

Handle Stage::certified(Handle key, const crypto::PrivateKey* restored) {
  call(path_request(key, restored));
  if (restored != nullptr) call(restore_request(key, *restored));
  return key;
}

SetSymmetricKey Stage::symmetric_request(Handle key) {
  SetSymmetricKey request;
  request.provisioning_handle = session_;
  request.key_handle = key;
  request.symmetric_key = encrypted_for(model_, session_, Bytes(16, std::byte{0x5A}));
  for (const std::string_view algorithm :
       std::set{uri::kHmacSha1, uri::kHmacSha256, uri::kAes128Cbc, uri::kAesEcbNoPad, uri::kAesEcbPkcs5}) {
    request.endorsed_algorithms.push_back(to_bytes(algorithm));
  }
  request.mac = right_mac(model_, request);
  return request;
}

AddExtensionData Stage::bag_request(Handle key) {
  AddExtensionData request;
  request.provisioning_handle = session_;
  request.key_handle = key;
  request.base_type = 2;
  request.extension_type = to_bytes(kBagType);
  PropertyBag bag{std::string(kBagType), {}, ""};
  bag.properties.push_back({"", "Counter", "0", "true"});
  bag.properties.push_back({"", "Digits", "8", std::nullopt});
  request.extension_data.value = to_bytes(write_property_bag(bag));
  request.mac = right_mac(model_, request);
  return request;
}

RestorePrivateKey Stage::restore_request(Handle key, const crypto::PrivateKey& restored) {
  RestorePrivateKey request;
  request.provisioning_handle = session_;
  request.key_handle = key;
  request.private_key = encrypted_for(model_, session_, restored.pkcs8()->expose_secret());
  request.mac = right_mac(model_, request);
  return request;
}

void Stage::close() {
  CloseProvisioningSession request;
  request.provisioning_handle = session_;
  request.mac = right_mac(model_, request);
  call(request);
}

Handle Stage::provision(const Wish& wish) {
  if (model_.is_open(session_)) call(AbortProvisioningSession{session_});
  CreatePukPolicy puk = valid<CreatePukPolicy>();
  if (wish.puk) wish.puk(puk);
  CreatePinPolicy pin = pin_request(call(puk).response->puk_policy_handle);
  if (wish.pin) wish.pin(pin);
  CreateKeyPair key = key_request(KeyUsage::kAuthentication, call(pin).response->pin_policy_handle);
  if (wish.key) wish.key(key);
  const Handle handle = certified(call(key).response->key_handle);
  close();
  return handle;
}

const Stage::Provisioned& Stage::provisioned() {
  bool there = keys_.signer != 0;
  for (const Handle key : {keys_.signer, keys_.victim, keys_.rsa, keys_.agreeing, keys_.symmetric, keys_.target}) {
    there = there && model_.keys().contains(key);
  }
  if (there) return keys_;
  if (model_.is_open(session_)) call(AbortProvisioningSession{session_});
  const Handle policy = new_pin_policy();
  CreateKeyPair signer = key_request(KeyUsage::kSignature, policy);
  signer.export_policy = 1;
  keys_.signer = certified(call(signer).response->key_handle);
  CreateKeyPair victim = key_request(KeyUsage::kAuthentication, policy);
  victim.delete_policy = 1;
  keys_.victim = certified(call(victim).response->key_handle);
  keys_.rsa = certified(new_key(KeyUsage::kEncryption, policy, Import::kYes), &workshop_.rsa_key());
  keys_.agreeing = certified(new_key(KeyUsage::kEncryption, policy));
  keys_.symmetric = certified(new_key(KeyUsage::kSymmetricKey, policy));
  call(symmetric_request(keys_.symmetric));
  call(bag_request(keys_.symmetric));
  keys_.target = certified(new_key(KeyUsage::kSignature, 0));
  close();
  return keys_;
}

// The right one; the counter is not let run to the lock.
SecretBytes Stage::pin_of(Handle handle) {
  const Key& key = model_.keys().at(handle);
  if (key.pin->errors > 100) call(UnlockKey{handle, secret(bytes_of(kPuk))});
  return secret(key.pin->value);
}

template <>
CreateProvisioningSession Stage::valid() {
  CreateProvisioningSession request;
  request.session_key_algorithm = uri::kSessionKey1;
  request.server_session_id.value = next_id("S-");
  request.server_ephemeral_key = workshop_.server_key().public_key().spki();
  request.issuer_uri = to_bytes("https://issuer.example.com/provsess");
  request.updatable = true;
  request.client_time.milliseconds = 1268911409000;
  request.session_life_time = 1000000;
  request.session_key_limit = 60000;
  return request;
}

template <>
CloseProvisioningSession Stage::valid() {
  CloseProvisioningSession request;
  request.provisioning_handle = open_session();
  (void)certified(new_key(KeyUsage::kSignature, 0));
  request.mac = right_mac(model_, request);
  return request;
}

template <>
GetProvisioningSession Stage::valid() {
  const Session& session = model_.sessions().at(open_session());
  return {session.asked.server_session_id, {session.client_session_id}, session.asked.issuer_uri};
}

template <>
EnumerateProvisioningSessions Stage::valid() {
  (void)open_session();
  return {kNoHandle};
}

template <>
AbortProvisioningSession Stage::valid() {
  return {open_session()};
}

template <>
SignProvisioningSessionData Stage::valid() {
  return {open_session(), to_bytes("data")};
}

template <>
CreatePukPolicy Stage::valid() {
  CreatePukPolicy request;
  request.provisioning_handle = open_session();
  request.id.value = next_id("PUK.");
  request.puk_value = encrypted_for(model_, session_, bytes_of(kPuk));
  request.retry_limit = 255;
  return request;
}

template <>
CreatePinPolicy Stage::valid() {
  return pin_request(new_puk_policy());
}

template <>
CreateKeyPair Stage::valid() {
  const Handle policy = new_pin_policy();
  return key_request(KeyUsage::kAuthentication, policy);
}

template <>
SetCertificatePath Stage::valid() {
  return path_request(new_key(KeyUsage::kSignature, 0), nullptr);
}

template <>
SetSymmetricKey Stage::valid() {
  return symmetric_request(certified(new_key(KeyUsage::kSymmetricKey, 0)));
}

template <>
AddExtensionData Stage::valid() {
  return bag_request(certified(new_key(KeyUsage::kSignature, 0)));
}

template <>
RestorePrivateKey Stage::valid() {
  const crypto::PrivateKey& restored = workshop_.ec_key();
  const Handle key = new_key(KeyUsage::kSignature, 0, Import::kYes);
  call(path_request(key, &restored));
  return restore_request(key, restored);
}

template <>
GetDeviceInfo Stage::valid() {
  return {};
}

template <>
EnumerateKeys Stage::valid() {
  (void)provisioned();
  return {kNoHandle};
}

template <>
PostProvisioningDeleteKey Stage::valid() {
  PostProvisioningDeleteKey request;
  request.key_handle = provisioned().target;
  request.provisioning_handle = open_session();
  request.mac = right_mac(model_, request);
  return request;
}

template <>
PostProvisioningUpdateKey Stage::valid() {
  PostProvisioningUpdateKey request;
  request.key_handle_original = provisioned().target;
  request.provisioning_handle = open_session();
  request.key_handle = certified(new_key(KeyUsage::kSignature, 0));
  request.mac = right_mac(model_, request);
  return request;
}

template <>
SignHashedData Stage::valid() {
  const Handle key = provisioned().signer;
  return {key, std::string(uri::kEcdsaSha256), pin_of(key), Bytes(32, std::byte{3})};
}

template <>
GetKeyProtectionInfo Stage::valid() {
  return {provisioned().signer};
}

template <>
GetExtensionObject Stage::valid() {
  return {provisioned().symmetric, to_bytes(kBagType)};
}

template <>
DeleteKey Stage::valid() {
  const Handle key = provisioned().victim;
  return {key, pin_of(key)};
}

template <>
UnlockKey Stage::valid() {
  const Handle key = provisioned().signer;
  (void)pin_of(key);
  return {key, secret(bytes_of(kPuk))};
}

template <>
ExportKey Stage::valid() {
  const Handle key = provisioned().signer;
  return {key, pin_of(key)};
}

template <>
AsymmetricKeyDecrypt Stage::valid() {
  const Handle key = provisioned().rsa;
  const Bytes cipher = *openssl::rsa_encrypt(workshop_.rsa_key().public_key().spki(), openssl::RsaPadding::kPkcs1, bytes_of("plain"));
  return {key, std::string(uri::kRsa15), pin_of(key), cipher};
}

template <>
PerformHmac Stage::valid() {
  const Handle key = provisioned().symmetric;
  return {key, std::string(uri::kHmacSha256), pin_of(key), {secret(bytes_of("data"))}};
}

template <>
SymmetricKeyEncrypt Stage::valid() {
  const Handle key = provisioned().symmetric;
  return {key, std::string(uri::kAes128Cbc), true, Bytes(16, std::byte{1}), pin_of(key), {secret(Bytes(32, std::byte{2}))}};
}

template <>
KeyAgreement Stage::valid() {
  const Handle key = provisioned().agreeing;
  return {key, std::string(uri::kEcdhRaw), pin_of(key), workshop_.server_key().public_key().spki()};
}

template <>
ChangePin Stage::valid() {
  const Handle key = provisioned().signer;
  return {key, pin_of(key), secret(bytes_of("2745"))};
}

template <>
SetPin Stage::valid() {
  const Handle key = provisioned().signer;
  (void)pin_of(key);
  return {key, secret(bytes_of(kPuk)), secret(bytes_of(kPin))};
}

template <>
SetProperty Stage::valid() {
  return {provisioned().symmetric, to_bytes(kBagType), to_bytes("Counter"), to_bytes("1")};
}

}  // namespace airtight::sks::model
