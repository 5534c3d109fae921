// Many clients at once on one daemon, each provisioning, using and deleting keys of its own: counts every answer that a single client would
// not have got, and watches the daemon's memory. Arguments: seconds (30), clients (64), open sessions to keep beside them (0), keys to keep
// beside them (0).
#include <atomic>
#include <chrono>
#include <mutex>
#include <thread>

#include "bench/daemon_process.h"
#include "bench/local_issuer.h"

namespace {

using namespace airtight;
using bench::must;
using bench::wall;

struct Tally {
  std::atomic<std::uint64_t> calls{0};
  std::atomic<std::uint64_t> lives{0};
  std::atomic<std::uint64_t> unexpected{0};
  std::mutex mutex;
  std::vector<double> signatures_us;
};

// Counts what is not `expected`.
template <typename T>
bool expect(Tally& tally, const Result<T>& result, sks::Status expected, const char* what) {
  ++tally.calls;
  const sks::Status status = result ? sks::Status::kOk : sks::status_of(result.error());
  if (status == expected) return true;
  if (tally.unexpected++ < 10) {
    std::fprintf(stderr, "%s: %s\n", what, result ? "succeeded, and should not have" : result.error().message.c_str());
  }
  return false;
}

sks::SignHashedData sign_request(sks::Handle key, std::string_view pin) {
  sks::SignHashedData request;
  request.key_handle = key;
  request.signature_algorithm = uri::kEcdsaSha256;
  request.pin = SecretBytes::copy_of(bytes_of(pin));
  request.hashed_data = Bytes(32);
  return request;
}

// One client's life, over and over: a session with three keys, signatures with right and wrong PINs, enumeration, and at last no key left.
void live(const bench::DaemonProcess& daemon, ByteView certificate, Tally& tally, double end) {
  const auto channel = daemon.connect();
  std::vector<double> times;
  while (wall() < end) {
    bench::LocalIssuer issuer(*channel, certificate);
    issuer.open(200);
    const sks::Handle policy = issuer.pin_policy();
    std::vector<sks::Handle> keys;
    for (int i = 0; i < 3; ++i) {
      const auto key = issuer.create(bench::LocalIssuer::p256(), i == 2 ? 0 : policy);
      issuer.certify(key);
      keys.push_back(key.key_handle);
    }
    issuer.close();
    for (int i = 0; i < 40; ++i) {
      const double begun = wall();
      expect(tally, sks::call(*channel, sign_request(keys[0], "1357")), sks::Status::kOk, "a signature");
      times.push_back(wall() - begun);
      expect(tally, sks::call(*channel, sign_request(keys[2], "")), sks::Status::kOk, "a signature without a PIN");
    }
    expect(tally, sks::call(*channel, sign_request(keys[1], "2468")), sks::Status::kAuthorization, "a wrong PIN");
    const auto protection = sks::call(*channel, sks::GetKeyProtectionInfo{keys[1]});
    if (expect(tally, protection, sks::Status::kOk, "getKeyProtectionInfo") && protection->pin_error_count != 1) ++tally.unexpected;
    expect(tally, sks::call(*channel, sign_request(keys[1], "1357")), sks::Status::kOk, "the right PIN after it");
    expect(tally, sks::call(*channel, sks::EnumerateKeys{keys[0] - 1}), sks::Status::kOk, "enumerateKeys");
    expect(tally, sks::call(*channel, sks::GetDeviceInfo{}), sks::Status::kOk, "getDeviceInfo");
    for (const sks::Handle key : keys) expect(tally, sks::call(*channel, sks::DeleteKey{key, {}}), sks::Status::kOk, "deleteKey");
    expect(tally, sks::call(*channel, sign_request(keys[2], "")), sks::Status::kNoKey, "a key that was deleted");
    ++tally.lives;
  }
  const std::lock_guard lock(tally.mutex);
  tally.signatures_us.insert(tally.signatures_us.end(), times.begin(), times.end());
}

// Sessions that stay open, and keys in closed sessions of a hundred.
void fill(const bench::DaemonProcess& daemon, ByteView certificate, int open_sessions, int keys) {
  const auto channel = daemon.connect();
  bench::LocalIssuer issuer(*channel, certificate);
  for (int made = 0; made < keys;) {
    issuer.open(1000);
    const sks::Handle policy = issuer.pin_policy();
    for (int i = 0; i < 100 && made < keys; ++i, ++made) issuer.certify(issuer.create(bench::LocalIssuer::p256(), policy));
    issuer.close();
  }
  for (int i = 0; i < open_sessions; ++i) issuer.open();
  if (open_sessions > 0 || keys > 0) std::printf("%d sessions are open, %d keys are there\n", open_sessions, keys);
}

double quantile(std::vector<double>& sorted, double part) {
  return sorted.empty() ? 0 : sorted[static_cast<std::size_t>(part * static_cast<double>(sorted.size() - 1))];
}

}  // namespace

int main(int argc, char** argv) {
  const int seconds = argc > 1 ? std::atoi(argv[1]) : 30;
  const int clients = argc > 2 ? std::atoi(argv[2]) : 64;
  const int open_sessions = argc > 3 ? std::atoi(argv[3]) : 0;
  const int keys = argc > 4 ? std::atoi(argv[4]) : 0;
  must(seconds >= 3 && clients >= 1 && open_sessions >= 0 && keys >= 0,
       "reading the arguments: seconds (3 or more), clients, open sessions, keys: it");
  const bench::ScratchFolder folder;
  const bench::DaemonProcess daemon(folder.path());
  const Bytes certificate = daemon.device_certificate();
  fill(daemon, certificate, open_sessions, keys);
  Tally tally;
  const double begun = wall();
  const double end = begun + seconds * 1e6;
  std::vector<std::thread> threads;
  for (int i = 0; i < clients; ++i) threads.emplace_back([&] { live(daemon, certificate, tally, end); });
  long warm = 0;
  for (int minute = 1; wall() < end; ++minute) {
    const double wake = std::min(end, begun + minute * seconds * 1e5);
    std::this_thread::sleep_for(std::chrono::microseconds(static_cast<std::int64_t>(std::max(0.0, wake - wall()))));
    const long resident = daemon.resident_kib();
    if (minute == 2) warm = resident;
    std::printf("  after %4.0f s: %9llu calls, %6.1f MiB resident\n", (wall() - begun) / 1e6,
                static_cast<unsigned long long>(tally.calls.load()), static_cast<double>(resident) / 1024);
    std::fflush(stdout);
  }
  for (std::thread& thread : threads) thread.join();
  std::ranges::sort(tally.signatures_us);
  std::printf("%d clients, %.0f s: %llu sessions with three keys each, %llu calls, %llu answers that a single client would not get\n",
              clients, (wall() - begun) / 1e6, static_cast<unsigned long long>(tally.lives.load()),
              static_cast<unsigned long long>(tally.calls.load()), static_cast<unsigned long long>(tally.unexpected.load()));
  std::printf("signature with PIN: median %.0f us, 99 %% %.0f us, longest %.0f us\n", quantile(tally.signatures_us, 0.5),
              quantile(tally.signatures_us, 0.99), quantile(tally.signatures_us, 1));
  std::printf("memory: %.1f MiB after a fifth of the time, %.1f MiB at the end\n", static_cast<double>(warm) / 1024,
              static_cast<double>(daemon.resident_kib()) / 1024);
  return tally.unexpected == 0 ? 0 : 1;
}
