// What a key store's refusal of a PIN or PUK means to the person who typed it.
#pragma once

#include "agent/key_list.h"
#include "base/result.h"
#include "sks/client.h"

namespace airtight::agent {

// ERROR_AUTHORIZATION says "wrong" or "locked"; which of them, and how many attempts are left, the key's state tells afterwards. Other
// errors come back as they are.
[[nodiscard]] Error explain_pin_refusal(sks::Channel& key_store, const KeyEntry& key, Error error);
[[nodiscard]] Error explain_puk_refusal(sks::Channel& key_store, const KeyEntry& key, Error error);

}  // namespace airtight::agent
