// The key store that a command works on, with what it needs from the world.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "base/time.h"
#include "crypto/random.h"
#include "device/administration.h"
#include "sks/client.h"
#include "sks/platform.h"

namespace airtight::cli {

// A key store that its daemon answers for, or of this process, open until this object goes; clock and randomness beside it.
struct OpenKeyStore {
  SystemClock clock;
  crypto::SystemRandom random;
  sks::SleepingPause pause;
  std::unique_ptr<sks::Channel> channel;
  std::unique_ptr<device::Administration> administration;  // last: it may use the channel
};

// The store in `folder`: by its daemon if one runs, else opened here, asking on the terminal for its passphrase if it has one.
[[nodiscard]] Result<std::unique_ptr<OpenKeyStore>> open_key_store(const std::string& folder);

}  // namespace airtight::cli
