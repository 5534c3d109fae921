// What a KeyStore is made of; shared by its two halves, calls and maintenance.
#pragma once

#include <memory>

#include "sks/key_store.h"
#include "sks/state_store.h"

namespace airtight::sks {

struct KeyStore::Impl {
  std::unique_ptr<StateStore> state;
  const Platform platform;

  [[nodiscard]] SecretBytes dispatch(ByteView request);
};

}  // namespace airtight::sks
