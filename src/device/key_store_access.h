// How a program comes to a key store: through the daemon that owns it if there is one, and else by being its owner for a while.
#pragma once

#include <filesystem>
#include <memory>

#include "base/random.h"
#include "base/result.h"
#include "base/time.h"
#include "sealing/seal.h"
#include "sks/client.h"

namespace airtight::device {

// The key store in `folder`, or behind the socket `folder`. Without a daemon it is opened in this process, as open_device() does, with its
// faults; `clock` and `random` then outlive it. Fault::kRefused if there is a daemon that this user may not call.
[[nodiscard]] Result<std::unique_ptr<sks::Channel>> connect_or_open(const std::filesystem::path& folder,
                                                                    const sealing::PassphrasePrompt& prompt, const Clock& clock,
                                                                    RandomSource& random);

}  // namespace airtight::device
