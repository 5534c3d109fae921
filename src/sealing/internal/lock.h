// The locks of a seal: each makes, and later gives back, a key of 32 bytes under which the master key is wrapped. This is where the four
// kinds differ; seal.cc knows only that there is a lock.
#pragma once

#include <filesystem>
#include <functional>

#include "base/random.h"
#include "base/result.h"
#include "base/secret_bytes.h"
#include "sealing/internal/seal_file.h"
#include "sealing/seal.h"

namespace airtight::sealing::internal {

// A lock and the wrapping key that it guards.
struct NewLock {
  Lock lock;
  SecretBytes key;
};

// Makes a lock of the kind that `seal` asks for. A key file goes to `key_file`; one that is there already is taken, as it belongs to an
// attempt that was cut short. Nothing else is written to the folder.
[[nodiscard]] Result<NewLock> make_lock(const NewSeal& seal, const std::filesystem::path& key_file, const PassphrasePrompt& prompt,
                                        RandomSource& random);

// The wrapping key of a lock; `discard` removes what only this lock needed. Either half of a changed key file's name is looked at.
struct OpenedLock {
  SecretBytes key;
  std::function<Result<>()> discard;
};
[[nodiscard]] Result<OpenedLock> open_lock(const std::filesystem::path& folder, const Lock& lock, const PassphrasePrompt& prompt);

// What to say when the wrapping key of such a lock does not open the seal at `path`.
[[nodiscard]] Failure does_not_open(const Lock& lock, const std::filesystem::path& path);

}  // namespace airtight::sealing::internal
