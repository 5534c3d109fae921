// Signatures through the daemon, which runs as a process of its own: one client and two, over the bare primitive and over the bare round
// trip of a Unix socket, measured turn by turn in the same run. Prints medians.
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

// Another thread that answers as many bytes as a signature has, to as many as a request has.
class BareRoundTrip {
 public:
  BareRoundTrip() {
    must(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends_) == 0, "socketpair");
    peer_ = std::thread([this] {
      char buffer[256];
      while (::read(ends_[1], buffer, sizeof buffer) > 0) must(::write(ends_[1], buffer, 71) == 71, "write");
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
  bench::BareSigner bare(bench::new_p256(), false);
  BareRoundTrip round_trip;
  std::vector<double> floors;
  std::vector<double> trips;
  std::vector<double> calls;
  for (int i = 0; i < 20000; ++i) {
    const double begun = wall();
    bare.sign();
    const double signed_at = wall();
    round_trip.run();
    const double back_at = wall();
    sign(*channel, request);
    calls.push_back(wall() - back_at);
    trips.push_back(back_at - signed_at);
    floors.push_back(signed_at - begun);
  }
  const double floor = bench::median(floors);
  const double call = bench::median(calls);
  std::printf(
      "signHashedData P-256 through the daemon: %.1f us; bare signature %.1f us, so %.1f us more; a bare round trip takes %.1f us\n", call,
      floor, call - floor, bench::median(trips));
  const double one = rate(daemon, request, 1);
  const double two = rate(daemon, request, 2);
  std::printf("signatures a second: one client %.0f, two %.0f: %.2f times\n", one, two, two / one);
}
