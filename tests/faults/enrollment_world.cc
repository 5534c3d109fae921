#include "tests/faults/enrollment_world.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <utility>

#include "agent/key_list.h"
#include "agent/signing.h"
#include "base/algorithms.h"
#include "base/encoding.h"
#include "ca/audit.h"
#include "crypto/random.h"
#include "device/store_folder.h"
#include "issuer/enrolment.h"
#include "issuer/init.h"
#include "keygen2/messages.h"
#include "keygen2/state_machines.h"
#include "provenance/verdict.h"
#include "sks/methods.h"
#include "sks/status.h"
#include "storage/database.h"
#include "storage/files.h"
#include "tests/agent/scripted_user.h"
#include "tests/e2e/basic_container.h"
#include "tests/sks/device.h"
#include "tests/support/certificates.h"
#include "tests/support/must.h"
#include "xml/schema.h"

namespace airtight::faults {
namespace {

using tests::must;

constexpr std::size_t kMaxFile = 1U << 20;
constexpr auto kAllParts = std::filesystem::copy_options::recursive;

crypto::SystemRandom& system_random() {
  static crypto::SystemRandom random;
  return random;
}

const xml::Schema& schema() {
  static const xml::Schema schema = must(keygen2::compile_schema());
  return schema;
}

class HookedClient final : public http::Client {
 public:
  HookedClient(http::Client& client, AgentHooks hooks, std::string token)
      : client_(client), hooks_(std::move(hooks)), token_(std::move(token)) {}
  [[nodiscard]] Result<http::Exchange> send(const http::Url& url, http::Request request) override {
    const int number = count_++;
    if (!token_.empty() && url.target.starts_with(issuer::kEntrancePrefix)) request.headers.set("Authorization", "Bearer " + token_);
    if (hooks_.before_request) hooks_.before_request(number);
    Result<http::Exchange> exchange = client_.send(url, std::move(request));
    if (exchange && hooks_.after_response) hooks_.after_response(number);
    return exchange;
  }

 private:
  http::Client& client_;
  const AgentHooks hooks_;
  const std::string token_;  // empty: none
  int count_ = 0;
};

class HookedStore final : public sks::Channel {
 public:
  HookedStore(sks::Channel& store, AgentHooks hooks) : store_(store), hooks_(std::move(hooks)) {}
  [[nodiscard]] Result<SecretBytes> call(const SecretBytes& request) override {
    const int number = count_++;
    if (hooks_.before_call) hooks_.before_call(number);
    Result<SecretBytes> answer = store_.call(request);
    if (hooks_.after_call) hooks_.after_call(number);
    return answer;
  }

 private:
  sks::Channel& store_;
  const AgentHooks hooks_;
  int count_ = 0;
};

bool can_sign(const agent::KeyEntry& key) {
  const auto usage = static_cast<KeyUsage>(key.key.key_usage);
  return usage == KeyUsage::kSignature || usage == KeyUsage::kAuthentication || usage == KeyUsage::kUniversal;
}

std::string text_of_file(const std::filesystem::path& path) { return to_text(must(storage::read_file(path, kMaxFile))); }

void write_text(const std::filesystem::path& path, std::string_view text) { std::ofstream(path) << text; }

// Nothing where the PIN is the issuer's secret.
void expect_signature(sks::Channel& store, const agent::KeyEntry& key) {
  const bool has_pin = (key.protection->protection_status & sks::kPinProtected) != 0;
  if (!can_sign(key) || (has_pin && !key.protection->user_modifiable)) return;
  const auto algorithm = must(agent::choose_signature_algorithm(key, ""));
  const auto pin = SecretBytes::copy_of(bytes_of(has_pin ? kPin : ""));
  const auto text = bytes_of("I owe you one.");
  const auto signature = agent::sign_hash(store, key, algorithm, crypto::sha256(text), pin, agent::EcdsaForm::kDer);
  ASSERT_TRUE(signature) << key.key.id.value << ": " << signature.error().message;
  const auto public_key = must(key.path.front().public_key());
  EXPECT_TRUE(public_key.verify(crypto::x509_scheme(public_key.type()), algorithm.digest, text, *signature));
}

}  // namespace

// All that one run of an agent works with.
class EnrollmentWorld::Agent {
 public:
  Agent(const EnrollmentWorld& world, const AgentHooks& hooks)
      : store_(world.open_key_store()),
        memory_(world.device_folder() / "agent"),
        client_(must(http::Client::create(client_options(world)))),
        hooked_store_(*store_, hooks),
        hooked_client_(*client_, hooks, world.flow_.beginning == Beginning::kToken ? text_of_file(world.client_folder() / "token") : ""),
        clock_(world.clock_) {
    user_.pins = {std::string(kPin)};
  }

  [[nodiscard]] agent::EnrollmentTools tools() {
    return {.key_store = hooked_store_, .user = user_, .schema = schema(), .clock = clock_, .log = log_, .memory = &memory_};
  }
  [[nodiscard]] http::Client& client() { return hooked_client_; }
  [[nodiscard]] static http::ClientOptions client_options(const EnrollmentWorld& world) {
    http::ClientOptions options{.ca_pem = text_of_file(world.issuer_folder() / "tls/ca.pem")};
    if (world.flow_.beginning != Beginning::kCertificate) return options;
    options.certificate_chain_pem = text_of_file(world.client_folder() / "certificate.pem");
    options.private_key_pem = SecretBytes::copy_of(bytes_of(text_of_file(world.client_folder() / "key.pem")));
    return options;
  }
  [[nodiscard]] std::vector<agent::SessionRecord> under_way() { return must(agent::sessions_under_way(memory_, *store_)); }

 private:
  std::unique_ptr<sks::KeyStore> store_;
  agent::FolderMemory memory_;
  std::unique_ptr<http::Client> client_;
  HookedStore hooked_store_;
  HookedClient hooked_client_;
  const Clock& clock_;
  agent::testing::ScriptedUser user_;
  Log log_ = Log::silent();
};

// What each test begins with a copy of.
struct EnrollmentWorld::Template {
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

  // The same with what `flow` has behind it.
  explicit Template(const EnrollmentFlow& flow) {
    EnrollmentWorld world({.name = "the beginning of " + flow.name, .profiles = flow.profiles});
    world.start_issuer();
    for (const std::string& profile : flow.earlier) must(world.enroll(world.url_of(profile)));
    world.kill_issuer();
    world.flow_ = flow;
    world.register_beforehand();
    copy_parts(world.folder_.path(), folder.path());
  }

  static void copy_parts(const std::filesystem::path& from, const std::filesystem::path& to) {
    for (const char* part : {"issuer", "device"}) std::filesystem::copy(from / part, to / part, kAllParts);
  }

  static const Template& of(const EnrollmentFlow& flow) {
    static const Template kNew;
    static std::map<std::string, Template> used;
    return flow.has_past() ? used.try_emplace(flow.name, flow).first->second : kNew;
  }
};

EnrollmentWorld::EnrollmentWorld(EnrollmentFlow flow) : flow_(std::move(flow)) {
  Template::copy_parts(Template::of(flow_).folder.path(), folder_.path());
  if (!flow_.has_past()) std::ofstream(issuer_folder() / "issuer.toml", std::ios::app) << flow_.profiles;
  if (flow_.defers) device_id_ = device_id();
}

void EnrollmentWorld::start_issuer(IssuerDeath death) {
  issuer_.reset();
  issuer_ = std::make_unique<IssuerProcess>(issuer_folder(), listen_, death);
  const http::Url bound = must(http::Url::parse(url_of("default")));
  listen_ = bound.host + ":" + std::to_string(bound.port);
}

void EnrollmentWorld::restart_issuer() { start_issuer(); }

std::string EnrollmentWorld::url_of(const std::string& profile) const { return must(open_issuer()->make_url(profile, std::nullopt)); }

std::unique_ptr<issuer::Issuer> EnrollmentWorld::open_issuer() const {
  return must(issuer::Issuer::open(issuer_folder(), clock_, system_random()));
}

std::string EnrollmentWorld::entrance() const {
  const std::string any = url_of("default");
  return issuer::entrance_url(issuer::base_of_session_url(any), flow_.profile);
}

std::string EnrollmentWorld::url() const { return flow_.beginning == Beginning::kUrl ? url_of(flow_.profile) : entrance(); }

std::string EnrollmentWorld::device_id() const {
  const auto info = must(sks::call(*open_key_store(), sks::GetDeviceInfo{}));
  return provenance::device_id(must(crypto::Certificate::parse(info.x509_certificates.front())));
}

// The device, or the client, that the flow needs.
void EnrollmentWorld::register_beforehand() const {
  const auto issuer = open_issuer();
  if (flow_.listed) must(issuer->add_device(flow_.profile, device_id(), "CN=Jane Roe,O=Example", "operator"));
  if (flow_.beginning != Beginning::kToken && flow_.beginning != Beginning::kCertificate) return;
  std::filesystem::create_directories(client_folder());
  issuer::NewClient client{.name = "printer-7", .profile = flow_.profile};
  if (flow_.beginning == Beginning::kCertificate) {
    const tests::Entity entity = tests::certify(tests::new_p256_key(), "CN=printer-7", nullptr, [](crypto::CertificateContent& content) {
      content.not_before = SystemClock().now().plus(std::chrono::hours(-1));
      content.not_after = SystemClock().now().plus(std::chrono::hours(48));
    });
    client.certificate_pem = crypto::to_pem(entity.certificate);
    write_text(client_folder() / "certificate.pem", client.certificate_pem);
    write_text(client_folder() / "key.pem", text_of(must(crypto::to_pem(entity.key)).expose_secret()));
  }
  if (const auto token = must(issuer->add_client(client, "operator"))) write_text(client_folder() / "token", *token);
}

// With the device ID, which its owner has read out.
void EnrollmentWorld::approve(const std::string& server_session_id) const {
  must(open_issuer()->approve(server_session_id, {.by = "operator", .device_id = device_id_}));
}

Result<std::string> EnrollmentWorld::ask_for_link(http::Client& client) const {
  http::Request request{.method = "POST", .target = {}, .headers = {}, .body = to_bytes(bytes_of("email=jane%40example.com")), .peer = {}};
  request.headers.set("Content-Type", "application/x-www-form-urlencoded");
  const http::Exchange exchange = TRY(client.send(must(http::Url::parse(entrance())), std::move(request)));
  if (exchange.response.status != 200) return fail(Fault::kRefused, to_text(exchange.response.body));
  std::optional<std::string> link = issuer_->next_link();
  if (!link) return fail(Fault::kUnavailable, "the issuer died before it sent the mail");
  return *std::move(link);
}

Result<std::string> EnrollmentWorld::ask_for_link() const {
  return ask_for_link(*must(http::Client::create(Agent::client_options(*this))));
}

Result<http::Response> EnrollmentWorld::fetch(const std::string& url) const {
  const auto client = must(http::Client::create(Agent::client_options(*this)));
  http::Request request{.method = "GET", .target = {}, .headers = {}, .body = {}, .peer = {}};
  return TRY(client->send(must(http::Url::parse(url)), std::move(request))).response;
}

Result<agent::EnrollmentOutcome> EnrollmentWorld::begin(const std::string& url) const {
  Agent agent(*this, {});
  return agent::enroll({.url = url}, agent.tools(), agent.client());
}

Result<agent::EnrollmentOutcome> EnrollmentWorld::enroll(const std::string& url, const AgentHooks& hooks) const {
  Agent agent(*this, hooks);
  if (flow_.basic) return e2e::enroll_basic(url, agent.client(), schema());
  const bool is_address = url.find(issuer::kEntrancePrefix) != std::string::npos;
  const std::string first = is_address && flow_.beginning == Beginning::kMail ? TRY(ask_for_link(agent.client())) : url;
  agent::EnrollmentOutcome outcome = TRY(agent::enroll({.url = first}, agent.tools(), agent.client()));
  if (!outcome.resume_url) return outcome;
  approve(outcome.server_session_id);
  for (agent::SessionRecord& record : agent.under_way()) {
    if (record.server_session_id != outcome.server_session_id) continue;
    return agent::continue_enrollment(std::move(record), {}, agent.tools(), agent.client());
  }
  return fail(Fault::kInternal, "the agent has no memory of a session that was put off");
}

Resumption EnrollmentWorld::resume() const {
  const AgentHooks no_hooks;
  Agent agent(*this, no_hooks);
  Resumption done;
  for (const agent::SessionRecord& record : agent.under_way()) {
    auto outcome = agent::continue_enrollment(record, {}, agent.tools(), agent.client());
    if (outcome && outcome->resume_url) {
      approve(record.server_session_id);
      outcome = agent::continue_enrollment(agent.under_way().at(0), {}, agent.tools(), agent.client());
    }
    if (!outcome) {
      EXPECT_FALSE(outcome.error().message.empty());
      ++done.refused;
    } else {
      EXPECT_FALSE(outcome->resume_url) << "a session that was approved is put off again";
      ++(outcome->unconfirmed ? done.unconfirmed : done.finished);
    }
  }
  EXPECT_TRUE(agent.under_way().empty()) << "a session that can neither go on nor end";
  return done;
}

void EnrollmentWorld::expect_sound() const {
  const auto store = open_key_store();
  for (const sks::Finding& finding : must(store->verify()).findings) ADD_FAILURE() << finding.subject << ": " << finding.text;
  const auto sessions = must(agent::list_sessions(*store));
  for (const agent::KeyEntry& key : must(agent::list_keys(*store))) {
    const auto session = std::ranges::find(sessions, key.key.provisioning_handle, &agent::SessionEntry::handle);
    ASSERT_NE(session, sessions.end()) << "a key without its session";
    ASSERT_EQ(key.is_usable(), !session->session.is_open);
    if (key.is_usable()) {
      expect_signature(*store, key);
    } else {
      const auto signature = sks::call(*store, sks::SignHashedData{key.handle, std::string(uri::kEcdsaSha256), {}, Bytes(32)});
      EXPECT_EQ(sks::testing::status(signature), sks::Status::kNoKey);
    }
  }
  for (const issuer::SessionSummary& session : must(open_issuer()->sessions())) {
    EXPECT_TRUE(keygen2::server_state_named(session.state)) << session.state;
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
  Agent agent(*this, {});
  const auto outcome = agent::enroll({.url = url_of("default")}, agent.tools(), agent.client());
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_FALSE(outcome->unconfirmed);
  EXPECT_EQ(outcome->keys.size(), 1U);
  EXPECT_EQ(confirmed_credentials(), confirmed_before + 1);
}

void EnrollmentWorld::expect_agreement_after_the_sweep(bool user_was_told) {
  kill_issuer();
  clock_.pass(std::chrono::hours(24));
  const auto issuer = open_issuer();
  issuer::Issuer::ServiceAddress address;
  address.base_url = "https://issuer.example.com";
  const Log log = Log::silent();
  must(must(issuer->make_service(std::move(address), must(issuer->unseal({})), log))->clean_up());
  const auto in_device = credentials_in_device();
  const auto of_issuer = credentials_of_issuer();
  for (const std::string& serial : in_device) {
    const auto known = std::ranges::find(of_issuer, serial, &issuer::CredentialSummary::serial);
    ASSERT_NE(known, of_issuer.end()) << "the issuer does not know of a key that the device has";
    if (known->ended.empty()) {
      EXPECT_TRUE(known->confirmed_at) << "the sweep left an unconfirmed credential: " << known->key_id;
    } else {
      EXPECT_TRUE(known->ended == "withdrawn" && user_was_told) << known->key_id << " is " << known->ended << ", and the device has it";
    }
  }
  for (const issuer::CredentialSummary& credential : of_issuer) {
    if (!credential.ended.empty() || credential.device_id.empty()) continue;
    EXPECT_TRUE(credential.confirmed_at) << "the sweep left " << credential.key_id;
    const bool is_there = std::ranges::find(in_device, credential.serial) != in_device.end();
    EXPECT_TRUE(is_there || (credential.in_doubt && user_was_told)) << "only the issuer believes in " << credential.key_id;
  }
  EXPECT_EQ(abort_open_sessions(), 0U) << "an expired session is still there";
}

std::unique_ptr<sks::KeyStore> EnrollmentWorld::open_key_store() const {
  static sks::SleepingPause pause;
  return must(device::open_device(device_folder(), {}, sks::Platform{clock_, system_random(), pause}));
}

std::size_t EnrollmentWorld::confirmed_credentials() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(credentials_of_issuer(), [](const auto& credential) { return credential.confirmed_at.has_value(); }));
}

std::vector<std::string> EnrollmentWorld::credentials_in_device() const {
  std::vector<std::string> serials;
  for (const agent::KeyEntry& key : must(agent::list_keys(*open_key_store()))) {
    if (key.is_usable()) serials.push_back(hex_encode(key.path.front().serial()));
  }
  return serials;
}

std::vector<issuer::CredentialSummary> EnrollmentWorld::credentials_of_issuer() const { return must(open_issuer()->credentials()); }

}  // namespace airtight::faults
