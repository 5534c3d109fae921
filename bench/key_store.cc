// The key store in process: what its calls cost over the bare OpenSSL primitive, measured turn by turn in the same run, and what the size
// of a store changes. Prints medians. The first argument is the number of keys of the large store (100000 without one).
#include "sks/key_store.h"

#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "base/c_handle.h"
#include "bench/bare_signer.h"
#include "bench/daemon_process.h"
#include "bench/local_issuer.h"
#include "bench/measure.h"
#include "crypto/certificate.h"
#include "storage/database.h"

namespace {

using namespace airtight;
using bench::LocalIssuer;
using bench::median;
using bench::must;
using bench::wall;

using bench::BareSigner;
using bench::EvpKey;
using bench::new_p256;
using bench::new_rsa;

struct World {
  SystemClock clock;
  crypto::SystemRandom random;
  sks::SleepingPause pause;
  sealing::MasterKey master_key{SecretBytes(32)};
  [[nodiscard]] sks::Platform platform() { return {clock, random, pause}; }

  [[nodiscard]] std::unique_ptr<sks::KeyStore> open(const std::filesystem::path& file) {
    return must(sks::KeyStore::open(must(storage::open_sqlite(file, {.exclusive = true})), master_key, platform()));
  }
  Bytes create(const std::filesystem::path& file) {
    const auto database = must(storage::open_sqlite(file, {.exclusive = true, .create = true}));
    return bench::create_device(*database, master_key, random);
  }
};

double once(const std::function<void()>& work) {
  const double begun = wall();
  work();
  return wall() - begun;
}

// Medians of two kinds of work done turn by turn, so that both see the same machine.
std::pair<double, double> in_turns(int rounds, const std::function<void()>& first, const std::function<void()>& second) {
  std::vector<double> a;
  std::vector<double> b;
  for (int i = 0; i < rounds; ++i) {
    a.push_back(once(first));
    b.push_back(once(second));
  }
  return {median(a), median(b)};
}

SecretBytes sign_request(sks::Handle key, std::string_view algorithm, std::string_view pin) {
  sks::SignHashedData request;
  request.key_handle = key;
  request.signature_algorithm = algorithm;
  request.pin = SecretBytes::copy_of(bytes_of(pin));
  request.hashed_data = Bytes(32);
  return sks::wire::encode(100, request);
}

void expect_ok(const SecretBytes& response) {
  must(!response.empty() && response.expose_secret()[0] == std::byte{0}, "a call to the key store");
}

void measure_signatures(World& world, const std::filesystem::path& folder) {
  const Bytes device = world.create(folder / "small.db");
  const auto store = world.open(folder / "small.db");
  LocalIssuer issuer(*store, device);
  issuer.open();
  const auto policy = issuer.pin_policy();
  const auto ec = issuer.create(LocalIssuer::p256(), policy);
  issuer.certify(ec);
  const auto rsa = issuer.create(LocalIssuer::rsa(2048), policy);
  issuer.certify(rsa);
  issuer.close();
  const auto report = [&](const char* name, const SecretBytes& request, EvpKey key, bool is_rsa, int rounds) {
    BareSigner bare(std::move(key), is_rsa);
    const auto call = [&] { expect_ok(must(store->call(request))); };
    call();
    const auto [floor, ours] = in_turns(rounds, [&] { bare.sign(); }, call);
    std::printf("  %-40s %9.1f us   bare %9.1f us   ratio %.3f\n", name, ours, floor, ours / floor);
  };
  std::printf("signHashedData in process, with a PIN\n");
  report("P-256, ecdsa-sha256", sign_request(ec.key_handle, uri::kEcdsaSha256, "1357"), new_p256(), false, 20000);
  report("RSA-2048, rsa-sha256", sign_request(rsa.key_handle, uri::kRsaSha256, "1357"), new_rsa(), true, 2000);
}

// One row, written durably by bare SQLite with the same settings.
class BareCommit {
 public:
  explicit BareCommit(const std::filesystem::path& file) {
    must(sqlite3_open(file.c_str(), &connection_) == SQLITE_OK, "sqlite3_open");
    run("PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE t (a INTEGER PRIMARY KEY, b)");
  }
  ~BareCommit() { sqlite3_close(connection_); }
  BareCommit(const BareCommit&) = delete;
  BareCommit& operator=(const BareCommit&) = delete;
  void commit() { run("INSERT INTO t (b) VALUES (randomblob(200))"); }

 private:
  void run(const char* sql) { must(sqlite3_exec(connection_, sql, nullptr, nullptr, nullptr) == SQLITE_OK, sql); }
  sqlite3* connection_ = nullptr;
};

void measure_creation(World& world, const std::filesystem::path& folder) {
  const Bytes device = world.create(folder / "creation.db");
  const auto store = world.open(folder / "creation.db");
  BareCommit bare(folder / "bare.db");
  LocalIssuer issuer(*store, device);
  issuer.open();
  std::vector<double> keygen;
  std::vector<double> commit;
  std::vector<double> create;
  for (int i = 0; i < 300; ++i) {
    keygen.push_back(once([] { must(new_p256() != nullptr, "EVP_EC_gen"); }));
    commit.push_back(once([&] { bare.commit(); }));
    create.push_back(once([&] { static_cast<void>(issuer.create(LocalIssuer::p256())); }));
  }
  const double floor = 3 * median(keygen) + median(commit);
  std::printf("createKeyPair P-256: %.1f us; bare key generation %.1f us, bare commit %.1f us; of 3 generations and a commit: %.3f\n",
              median(create), median(keygen), median(commit), median(create) / floor);
}

long resident_kib() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:")) return std::stol(line.substr(6));
  }
  return 0;
}

// A store of `keys` keys in sessions of ten, made by a process of its own.
void build(const std::filesystem::path& file, int keys) {
  const pid_t child = ::fork();
  must(child >= 0, "fork");
  if (child == 0) {
    World world;
    const Bytes device = world.create(file);
    const auto store = world.open(file);
    LocalIssuer issuer(*store, device);
    for (int made = 0; made < keys;) {
      issuer.open();
      for (int i = 0; i < 10 && made < keys; ++i, ++made) issuer.certify(issuer.create(LocalIssuer::p256()));
      issuer.close();
    }
    // _exit would leave the store unsettled, exit() run twice what the parent will run.
    const_cast<std::unique_ptr<sks::KeyStore>&>(store).reset();
    ::_exit(0);
  }
  int status = 0;
  must(::waitpid(child, &status, 0) == child && status == 0, "building a store");
}

struct SizeReport {
  double open_us = 0;
  double first_signature_us = 0;
  double signature_us = 0;
  double find_us = 0;
  double page_us = 0;
  long resident = 0;
};

SizeReport measure_size(World& world, const std::filesystem::path& file, sks::Handle key) {
  SizeReport report;
  std::unique_ptr<sks::KeyStore> store;
  report.open_us = once([&] { store = world.open(file); });
  const SecretBytes request = sign_request(key, uri::kEcdsaSha256, "");
  report.first_signature_us = once([&] { expect_ok(must(store->call(request))); });
  std::vector<double> values;
  for (int i = 0; i < 2000; ++i) values.push_back(once([&] { expect_ok(must(store->call(request))); }));
  report.signature_us = median(std::exchange(values, {}));
  const auto listed = must(sks::call(*store, sks::EnumerateKeys{key - 1}));
  const auto fingerprint = crypto::sha256(listed.key->x509_certificates.front());
  for (int i = 0; i < 2000; ++i) {
    values.push_back(once([&] { must(must(store->find_keys(fingerprint)).front() == key, "find_keys"); }));
  }
  report.find_us = median(std::exchange(values, {}));
  for (int i = 0; i < 200; ++i) {
    values.push_back(once([&] {
      sks::Handle at = key - 1;
      for (int j = 0; j < 5; ++j) at = must(sks::call(*store, sks::EnumerateKeys{at})).key_handle;
    }));
  }
  report.page_us = median(values);
  report.resident = resident_kib();
  return report;
}

void measure_sizes(World& world, const std::filesystem::path& folder, int keys) {
  build(folder / "ten.db", 10);
  const double begun = wall();
  build(folder / "large.db", keys);
  std::printf("a store of %d keys was made in %.1f s: %.0f bytes of disk for a key with its certificate and a tenth of a session\n", keys,
              (wall() - begun) / 1e6, static_cast<double>(std::filesystem::file_size(folder / "large.db")) / keys);
  const SizeReport small = measure_size(world, folder / "ten.db", 5);
  const SizeReport large = measure_size(world, folder / "large.db", static_cast<sks::Handle>(keys / 2 + 5));
  const auto line = [](const char* name, double a, double b) { std::printf("  %-36s %10.1f us %10.1f us   %.2f\n", name, a, b, b / a); };
  std::printf("of 10 keys, of %d keys, ratio\n", keys);
  line("open", small.open_us, large.open_us);
  line("first signature", small.first_signature_us, large.first_signature_us);
  line("signature", small.signature_us, large.signature_us);
  line("find by certificate", small.find_us, large.find_us);
  line("enumerate a page of 5", small.page_us, large.page_us);
  std::printf("  resident memory with the large store in use: %.1f MiB\n", static_cast<double>(large.resident) / 1024);
}

}  // namespace

int main(int argc, char** argv) {
  const int keys = argc > 1 ? std::atoi(argv[1]) : 100000;
  must(keys >= 100, "the number of keys is at least 100: it");
  World world;
  const bench::ScratchFolder folder;
  measure_signatures(world, folder.path());
  measure_creation(world, folder.path());
  measure_sizes(world, folder.path(), keys);
}
