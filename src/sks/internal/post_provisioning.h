// Post provisioning: what postProvisioningDeleteKey and postProvisioningUpdateKey have noted, and closeProvisioningSession carries out
// (sks.md section 8).
#pragma once

#include <vector>

#include "base/result.h"
#include "sks/engine.h"

namespace airtight::sks::internal {

// An operation with its target as it is at close.
struct PostTarget {
  PostOperation operation;
  Ref<SessionTree> owner;
  const Key* key = nullptr;  // in owner
};

// The targets of a session's operations. ERROR_SESSION_VERIFY if one was deleted or has moved since.
[[nodiscard]] Result<std::vector<PostTarget>> find_targets(Call& call, const Session& session);

// All that the owners have becomes `closing`'s, then the operations take effect, and the owners go.
void carry_out(Call& call, SessionTree& closing, const std::vector<PostTarget>& targets);

}  // namespace airtight::sks::internal
