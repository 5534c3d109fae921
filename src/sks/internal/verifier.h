// Looks at everything in a key store: opens each record and checks each rule that ties them together.
#pragma once

#include "sks/key_store.h"
#include "sks/state_store.h"

namespace airtight::sks::internal {

// Sessions are looked at one by one, and calls go on between them.
[[nodiscard]] Result<VerifyReport> verify(StateStore& state);

}  // namespace airtight::sks::internal
