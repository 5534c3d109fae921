// What is in a key store, for those who use it: keys with their certificates and protection, sessions, and how a person names a key.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "crypto/certificate.h"
#include "device/administration.h"
#include "sks/client.h"
#include "sks/methods.h"

namespace airtight::agent {

struct KeyEntry {
  std::uint32_t handle = 0;
  sks::EnumerateKeys::Key key;
  std::vector<crypto::Certificate> path;                          // end-entity first; none while the key's session is open
  std::optional<sks::GetKeyProtectionInfo::Response> protection;  // absent while the key's session is open

  [[nodiscard]] bool is_usable() const { return !path.empty(); }
};

// Every key by ascending handle.
[[nodiscard]] Result<std::vector<KeyEntry>> list_keys(sks::Channel& key_store);

// The one key that `name` names: a handle in decimal, a key ID, or the first hex digits (four or more) of the SHA-256 fingerprint of its
// certificate. Fault::kNotFound if there is none, kBadInput if there are several; the hint lists them. A handle is looked up at once, and
// so is a whole fingerprint if `administration` is at hand; for all else every key is looked at.
[[nodiscard]] Result<KeyEntry> find_key(sks::Channel& key_store, std::string_view name, device::Administration* administration = nullptr);

// For people: "no PIN", "PIN", "PIN, 2 of 3 attempts left", "PIN locked", "being made", ...
[[nodiscard]] std::string pin_state(const KeyEntry& key);

// Attempts left before the PIN locks; nothing for a key without a PIN policy of its own.
[[nodiscard]] std::optional<unsigned> pin_attempts_left(const KeyEntry& key);

struct SessionEntry {
  std::uint32_t handle = 0;
  sks::EnumerateProvisioningSessions::Session session;
};

// Every session by ascending handle.
[[nodiscard]] Result<std::vector<SessionEntry>> list_sessions(sks::Channel& key_store);

}  // namespace airtight::agent
