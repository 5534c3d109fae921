// The parsed key behind a Key, read at first use and kept because parsing costs more than signing.
#pragma once

#include <mutex>
#include <optional>

#include "crypto/key.h"
#include "sks/state.h"

namespace airtight::sks {

struct KeyMaterialSlot {
  std::mutex mutex;
  std::optional<crypto::PrivateKey> private_key;
  SharedSecret symmetric_key;  // null: not read yet
};

}  // namespace airtight::sks
