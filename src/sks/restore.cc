// KeyStore::restore: a backup's copy becomes a store again without giving anybody a PIN guess more than there was.
#include <algorithm>
#include <limits>

#include "sks/internal/key_store_impl.h"

namespace airtight::sks {
namespace {

constexpr std::size_t kBatch = 256;  // sessions in one transaction
// Where the handles that were given out since the backup are not known: none of them may come again (sks.md section 5).
constexpr std::uint64_t kHandleGap = 1U << 20;

// What the present store knows of the sessions of the backup.
class Present {
 public:
  explicit Present(StateStore* state) : state_(state) {}

  // The errors of a PIN or PUK; nothing if it is not known any more.
  [[nodiscard]] std::optional<std::uint8_t> errors(const Pin& pin) {
    const auto tree = tree_with([&](const SessionTree& one) { return one.pin(pin.id) != nullptr; });
    return tree ? std::optional(state_->errors_of(*tree->pin(pin.id))) : std::nullopt;
  }
  [[nodiscard]] std::optional<std::uint8_t> errors(const PukPolicy& puk) {
    const auto tree = tree_with([&](const SessionTree& one) { return one.puk_policy(puk.handle) != nullptr; });
    return tree ? std::optional(state_->errors_of(*tree->puk_policy(puk.handle))) : std::nullopt;
  }
  [[nodiscard]] std::uint32_t key_uses() const { return own_ ? own_->session.key_uses : 0; }

  // The backup's session that is looked at from now on: its objects may have moved to another session since.
  void look_at(const SessionTree& backup) {
    trees_.clear();
    own_ = nullptr;
    if (state_ == nullptr) return;
    if (auto tree = state_->session(backup.session.handle); tree && *tree) {
      own_ = *tree;
      trees_.push_back(own_);
    }
    for (const auto& key : backup.keys) {
      auto tree = state_->session_of_key(key->handle);
      if (tree && *tree && std::ranges::find(trees_, *tree) == trees_.end()) trees_.push_back(*tree);
    }
  }

 private:
  template <typename Has>
  [[nodiscard]] Ref<SessionTree> tree_with(Has&& has) const {
    const auto found = std::ranges::find_if(trees_, [&](const Ref<SessionTree>& tree) { return has(*tree); });
    return found == trees_.end() ? nullptr : *found;
  }

  StateStore* state_;
  Ref<SessionTree> own_;
  std::vector<Ref<SessionTree>> trees_;
};

std::uint8_t locked_at(std::uint8_t retry_limit) { return retry_limit == 0 ? std::numeric_limits<std::uint8_t>::max() : retry_limit; }

// The session as it may come back; null if it may not.
std::shared_ptr<SessionTree> restored(const SessionTree& backup, Present& present, RestoreReport& report) {
  if (backup.session.open) {
    ++report.open_sessions_dropped;
    return nullptr;
  }
  present.look_at(backup);
  auto next = std::make_shared<SessionTree>(backup);
  next->session.key_uses = std::max(next->session.key_uses, present.key_uses());
  for (const auto& pin : backup.pins) {
    const PinPolicy* const policy = backup.pin_policy(pin->policy);
    const std::uint8_t limit = policy == nullptr ? 1 : policy->retry_limit;
    const auto known = present.errors(*pin);
    if (!known) ++report.locked;
    next->change_pin(pin->id).error_count = known ? std::max(*known, pin->error_count) : locked_at(limit);
  }
  for (const auto& puk : backup.puk_policies) {
    const auto known = present.errors(*puk);
    if (!known) ++report.locked;
    next->change_puk_policy(puk->handle).error_count = known ? std::max(*known, puk->error_count) : locked_at(puk->retry_limit);
  }
  if (backup.session.handle != kDeviceTree) {
    ++report.sessions;
    report.keys += backup.keys.size();
  }
  return next;
}

}  // namespace

Result<RestoreReport> KeyStore::restore(std::unique_ptr<storage::Database> copy, const sealing::MasterKey& master_key, KeyStore* present,
                                        const Platform& platform) {
  auto records = TRY(Records::open_backup(std::move(copy), master_key, platform.random));
  Platform without_anchor = platform;
  without_anchor.anchor = nullptr;
  const auto state = TRY(StateStore::open(std::move(records), without_anchor));
  StateStore* const now = present == nullptr ? nullptr : present->impl_->state.get();
  NextHandles least = now == nullptr ? state->next_handles() : now->next_handles();
  if (now == nullptr) {
    for (std::uint64_t& next : least) next += kHandleGap;
  }
  state->raise_handles(least);

  RestoreReport report;
  Present known(now);
  const auto sessions = TRY(state->with_records([](Records& all) { return all.all_sessions(); }));
  for (std::size_t first = 0; first < sessions.size(); first += kBatch) {
    std::vector<std::pair<Ref<SessionTree>, std::shared_ptr<SessionTree>>> batch;
    for (std::size_t i = first; i < std::min(first + kBatch, sessions.size()); ++i) {
      const auto tree = TRY(state->session(sessions[i]));
      if (!tree) return fail(Fault::kInternal, "a session of the backup is missing", "take another backup");
      auto next = restored(*tree, known, report);
      batch.emplace_back(tree, std::move(next));
    }
    TRY(state->replace(batch));
  }
  state->with_records([](Records& all) { all.become_store(); });
  TRY(state->change_anchor(platform.anchor));
  return report;
}

}  // namespace airtight::sks
