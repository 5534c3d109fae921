// Signatures through the daemon, which runs as a process of its own: one client and two, over the bare primitive and over the bare round
// trip of a Unix socket, measured turn by turn in the same run. Prints medians. What it takes to have a signature made elsewhere is
// measured with both ends on one CPU, and again with both on any: there it is for the most part what the machine takes to wake an idle CPU.
#include <sched.h>
#include <sys/socket.h>

#include <atomic>
#include <thread>

#include "bench/bare_signer.h"
#include "bench/daemon_process.h"
#include "bench/local_issuer.h"

namespace {

using namespace airtight;
using bench::must;
using bench::wall;

// Another thread that answers as many bytes as a signature has, to as many as a request has; after having made one, or without.
class BareRoundTrip {
 public:
  explicit BareRoundTrip(bool signs) {
    must(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends_) == 0, "socketpair");
    peer_ = std::thread([this, signs] {
      bench::BareSigner signer(bench::new_p256(), false);
      char buffer[256];
      while (::read(ends_[1], buffer, sizeof buffer) > 0) {
        if (signs) signer.sign();
        must(::write(ends_[1], buffer, 71) == 71, "write");
      }
    });
  }
  ~BareRoundTrip() {
    ::shutdown(ends_[0], SHUT_RDWR);
    peer_.join();
    ::close(ends_[0]);
    ::close(ends_[1]);
  }
  BareRoundTrip(const BareRoundTrip&) = delete;
  BareRoundTrip& operator=(const BareRoundTrip&) = delete;
  void run() {
    char buffer[256] = {};
    must(::write(ends_[0], buffer, 104) == 104, "write");
    must(::read(ends_[0], buffer, sizeof buffer) == 71, "read");
  }

 private:
  int ends_[2] = {-1, -1};
  std::thread peer_;
};

// Keeps this process and another, with all their threads and those to come, on the first CPU; until it ends.
class OnOneCpu {
 public:
  explicit OnOneCpu(pid_t other) : other_(other) {
    must(::sched_getaffinity(0, sizeof before_, &before_) == 0, "sched_getaffinity");
    cpu_set_t one;
    CPU_ZERO(&one);
    int first = 0;
    while (!CPU_ISSET(first, &before_)) ++first;
    CPU_SET(first, &one);
    apply(one);
  }
  ~OnOneCpu() { apply(before_); }
  OnOneCpu(const OnOneCpu&) = delete;
  OnOneCpu& operator=(const OnOneCpu&) = delete;

 private:
  void apply(const cpu_set_t& cpus) const {
    for (const pid_t process : {::getpid(), other_}) {
      for (const auto& task : std::filesystem::directory_iterator("/proc/" + std::to_string(process) + "/task")) {
        must(::sched_setaffinity(std::stoi(task.path().filename()), sizeof cpus, &cpus) == 0, "sched_setaffinity");
      }
    }
  }
  pid_t other_;
  cpu_set_t before_{};
};

SecretBytes sign_request(sks::Handle key) {
  sks::SignHashedData request;
  request.key_handle = key;
  request.signature_algorithm = uri::kEcdsaSha256;
  request.pin = SecretBytes::copy_of(bytes_of("1357"));
  request.hashed_data = Bytes(32);
  return sks::wire::encode(100, request);
}

void sign(sks::Channel& channel, const SecretBytes& request) {
  const SecretBytes answer = must(channel.call(request));
  must(!answer.empty() && answer.expose_secret()[0] == std::byte{0}, "a signature by the daemon");
}

// Signatures a second of `clients` clients with a connection each.
double rate(const bench::DaemonProcess& daemon, const SecretBytes& request, int clients) {
  constexpr int kEach = 15000;
  std::vector<std::thread> threads;
  std::atomic<int> ready{0};
  std::atomic<bool> go{false};
  for (int i = 0; i < clients; ++i) {
    threads.emplace_back([&] {
      const auto channel = daemon.connect();
      sign(*channel, request);
      ++ready;
      while (!go) std::this_thread::yield();
      for (int j = 0; j < kEach; ++j) sign(*channel, request);
    });
  }
  while (ready < clients) std::this_thread::yield();
  const double begun = wall();
  go = true;
  for (std::thread& thread : threads) thread.join();
  return kEach * clients / (wall() - begun) * 1e6;
}

void measure_latency(const char* where, sks::Channel& channel, const SecretBytes& request) {
  bench::BareSigner bare(bench::new_p256(), false);
  BareRoundTrip round_trip(false);
  BareRoundTrip signed_trip(true);
  std::vector<double> floors;
  std::vector<double> trips;
  std::vector<double> signed_trips;
  std::vector<double> calls;
  const auto timed = [](std::vector<double>& times, const auto& work) {
    const double begun = wall();
    work();
    times.push_back(wall() - begun);
  };
  for (int i = 0; i < 20000; ++i) {
    timed(floors, [&] { bare.sign(); });
    timed(trips, [&] { round_trip.run(); });
    timed(signed_trips, [&] { signed_trip.run(); });
    timed(calls, [&] { sign(channel, request); });
  }
  const double floor = bench::median(floors);
  const double call = bench::median(calls);
  const double signed_trip_median = bench::median(signed_trips);
  std::printf("signHashedData P-256 through the daemon, %s: %.1f us; bare signature %.1f us, so %.1f us more\n", where, call, floor,
              call - floor);
  std::printf("  a bare round trip takes %.1f us, one with a bare signature at its other end %.1f us; the daemon %.1f us more than that\n",
              bench::median(trips), signed_trip_median, call - signed_trip_median);
}

}  // namespace

int main() {
  const bench::ScratchFolder folder;
  const bench::DaemonProcess daemon(folder.path());
  const auto channel = daemon.connect();
  bench::LocalIssuer issuer(*channel, daemon.device_certificate());
  issuer.open();
  const auto key = issuer.create(bench::LocalIssuer::p256(), issuer.pin_policy());
  issuer.certify(key);
  issuer.close();

  const SecretBytes request = sign_request(key.key_handle);
  {
    const OnOneCpu together(daemon.pid());
    measure_latency("both ends on one CPU", *channel, request);
    std::printf("  %.0f signatures a second of one client\n", rate(daemon, request, 1));
  }
  measure_latency("on any CPU", *channel, request);
  const double one = rate(daemon, request, 1);
  const double two = rate(daemon, request, 2);
  std::printf("signatures a second: one client %.0f, two %.0f: %.2f times\n", one, two, two / one);
}
