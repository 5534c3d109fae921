// An issuer under load: the program `airtight issuer serve` with its database on disk, and many clients at once with key stores in memory,
// so that it is the issuer that is measured. Prints sessions a second, how long each step takes its client, the issuer's memory from the
// first thousand sessions on, and what stored credentials change. Arguments: sessions (3000), clients (16), credentials (100000).
#include <array>
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "agent/enrollment.h"
#include "bench/enrolling.h"
#include "bench/measure.h"
#include "bench/program.h"
#include "ca/maker.h"
#include "crypto/random.h"
#include "http/client.h"
#include "issuer/issuer.h"
#include "keygen2/messages.h"
#include "sks/key_store.h"
#include "storage/files.h"

namespace {

using namespace airtight;
using bench::must;
using bench::wall;

// Microseconds as clients saw them, by step.
class Times {
 public:
  void add(std::string_view step, double spent) {
    const std::lock_guard lock(mutex_);
    spent_[std::string(step)].push_back(spent);
  }
  void print() {
    std::printf("  %10s  %10s   step, as its client sees it; the first has the TLS handshake in it\n", "p50 ms", "p99 ms");
    for (auto& [step, values] : spent_) {
      std::ranges::sort(values);
      std::printf("  %10.2f  %10.2f   %s\n", values[values.size() / 2] / 1000, values[values.size() * 99 / 100] / 1000, step.c_str());
    }
  }

 private:
  std::mutex mutex_;
  std::map<std::string, std::vector<double>> spent_;
};

class TimedClient final : public http::Client {
 public:
  TimedClient(http::Client& inner, Times& times) : inner_(inner), times_(times) {}
  Result<http::Exchange> send(const http::Url& url, http::Request request) override {
    const std::string_view step = bench::step_of(request);
    const double begun = wall();
    auto exchange = inner_.send(url, std::move(request));
    times_.add(step, wall() - begun);
    return exchange;
  }
  void forget() override { inner_.forget(); }

 private:
  http::Client& inner_;
  Times& times_;
};

// Who makes the devices, and what every client shares.
struct World {
  bench::ScratchFolder scratch;
  SystemClock clock;
  crypto::SystemRandom random;
  sks::SleepingPause pause;
  Log log = Log::silent();
  xml::Schema schema = must(keygen2::compile_schema());
  sealing::MasterKey master_key{SecretBytes(32)};

  [[nodiscard]] std::filesystem::path issuer() const { return scratch.path() / "issuer"; }
  [[nodiscard]] std::filesystem::path maker() const { return scratch.path() / "maker"; }

  // A new device; its database is in memory.
  [[nodiscard]] std::unique_ptr<sks::KeyStore> make_card() {
    const auto key = must(crypto::PrivateKey::generate(crypto::EcSpec{crypto::Curve::kP256}));
    const auto path = must(ca::certify_device(maker(), {.vendor = "Example Cards", .model = "Card One"}, key.public_key(), clock, random));
    auto database = must(storage::open_sqlite_in_memory());
    must(sks::KeyStore::create(*database, master_key, {"Example Cards", "Card One", path, {}}, key, random));
    return must(sks::KeyStore::open(std::move(database), master_key, sks::Platform{clock, random, pause}));
  }
};

// The issuer's process, and the same issuer opened here to make enrolment URLs.
class RunningIssuer {
 public:
  explicit RunningIssuer(World& world)
      : program_({"issuer", "serve", world.issuer(), "--listen", "127.0.0.1:0", "--log-level", "warning"}),
        listening_(program_.line()),
        issuer_(must(issuer::Issuer::open(world.issuer(), world.clock, world.random))) {}

  [[nodiscard]] std::string make_url() { return must(issuer_->make_url("default", std::nullopt)); }
  [[nodiscard]] double resident_mib() const { return static_cast<double>(program_.resident_kib()) / 1024; }

 private:
  bench::Program program_;
  std::string listening_;
  std::unique_ptr<issuer::Issuer> issuer_;
};

class Client {
 public:
  explicit Client(World& world)
      : world_(world),
        card_(world.make_card()),
        http_(must(http::Client::create({.ca_pem = to_text(must(storage::read_file(world.issuer() / "tls" / "ca.pem", 1U << 20)))}))) {}

  void enroll(RunningIssuer& issuer, Times& times) {
    const std::string url = issuer.make_url();
    TimedClient http(*http_, times);
    bench::AutomaticUser user;
    const auto outcome = must(agent::enroll(
        {.url = url}, {.key_store = *card_, .user = user, .schema = world_.schema, .clock = world_.clock, .log = world_.log}, http));
    must(outcome.keys.size() == 1 && !outcome.unconfirmed, "a session");
  }

 private:
  World& world_;
  std::unique_ptr<sks::KeyStore> card_;
  std::unique_ptr<http::Client> http_;
};

// `count` sessions by all clients at once; sessions a second.
double enroll_many(std::vector<std::unique_ptr<Client>>& clients, RunningIssuer& issuer, int count, Times& times) {
  std::atomic<int> left = count;
  const double begun = wall();
  std::vector<std::thread> threads;
  for (const auto& client : clients) {
    threads.emplace_back([&] {
      while (left-- > 0) client->enroll(issuer, times);
    });
  }
  for (std::thread& thread : threads) thread.join();
  return count / (wall() - begun) * 1e6;
}

// Milliseconds of one session with nobody else there: the median of 300, on an issuer that has just been started.
double time_of_session(World& world) {
  constexpr int kWarm = 100;
  RunningIssuer issuer(world);
  Client client(world);
  Times ignored;
  std::vector<double> times;
  for (int i = 0; i < kWarm + 300; ++i) {
    const double begun = wall();
    client.enroll(issuer, ignored);
    if (i >= kWarm) times.push_back((wall() - begun) / 1000);
  }
  return bench::median(std::move(times));
}

// The rows of one session, copied over and over under new names. `columns` says how the columns differ that have to; $N is the copy's
// number.
class History {
 public:
  explicit History(const std::filesystem::path& file) : database_(must(storage::open_sqlite(file, {}))) {}

  [[nodiscard]] std::int64_t count() { return number("SELECT count(*) FROM issuer_credentials"); }

  void fill(std::int64_t wanted) {
    constexpr std::int64_t kBatch = 20000;
    const std::int64_t like = number("SELECT max(id) FROM issuer_credentials WHERE confirmed_at IS NOT NULL");
    const std::int64_t session = number("SELECT session_id FROM issuer_credentials WHERE id = " + std::to_string(like));
    const std::int64_t enrolment = number("SELECT enrolment_id FROM issuer_sessions WHERE id = " + std::to_string(session));
    const std::int64_t certificate = number("SELECT max(id) FROM ca_certificates WHERE status = 'valid' AND issuer_key = 'issuing'");
    // Beyond every id that is there, the same for all tables.
    std::int64_t next = 1'000'000'000;
    for (std::int64_t there = count(); there < wanted; there += kBatch, next += kBatch) {
      const std::int64_t copies = std::min(kBatch, wanted - there);
      must(database_->begin(storage::Access::kWrite));
      copy("issuer_enrolments", "id", enrolment, next, copies, {{"id", "$N"}, {"token_hash", "randomblob(32)"}});
      copy("issuer_sessions", "id", session, next, copies,
           {{"id", "$N"},
            {"enrolment_id", "$N"},
            {"cookie_hash", "randomblob(32)"},
            {"server_session_id", "hex(randomblob(16))"},
            {"client_session_id", "hex(randomblob(16))"}});
      copy("issuer_credentials", "id", like, next, copies,
           {{"id", "$N"},
            {"session_id", "$N"},
            {"owner_id", "$N"},
            {"fingerprint", "randomblob(32)"},
            {"serial", "lower(hex(randomblob(16)))"}});
      copy("issuer_passphrases", "session_id", session, next, copies, {{"session_id", "$N"}});
      copy("ca_certificates", "id", certificate, next, copies, {{"id", "$N"}, {"serial", "randomblob(16)"}, {"sha256", "randomblob(32)"}});
      must(database_->commit());
    }
  }

 private:
  std::int64_t number(std::string_view sql) {
    const auto cursor = must(database_->query(sql, {}));
    const storage::Row* row = must(cursor->next());
    must(row != nullptr && !row->is_null(0), "finding a session to copy");
    return row->integer(0);
  }

  void copy(const std::string& table, const std::string& key, std::int64_t like, std::int64_t first, std::int64_t copies,
            const std::map<std::string, std::string>& columns) {
    std::string names;
    std::string values;
    const auto cursor = must(database_->query("SELECT name FROM pragma_table_info(?)", {std::string_view(table)}));
    for (const storage::Row* row = must(cursor->next()); row != nullptr; row = must(cursor->next())) {
      const std::string name = row->text(0);
      const auto different = columns.find(name);
      const std::string value = different == columns.end() ? "t." + name : different->second == "$N" ? "n.i" : different->second;
      names += (names.empty() ? "" : ", ") + name;
      values += (values.empty() ? "" : ", ") + value;
    }
    static_cast<void>(must(database_->execute("INSERT INTO " + table + " (" + names +
                                                  ") WITH RECURSIVE n(i) AS (VALUES (?) UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?) "
                                                  "SELECT " +
                                                  values + " FROM n, " + table + " t WHERE t." + key + " = ?",
                                              {first, first + copies, like})));
  }

  std::unique_ptr<storage::Database> database_;
};

}  // namespace

int main(int argc, char** argv) {
  constexpr int kWarm = 1000;
  const int sessions = argc > 1 ? std::atoi(argv[1]) : 3000;
  const int client_count = argc > 2 ? std::atoi(argv[2]) : 16;
  const int credentials = argc > 3 ? std::atoi(argv[3]) : 100000;
  must(sessions > kWarm && client_count > 0 && credentials > kWarm,
       "reading the arguments: sessions and credentials (more than 1000 each), clients between them: it");
  World world;
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < client_count; ++i) {
    if (i == 0) {  // the first makes the maker's root, which the issuer accepts
      static_cast<void>(world.make_card());
      bench::Program({"issuer", "init", world.issuer(), "--accept", "vendor=" + (world.maker() / "root.pem").string()}).finish();
    }
    clients.push_back(std::make_unique<Client>(world));
  }

  Times warming;
  {
    RunningIssuer issuer(world);
    enroll_many(clients, issuer, kWarm, warming);
  }
  History history(world.issuer() / "issuer.db");
  const std::int64_t few = history.count();
  const double with_few = time_of_session(world);
  std::printf("One client: %.2f ms a session with %lld credentials stored\n", with_few, static_cast<long long>(few));
  std::fflush(stdout);

  {
    RunningIssuer issuer(world);
    Times times;
    enroll_many(clients, issuer, kWarm, warming);
    const double before = issuer.resident_mib();
    const double rate = enroll_many(clients, issuer, sessions - kWarm, times);
    const double after = issuer.resident_mib();
    std::printf("%d clients at once, on the same machine: %.1f sessions a second\n", client_count, rate);
    times.print();
    std::printf("Memory of the issuer: %.1f MiB after %d sessions, %.1f MiB after %d: %.3f times\n", before, kWarm, after, sessions,
                after / before);
    std::fflush(stdout);
  }

  history.fill(credentials);
  const std::int64_t many = history.count();
  const double with_many = time_of_session(world);
  std::printf("One client: %.2f ms a session with %lld credentials stored, %.2f times as long\n", with_many, static_cast<long long>(many),
              with_many / with_few);
  return 0;
}
