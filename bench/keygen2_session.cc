// Complete KeyGen2 sessions: one P-256 key with PIN and PUK, both sides in this process, over loopback HTTPS with a new TLS connection
// each. Prints medians: sessions a second, CPU time a session and where it goes, and its ratio to the floor: the OpenSSL primitives that no
// implementation can do without, called bare in the same run.
#include <fcntl.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <time.h>
#include <unistd.h>

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
#include "bench/measure.h"
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

using bench::clock_us;
using bench::median;
using bench::must;
using bench::process_cpu;
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
    return account_.measure("agent: HTTP and TLS", [&] { return inner_.send(url, std::move(request)); });
  }
  void forget() override { inner_.forget(); }

 private:
  http::Client& inner_;
  Account& account_;
};

// Says yes, and one PIN.
class Automatic final : public agent::UserInterface {
 public:
  Result<bool> meet(const agent::IssuerSummary&) override { return true; }
  Result<bool> confirm(const agent::EnrollmentSummary&) override { return true; }
  Result<bool> confirm_changes(const agent::ChangeSummary&) override { return true; }
  Result<agent::DevicePinChoice> choose_device_pin(std::string_view) override {
    return fail(Fault::kRefused, "no device PIN is asked for");
  }
  Result<SecretBytes> choose_pin(const agent::PinQuestion&) override { return SecretBytes::copy_of(bytes_of("7391")); }
  void progress(agent::Step, std::string_view) override {}
};

class Scratch {
 public:
  Scratch() {
    std::string path = (std::filesystem::temp_directory_path() / "airtight-bench-XXXXXX").string();
    must(::mkdtemp(path.data()) != nullptr, "mkdtemp");
    path_ = path;
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// ---- The floor -----------------------------------------------------------------------------------------------------------------------

EVP_PKEY* new_key() { return EVP_EC_gen("P-256"); }

std::vector<unsigned char> sign(EVP_PKEY* key, const std::vector<unsigned char>& hash) {
  EVP_PKEY_CTX* context = EVP_PKEY_CTX_new(key, nullptr);
  std::vector<unsigned char> out(80);
  std::size_t size = out.size();
  must(EVP_PKEY_sign_init(context) == 1 && EVP_PKEY_sign(context, out.data(), &size, hash.data(), hash.size()) == 1, "signing");
  EVP_PKEY_CTX_free(context);
  out.resize(size);
  return out;
}

void verify(EVP_PKEY* key, const std::vector<unsigned char>& hash, const std::vector<unsigned char>& signature) {
  EVP_PKEY_CTX* context = EVP_PKEY_CTX_new(key, nullptr);
  must(EVP_PKEY_verify_init(context) == 1 && EVP_PKEY_verify(context, signature.data(), signature.size(), hash.data(), hash.size()) == 1,
       "verifying");
  EVP_PKEY_CTX_free(context);
}

void agree(EVP_PKEY* own, EVP_PKEY* peer) {
  EVP_PKEY_CTX* context = EVP_PKEY_CTX_new(own, nullptr);
  std::vector<unsigned char> z(32);
  std::size_t size = z.size();
  must(EVP_PKEY_derive_init(context) == 1 && EVP_PKEY_derive_set_peer(context, peer) == 1 && EVP_PKEY_derive(context, z.data(), &size) == 1,
       "agreeing");
  EVP_PKEY_CTX_free(context);
}

// A TLS 1.3 handshake between two ends in memory, as OpenSSL alone does it.
class BareTls {
 public:
  BareTls(const issuer::TlsIdentity& identity, const std::string& ca_pem) {
    server_ = SSL_CTX_new(TLS_server_method());
    client_ = SSL_CTX_new(TLS_client_method());
    std::vector<X509*> chain = read(identity.chain_pem);
    SSL_CTX_use_certificate(server_, chain.front());
    for (std::size_t i = 1; i < chain.size(); ++i) SSL_CTX_add1_chain_cert(server_, chain[i]);
    BIO* key = BIO_new_mem_buf(identity.key_pem.expose_secret().data(), static_cast<int>(identity.key_pem.size()));
    SSL_CTX_use_PrivateKey(server_, PEM_read_bio_PrivateKey(key, nullptr, nullptr, nullptr));
    BIO_free(key);
    for (X509* root : read(ca_pem)) X509_STORE_add_cert(SSL_CTX_get_cert_store(client_), root);
    SSL_CTX_set_verify(client_, SSL_VERIFY_PEER, nullptr);
  }
  void handshake() {
    SSL* server = SSL_new(server_);
    SSL* client = SSL_new(client_);
    BIO *a = nullptr, *b = nullptr;
    BIO_new_bio_pair(&a, 0, &b, 0);
    SSL_set_bio(server, a, a);
    SSL_set_bio(client, b, b);
    SSL_set_accept_state(server);
    SSL_set_connect_state(client);
    for (int i = 0; i < 20 && !(SSL_is_init_finished(server) && SSL_is_init_finished(client)); ++i) {
      SSL_do_handshake(client);
      SSL_do_handshake(server);
    }
    must(SSL_is_init_finished(server) == 1 && SSL_is_init_finished(client) == 1, "the bare TLS handshake");
    SSL_free(server);
    SSL_free(client);
    ERR_clear_error();
  }

 private:
  static std::vector<X509*> read(const std::string& pem) {
    BIO* bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
    std::vector<X509*> out;
    while (X509* certificate = PEM_read_bio_X509(bio, nullptr, nullptr, nullptr)) out.push_back(certificate);
    BIO_free(bio);
    ERR_clear_error();
    return out;
  }
  SSL_CTX* server_;
  SSL_CTX* client_;
};

struct Primitive {
  std::string name;
  unsigned count;  // in a session
  std::function<void()> run;
};

// CPU time of one run of each primitive, in microseconds: the median of batches.
double cost(const std::function<void()>& run) {
  std::vector<double> batches;
  for (int batch = 0; batch < 21; ++batch) {
    const double begun = thread_cpu();
    for (int i = 0; i < 20; ++i) run();
    batches.push_back((thread_cpu() - begun) / 20);
  }
  return median(batches);
}

double measure_floor(const issuer::TlsIdentity& identity, const std::string& ca_pem) {
  EVP_PKEY* key = new_key();
  EVP_PKEY* peer = new_key();
  const std::vector<unsigned char> hash(32, 7);
  const std::vector<unsigned char> signature = sign(key, hash);
  BareTls tls(identity, ca_pem);
  const std::vector<Primitive> primitives = {
      {"P-256 key generation (two ephemeral keys, the user's)", 3, [] { EVP_PKEY_free(new_key()); }},
      {"P-256 key agreement (both sides)", 2, [&] { agree(key, peer); }},
      {"P-256 signature (session attestation, certificate)", 2, [&] { static_cast<void>(sign(key, hash)); }},
      {"P-256 verification (attestation, device, class, user's certificate)", 4, [&] { verify(key, hash, signature); }},
      {"TLS 1.3 handshake (both sides)", 1, [&] { tls.handshake(); }},
  };
  std::printf("\nThe floor: bare OpenSSL primitives of a session, CPU time\n");
  double floor = 0;
  for (const Primitive& primitive : primitives) {
    const double each = cost(primitive.run);
    floor += each * primitive.count;
    std::printf("  %8.1f us   %u x %6.1f us  %s\n", each * primitive.count, primitive.count, each, primitive.name.c_str());
  }
  std::printf("  %8.1f us   in all\n", floor);
  EVP_PKEY_free(key);
  EVP_PKEY_free(peer);
  return floor;
}

// What a commit costs bare: a few pages written over and made durable, in the folder of the session's databases.
double measure_commit(const std::filesystem::path& folder) {
  constexpr std::size_t kPage = 4096;
  constexpr int kPages = 5;
  const int file = ::open((folder / "commits").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  must(file >= 0, "opening a file");
  const std::vector<char> page(kPage, 'x');
  const auto write_pages = [&] {
    for (int i = 0; i < kPages; ++i)
      must(::pwrite(file, page.data(), kPage, i * static_cast<off_t>(kPage)) == static_cast<ssize_t>(kPage), "writing");
    must(::fdatasync(file) == 0, "syncing");
  };
  write_pages();
  const double each = cost(write_pages);
  ::close(file);
  return each;
}

// ---- The session ---------------------------------------------------------------------------------------------------------------------

constexpr int kCommits = 12;

std::string phase_of(const http::Request& request) {
  if (request.method == "GET") return "issuer: enrolment URL, negotiation request";
  const std::string_view body = text_of(request.body);
  for (const char* name :
       {"PlatformNegotiationResponse", "ProvisioningSessionResponse", "KeyInitializationResponse", "CredentialDeploymentResponse"}) {
    if (body.substr(0, 400).find(name) != std::string_view::npos) return std::string("issuer: ") + name;
  }
  return "issuer: other";
}

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
    Automatic user;
    const auto outcome =
        must(agent::enroll({.url = url}, {.key_store = key_store, .user = user, .schema = schema_, .clock = clock_, .log = log_}, http));
    must(outcome.keys.size() == 1 && !outcome.unconfirmed, "the session");
    const double agent_side = thread_cpu() - thread;
    const double total = process_cpu() - process;
    auto parts = account_.take();
    double agent_parts = 0;
    double issuer_parts = 0;
    for (const auto& [name, spent] : parts) (name.starts_with("issuer") ? issuer_parts : agent_parts) += spent;
    parts["agent: messages (XML, schema, signatures, checks)"] = agent_side - agent_parts;
    parts["issuer: HTTP and TLS"] = total - agent_side - issuer_parts;
    parts["total"] = total;
    return parts;
  }

  [[nodiscard]] issuer::TlsIdentity identity() const {
    return must(issuer::read_tls_identity(issuer_->configuration().tls_certificate, issuer_->configuration().tls_key));
  }
  [[nodiscard]] const std::string& ca_pem() const { return ca_pem_; }
  [[nodiscard]] std::filesystem::path folder() const { return scratch_.path() / "issuer"; }

 private:
  void start_server() {
    issuer::TlsIdentity tls = identity();
    ca_pem_ = to_text(must(storage::read_file(folder() / "tls" / "ca.pem", 1U << 20)));
    http::ServerOptions options;
    options.tls = http::ServerTls{tls.chain_pem, std::move(tls.key_pem)};
    server_ = must(http::Server::start(
        std::move(options),
        [this](const http::Request& request) { return account_.measure(phase_of(request), [&] { return service_->handle(request); }); },
        log_));
    const std::string base = "https://127.0.0.1:" + std::to_string(server_->port());
    must(issuer_->remember_base_url(base));
    service_ =
        must(issuer_->make_service({.base_url = base, .tls_fingerprint = tls.certificate.sha256()}, must(issuer_->unseal({})), log_));
  }

  Scratch scratch_;
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
  std::unique_ptr<http::Client> client_;
  std::unique_ptr<http::Server> server_;
};

}  // namespace

int main(int argc, char** argv) {
  const int sessions = argc > 1 ? std::atoi(argv[1]) : 300;
  must(sessions > 0, "the argument, a number of sessions,");
  World world;
  for (int i = 0; i < 20; ++i) static_cast<void>(world.session());
  std::map<std::string, std::vector<double>> parts;
  std::vector<double> times;
  for (int i = 0; i < sessions; ++i) {
    const double begun = wall();
    for (const auto& [name, spent] : world.session()) parts[name].push_back(spent);
    times.push_back(wall() - begun);
  }
  const double total = median(parts["total"]);
  std::printf("KeyGen2 sessions: one P-256 key with PIN and PUK, both sides, loopback HTTPS, every step on disk; medians of %d\n",
              sessions);
  std::printf("  %8.1f sessions a second, one after the other (%.1f ms each)\n", 1e6 / median(times), median(times) / 1000);
  std::printf("  %8.1f us   CPU time of a session, both sides\n", total);
  std::printf("\nWhere the CPU time goes\n");
  for (const auto& [name, values] : parts) {
    if (name != "total") std::printf("  %8.1f us   %4.1f %%  %s\n", median(values), 100 * median(values) / total, name.c_str());
  }
  const double floor = measure_floor(world.identity(), world.ca_pem());
  const double commit = measure_commit(world.folder());
  std::printf("\nRatio: a session costs %.2f times the floor\n", total / floor);
  std::printf(
      "Of this the kernel writes %d durable commits (7 of the key store, 5 of the issuer), bare %.1f us of CPU each: %.2f times the floor\n"
      "without them; %.2f times a floor that has them, as no crash-safe implementation can do without either.\n",
      kCommits, commit, (total - kCommits * commit) / floor, total / (floor + kCommits * commit));
  return 0;
}
