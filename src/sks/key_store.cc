#include "sks/key_store.h"

#include <exception>
#include <mutex>

#include "sks/engine.h"
#include "sks/internal/key_store_impl.h"
#include "sks/wire.h"

namespace airtight::sks {
namespace {

constexpr int kPatience = 1000;  // how often a call that others keep disturbing is made again

SecretBytes unreadable(std::string_view what) { return response_of(error(Status::kOption, std::string(what))); }

// Whether it names one open session, whose calls take turns.
template <typename Request>
concept OfOneSession =
    requires(const Request& request) { request.provisioning_handle; } && !std::same_as<Request, EnumerateProvisioningSessions>;

// One call on its way: its proof, its method, then its changes in one transaction; or, after an error, the end of the session that it named
// (sks.md section 4).
class Dispatch {
 public:
  Dispatch(StateStore& state, const Platform& platform) : state_(state), platform_(platform) {}

  template <typename Request>
  SecretBytes decode_and_answer(ByteView arguments) {
    const auto request = wire::decode<Request>(arguments);
    if (!request)
      return unreadable(std::string("the arguments of ") + std::string(method_of<Request>().name) + " cannot be read to their last byte");
    return answer(*request);
  }

 private:
  template <typename Request>
  SecretBytes answer(const Request& request) {
    std::shared_ptr<std::mutex> turn;
    std::unique_lock<std::mutex> held;
    if constexpr (OfOneSession<Request>) {
      turn = state_.turn_of(request.provisioning_handle);
      held = std::unique_lock(*turn);
    }
    for (int i = 0; i < kPatience; ++i) {
      if (auto response = attempt(request)) return std::move(*response);
    }
    return response_of(error(Status::kInternal, "the key store is too busy with the same object"));
  }

  // Nothing if what the call saw has changed meanwhile: it is to be made again.
  template <typename Request>
  std::optional<SecretBytes> attempt(const Request& request) {
    Call call(state_, platform_.clock.now(), platform_.random);
    std::optional<Authorization> wanted;
    const auto result = run(call, request, wanted);
    if (!result) {
      const Status status = status_of(result.error());
      if (status == Status::kInternal && !is_still_based(call)) return std::nullopt;
      if (status == Status::kStorage || status == Status::kInternal) return response_of(result.error());
      const auto done = state_.abandon(call);
      if (!done) return response_of(done.error());
      return *done ? std::optional(response_of(result.error())) : std::nullopt;
    }
    if (!*result || !is_still_based(call)) return std::nullopt;
    const auto done = state_.commit(call, wanted ? &*wanted : nullptr);
    if (!done) return response_of(done.error());
    return *done ? std::optional(wire::encode(0, **result)) : std::nullopt;
  }

  // Whether the key that the call goes by is the one that the store has now.
  bool is_still_based(const Call& call) {
    if (call.based_on.key == nullptr) return true;
    const auto now = state_.session_of_key(call.based_on.key->handle);
    return now && *now && (*now)->key(call.based_on.key->handle) == call.based_on.key;
  }

  template <typename Request>
  Result<std::optional<typename Request::Response>> run(Call& call, const Request& request, std::optional<Authorization>& wanted) {
    if constexpr (WantsProof<Request>) {
      wanted = TRY(authorize(call, request));
      if (wanted->tree && !TRY(state_.prove(*wanted))) return std::nullopt;
    }
    return TRY(perform(call, request));
  }

  StateStore& state_;
  const Platform& platform_;
};

}  // namespace

SecretBytes KeyStore::Impl::dispatch(ByteView request) {
  if (request.empty()) return unreadable("the request is empty");
  Dispatch one(*state, platform);
  SecretBytes response;
  const bool known = std::apply(
      [&]<typename... Requests>(const Method<Requests>&... methods) {
        const auto number = std::to_integer<std::uint8_t>(request[0]);
        return (... || (methods.number == number && (response = one.decode_and_answer<Requests>(request.subspan(1)), true)));
      },
      kMethods);
  return known ? std::move(response) : unreadable("there is no such method");
}

Result<> KeyStore::create(storage::Database& database, const sealing::MasterKey& master_key, const DeviceBirth& birth,
                          const crypto::PrivateKey& attestation_key, RandomSource& random) {
  for (const std::string* text : {&birth.vendor_name, &birth.vendor_description}) {
    if (text->empty() || text->size() > 100) return fail(Status::kOption, "vendor and model have 1 to 100 bytes each");
  }
  if (birth.certificate_path.empty() || !equal(birth.certificate_path.front().spki(), attestation_key.public_key().spki())) {
    return fail(Status::kCrypto, "the device certificate is not for the attestation key");
  }
  DeviceIdentity device{birth.vendor_name, birth.vendor_description, {}, birth.options};
  for (const crypto::Certificate& certificate : birth.certificate_path) device.certificate_path.push_back(certificate.der());
  return Records::create(database, master_key, device, attestation_key, random);
}

Result<std::unique_ptr<KeyStore>> KeyStore::open(std::unique_ptr<storage::Database> database, sealing::MasterKey master_key,
                                                 const Platform& platform) {
  auto state = TRY(StateStore::open(std::move(database), std::move(master_key), platform));
  return std::unique_ptr<KeyStore>(new KeyStore(std::unique_ptr<Impl>(new Impl{std::move(state), platform})));
}

KeyStore::KeyStore(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

KeyStore::~KeyStore() {
  // Where this fails, disk shows one error more than was made, as after a crash.
  const auto settled = impl_->state->settle();
  static_cast<void>(settled);
}

Result<SecretBytes> KeyStore::call(const SecretBytes& request) {
  if (request.size() > wire::kMaxMessage) return unreadable("the request is longer than 1 MiB");
  try {
    return impl_->dispatch(request.expose_secret());
  } catch (const std::exception&) {
    return response_of(error(Status::kInternal, "the key store met an internal error"));
  }
}

Result<std::vector<Handle>> KeyStore::find_keys(const crypto::Sha256Value& fingerprint) {
  std::vector<Handle> handles;
  for (const auto& found : TRY(impl_->state->keys_with_certificate(fingerprint))) {
    if (!found.tree->session.open) handles.push_back(found.key);
  }
  return handles;
}

}  // namespace airtight::sks
