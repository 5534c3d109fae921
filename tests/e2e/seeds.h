// Seeds of one-time passwords for scenarios: a pool "tokens" of HOTP seeds, all with the secret of RFC 4226 appendix D, so that what a key
// shows can be compared.
#pragma once

#include <string>

#include "agent/key_list.h"
#include "issuer/issuer.h"
#include "sks/client.h"

namespace airtight::e2e {

// Puts seeds of these names (separated by spaces) into the pool, by a key container.
void add_seeds(issuer::Issuer& issuer, const std::string& names);

// The names of those that were not issued, separated by spaces.
[[nodiscard]] std::string seeds_left(issuer::Issuer& issuer);

// The next password of a key.
[[nodiscard]] std::string next_password(sks::Channel& store, const agent::KeyEntry& key, Instant now);

}  // namespace airtight::e2e
