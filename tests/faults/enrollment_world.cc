#include "tests/faults/enrollment_world.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <optional>
#include <utility>

#include "agent/key_list.h"
#include "agent/signing.h"
#include "base/algorithms.h"
#include "base/encoding.h"
#include "ca/audit.h"
#include "crypto/random.h"
#include "device/store_folder.h"
#include "http/server.h"
#include "issuer/init.h"
#include "issuer/issuer.h"
#include "issuer/serve.h"
#include "issuer/tls_identity.h"
#include "keygen2/messages.h"
#include "keygen2/state_machines.h"
#include "sks/status.h"
#include "storage/database.h"
#include "storage/files.h"
#include "tests/agent/scripted_user.h"
#include "tests/sks/device.h"
#include "tests/support/must.h"
#include "xml/schema.h"

namespace airtight::faults {
namespace {

using tests::must;

constexpr std::size_t kMaxFile = 1U << 20;

void die() { ::kill(::getpid(), SIGKILL); }

crypto::SystemRandom& system_random() {
  static crypto::SystemRandom random;
  return random;
}

// Dies at its look number `number`, once it is armed.
class DeadlyClock final : public Clock {
 public:
  [[nodiscard]] Instant now() const override {
    if (left_ >= 0 && left_-- == 0) die();
    return SystemClock().now();
  }
  void arm(int number) { left_ = number; }

 private:
  mutable std::atomic<int> left_ = -1;
};

// What RunningIssuer does, with death in it.
int serve_until_death(issuer::Issuer& issuer, DeadlyClock& clock, const issuer::ListenAddress& address, IssuerDeath death,
                      const std::function<void()>& ready) {
  using Point = IssuerDeath::Point;
  const Log log = Log::silent();
  auto identity = must(issuer::read_tls_identity(issuer.configuration().tls_certificate, issuer.configuration().tls_key));
  http::ServerOptions options;
  options.address = address.address;
  options.port = address.port;
  options.tls = http::ServerTls{std::move(identity.chain_pem), std::move(identity.key_pem)};
  std::unique_ptr<issuer::IssuerService> service;  // there before anybody knows where the server listens
  std::atomic<int> messages = 0;
  const auto server = must(http::Server::start(
      std::move(options),
      [&](const http::Request& request) {
        const int number = messages++;
        if (death.point == Point::kBeforeMessage && number == death.number) die();
        http::Response response = service->handle(request);
        if (death.point == Point::kAfterMessage && number == death.number) die();
        return response;
      },
      log));
  const std::string base_url = issuer::base_url_of({address.address, server->port()}, true);
  service =
      must(issuer.make_service({.base_url = base_url, .tls_fingerprint = identity.certificate.sha256()}, must(issuer.unseal({})), log));
  must(issuer.remember_base_url(base_url));
  if (death.point == Point::kAtClock) clock.arm(death.number);
  ready();
  tests::wait_to_be_killed();
}

int serve(const std::filesystem::path& folder, const std::string& listen, IssuerDeath death, const std::function<void()>& ready) {
  DeadlyClock clock;
  const Log log = Log::silent();
  const auto issuer = must(issuer::Issuer::open(folder, clock, system_random()));
  if (death.point != IssuerDeath::Point::kNever) {
    return serve_until_death(*issuer, clock, must(issuer::parse_listen_address(listen)), death, ready);
  }
  const auto running = must(issuer::RunningIssuer::start(*issuer, {.listen = listen}, {}, log));
  ready();
  tests::wait_to_be_killed();
}

class HookedClient final : public http::Client {
 public:
  HookedClient(http::Client& client, const AgentHooks& hooks) : client_(client), hooks_(hooks) {}
  [[nodiscard]] Result<http::Exchange> send(const http::Url& url, http::Request request) override {
    const int number = count_++;
    if (hooks_.before_request) hooks_.before_request(number);
    Result<http::Exchange> exchange = client_.send(url, std::move(request));
    if (exchange && hooks_.after_response) hooks_.after_response(number);
    return exchange;
  }

 private:
  http::Client& client_;
  const AgentHooks& hooks_;
  int count_ = 0;
};

class HookedStore final : public sks::Channel {
 public:
  HookedStore(sks::Channel& store, const AgentHooks& hooks) : store_(store), hooks_(hooks) {}
  [[nodiscard]] Result<SecretBytes> call(const SecretBytes& request) override {
    const int number = count_++;
    if (hooks_.before_call) hooks_.before_call(number);
    Result<SecretBytes> answer = store_.call(request);
    if (hooks_.after_call) hooks_.after_call(number);
    return answer;
  }

 private:
  sks::Channel& store_;
  const AgentHooks& hooks_;
  int count_ = 0;
};

// Made once: each test begins with a copy.
struct Template {
  tests::TemporaryFolder folder;
  Template() {
    const SystemClock clock;
    must(issuer::init_issuer(folder / "issuer", {}, clock, system_random()));
    const sks::testing::TestCa maker;
    must(device::create_device(
        {.folder = folder / "device", .vendor = "Example Vendor", .model = "Example Model"},
        [&](const crypto::PublicKey& key) -> Result<std::vector<crypto::Certificate>> { return std::vector{maker.certify(key, "Device")}; },
        {}, system_random()));
  }
};

Result<Bytes> sign(sks::Channel& store, const agent::KeyEntry& key) {
  const auto algorithm = TRY(agent::choose_signature_algorithm(key, ""));
  return agent::sign_hash(store, key, algorithm, crypto::sha256(bytes_of("I owe you one.")), SecretBytes::copy_of(bytes_of(kPin)),
                          agent::EcdsaForm::kDer);
}

bool has(const std::vector<agent::KeyEntry>& keys, const issuer::CredentialSummary& credential) {
  return std::ranges::any_of(keys, [&](const agent::KeyEntry& key) {
    return key.is_usable() && key.key.id.value == credential.key_id && hex_encode(key.path.front().serial()) == credential.serial;
  });
}

}  // namespace

IssuerProcess::IssuerProcess(const std::filesystem::path& folder, const std::string& listen, IssuerDeath death)
    : process_([&](const std::function<void()>& ready) { return serve(folder, listen, death, ready); }) {
  if (!process_.wait_until_ready()) throw std::runtime_error("the issuer does not start");
}

EnrollmentWorld::EnrollmentWorld() {
  static const Template kTemplate;
  for (const char* part : {"issuer", "device"}) {
    std::filesystem::copy(kTemplate.folder / part, folder_ / part, std::filesystem::copy_options::recursive);
  }
}

void EnrollmentWorld::start_issuer(IssuerDeath death) {
  issuer_.reset();
  issuer_ = std::make_unique<IssuerProcess>(issuer_folder(), listen_, death);
  const http::Url bound = must(http::Url::parse(url()));
  listen_ = bound.host + ":" + std::to_string(bound.port);
}

void EnrollmentWorld::restart_issuer() { start_issuer(); }

std::string EnrollmentWorld::url() const {
  const SystemClock clock;
  return must(must(issuer::Issuer::open(issuer_folder(), clock, system_random()))->make_url("default", std::nullopt));
}

Result<agent::EnrollmentOutcome> EnrollmentWorld::enroll(const std::string& url, const AgentHooks& hooks) const {
  const SystemClock clock;
  const Log log = Log::silent();
  const auto store = open_key_store();
  const auto client = must(http::Client::create({.ca_pem = to_text(must(storage::read_file(issuer_folder() / "tls/ca.pem", kMaxFile)))}));
  HookedStore hooked_store(*store, hooks);
  HookedClient hooked_client(*client, hooks);
  agent::testing::ScriptedUser user;
  user.pins = {std::string(kPin)};
  static const xml::Schema schema = must(keygen2::compile_schema());
  return agent::enroll({.url = url}, {.key_store = hooked_store, .user = user, .schema = schema, .clock = clock, .log = log},
                       hooked_client);
}

void EnrollmentWorld::expect_sound() const {
  const SystemClock clock;
  const auto store = open_key_store();
  const auto sessions = must(agent::list_sessions(*store));
  const auto keys = must(agent::list_keys(*store));
  for (const agent::KeyEntry& key : keys) {
    const auto session = std::ranges::find(sessions, key.key.provisioning_handle, &agent::SessionEntry::handle);
    ASSERT_NE(session, sessions.end()) << "a key without its session";
    ASSERT_EQ(key.is_usable(), !session->session.is_open);
    if (key.is_usable()) {
      EXPECT_TRUE(sign(*store, key));
    } else {
      const auto signature = sks::call(*store, sks::SignHashedData{key.handle, std::string(uri::kEcdsaSha256), {}, Bytes(32)});
      EXPECT_EQ(sks::testing::status(signature), sks::Status::kNoKey);
    }
  }

  const auto issuer = must(issuer::Issuer::open(issuer_folder(), clock, system_random()));
  for (const issuer::SessionSummary& session : must(issuer->sessions())) {
    EXPECT_TRUE(keygen2::server_state_named(session.state)) << session.state;
  }
  for (const issuer::CredentialSummary& credential : must(issuer->credentials())) {
    EXPECT_TRUE(!credential.confirmed_at || has(keys, credential)) << "confirmed, and not in the device: " << credential.serial;
  }
  const auto database = must(storage::open_sqlite(issuer_folder() / "issuer.db", {}));
  const auto audit = ca::verify_audit_log(*database);
  EXPECT_TRUE(audit) << audit.error().message;
}

std::size_t EnrollmentWorld::abort_open_sessions() const {
  const auto store = open_key_store();
  std::size_t aborted = 0;
  for (const auto& [handle, session] : must(agent::list_sessions(*store))) {
    if (!session.is_open) continue;
    must(sks::call(*store, sks::AbortProvisioningSession{handle}));
    ++aborted;
  }
  for (const agent::KeyEntry& key : must(agent::list_keys(*store))) EXPECT_TRUE(key.is_usable()) << "a key outlived its session";
  return aborted;
}

void EnrollmentWorld::expect_next_enrollment_succeeds() const {
  const std::size_t confirmed_before = confirmed_credentials();
  const auto outcome = enroll(url());
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_FALSE(outcome->unconfirmed);
  EXPECT_EQ(outcome->keys.size(), 1U);
  EXPECT_EQ(confirmed_credentials(), confirmed_before + 1);
  expect_sound();
}

std::unique_ptr<sks::KeyStore> EnrollmentWorld::open_key_store() const {
  static const SystemClock clock;
  static sks::SleepingPause pause;
  return must(device::open_device(device_folder(), {}, sks::Platform{clock, system_random(), pause}));
}

std::size_t EnrollmentWorld::confirmed_credentials() const {
  const SystemClock clock;
  const auto issuer = must(issuer::Issuer::open(issuer_folder(), clock, system_random()));
  const auto credentials = must(issuer->credentials());
  return static_cast<std::size_t>(
      std::ranges::count_if(credentials, [](const auto& credential) { return credential.confirmed_at.has_value(); }));
}

}  // namespace airtight::faults
