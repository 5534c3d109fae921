// Complete KeyGen2 sessions: one P-256 key with PIN and PUK, both sides in this process, over loopback HTTPS with a new TLS connection
// each. Prints medians: sessions a second, CPU time of each side and where it goes, and its ratio to the floor (bench/session_floor.h),
// measured in the same run.

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "agent/enrollment.h"
#include "base/encoding.h"
#include "bench/enrolling.h"
#include "bench/measure.h"
#include "bench/program.h"
#include "bench/session_floor.h"
#include "ca/maker.h"
#include "crypto/random.h"
#include "device/store_folder.h"
#include "http/server.h"
#include "issuer/init.h"
#include "issuer/issuer.h"
#include "issuer/tls_identity.h"
#include "keygen2/messages.h"
#include "sks/methods.h"
#include "storage/files.h"

namespace {

using namespace airtight;

using bench::median;
using bench::must;
using bench::process_cpu;
using bench::Sides;
using bench::thread_cpu;
using bench::wall;

// CPU time by part of a session, added up from any thread.
class Account {
 public:
  template <typename Work>
  auto measure(const std::string& part, Work work) {
    const double begun = thread_cpu();
    auto result = work();
    add(part, thread_cpu() - begun);
    return result;
  }
  void add(const std::string& part, double spent) {
    const std::lock_guard lock(mutex_);
    spent_[part] += spent;
  }
  std::map<std::string, double> take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(spent_, {});
  }

 private:
  std::mutex mutex_;
  std::map<std::string, double> spent_;
};

// The key store, with what each method costs.
class MeasuredKeyStore final : public sks::Channel {
 public:
  MeasuredKeyStore(sks::Channel& inner, Account& account) : inner_(inner), account_(account) {}
  Result<SecretBytes> call(const SecretBytes& request) override {
    const auto number = std::to_integer<unsigned>(request.expose_secret()[0]);
    std::string name = "?";
    std::apply([&](const auto&... method) { ((method.number == number ? void(name = std::string(method.name)) : void()), ...); },
               sks::kMethods);
    return account_.measure("key store: " + name, [&] { return inner_.call(request); });
  }

 private:
  sks::Channel& inner_;
  Account& account_;
};

class MeasuredClient final : public http::Client {
 public:
  MeasuredClient(http::Client& inner, Account& account) : inner_(inner), account_(account) {}
  Result<http::Exchange> send(const http::Url& url, http::Request request) override {
    const std::size_t sent = request.body.size();
    auto reply = account_.measure("agent: HTTP and TLS", [&] { return inner_.send(url, std::move(request)); });
    if (reply) exchanges.push_back({sent + kHeader, reply->response.body.size() + kHeader});
    return reply;
  }
  void forget() override { inner_.forget(); }

  std::vector<bench::BareExchange> exchanges;  // their sizes

 private:
  static constexpr std::size_t kHeader = 300;  // of HTTP, about
  http::Client& inner_;
  Account& account_;
};

// ---- The session ---------------------------------------------------------------------------------------------------------------------

const std::string kAgentSide = "all of the agent";
const std::string kIssuerSide = "all of the issuer";

class World {
 public:
  World() {
    const auto certify = [&](const crypto::PublicKey& key) {
      return ca::certify_device(scratch_.path() / "maker", {.vendor = "Example Cards", .model = "Card One"}, key, clock_, random_);
    };
    device::NewDevice device{.folder = scratch_.path() / "card", .vendor = "Example Cards", .model = "Card One"};
    static_cast<void>(must(device::create_device(device, certify, {}, random_)));
    store_ = must(device::open_device(device.folder, {}, sks::Platform{clock_, random_, pause_}));
    issuer::InitOptions options;
    options.accepted = {{"vendor", scratch_.path() / "maker" / "root.pem"}};
    must(issuer::init_issuer(folder(), options, clock_, random_));
    issuer_ = must(issuer::Issuer::open(folder(), clock_, random_));
    start_server();
    client_ = must(http::Client::create(http::ClientOptions{.ca_pem = ca_pem_}));
  }
  World(const World&) = delete;
  World& operator=(const World&) = delete;
  ~World() { server_->stop(); }

  // One whole session; its CPU time by part, both sides.
  std::map<std::string, double> session() {
    const std::string url = must(issuer_->make_url("default", std::nullopt));
    static_cast<void>(account_.take());
    const double process = process_cpu();
    const double thread = thread_cpu();
    MeasuredClient http(*client_, account_);
    MeasuredKeyStore key_store(*store_, account_);
    bench::AutomaticUser user;
    const auto outcome =
        must(agent::enroll({.url = url}, {.key_store = key_store, .user = user, .schema = schema_, .clock = clock_, .log = log_}, http));
    must(outcome.keys.size() == 1 && !outcome.unconfirmed, "the session");
    exchanges_ = std::move(http.exchanges);
    const double agent_side = thread_cpu() - thread;
    const double total = process_cpu() - process;
    auto parts = account_.take();
    double agent_parts = 0;
    double issuer_parts = 0;
    for (const auto& [name, spent] : parts) (name.starts_with("issuer") ? issuer_parts : agent_parts) += spent;
    parts["agent: messages (XML, schema, signatures, checks)"] = agent_side - agent_parts;
    parts["issuer: HTTP and TLS"] = total - agent_side - issuer_parts;
    parts[kAgentSide] = agent_side;
    parts[kIssuerSide] = total - agent_side;
    return parts;
  }

  [[nodiscard]] issuer::TlsIdentity identity() const {
    return must(issuer::read_tls_identity(issuer_->configuration().tls_certificate, issuer_->configuration().tls_key));
  }
  [[nodiscard]] const std::string& ca_pem() const { return ca_pem_; }
  [[nodiscard]] const std::vector<bench::BareExchange>& exchanges() const { return exchanges_; }  // of the last session
  [[nodiscard]] std::filesystem::path folder() const { return scratch_.path() / "issuer"; }

 private:
  void start_server() {
    issuer::TlsIdentity tls = identity();
    ca_pem_ = to_text(must(storage::read_file(folder() / "tls" / "ca.pem", 1U << 20)));
    http::ServerOptions options;
    options.tls = http::ServerTls{tls.chain_pem, std::move(tls.key_pem)};
    server_ = must(http::Server::start(
        std::move(options),
        [this](const http::Request& request) {
          return account_.measure("issuer: " + std::string(bench::step_of(request)), [&] { return service_->handle(request); });
        },
        log_));
    const std::string base = "https://127.0.0.1:" + std::to_string(server_->port());
    must(issuer_->remember_base_url(base));
    service_ =
        must(issuer_->make_service({.base_url = base, .tls_fingerprint = tls.certificate.sha256()}, must(issuer_->unseal({})), log_));
  }

  bench::ScratchFolder scratch_;
  SystemClock clock_;
  crypto::SystemRandom random_;
  sks::SleepingPause pause_;
  Log log_ = Log::silent();
  Account account_;
  xml::Schema schema_ = must(keygen2::compile_schema());
  std::unique_ptr<sks::KeyStore> store_;
  std::unique_ptr<issuer::Issuer> issuer_;
  std::unique_ptr<issuer::IssuerService> service_;
  std::string ca_pem_;
  std::vector<bench::BareExchange> exchanges_;
  std::unique_ptr<http::Client> client_;
  std::unique_ptr<http::Server> server_;
};

}  // namespace

int main(int argc, char** argv) {
  const int sessions = argc > 1 ? std::atoi(argv[1]) : 300;
  must(sessions > 0, "the argument, a number of sessions,");
  World world;
  bench::BareSessions bare(world.identity(), world.ca_pem(), world.folder());
  for (int i = 0; i < 20; ++i) {
    static_cast<void>(world.session());
    static_cast<void>(bare.run(world.exchanges()));
  }
  std::map<std::string, std::vector<double>> parts;
  std::vector<double> times;
  std::vector<double> bare_agent;
  std::vector<double> bare_issuer;
  // In turns, so that whatever else the machine does slows both.
  for (int i = 0; i < sessions; ++i) {
    const double begun = wall();
    for (const auto& [name, spent] : world.session()) parts[name].push_back(spent);
    times.push_back(wall() - begun);
    const Sides sides = bare.run(world.exchanges());
    bare_agent.push_back(sides.agent);
    bare_issuer.push_back(sides.issuer);
  }
  const Sides session{median(parts[kAgentSide]), median(parts[kIssuerSide])};
  const double total = session.agent + session.issuer;
  std::printf("KeyGen2 sessions: one P-256 key with PIN and PUK, both sides, loopback HTTPS, every step on disk; medians of %d\n",
              sessions);
  std::printf("  %8.1f sessions a second, one after the other (%.1f ms each)\n", 1e6 / median(times), median(times) / 1000);
  std::printf("\nWhere the CPU time goes\n");
  for (const auto& [name, values] : parts)
    std::printf("  %8.1f us   %4.1f %%  %s\n", median(values), 100 * median(values) / total, name.c_str());

  const Sides floor{median(bare_agent), median(bare_issuer)};
  std::printf(
      "\nThe floor: as many P-256 operations and durable writes between as many bytes over TLS 1.3, bare, in turns with the above\n");
  std::printf("  %8.1f us   agent\n  %8.1f us   issuer\n", floor.agent, floor.issuer);
  std::printf("\nRatio to the floor: agent %.2f, issuer %.2f, both %.2f\n", session.agent / floor.agent, session.issuer / floor.issuer,
              total / (floor.agent + floor.issuer));
  return 0;
}
