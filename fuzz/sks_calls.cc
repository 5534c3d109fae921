// The byte protocol of the key store. What is read as a request is written as the same bytes; and whatever is sent to a store with an open
// session is answered by a status and just what goes with it, never ERROR_INTERNAL.
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <vector>

#include "base/algorithms.h"
#include "bench/local_issuer.h"
#include "crypto/random.h"
#include "sealing/master_key.h"
#include "sks/client.h"
#include "sks/key_store.h"
#include "storage/database.h"

namespace {

using namespace airtight;
using namespace airtight::sks;

void require(bool ok) {
  if (!ok) std::abort();
}

class NoPause final : public Pause {
 public:
  void wait(std::chrono::milliseconds /*span*/) override {}
};

// A device with one open session, made anew whenever an input has ended the session, and with two keys for the methods that use one: Key.1
// without a PIN, Key.2 with one and its PUK.
class Target {
 public:
  Target() {
    const sealing::MasterKey master_key(random_.secret(32));
    auto database = storage::open_sqlite_in_memory().value();
    device_ = bench::create_device(*database, master_key, random_);
    store_ = KeyStore::open(std::move(database), master_key, Platform{clock_, random_, pause_}).value();
  }

  // A handle as good as the one that was asked for: of a key that can be used.
  Handle key(Handle wanted) {
    const auto known = [&](Handle handle) { return sks::call(*store_, GetKeyProtectionInfo{handle}).has_value(); };
    if (std::erase_if(keys_, [&](Handle handle) { return !known(handle); }) != 0 || keys_.empty()) {
      bench::LocalIssuer issuer(*store_, device_);
      issuer.open();
      const Handle policy = issuer.pin_policy(issuer.puk_policy());
      for (const Handle one : {Handle{0}, policy}) {
        const auto made = issuer.create(bench::LocalIssuer::p256(), one);
        issuer.certify(made);
        keys_.push_back(made.key_handle);
      }
      issuer.close();
    }
    return keys_[wanted % keys_.size()];
  }

  Handle open_session() {
    auto found = sks::call(*store_, EnumerateProvisioningSessions{}).value();
    while (found.provisioning_handle != kNoHandle && !found.session->is_open) {
      found = sks::call(*store_, EnumerateProvisioningSessions{found.provisioning_handle}).value();
    }
    if (found.provisioning_handle != kNoHandle) return found.provisioning_handle;
    CreateProvisioningSession request;
    request.session_key_algorithm = uri::kSessionKey1;
    request.server_session_id.value = "S-1";
    request.server_ephemeral_key = ephemeral_.public_key().spki();
    request.issuer_uri = to_bytes("https://issuer.example.com");
    request.session_life_time = 1000000;
    request.session_key_limit = 65535;
    return sks::call(*store_, request).value().provisioning_handle;
  }

  SecretBytes answer(ByteView request) { return store_->call(SecretBytes::copy_of(request)).value(); }

 private:
  SystemClock clock_;
  crypto::SystemRandom random_;
  NoPause pause_;
  crypto::PrivateKey ephemeral_ = crypto::PrivateKey::generate(crypto::EcSpec{crypto::Curve::kP256}).value();
  Bytes device_;
  std::unique_ptr<KeyStore> store_;
  std::vector<Handle> keys_;
};

constexpr unsigned kFirstOfTheUser = 100;  // methods that use a provisioned key

// Generating RSA keys would be all that the fuzzer does.
template <typename Request>
bool is_slow(const Request& request) {
  if constexpr (std::is_same_v<Request, CreateKeyPair>) return std::holds_alternative<RsaKeySpec>(request.key_algorithm);
  return false;
}

template <typename Request>
void check_answer(ByteView answer) {
  require(!answer.empty());
  const auto status = std::to_integer<std::uint8_t>(answer[0]);
  if (status == 0) {
    const auto response = wire::decode<typename Request::Response>(answer.subspan(1));
    require(response.has_value());
    require(equal(wire::encode(0, *response).expose_secret(), answer));
    return;
  }
  require(status < static_cast<std::uint8_t>(Status::kInternal));
  wire::Reader reader(answer.subspan(1));
  require(reader.array(2).has_value() && reader.remaining() == 0);
}

template <typename Request>
bool check_as(const Method<Request>& method, ByteView input, Target& target) {
  if (input.empty() || std::to_integer<std::uint8_t>(input[0]) != method.number) return false;
  auto request = wire::decode<Request>(input.subspan(1));
  if (request) require(equal(wire::encode(method.number, *request).expose_secret(), input));
  if (request && is_slow(*request)) return true;
  if constexpr (requires { request->provisioning_handle; }) {
    if (request) request->provisioning_handle = target.open_session();
  } else if constexpr (requires { request->key_handle; }) {
    if (request && method.number >= kFirstOfTheUser) request->key_handle = target.key(request->key_handle);
  }
  const SecretBytes answer = request ? target.answer(wire::encode(method.number, *request).expose_secret()) : target.answer(input);
  check_answer<Request>(answer.expose_secret());
  if (!request) require(answer.expose_secret()[0] == static_cast<std::byte>(Status::kOption));
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Target& target = *new Target;  // for ever: when statics go, OpenSSL has gone before
  const ByteView input = std::as_bytes(std::span(data, size));
  const bool known = std::apply([&](const auto&... method) { return (... || check_as(method, input, target)); }, kMethods);
  if (!known) require(target.answer(input).expose_secret()[0] == static_cast<std::byte>(Status::kOption));
  return 0;
}
