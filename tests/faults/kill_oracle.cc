#include "tests/faults/kill_oracle.h"

#include <algorithm>
#include <optional>

#include "crypto/random.h"
#include "sealing/seal.h"
#include "sks/records.h"
#include "storage/database.h"
#include "tests/faults/device_life.h"
#include "tests/faults/store_process.h"
#include "tests/support/must.h"

namespace airtight::faults {
namespace {

using sks::Handle;
using sks::Status;
using tests::must;

template <typename Request>
constexpr std::uint8_t kNumber = sks::method_of<Request>().number;

bool is_answered(const JournalEntry& entry) { return entry.answered != 0; }
bool is_done(const JournalEntry& entry) { return is_answered(entry) && entry.status == Status::kOk; }

template <typename Request>
bool is_a(const JournalEntry& entry) {
  return entry.method == kNumber<Request>;
}

bool makes_handle(const JournalEntry& entry) {
  return is_a<sks::CreateProvisioningSession>(entry) || is_a<sks::CreatePukPolicy>(entry) || is_a<sks::CreatePinPolicy>(entry) ||
         is_a<sks::CreateKeyPair>(entry);
}

std::string text_of(const JournalEntry& entry) {
  return "method " + std::to_string(entry.method) + " with handle " + std::to_string(entry.subject);
}

}  // namespace

// What is on disk.
struct KillOracle::Found {
  std::map<Handle, std::shared_ptr<sks::SessionTree>> sessions;
  std::map<Handle, Handle> session_of_key;
  sks::NextHandles next_handles{};

  [[nodiscard]] Shape shape(Handle session) const {
    const auto at = sessions.find(session);
    if (at == sessions.end()) return {};
    const sks::SessionTree& tree = *at->second;
    const auto certified = std::ranges::count_if(tree.keys, [](const auto& key) { return key->end_entity.has_value(); });
    return {true,
            tree.session.open,
            static_cast<int>(tree.puk_policies.size()),
            static_cast<int>(tree.pin_policies.size()),
            static_cast<int>(tree.keys.size()),
            static_cast<int>(certified)};
  }

  static Found in(const std::filesystem::path& folder) {
    static crypto::SystemRandom random;
    auto database = must(storage::open_sqlite(database_of(folder), {.exclusive = true}));
    const auto records = must(sks::Records::open(std::move(database), must(sealing::open_master_key(folder, {})), random, nullptr));
    Found found;
    found.next_handles = records->next_handles();
    for (const Handle session : must(records->all_sessions())) {
      if (session == sks::kDeviceTree) continue;
      const auto loaded = must(records->load(session));
      if (!loaded) throw std::runtime_error("session " + std::to_string(session) + " is listed and not there");
      for (const auto& key : loaded->tree->keys) found.session_of_key[key->handle] = session;
      found.sessions[session] = loaded->tree;
    }
    return found;
  }
};

std::vector<std::string> KillOracle::check(Journal& journal) {
  complaints_.clear();
  read_journal(journal);
  const Found found = Found::in(folder_);
  check_handles(found);
  check_sessions(found);
  check_keys(found);
  check_counters(found);
  take_over(found);
  return complaints_;
}

void KillOracle::read_journal(Journal& journal) {
  entries_.clear();
  for (std::size_t i = 0; i < Journal::kLanes; ++i) {
    const auto lane = journal.lane(i).entries();
    entries_.insert(entries_.end(), lane.begin(), lane.end());
  }
  answers_ += static_cast<std::uint64_t>(std::ranges::count_if(entries_, is_answered));
  for (const JournalEntry& entry : entries_) {
    if (is_done(entry) || !is_answered(entry)) continue;
    const bool may_refuse = (!entry.right && (entry.status == Status::kAuthorization || entry.status == Status::kMac)) ||
                            (is_a<sks::SignHashedData>(entry) && entry.status == Status::kAuthorization);  // locked: see check_counter
    if (!may_refuse)
      complain(text_of(entry) + " was answered with " + std::string(sks::name_of(entry.status)) + ": " + entry.refusal.data());
  }
}

// "never reused": whatever was answered once, or stands in a database that was answered from.
void KillOracle::check_handles(const Found& found) {
  for (const JournalEntry& entry : entries_) {
    if (!makes_handle(entry) || !is_done(entry)) continue;
    if (!given_[entry.method].insert(entry.made).second)
      complain("handle " + std::to_string(entry.made) + " was given again by " + text_of(entry));
  }
  const auto below = [&](sks::HandleKind kind, std::uint8_t method) {
    const auto& handles = given_[method];
    if (handles.empty()) return;
    if (*handles.rbegin() >= found.next_handles[static_cast<std::size_t>(kind)]) {
      complain("handle " + std::to_string(*handles.rbegin()) + " of method " + std::to_string(method) + " will be given again");
    }
  };
  below(sks::HandleKind::kSession, kNumber<sks::CreateProvisioningSession>);
  below(sks::HandleKind::kPukPolicy, kNumber<sks::CreatePukPolicy>);
  below(sks::HandleKind::kPinPolicy, kNumber<sks::CreatePinPolicy>);
  below(sks::HandleKind::kKey, kNumber<sks::CreateKeyPair>);
  for (std::size_t i = 0; i < next_handles_.size(); ++i) {
    if (found.next_handles[i] < next_handles_[i]) complain("a handle counter went back");
  }
  next_handles_.assign(found.next_handles.begin(), found.next_handles.end());
}

void KillOracle::check_sessions(const Found& found) {
  std::map<Handle, std::pair<Shape, std::optional<Shape>>> expected;  // after what was answered; and with what was not
  std::size_t unknown = 0;                                            // sessions that may be there without an answer
  for (const JournalEntry& entry : entries_) {
    if (is_a<sks::CreateProvisioningSession>(entry)) {
      if (is_done(entry)) {
        expected[entry.made].first = {.exists = true};
      } else if (!is_answered(entry)) {
        ++unknown;
      }
      continue;
    }
    const auto at = expected.find(entry.subject);
    if (at == expected.end()) continue;
    Shape next = at->second.first;
    if (is_a<sks::CreatePukPolicy>(entry)) ++next.puk_policies;
    if (is_a<sks::CreatePinPolicy>(entry)) ++next.pin_policies;
    if (is_a<sks::CreateKeyPair>(entry)) ++next.keys;
    if (is_a<sks::SetCertificatePath>(entry)) ++next.certified;
    if (is_a<sks::CloseProvisioningSession>(entry) && entry.right) next.open = false;
    if (is_a<sks::CloseProvisioningSession>(entry) && !entry.right) next = {};
    if (is_a<sks::AbortProvisioningSession>(entry)) next = {};
    if (is_answered(entry)) {
      at->second.first = next;
    } else {
      at->second.second = next;
    }
  }
  for (const auto& [session, shapes] : expected) {
    const Shape shape = found.shape(session);
    const bool fits = shape == shapes.first || (shapes.second && shape == *shapes.second);
    if (!fits) complain("session " + std::to_string(session) + " is neither as before a call nor as after it");
  }
  for (const auto& [session, tree] : found.sessions) {
    if (expected.contains(session)) continue;
    const bool is_known = std::ranges::any_of(keys_, [&, handle = session](const auto& key) { return key.second.session == handle; });
    if (is_known) continue;
    if (unknown == 0 || found.shape(session) != Shape{.exists = true}) {
      complain("session " + std::to_string(session) + " is there, and nobody made it");
    } else {
      --unknown;
      given_[kNumber<sks::CreateProvisioningSession>].insert(session);
    }
  }
}

void KillOracle::check_keys(const Found& found) {
  for (const auto& [handle, key] : keys_) {
    const auto at = found.session_of_key.find(handle);
    const bool is_there = at != found.session_of_key.end() && at->second == key.session;
    bool must_be_gone = false;
    bool may_be_gone = false;
    for (const JournalEntry& entry : entries_) {
      if (!is_a<sks::DeleteKey>(entry) || entry.subject != handle) continue;
      must_be_gone = must_be_gone || is_done(entry);
      may_be_gone = may_be_gone || !is_answered(entry);
    }
    if (must_be_gone && is_there) complain("key " + std::to_string(handle) + " is there, though it was deleted");
    if (!must_be_gone && !may_be_gone && !is_there) complain("key " + std::to_string(handle) + " is lost");
  }
}

void KillOracle::check_counters(const Found& found) {
  std::map<std::uint64_t, std::pair<std::vector<JournalEntry>, std::vector<JournalEntry>>> of_pins;  // attempts; resets
  std::map<Handle, std::vector<JournalEntry>> of_puks;
  for (const JournalEntry& entry : entries_) {
    const auto key = keys_.find(entry.subject);
    if (key == keys_.end() || key->second.pin == 0) continue;
    if (is_a<sks::SignHashedData>(entry)) of_pins[key->second.pin].first.push_back(entry);
    if (is_a<sks::UnlockKey>(entry)) {
      of_puks[key->second.puk].push_back(entry);
      if (entry.right) of_pins[key->second.pin].second.push_back(entry);
    }
  }
  for (const auto& [session, tree] : found.sessions) {
    for (const auto& pin : tree->pins) {
      const auto before = pins_.find(pin->id);
      if (before == pins_.end()) continue;
      const auto& [attempts, resets] = of_pins[pin->id];
      check_counter("PIN " + std::to_string(pin->id), before->second, {pin->error_count, before->second.limit}, attempts, resets);
    }
    for (const auto& puk : tree->puk_policies) {
      const auto before = puks_.find(puk->handle);
      if (before == puks_.end()) continue;
      check_counter("PUK " + std::to_string(puk->handle), before->second, {puk->error_count, before->second.limit}, of_puks[puk->handle],
                    {});
    }
  }
}

void KillOracle::check_counter(const std::string& name, const Counter& before, const Counter& now,
                               const std::vector<JournalEntry>& attempts, const std::vector<JournalEntry>& resets) {
  std::vector<JournalEntry> forgiven = resets;  // right values, and what else sets the counter back
  for (const JournalEntry& entry : attempts) {
    if (entry.right) forgiven.push_back(entry);
  }
  bool may_be_forgiven_last = false;  // by a call that was not answered
  std::uint64_t last_sent = 0;
  std::uint64_t last_answered = 0;
  for (const JournalEntry& entry : forgiven) {
    if (!is_answered(entry)) may_be_forgiven_last = true;
    if (!is_done(entry)) continue;
    last_sent = std::max(last_sent, entry.sent);
    last_answered = std::max(last_answered, entry.answered);
  }
  const bool is_forgiven = last_answered != 0;
  unsigned least = is_forgiven ? 0 : before.errors;
  unsigned most = least;
  for (const JournalEntry& entry : attempts) {
    if (!is_answered(entry)) ++most;
    if (!is_answered(entry) || entry.right) continue;
    if (entry.sent > last_answered) ++least;
    if (entry.answered > last_sent) ++most;
  }
  if (may_be_forgiven_last) least = 0;
  least = std::min(least, now.limit);
  most = std::min(most + 1, now.limit);
  if (now.errors < least || now.errors > most) {
    complain(name + " shows " + std::to_string(now.errors) + " errors, and has to show " + std::to_string(least) + " to " +
             std::to_string(most));
  }
  check_refusals(name, before, now.limit, attempts, forgiven);
}

// A right value is refused only when wrong ones have locked it.
void KillOracle::check_refusals(const std::string& name, const Counter& before, unsigned limit, const std::vector<JournalEntry>& attempts,
                                const std::vector<JournalEntry>& forgiven) {
  for (const JournalEntry& refused : attempts) {
    if (!refused.right || !is_answered(refused) || is_done(refused)) continue;
    std::uint64_t last_forgiven = 0;
    for (const JournalEntry& entry : forgiven) {
      if (is_done(entry) && entry.answered < refused.sent) last_forgiven = std::max(last_forgiven, entry.sent);
    }
    const auto wrong = std::ranges::count_if(attempts, [&](const JournalEntry& entry) {
      return !entry.right && entry.sent < refused.answered && (!is_answered(entry) || entry.answered > last_forgiven);
    });
    const unsigned most = static_cast<unsigned>(wrong) + (last_forgiven == 0 ? before.errors : 0);
    if (most < limit) complain(name + " was refused, though it was right and not locked");
  }
}

void KillOracle::take_over(const Found& found) {
  std::map<Handle, Bytes> made;
  for (const JournalEntry& entry : entries_) {
    if (is_a<sks::CreateKeyPair>(entry) && is_done(entry)) made[entry.made] = Bytes(entry.public_key.begin(), entry.public_key.end());
  }
  std::map<Handle, KnownKey> keys;
  pins_.clear();
  puks_.clear();
  for (const auto& [session, tree] : found.sessions) {
    if (tree->session.open) continue;
    for (const auto& key : tree->keys) {
      const auto known = keys_.find(key->handle);
      KnownKey next{session, known != keys_.end() ? known->second.public_key : made[key->handle], key->pin, 0};
      if (next.public_key.empty()) complain("key " + std::to_string(key->handle) + " is there, and nobody made it");
      if (const auto* const policy = tree->pin_policy(key->pin_policy)) {
        next.puk = policy->puk_policy;
        pins_[key->pin] = {tree->pin(key->pin)->error_count, policy->retry_limit};
        puks_[next.puk] = {tree->puk_policy(next.puk)->error_count, tree->puk_policy(next.puk)->retry_limit};
      }
      keys[key->handle] = std::move(next);
    }
  }
  keys_ = std::move(keys);
}

std::vector<std::string> KillOracle::use(bool with_pins) {
  constexpr std::size_t kEnough = 12;
  complaints_.clear();
  const auto store = must(open_store(folder_));
  for (const auto& finding : must(store->verify()).findings) complain(finding.id + ": " + finding.subject + ": " + finding.text);
  for (sks::EnumerateProvisioningSessions next;;) {
    const auto listed = must(sks::call(*store, next));
    if (!listed.session) break;
    if (listed.session->is_open) must(sks::call(*store, sks::AbortProvisioningSession{listed.provisioning_handle}));
    next.provisioning_handle = listed.provisioning_handle;
  }
  for (const auto& [handle, key] : keys_) {
    Counter* const counter = key.pin == 0 ? nullptr : &pins_.at(key.pin);
    if (counter != nullptr && (!with_pins || counter->errors >= counter->limit)) continue;
    const auto signed_well = sign(*store, handle, key.public_key, counter == nullptr ? "" : kPin);
    if (!signed_well) complain("key " + std::to_string(handle) + " does not sign: " + signed_well.error().message);
    if (counter != nullptr) counter->errors = 0;
  }
  while (keys_.size() > kEnough) {
    must(sks::call(*store, sks::DeleteKey{keys_.begin()->first, {}}));
    keys_.erase(keys_.begin());
  }
  return complaints_;
}

}  // namespace airtight::faults
