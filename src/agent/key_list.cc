#include "agent/key_list.h"

#include <algorithm>
#include <charconv>

#include "base/encoding.h"

namespace airtight::agent {
namespace {

constexpr std::size_t kShortestPrefix = 4;

std::optional<std::uint32_t> as_handle(std::string_view text) {
  std::uint32_t handle = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), handle);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return handle;
}

std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

bool has_fingerprint(const KeyEntry& entry, const std::string& prefix) {
  return entry.is_usable() && prefix.size() >= kShortestPrefix && hex_encode(entry.path.front().sha256()).starts_with(prefix);
}

std::string handles_of(const std::vector<KeyEntry>& keys) {
  std::string handles;
  for (const KeyEntry& key : keys) handles += (handles.empty() ? "" : ", ") + std::to_string(key.handle);
  return handles;
}

Result<KeyEntry> entry_of(sks::Channel& key_store, std::uint32_t handle, sks::EnumerateKeys::Key key) {
  KeyEntry entry{.handle = handle, .key = std::move(key), .path = {}, .protection = std::nullopt};
  for (const Bytes& der : entry.key.x509_certificates) entry.path.push_back(TRY(crypto::Certificate::parse(der)));
  if (entry.is_usable()) entry.protection = TRY(sks::call(key_store, sks::GetKeyProtectionInfo{handle}));
  return entry;
}

// The key with just this handle.
Result<std::optional<KeyEntry>> key_at(sks::Channel& key_store, std::uint32_t handle) {
  if (handle == 0 || handle == sks::kNoHandle) return std::nullopt;
  auto next = TRY(sks::call(key_store, sks::EnumerateKeys{handle - 1}));  // goes on with what is greater
  if (!next.key || next.key_handle != handle) return std::nullopt;
  return TRY(entry_of(key_store, handle, std::move(*next.key)));
}

// The handles of the keys with the certificate of which `name` is the whole fingerprint; nothing if it is none, or nobody can be asked.
std::optional<std::vector<sks::Handle>> handles_by_certificate(device::Administration& administration, std::string_view name) {
  const Result<Bytes> bytes = hex_decode(name);
  crypto::Sha256Value fingerprint{};
  if (!bytes || bytes->size() != fingerprint.size()) return std::nullopt;
  std::ranges::copy(*bytes, fingerprint.begin());
  Result<std::vector<sks::Handle>> handles = administration.find_keys(fingerprint);
  if (!handles) return std::nullopt;
  return std::move(*handles);
}

}  // namespace

Result<std::vector<KeyEntry>> list_keys(sks::Channel& key_store) {
  std::vector<KeyEntry> keys;
  std::uint32_t handle = sks::kNoHandle;
  while (true) {
    auto next = TRY(sks::call(key_store, sks::EnumerateKeys{handle}));
    if (!next.key) return keys;
    handle = next.key_handle;
    keys.push_back(TRY(entry_of(key_store, handle, std::move(*next.key))));
  }
}

Result<KeyEntry> find_key(sks::Channel& key_store, std::string_view name, device::Administration* administration) {
  if (const auto handle = as_handle(name)) {
    if (auto key = TRY(key_at(key_store, *handle))) return std::move(*key);
  }
  std::vector<KeyEntry> found;
  const auto handles = administration != nullptr ? handles_by_certificate(*administration, name) : std::nullopt;
  if (handles) {
    for (const sks::Handle handle : *handles) {
      if (auto key = TRY(key_at(key_store, handle))) found.push_back(std::move(*key));
    }
  } else {
    const std::string prefix = lower_case(name);
    for (KeyEntry& key : TRY(list_keys(key_store))) {
      if (key.key.id.value == name || has_fingerprint(key, prefix)) found.push_back(std::move(key));
    }
  }
  if (found.size() == 1) return std::move(found.front());
  if (found.empty()) {
    return fail(Fault::kNotFound, "there is no key '" + std::string(name) + "'",
                "'airtight keys list' shows them; a key is named by its handle, its ID or the start of its certificate's fingerprint");
  }
  return fail(Fault::kBadInput, std::to_string(found.size()) + " keys are called '" + std::string(name) + "'",
              "name one by its handle: " + handles_of(found));
}

std::optional<unsigned> pin_attempts_left(const KeyEntry& key) {
  if (!key.protection || (key.protection->protection_status & sks::kPinProtected) == 0) return std::nullopt;
  const unsigned limit = key.protection->retry_limit;
  return limit - std::min<unsigned>(limit, key.protection->pin_error_count);
}

std::string pin_state(const KeyEntry& key) {
  if (!key.protection) return "being made";
  const std::uint8_t status = key.protection->protection_status;
  if ((status & sks::kDevicePinProtected) != 0) return "device PIN";
  if ((status & sks::kPinProtected) == 0) return "no PIN";
  if ((status & sks::kPukLocked) != 0) return "PUK locked";
  if ((status & sks::kPinLocked) != 0) return "PIN locked";
  if (key.protection->pin_error_count == 0) return "PIN";
  return "PIN, " + std::to_string(*pin_attempts_left(key)) + " of " + std::to_string(key.protection->retry_limit) + " attempts left";
}

Result<std::vector<SessionEntry>> list_sessions(sks::Channel& key_store) {
  std::vector<SessionEntry> sessions;
  std::uint32_t handle = sks::kNoHandle;
  while (true) {
    auto next = TRY(sks::call(key_store, sks::EnumerateProvisioningSessions{handle}));
    if (!next.session) return sessions;
    handle = next.provisioning_handle;
    sessions.push_back({.handle = handle, .session = std::move(*next.session)});
  }
}

}  // namespace airtight::agent
