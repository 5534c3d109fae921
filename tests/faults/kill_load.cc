#include "tests/faults/kill_load.h"

#include <sys/mman.h>

#include <algorithm>
#include <new>
#include <random>
#include <stdexcept>
#include <thread>

#include "base/algorithms.h"
#include "tests/faults/device_life.h"
#include "tests/faults/store_process.h"

namespace airtight::faults {
namespace {

using sks::Handle;
using sks::testing::TestIssuer;

SecretBytes secret(std::string_view text) { return SecretBytes::copy_of(bytes_of(text)); }

Handle handle_at(ByteView bytes) {
  Handle handle = 0;
  for (const std::byte b : bytes.first(4)) handle = (handle << 8) | std::to_integer<Handle>(b);
  return handle;
}

// Calls the store and keeps the journal. Throws when there is no more to do.
class JournaledChannel final : public sks::Channel {
 public:
  struct Over {};

  JournaledChannel(sks::Channel& store, Journal& journal, Lane& lane, const std::atomic<bool>& is_over)
      : store_(store), journal_(journal), lane_(lane), is_over_(is_over) {}

  // The next call holds a wrong PIN, PUK or MAC.
  void err_next() { right_ = false; }

  [[nodiscard]] Result<SecretBytes> call(const SecretBytes& request) override {
    const ByteView bytes = request.expose_secret();
    JournalEntry entry;
    entry.method = std::to_integer<std::uint8_t>(bytes[0]);
    entry.right = std::exchange(right_, true);
    if (bytes.size() >= 5) entry.subject = handle_at(bytes.subspan(1));
    entry.sent = journal_.tick();
    JournalEntry* const noted = is_over_ ? nullptr : lane_.begin(entry);
    if (noted == nullptr) throw Over{};
    auto response = store_.call(request);
    note(*noted, response.value().expose_secret());
    return response;
  }

 private:
  void note(JournalEntry& entry, ByteView response) {
    entry.status = static_cast<sks::Status>(response[0]);
    if (entry.status == sks::Status::kOk && response.size() >= 5) entry.made = handle_at(response.last(4));
    if (entry.status != sks::Status::kOk) {
      const std::string text = sks::refusal_in("", response).error().message;
      text.copy(entry.refusal.data(), entry.refusal.size() - 1);
    }
    constexpr std::size_t kBefore = 3;  // status and length
    if (entry.method == sks::method_of<sks::CreateKeyPair>().number && response.size() >= kBefore + kPublicKeySize) {
      std::ranges::copy(response.subspan(kBefore, kPublicKeySize), entry.public_key.begin());
    }
    std::atomic_ref(entry.answered).store(journal_.tick());
  }

  sks::Channel& store_;
  Journal& journal_;
  Lane& lane_;
  const std::atomic<bool>& is_over_;
  bool right_ = true;
};

class Worker {
 public:
  Worker(const LoadPlan& plan, JournaledChannel& store, std::uint32_t seed) : plan_(plan), store_(store), dice_(seed) {}

  void make_sessions() {
    while (true) make_session();
  }

  void use_keys() {
    if (plan_.pin_keys.empty() && plan_.free_keys.empty()) return;
    while (true) {
      const bool without_pin = plan_.pin_keys.empty() || (!plan_.free_keys.empty() && one_in(8));
      if (without_pin) {
        sign(any_of(plan_.free_keys), "");
      } else if (one_in(8)) {
        unlock(any_of(plan_.pin_keys));
      } else {
        const bool right = !one_in(2);
        if (!right) store_.err_next();
        sign(any_of(plan_.pin_keys), right ? kPin : kWrongPin);
      }
    }
  }

  void remove_keys() {
    for (const Handle key : plan_.victims) {
      ignore(sks::call(store_, sks::DeleteKey{key, {}}));
    }
  }

 private:
  // What an answer is worth is for who reads the journal.
  template <typename T>
  static void ignore(const Result<T>& result) {
    static_cast<void>(result);
  }
  [[nodiscard]] bool one_in(unsigned many) { return dice_() % many == 0; }
  [[nodiscard]] Handle any_of(const std::vector<Handle>& keys) { return keys[dice_() % keys.size()]; }

  void sign(Handle key, std::string_view pin) {
    ignore(sks::call(store_, sks::SignHashedData{key, std::string(uri::kEcdsaSha256), secret(pin), Bytes(32)}));
  }
  void unlock(Handle key) {
    const bool right = !one_in(4);
    if (!right) store_.err_next();
    ignore(sks::call(store_, sks::UnlockKey{key, secret(right ? kPuk : kWrongPuk)}));
  }

  void make_session() {
    TestIssuer issuer(store_, plan_.device);
    auto puk = issuer.puk_policy();
    puk.retry_limit = kPukLimit;
    const Handle puk_policy = sks::call(store_, puk).value().puk_policy_handle;
    auto pin = issuer.pin_policy("PIN.1", puk_policy);
    pin.retry_limit = one_in(2) ? kTightLimit : kWideLimit;
    const Handle pin_policy = sks::call(store_, pin).value().pin_policy_handle;
    ignore(issuer.certified(issuer.key_pair("Key.1", pin_policy, kPin)));
    ignore(issuer.certified(issuer.key_pair("Key.2")));
    if (one_in(8)) {
      ignore(sks::call(store_, sks::AbortProvisioningSession{issuer.handle()}));
      return;
    }
    auto close = issuer.close();
    if (one_in(8)) {
      close.mac[0] ^= std::byte{1};
      store_.err_next();
    }
    ignore(sks::call(store_, close));
  }
  static void ignore(const sks::testing::CertifiedKey& key) { static_cast<void>(key); }

  const LoadPlan& plan_;
  JournaledChannel& store_;
  std::mt19937 dice_;
};

}  // namespace

Journal& Journal::make() {
  void* const shared = ::mmap(nullptr, sizeof(Journal), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) throw std::runtime_error("no shared memory");
  return *new (shared) Journal;
}

void Journal::reset() {
  for (Lane& lane : lanes_) lane.reset();
}

int run_load(const LoadPlan& plan, Journal& journal) {
  const auto store = open_store(plan.folder);
  if (!store) return 1;
  std::atomic<bool> is_over = false;
  const auto work = [&](std::size_t lane, void (Worker::*job)()) {
    return std::thread([&, lane, job] {
      JournaledChannel channel(**store, journal, journal.lane(lane), is_over);
      Worker worker(plan, channel, plan.seed + static_cast<std::uint32_t>(lane));
      try {
        (worker.*job)();
      } catch (const JournaledChannel::Over&) {
        return;
      }
    });
  };
  std::vector<std::thread> threads;
  threads.push_back(work(0, &Worker::make_sessions));
  threads.push_back(work(1, &Worker::make_sessions));
  threads.push_back(work(2, &Worker::use_keys));
  threads.push_back(work(3, &Worker::use_keys));
  threads.push_back(work(4, &Worker::remove_keys));
  std::this_thread::sleep_for(plan.span);
  is_over = true;
  for (std::thread& thread : threads) thread.join();
  return 0;
}

}  // namespace airtight::faults
