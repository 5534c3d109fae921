// A key initialization as calls on the key store, in document order (keygen2.md section 3).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "agent/internal/pin_dialogue.h"
#include "base/result.h"
#include "keygen2/messages.h"
#include "sks/client.h"

namespace airtight::agent {

// The open session of the key store in which keys are made.
struct OpenSession {
  std::uint32_t handle = 0;
  bool updatable = false;
};

struct CreatedKey {
  std::uint32_t handle = 0;
  keygen2::GeneratedPublicKey generated;
};

// Makes every policy and key of `request`. The key store's refusals come back as they are; it has ended the session then.
[[nodiscard]] Result<std::vector<CreatedKey>> create_keys(sks::Channel& channel, const OpenSession& session,
                                                          const keygen2::KeyInitializationRequest& request, const ChosenPins& pins);

}  // namespace airtight::agent
