// Where each sealed secret of a key store belongs, as the context under which it is sealed: table, row, and what must not be changed
// behind its back. A secret moved to another row, or a key whose policy was edited in the database, does not open.
#pragma once

#include <string>

#include "base/bytes.h"
#include "sks/state.h"

namespace airtight::sks {

inline constexpr std::string_view kSealPurpose = "sks";

[[nodiscard]] inline Bytes attestation_key_place() { return to_bytes("sks_device.attestation_key"); }

[[nodiscard]] inline Bytes place_of(const Session& session) {
  return concat({bytes_of("sks_sessions.session_key"), big_endian(session.handle, 4), bytes_of(session.client_session_id),
                 big_endian(session.updatable ? 1 : 0, 1), big_endian(session.life_time, 4), big_endian(session.key_limit, 2),
                 bytes_of(session.issuer_uri)});
}

[[nodiscard]] inline Bytes place_of(const PukPolicy& policy) {
  return concat({bytes_of("sks_puk_policies.value"), big_endian(policy.handle, 4), big_endian(policy.retry_limit, 1)});
}

[[nodiscard]] inline Bytes place_of(const Pin& pin) {
  return concat({bytes_of("sks_pins.value"), big_endian(static_cast<std::uint64_t>(pin.id), 8), big_endian(pin.policy, 4),
                 big_endian(static_cast<std::uint64_t>(pin.half), 1)});
}

[[nodiscard]] inline Bytes place_of(const Key& key) {
  return concat({bytes_of("sks_keys.private_key"), big_endian(key.handle, 4), big_endian(key.pin_policy, 4),
                 big_endian(static_cast<std::uint64_t>(key.pin), 8), big_endian(static_cast<std::uint64_t>(key.usage), 1),
                 big_endian(static_cast<std::uint64_t>(key.export_policy), 1), big_endian(static_cast<std::uint64_t>(key.delete_policy), 1),
                 key.public_key});
}

}  // namespace airtight::sks
