// Asks the user for the PINs that a key initialization leaves to them: as many questions as the grouping of each policy needs, each
// answer checked by the key store's own rules before the store sees it.
#pragma once

#include <map>
#include <string>

#include "agent/user_interface.h"
#include "base/result.h"
#include "base/secret_bytes.h"
#include "keygen2/messages.h"

namespace airtight::agent {

// The PIN of every key whose PIN the user defines, by key ID.
using ChosenPins = std::map<std::string, SecretBytes>;

// Asks until every answer keeps its policy (sks.md section 6), a bounded number of times. Errors are the user's.
[[nodiscard]] Result<ChosenPins> choose_pins(const keygen2::KeyInitializationRequest& request, UserInterface& user);

}  // namespace airtight::agent
