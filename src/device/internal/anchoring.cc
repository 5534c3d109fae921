#include "device/internal/anchoring.h"

#include <cstdint>
#include <utility>

namespace airtight::device::internal {
namespace {

// A counter of sealing/ as the anchor that the key store knows.
class CounterAnchor final : public sks::RollbackAnchor {
 public:
  explicit CounterAnchor(std::unique_ptr<sealing::Counter> counter) : counter_(std::move(counter)) {}
  Result<std::uint64_t> read() override { return counter_->read(); }
  Result<std::uint64_t> advance() override { return counter_->advance(); }
  [[nodiscard]] bool makes_connections() const { return counter_->makes_connections(); }

 private:
  std::unique_ptr<sealing::Counter> counter_;
};

std::unique_ptr<sks::RollbackAnchor> anchor_by(std::unique_ptr<sealing::Counter> counter) {
  if (counter == nullptr) return nullptr;
  return std::make_unique<CounterAnchor>(std::move(counter));
}

Result<std::unique_ptr<sks::KeyStore>> open_with(Result<std::unique_ptr<sealing::Counter>> counter,
                                                 std::unique_ptr<storage::Database> database, const sealing::MasterKey& master_key,
                                                 const sks::Platform& platform) {
  if (!counter) return Failure(std::move(counter.error()));
  std::unique_ptr<sks::RollbackAnchor> anchor = anchor_by(*std::move(counter));
  sks::Platform anchored = platform;
  anchored.anchor = anchor.get();
  auto store = sks::KeyStore::open(std::move(database), master_key, anchored);
  if (store) (*store)->keep_anchor(std::move(anchor));
  return store;
}

}  // namespace

Result<std::unique_ptr<sks::RollbackAnchor>> anchor_in(const std::filesystem::path& folder, const sealing::MasterKey& master_key) {
  return anchor_by(TRY(sealing::open_anchor(folder, master_key)));
}

Result<std::unique_ptr<sks::KeyStore>> open_anchored(const std::filesystem::path& folder, std::unique_ptr<storage::Database> database,
                                                     const OpenDatabase& again, const sealing::MasterKey& master_key,
                                                     const sks::Platform& platform) {
  if (platform.anchor != nullptr) return sks::KeyStore::open(std::move(database), master_key, platform);
  const bool was_cut_short = sealing::has_new_anchor(folder);
  auto store = open_with(sealing::open_anchor(folder, master_key), std::move(database), master_key, platform);
  if (!was_cut_short) return store;
  // The store is bound to the old anchor or to the new one.
  if (store) {
    // Its counter may be out of reach now; then the note of it waits, in nobody's way.
    static_cast<void>(sealing::drop_new_anchor(folder, master_key));
    return store;
  }
  std::unique_ptr<storage::Database> database_again = TRY(again());
  auto by_new = open_with(sealing::open_new_anchor(folder, master_key), std::move(database_again), master_key, platform);
  if (!by_new) return store;
  TRY(sealing::adopt_anchor(folder, master_key));
  return by_new;
}

Result<sealing::AnchorChange> bind_to_anchor(sks::KeyStore& store, const std::filesystem::path& folder, const sealing::AnchorChoice& anchor,
                                             const sealing::MasterKey& master_key, RandomSource& random) {
  std::unique_ptr<sks::RollbackAnchor> made = anchor_by(TRY(sealing::prepare_anchor(folder, anchor, master_key, random)));
  TRY(store.change_anchor(made.get()));
  store.keep_anchor(std::move(made));
  return sealing::adopt_anchor(folder, master_key);
}

bool anchor_makes_connections(const sks::KeyStore& store) {
  const auto* const anchor = dynamic_cast<const CounterAnchor*>(store.kept_anchor());
  return anchor != nullptr && anchor->makes_connections();
}

}  // namespace airtight::device::internal
