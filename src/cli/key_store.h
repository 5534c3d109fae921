// Opens the key store that a command works on, with what the key store needs from the world.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "base/time.h"
#include "crypto/random.h"
#include "sks/key_store.h"

namespace airtight::cli {

// A key store of this process, open until this object goes; clock and randomness beside it.
struct OpenKeyStore {
  SystemClock clock;
  crypto::SystemRandom random;
  sks::SleepingPause pause;
  std::unique_ptr<sks::KeyStore> channel;
};

// Opens the store in `folder`, asking on the terminal for its passphrase if it has one.
[[nodiscard]] Result<std::unique_ptr<OpenKeyStore>> open_key_store(const std::string& folder);

}  // namespace airtight::cli
