// The accounts of the system: who is meant by a name, and how the daemon stops being root.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>

#include "base/result.h"

namespace airtight::device {

// The user or group called `name`, or whose number it is. Fault::kBadInput if there is none.
[[nodiscard]] Result<uid_t> user_called(const std::string& name);
[[nodiscard]] Result<gid_t> group_called(const std::string& name);

// Gives up being root for good: this process is `user` from now on, in `group` (empty: the user's own) and the user's other groups.
// Both empty: nothing happens. Fault::kRefused for whoever would still be root with a `folder` that is not root's own, and if another user
// than root asks to become somebody else. Call it before there are threads.
[[nodiscard]] Result<> become(const std::string& user, const std::string& group, const std::filesystem::path& folder);

}  // namespace airtight::device
