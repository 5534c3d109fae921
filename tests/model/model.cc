#include "tests/model/model.h"

#include <algorithm>

#include "base/key_attributes.h"
#include "base/text.h"
#include "crypto/certificate.h"
#include "crypto/cipher.h"
#include "crypto/digest.h"

namespace airtight::sks::model {

Model::Model(Device device, const std::vector<crypto::PrivateKey>& known_keys) : device_(std::move(device)) {
  for (const crypto::PrivateKey& key : known_keys) known_keys_.emplace(to_text(key.public_key().spki()), key);
}

Bytes Key::public_key() const {
  if (path.empty() || !import_private_key) return generated_public_key;
  return to_bytes(crypto::Certificate::parse(path[0]).value().spki());
}

std::string Model::names_of(const std::set<Status>& statuses) {
  std::string names;
  for (const Status status : statuses) names += (names.empty() ? "" : " or ") + std::string(name_of(status));
  return names;
}

// Section 3: an expired session does not exist.
void Model::expire(Instant now) {
  now_ = now;
  std::vector<Handle> gone;
  for (const auto& [handle, session] : sessions_) {
    const auto end = session.created.milliseconds + static_cast<std::int64_t>(session.asked.session_life_time) * 1000;
    if (session.open && now.milliseconds >= end) gone.push_back(handle);
  }
  for (const Handle handle : gone) terminate(handle);
}

void Model::killed() {
  for (auto& [handle, key] : keys_) {
    if (key.pin && !is_open(key.session)) key.pin->uncertain = true;
  }
  for (auto& [handle, policy] : puk_policies_) {
    if (!is_open(policy.session)) policy.uncertain = true;
  }
}

bool Model::is_open(Handle session) const {
  const auto found = sessions_.find(session);
  return found != sessions_.end() && found->second.open;
}

Session& Model::open_session(Handle handle) {
  unless(is_open(handle), Status::kNoSession);
  return sessions_.at(handle);
}

Key& Model::session_key_pair(Handle session, Handle key) {
  const auto found = keys_.find(key);
  unless(found != keys_.end() && found->second.session == session, Status::kNoKey);
  return found->second;
}

Key& Model::user_key(Handle key) {
  const auto found = keys_.find(key);
  unless(found != keys_.end() && !is_open(found->second.session), Status::kNoKey);
  return found->second;
}

void Model::terminate(Handle session) {
  std::erase_if(keys_, [&](const auto& entry) { return entry.second.session == session; });
  std::erase_if(pin_policies_, [&](const auto& entry) { return entry.second.session == session; });
  std::erase_if(puk_policies_, [&](const auto& entry) { return entry.second.session == session; });
  sessions_.erase(session);
}

// Section 7: "When the last key of a session goes, its session and policies go."
void Model::remove_key(Handle key) {
  const Handle session = keys_.at(key).session;
  keys_.erase(key);
  if (std::ranges::none_of(keys_, [&](const auto& entry) { return entry.second.session == session; })) terminate(session);
}

void Model::limit(const Session& session, unsigned uses) {
  unless(session.uses + uses <= session.asked.session_key_limit, Status::kNotAllowed);
}

// "MAC Operations"
void Model::mac(Session& session, std::string_view method, const std::vector<Bytes>& data, const Bytes32& mac) {
  const Bytes key = concat({bytes_of(method), session.key, big_endian(session.mac_counter, 2)});
  ++session.uses;
  ++session.mac_counter;
  const std::vector<ByteView> views(data.begin(), data.end());
  unless(equal(crypto::hmac_sha256(key, views), mac), Status::kMac);
}

// "Encrypted Data"
std::optional<Bytes> Model::decrypt(const Session& session, ByteView data) {
  const auto plain = crypto::decrypt_cbc(crypto::hmac_sha256(session.key, {bytes_of("Encryption Key")}), data);
  if (!plain) return std::nullopt;
  return to_bytes(plain->expose_secret());
}

// Section 5: from 1, never reused, never 0 or 0xFFFFFFFF.
void Model::fresh(Handle handle, Handle& last, const char* what) {
  same(handle > last && handle != kNoHandle, what);
  last = handle;
}

// Length, format and pattern of a user-defined PIN (section 6).
bool Model::fits_rules(const CreatePinPolicy& policy, ByteView pin) {
  if (pin.size() < policy.min_length || pin.size() > policy.max_length) return false;
  std::vector<int> bytes;
  for (const std::byte b : pin) bytes.push_back(std::to_integer<int>(b));
  const auto any = [&](auto test) { return std::ranges::any_of(bytes, test); };
  const auto digit = [](int b) { return b >= '0' && b <= '9'; };
  const auto upper = [](int b) { return b >= 'A' && b <= 'Z'; };
  const auto lower = [](int b) { return b >= 'a' && b <= 'z'; };
  if (policy.format == 0 && any([&](int b) { return !digit(b); })) return false;
  if (policy.format == 1 && any([&](int b) { return !digit(b) && !upper(b); })) return false;
  if (policy.format == 2 && !is_utf8(pin)) return false;

  bool two = false;
  bool three = false;
  bool up = bytes.size() >= 2;
  bool down = bytes.size() >= 2;
  for (std::size_t i = 1; i < bytes.size(); ++i) {
    two = two || bytes[i] == bytes[i - 1];
    three = three || (i >= 2 && bytes[i] == bytes[i - 1] && bytes[i - 1] == bytes[i - 2]);
    up = up && bytes[i] == bytes[i - 1] + 1;
    down = down && bytes[i] == bytes[i - 1] - 1;
  }
  const bool repeated = std::set<int>(bytes.begin(), bytes.end()).size() < bytes.size();
  const auto other = [&](int b) { return !digit(b) && !upper(b) && !lower(b); };
  const bool missing = policy.format == 1 ? !any(digit) || !any(upper) : !any(digit) || !any(upper) || !any(lower) || !any(other);
  const std::uint8_t flags =
      static_cast<std::uint8_t>((two ? 1 : 0) | (three ? 2 : 0) | (up || down ? 4 : 0) | (repeated ? 8 : 0) | (missing ? 16 : 0));
  return (flags & policy.pattern_restrictions) == 0;
}

// "PIN Grouping Control"
std::shared_ptr<Pin> Model::shared_pin(Handle policy, KeyUsage usage) const {
  const std::uint8_t grouping = pin_policies_.at(policy).asked.grouping;
  if (grouping != 1 && grouping != 2) return nullptr;
  for (const auto& [handle, key] : keys_) {
    if (key.pin_policy != policy) continue;
    if (grouping == 1 || (key.usage == KeyUsage::kSignature) == (usage == KeyUsage::kSignature)) return key.pin;
  }
  return nullptr;
}

bool Model::fits_group(Handle policy, KeyUsage usage, ByteView pin, const Pin* changing) const {
  const std::uint8_t grouping = pin_policies_.at(policy).asked.grouping;
  for (const auto& [handle, key] : keys_) {
    if (key.pin_policy != policy || key.pin.get() == changing) continue;
    const bool is_same = equal(key.pin->value, pin);
    const bool same_half = (key.usage == KeyUsage::kSignature) == (usage == KeyUsage::kSignature);
    if (grouping == 1 && !is_same) return false;
    if (grouping == 2 && is_same != same_half) return false;
    if (grouping == 3 && is_same) return false;
  }
  return true;
}

void Model::verify_pin(Key& key, ByteView given) {
  if (key.pin_policy == 0) {
    unless(given.empty(), Status::kOption);
    return;
  }
  unless(!given.empty(), Status::kAuthorization);
  const unsigned retry_limit = pin_policies_.at(key.pin_policy).asked.retry_limit;
  unless(key.pin->errors < retry_limit, Status::kAuthorization);
  if (!equal(key.pin->value, given)) {
    ++key.pin->errors;
    refuse(Status::kAuthorization);
  }
  key.pin->errors = 0;
}

PukPolicy* Model::puk_of(const Key& key) {
  if (key.pin_policy == 0) return nullptr;
  const Handle puk = pin_policies_.at(key.pin_policy).asked.puk_policy_handle;
  return puk == 0 ? nullptr : &puk_policies_.at(puk);
}

// The caller has made sure that there is a PUK.
void Model::verify_puk(Key& key, ByteView given) {
  PukPolicy& puk = *puk_of(key);
  unless(!given.empty(), Status::kAuthorization);
  // "each verification waits at least 1 second, 1 more for each error in a row, 10 at most"
  if (puk.asked.retry_limit == 0) wait_ = std::chrono::seconds(std::min(10U, 1 + puk.errors));
  unless(puk.asked.retry_limit == 0 || puk.errors < puk.asked.retry_limit, Status::kAuthorization);
  if (!equal(puk.value, given)) {
    if (puk.errors < 255) ++puk.errors;
    refuse(Status::kAuthorization);
  }
  puk.errors = 0;
}

void Model::authorize(Key& key, std::uint8_t policy, ByteView given) {
  if (policy == 1) {
    verify_pin(key, given);
  } else if (policy == 2) {
    verify_puk(key, given);
  } else {
    unless(given.empty(), Status::kOption);
  }
}

// enumerateProvisioningSessions (4)
void Model::perform(const EnumerateProvisioningSessions& request, const Answer<EnumerateProvisioningSessions>& answer) {
  const auto& got = accepted(answer);
  const auto at = request.provisioning_handle == kNoHandle ? sessions_.begin() : sessions_.upper_bound(request.provisioning_handle);
  same(got.provisioning_handle == (at == sessions_.end() ? kNoHandle : at->first), "ProvisioningHandle");
  same(got.session.has_value() == (at != sessions_.end()), "whether there is a session");
  if (at == sessions_.end()) return;
  const Session& session = at->second;
  same(got.session->is_open == session.open, "IsOpen");
  same(got.session->client_time.milliseconds == session.asked.client_time.milliseconds, "ClientTime");
  same(got.session->session_life_time == session.asked.session_life_time, "SessionLifeTime");
  same(got.session->server_session_id.value == session.asked.server_session_id.value, "ServerSessionID");
  same(got.session->client_session_id.value == session.client_session_id, "ClientSessionID");
  same(got.session->issuer_uri == session.asked.issuer_uri, "IssuerURI");
}

// enumerateKeys (32)
void Model::perform(const EnumerateKeys& request, const Answer<EnumerateKeys>& answer) {
  const auto& got = accepted(answer);
  const auto at = request.key_handle == kNoHandle ? keys_.begin() : keys_.upper_bound(request.key_handle);
  same(got.key_handle == (at == keys_.end() ? kNoHandle : at->first), "KeyHandle");
  same(got.key.has_value() == (at != keys_.end()), "whether there is a key");
  if (at == keys_.end()) return;
  const Key& key = at->second;
  const bool open = is_open(key.session);
  std::vector<std::string> types;
  for (const Extension& extension : key.extensions) types.push_back(to_text(extension.type));
  same(got.key->provisioning_handle == key.session, "ProvisioningHandle of a key");
  same(got.key->id.value == key.id, "ID");
  same(got.key->key_usage == static_cast<std::uint8_t>(key.usage), "KeyUsage");
  same(got.key->friendly_name == key.friendly_name, "FriendlyName");
  same(got.key->x509_certificates == (open ? std::vector<Bytes>() : key.path), "X509Certificate");
  same(got.key->endorsed_algorithms == (open ? std::vector<Bytes>() : key.endorsed_algorithms), "EndorsedAlgorithm");
  same(got.key->extension_types.values == (open ? std::vector<std::string>() : types), "ExtensionType");
}

}  // namespace airtight::sks::model
