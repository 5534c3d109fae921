// A key store and its anchor together: opened, bound to another one, and put right after a crash between the two.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>

#include "base/random.h"
#include "base/result.h"
#include "sealing/anchor.h"
#include "sealing/master_key.h"
#include "sks/key_store.h"
#include "sks/platform.h"
#include "storage/database.h"

namespace airtight::device::internal {

using OpenDatabase = std::function<Result<std::unique_ptr<storage::Database>>()>;

// The anchor that the folder names; null if it names none.
[[nodiscard]] Result<std::unique_ptr<sks::RollbackAnchor>> anchor_in(const std::filesystem::path& folder,
                                                                     const sealing::MasterKey& master_key);

// Opens the store with the anchor that its folder names, unless `platform` brings one. Finishes a change of anchors that was cut short, or
// takes it back; then the database is opened once more, with `again`.
[[nodiscard]] Result<std::unique_ptr<sks::KeyStore>> open_anchored(const std::filesystem::path& folder,
                                                                   std::unique_ptr<storage::Database> database, const OpenDatabase& again,
                                                                   const sealing::MasterKey& master_key, const sks::Platform& platform);

// Makes the anchor, binds the open store to it, and ends with the old one.
[[nodiscard]] Result<sealing::AnchorChange> bind_to_anchor(sks::KeyStore& store, const std::filesystem::path& folder,
                                                           const sealing::AnchorChoice& anchor, const sealing::MasterKey& master_key,
                                                           RandomSource& random);

// Does the anchor that the store keeps connect to somewhere with each use (sealing::Counter::makes_connections)?
[[nodiscard]] bool anchor_makes_connections(const sks::KeyStore& store);

}  // namespace airtight::device::internal
