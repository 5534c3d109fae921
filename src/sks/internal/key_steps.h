// What the methods that provision a key, one after the other, ask of it.
#pragma once

#include <vector>

#include "base/result.h"
#include "sks/engine.h"
#include "sks/wire.h"

namespace airtight::sks::internal {

// The key of `handle` in its open session. ERROR_NO_KEY.
[[nodiscard]] Result<const Key*> key_of_session(const SessionTree& tree, Handle handle);

// The same, once it has its certificate path: "setCertificatePath comes first of the operations on a key". ERROR_NOT_ALLOWED before that.
[[nodiscard]] Result<const Key*> certified_key(const SessionTree& tree, Handle handle);

// The path of a key that has one: the end-entity certificate first.
[[nodiscard]] Result<std::vector<Bytes>> certificate_path(const Call& call, const Key& key);

// That enumerateKeys can answer with the key, whose certificate path is `path`. ERROR_OPTION.
inline constexpr std::size_t kMaxListing = wire::kMaxMessage;
[[nodiscard]] Result<> check_listing(const Key& key, const std::vector<Bytes>& path);

}  // namespace airtight::sks::internal
