// How a program comes to a key store: through the daemon that owns it if there is one, and else by being its owner for a while.
#pragma once

#include <filesystem>
#include <memory>

#include "base/result.h"
#include "device/administration.h"
#include "sealing/seal.h"
#include "sks/client.h"
#include "sks/platform.h"

namespace airtight::device {

// Both work on the same store; calls to the one and the other may come from different threads.
struct KeyStoreAccess {
  std::unique_ptr<sks::Channel> channel;
  std::unique_ptr<Administration> administration;  // may use `channel`
};

// The key store in `folder`, or behind the socket `folder`. Without a daemon it is opened in this process, as open_device() does, with its
// faults; what `platform` names then outlives it. Fault::kRefused if there is a daemon that this user may not call.
[[nodiscard]] Result<KeyStoreAccess> connect_or_open(const std::filesystem::path& folder, const sealing::PassphrasePrompt& prompt,
                                                     const sks::Platform& platform);

}  // namespace airtight::device
