// The issuer's part of a script.
#include <algorithm>

#include "base/algorithms.h"
#include "tests/model/property_bag.h"
#include "tests/model/script.h"

namespace airtight::sks::model {
namespace {

constexpr std::string_view kIssuer = "https://issuer.example.com/provsess";
constexpr std::array<std::string_view, 4> kExtensionTypes = {"http://example.com/a", "http://example.com/b", "http://example.com/c",
                                                             "http://xmlns.webpki.org/keygen2/1.0#provider.ietf-hotp"};

// A bag, sometimes not in the form that it has to have.
std::string some_bag(Choices& choices, std::string_view type) {
  PropertyBag bag{std::string(type), {}, ""};
  bag.properties.push_back({"", "Counter", std::to_string(choices.next()), "true"});
  bag.properties.push_back({choices.one_in(4) ? "\n  " : "", "Digits", "8 & <\"> \t", std::nullopt});
  if (choices.one_in(2)) bag.properties.push_back({"", "Unit", "", choices.one_in(2) ? "false" : "1"});
  if (choices.one_in(4)) bag.space_after = "\n";
  const unsigned choice = choices.next();
  if (choice == 255) bag.type += "x";
  if (choice == 254) bag.properties.clear();
  if (choice == 253) bag.properties.push_back(bag.properties[0]);
  std::string xml = write_property_bag(bag);
  if (choice == 252) xml.replace(xml.find("></Property>"), 12, "/>");
  if (choice == 251) xml.insert(xml.find(" Value="), " ");
  if (choice == 250) xml = "<!-- a bag -->" + xml;
  if (choice == 249) xml.pop_back();
  if (choice == 248) xml.insert(xml.find(" Type="), " MAC=\"AAAA\"");
  if (choice == 247) xml.insert(xml.find("Counter"), "\xff");
  return xml;
}

}  // namespace

void Script::provisioning_step(unsigned choice) {
  if (choice < 6 || (open_sessions().empty() && !choices_.rarely())) return create_session();
  const Handle session = some_session();
  if (choice < 8) return get_session();
  if (choice < 10) return void(call(AbortProvisioningSession{session}));
  if (choice < 12) return void(call(SignProvisioningSessionData{session, Bytes(choices_.next(), std::byte{7})}));
  if (choice < 16) return create_puk_policy(session);
  if (choice < 24) {
    std::vector<Handle> puks = {0};
    for (const auto& [handle, policy] : model_.puk_policies()) {
      if (policy.session == session) puks.push_back(handle);
    }
    return void(create_pin_policy(session, choices_.rarely() ? odd_handle() : choices_.of(puks)));
  }
  if (choice < 44) {
    std::vector<Handle> policies = {0};
    for (const auto& [handle, policy] : model_.pin_policies()) {
      if (policy.session == session) policies.push_back(handle);
    }
    return create_key(session, choices_.rarely() ? odd_handle() : choices_.of(policies), std::nullopt);
  }
  const Handle key = some_key_of(session);
  if (this->key(key) == nullptr && choice < 90 && !choices_.rarely()) return create_key(session, 0, std::nullopt);
  if (choice < 64) return void(finish_key(session, key));
  if (choice < 66) return set_path(session, key);
  if (choice < 68) return set_symmetric_key(session, key);
  if (choice < 70) return restore(session, key);
  if (choice < 90) {
    if (this->key(key) != nullptr && this->key(key)->path.empty() && !choices_.rarely()) set_path(session, key);
    return add_extension(session, key);
  }
  if (choice >= 90 && choice < 106 && !has_user_keys()) return complete(session);
  if (choice < 94) return delete_target(session);
  if (choice < 106) return update_target(session);
  if (choice < 124) {
    complete(session);
    return close(session);
  }
  if (choice < 128) return close(session);
  if (choice < 130) {
    call(EnumerateProvisioningSessions{odd_handle()});
    return void(call(EnumerateKeys{odd_handle()}));
  }
  call(GetDeviceInfo{});
}

void Script::create_session() {
  CreateProvisioningSession request;
  request.session_key_algorithm = uri::kSessionKey1;
  request.server_session_id.value = some_id("S-");
  request.server_ephemeral_key = workshop_.server_key().public_key().spki();
  request.issuer_uri = to_bytes(kIssuer);
  request.updatable = !choices_.one_in(4);
  request.client_time.milliseconds = choices_.next();
  request.session_life_time = choices_.one_in(8) ? 100 : 1000000;
  request.session_key_limit = choices_.one_in(8) ? static_cast<std::uint16_t>(choices_.below(24)) : 60000;
  if (choices_.rarely()) {
    const unsigned choice = choices_.below(8);
    if (choice == 0) request.session_key_algorithm = uri::kKeyAttestation1;
    if (choice == 1) request.server_ephemeral_key.back() ^= std::byte{1};
    if (choice == 2) request.server_ephemeral_key = crypto::PrivateKey::generate(crypto::EcSpec{crypto::Curve::kP384})->public_key().spki();
    if (choice == 3) request.issuer_uri.clear();
    if (choice == 4) request.issuer_uri.resize(1025, std::byte{'a'});
    if (choice == 5) request.issuer_uri.push_back(std::byte{0xff});
    if (choice == 6) request.session_life_time = 0;
    if (choice == 7) request.session_key_limit = 0;
  }
  call(request);
}

void Script::get_session() {
  GetProvisioningSession request;
  if (const Session* const found = session(some_session())) {
    request = {found->asked.server_session_id, {found->client_session_id}, found->asked.issuer_uri};
  }
  if (choices_.rarely()) request.server_session_id.value = some_id("S-");
  if (choices_.rarely()) request.issuer_uri.push_back(std::byte{'/'});
  call(request);
}

void Script::create_puk_policy(Handle session) {
  static const std::array<std::size_t, 4> kOddLengths = {0, 1, 100, 101};
  CreatePukPolicy request;
  request.provisioning_handle = session;
  request.id.value = some_id("PUK.");
  const Bytes value =
      choices_.rarely() ? Bytes(choices_.of(kOddLengths), std::byte{'0'}) : to_bytes("01234567" + std::to_string(choices_.below(4)));
  request.puk_value = encrypted(session, value);
  request.format = static_cast<std::uint8_t>(choices_.below(4));
  request.retry_limit = static_cast<std::uint8_t>(choices_.below(4));
  if (choices_.rarely()) request.format = 4;
  call(request);
}

Handle Script::create_pin_policy(Handle session, Handle puk) {
  CreatePinPolicy request;
  request.provisioning_handle = session;
  request.id.value = some_id("PIN.");
  request.puk_policy_handle = puk;
  request.user_defined = !choices_.one_in(4);
  request.user_modifiable = !choices_.one_in(4);
  request.format = static_cast<std::uint8_t>(choices_.below(4));
  request.retry_limit = static_cast<std::uint8_t>(1 + choices_.below(4));
  request.grouping = static_cast<std::uint8_t>(choices_.below(4));
  if (choices_.one_in(4))
    request.pattern_restrictions = static_cast<std::uint8_t>(choices_.below(request.format == 1 || request.format == 2 ? 32 : 16));
  request.min_length = static_cast<std::uint8_t>(1 + choices_.below(4));
  request.max_length = static_cast<std::uint8_t>(request.min_length + choices_.below(8));
  request.input_method = static_cast<std::uint8_t>(choices_.below(3));
  if (choices_.rarely()) {
    const unsigned choice = choices_.below(8);
    if (choice == 0) request.format = 4;
    if (choice == 1) request.retry_limit = 0;
    if (choice == 2) request.grouping = 4;
    if (choice == 3) request.pattern_restrictions = 0x20;
    if (choice == 4) request.pattern_restrictions = 0x10;
    if (choice == 5) request.min_length = 0;
    if (choice == 6) request.max_length = 101;
    if (choice == 7) request.input_method = 3;
  }
  const auto answer = call(request);
  return answer.response ? answer.response->pin_policy_handle : 0;
}

void Script::create_key(Handle session, Handle pin_policy, std::optional<KeyUsage> usage) {
  CreateKeyPair request;
  request.provisioning_handle = session;
  request.attestation_algorithm = uri::kKeyAttestation1;
  request.issuer_seed.fill(static_cast<std::byte>(choices_.next()));
  request.id.value = some_id("Key.");
  request.pin_policy_handle = pin_policy;
  request.key_usage = static_cast<std::uint8_t>(usage ? static_cast<unsigned>(*usage) : choices_.below(6));
  const bool plain = request.key_usage < 4;
  const unsigned extra = choices_.next();
  request.private_key_backup = plain && extra % 4 == 1;
  request.import_private_key = plain && extra % 4 == 2;
  request.updatable = extra < 200;
  request.enable_pin_caching = extra % 2 == 1;
  request.friendly_name = to_bytes(extra % 8 == 0 ? "" : "A key");
  const auto policy = model_.pin_policies().find(pin_policy);
  const bool has_pin = policy != model_.pin_policies().end();
  const bool has_puk = has_pin && policy->second.asked.puk_policy_handle != 0;
  std::vector<std::uint8_t> exports = {0, 3};
  std::vector<std::uint8_t> deletes = {0};
  if (has_pin) exports.push_back(1), deletes.push_back(1);
  if (has_puk) exports.push_back(2), deletes.push_back(2);
  request.export_policy = request.key_usage == 4 ? std::uint8_t{0} : choices_.of(exports);
  request.delete_policy = choices_.of(deletes);
  if (choices_.next() == 255) {
    request.key_algorithm = RsaKeySpec{1024, choices_.one_in(2) ? 65537U : 0U};
  } else {
    request.key_algorithm = EccKeySpec{std::string(uri::kP256)};
  }
  if (has_pin) {
    const bool by_user = policy->second.asked.user_defined;
    const Bytes pin = some_pin(pin_policy, static_cast<KeyUsage>(request.key_usage), nullptr, by_user);
    request.pin_value = SecretBytes::copy_of(by_user ? pin : encrypted(session, pin));
  }
  if (choices_.rarely()) {
    const unsigned choice = choices_.below(16);
    if (choice == 0) request.attestation_algorithm = uri::kSessionKey1;
    if (choice == 1) request.biometric_protection = 1;
    if (choice == 2) request.biometric_protection = 4;
    if (choice == 3) request.export_policy = 4;
    if (choice == 4) request.delete_policy = 3;
    if (choice == 5) request.key_usage = 6;
    if (choice == 6) request.friendly_name.resize(101, std::byte{'a'});
    if (choice == 7) request.friendly_name.push_back(std::byte{0xff});
    if (choice == 8) request.key_algorithm = RsaKeySpec{1025, 0};
    if (choice == 9) request.key_algorithm = RsaKeySpec{1024, 65536};
    if (choice == 10) request.key_algorithm = EccKeySpec{"urn:oid:1.3.132.0.34"};
    if (choice == 11) request.private_key_backup = request.import_private_key = true;
    if (choice == 12) request.key_usage = 4, request.export_policy = 3;
    if (choice == 13) request.key_usage = 5, request.import_private_key = true;
    if (choice == 14) request.pin_value = SecretBytes::copy_of(bytes_of("1234"));
    if (choice == 15) request.delete_policy = 2;
  }
  call(request);
}

void Script::set_path(Handle session, Handle handle) {
  SetCertificatePath request;
  request.provisioning_handle = session;
  request.key_handle = handle;
  const Key* const found = key(handle);
  Bytes spki = found == nullptr ? workshop_.server_key().public_key().spki() : found->generated_public_key;
  if (found != nullptr && found->import_private_key) spki = choices_.of(workshop_.pool()).public_key().spki();
  if (choices_.rarely()) spki = workshop_.server_key().public_key().spki();
  std::vector<Bytes>& made = certificates_[to_text(spki)];
  if (made.empty() || !choices_.one_in(3)) made.push_back(workshop_.certify(spki));
  request.x509_certificates = {choices_.of(made)};
  const unsigned length = choices_.below(4);
  if (length >= 1) request.x509_certificates.push_back(workshop_.ca(0));
  if (length >= 2) request.x509_certificates.push_back(workshop_.root());
  if (choices_.rarely()) {
    const unsigned choice = choices_.below(6);
    if (choice == 0) request.x509_certificates.clear();
    if (choice == 1) request.x509_certificates.back().pop_back();
    if (choice == 2) request.x509_certificates.push_back(workshop_.ca(1));
    if (choice == 3) request.x509_certificates.push_back(request.x509_certificates.front());
    if (choice == 4) std::ranges::reverse(request.x509_certificates);
    if (choice == 5) request.x509_certificates = {workshop_.certify(spki, 1), workshop_.ca(0)};
  }
  call_with_mac(request);
}

void Script::set_symmetric_key(Handle session, Handle handle) {
  static const std::array<std::size_t, 5> kLengths = {16, 24, 32, 20, 1};
  const std::size_t length = choices_.of(kLengths);
  std::set<std::string_view> algorithms;
  const unsigned bits = choices_.next();
  if ((bits & 1) != 0) algorithms.insert(uri::kHmacSha1);
  if ((bits & 2) != 0) algorithms.insert(uri::kHmacSha256);
  if ((bits & 4) != 0 && length % 8 == 0) algorithms.insert(uri::kAesEcbNoPad);
  if ((bits & 8) != 0 && length % 8 == 0) algorithms.insert(uri::kAesEcbPkcs5);
  if ((bits & 16) != 0 && length == 16) algorithms.insert(uri::kAes128Cbc);
  if ((bits & 16) != 0 && length == 24) algorithms.insert(uri::kAes192Cbc);
  if ((bits & 16) != 0 && length == 32) algorithms.insert(uri::kAes256Cbc);
  if (algorithms.empty()) algorithms.insert(uri::kHmacSha1);
  SetSymmetricKey request;
  request.provisioning_handle = session;
  request.key_handle = handle;
  for (const std::string_view algorithm : algorithms) request.endorsed_algorithms.push_back(to_bytes(algorithm));
  if (choices_.rarely()) {
    const unsigned choice = choices_.below(5);
    if (choice == 0) request.endorsed_algorithms.clear();
    if (choice == 1) request.endorsed_algorithms.push_back(request.endorsed_algorithms[0]);
    if (choice == 2) request.endorsed_algorithms.push_back(to_bytes("urn:no-algorithm"));
    if (choice == 3) request.endorsed_algorithms = {to_bytes(length == 16 ? uri::kAes256Cbc : uri::kAes128Cbc)};
    if (choice == 4) request.endorsed_algorithms = {to_bytes(uri::kEcdsaSha256)};
  }
  const Bytes value(length, static_cast<std::byte>(choices_.next()));
  request.symmetric_key = encrypted(session, value);
  call_with_mac(request);
}

void Script::restore(Handle session, Handle handle) {
  const Key* const found = key(handle);
  const crypto::PrivateKey* fitting = found == nullptr || found->path.empty() ? nullptr : workshop_.pool_key(found->public_key());
  if (fitting == nullptr || choices_.rarely()) fitting = &choices_.of(workshop_.pool());
  Bytes pkcs8 = to_bytes(fitting->pkcs8()->expose_secret());
  if (choices_.rarely()) pkcs8.pop_back();
  RestorePrivateKey request;
  request.provisioning_handle = session;
  request.key_handle = handle;
  request.private_key = encrypted(session, pkcs8);
  call_with_mac(request);
}

void Script::add_extension(Handle session, Handle handle) {
  static const std::array<std::size_t, 5> kLengths = {0, 1, 15, 16, 300};
  AddExtensionData request;
  request.provisioning_handle = session;
  request.key_handle = handle;
  request.base_type = static_cast<std::uint8_t>(choices_.below(4));
  request.extension_type = to_bytes(choices_.of(kExtensionTypes));
  Bytes data(choices_.of(kLengths), static_cast<std::byte>(choices_.next()));
  if (request.base_type == 2) data = to_bytes(some_bag(choices_, text_of(request.extension_type)));
  if (request.base_type == 3) request.qualifier = to_bytes("image/png");
  if (choices_.rarely()) {
    const unsigned choice = choices_.below(7);
    if (choice == 0) request.base_type = 4;
    if (choice == 1) request.qualifier = to_bytes(request.base_type == 3 ? "" : "image/png");
    if (choice == 2) request.qualifier = to_bytes("image");
    if (choice == 3) data.resize(65536, std::byte{1});
    if (choice == 4) data.resize(65537, std::byte{1});
    if (choice == 5) request.extension_type.push_back(std::byte{0xff});
    if (choice == 6) data = to_bytes("<PropertyBag/>");
  }
  request.extension_data.value = request.base_type == 1 ? encrypted(session, data) : data;
  call_with_mac(request);
}

bool Script::finish_key(Handle session, Handle handle) {
  const Key* const found = key(handle);
  if (found == nullptr || found->path.empty()) {
    set_path(session, handle);
  } else if (found->usage == KeyUsage::kSymmetricKey && !found->symmetric_key) {
    set_symmetric_key(session, handle);
  } else if (found->import_private_key && !found->restored) {
    restore(session, handle);
  } else {
    return false;
  }
  return true;
}

// What an issuer does before it closes: no policy without a key, no key without its certificate.
void Script::complete(Handle session) {
  std::set<Handle> used;
  for (const auto& [handle, policy] : model_.pin_policies()) used.insert(policy.asked.puk_policy_handle);
  std::vector<Handle> unused;
  for (const auto& [handle, policy] : model_.puk_policies()) {
    if (policy.session == session && !used.contains(handle)) unused.push_back(handle);
  }
  for (const Handle puk : unused) create_pin_policy(session, puk);
  used.clear();
  for (const auto& [handle, key] : model_.keys()) used.insert(key.pin_policy);
  unused.clear();
  for (const auto& [handle, policy] : model_.pin_policies()) {
    if (policy.session == session && !used.contains(handle)) unused.push_back(handle);
  }
  for (const Handle policy : unused) create_key(session, policy, std::nullopt);
  std::vector<Handle> keys;
  for (const auto& [handle, key] : model_.keys()) {
    if (key.session == session) keys.push_back(handle);
  }
  for (const Handle handle : keys) {
    while (key(handle) != nullptr && finish_key(session, handle)) {
    }
  }
}

void Script::close(Handle handle) {
  CloseProvisioningSession request;
  request.provisioning_handle = handle;
  call_with_mac(request);
}

Handle Script::some_target() {
  return some_user_key([this](const Key& key) { return key.updatable && session(key.session)->asked.updatable; });
}

void Script::delete_target(Handle session) {
  PostProvisioningDeleteKey request;
  request.provisioning_handle = session;
  request.key_handle = some_target();
  call_with_mac(request);
}

// The new key is mostly made for the purpose.
void Script::update_target(Handle session) {
  PostProvisioningUpdateKey request;
  request.provisioning_handle = session;
  request.key_handle_original = some_target();
  request.key_handle = some_key_of(session);
  const Key* const target = key(request.key_handle_original);
  if (target != nullptr && !choices_.one_in(4)) {
    create_key(session, 0, target->usage);
    for (const auto& [handle, key] : model_.keys()) {
      if (key.session == session) request.key_handle = handle;
    }
    while (key(request.key_handle) != nullptr && finish_key(session, request.key_handle)) {
    }
  }
  call_with_mac(request);
}

}  // namespace airtight::sks::model
