#include "sks/key_store.h"

#include <algorithm>
#include <exception>
#include <iterator>
#include <mutex>

#include "sks/engine.h"
#include "sks/records.h"
#include "sks/wire.h"

namespace airtight::sks {
namespace {

constexpr std::size_t kMaxErrorText = 1024;

// sks.md section 1: the status byte and ErrorString.
SecretBytes refusal(const Error& error) {
  struct ErrorResponse {
    std::string text;
    static constexpr auto fields() { return std::tuple(Field{"ErrorString", &ErrorResponse::text}); }
  };
  const Status status = status_of(error);
  return wire::encode(static_cast<std::uint8_t>(status), ErrorResponse{error.message.substr(0, kMaxErrorText)});
}

SecretBytes unreadable(std::string_view what) { return refusal(error(Status::kOption, std::string(what))); }

}  // namespace

struct KeyStore::Impl {
  std::unique_ptr<Records> records;
  const Clock& clock;
  RandomSource& random;
  std::mutex mutex;

  template <typename Request>
  Result<typename Request::Response> run(Call& call, const Request& request) {
    if constexpr (TakesPin<Request>) {
      const auto check = TRY(authorize(call, request));
      if (check) {
        TRY(records->verify_pin(check->pin, check->retry_limit, request.pin));
      }
    }
    return perform(call, request);
  }

  // One call: the method, then its changes in one transaction; or, after an error, the end of the session it named (sks.md section 4).
  template <typename Request>
  SecretBytes answer(const Request& request) {
    Call call(*records, clock.now(), random);
    auto response = run(call, request);
    std::vector<Change> changes;
    for (Handle expired : call.expired) changes.emplace_back(RemoveSession{expired});
    if (response) {
      std::ranges::move(call.changes, std::back_inserter(changes));
    } else if (const Status status = status_of(response.error()); status == Status::kStorage || status == Status::kInternal) {
      return refusal(response.error());
    } else if (call.named_session) {
      changes.emplace_back(RemoveSession{*call.named_session});
    }
    if (const auto applied = records->apply(changes); !applied) return refusal(applied.error());
    return response ? wire::encode(0, *response) : refusal(response.error());
  }

  template <typename Request>
  SecretBytes decode_and_answer(ByteView arguments) {
    const auto request = wire::decode<Request>(arguments);
    if (!request)
      return unreadable(std::string("the arguments of ") + std::string(method_of<Request>().name) + " cannot be read to their last byte");
    return answer(*request);
  }

  SecretBytes dispatch(ByteView request) {
    if (request.empty()) return unreadable("the request is empty");
    SecretBytes response;
    const bool known = std::apply(
        [&]<typename... Requests>(const Method<Requests>&... methods) {
          const auto number = std::to_integer<std::uint8_t>(request[0]);
          return (... || (methods.number == number && (response = decode_and_answer<Requests>(request.subspan(1)), true)));
        },
        kMethods);
    return known ? std::move(response) : unreadable("there is no such method");
  }
};

Result<> KeyStore::create(storage::Database& database, const sealing::MasterKey& master_key, const DeviceBirth& birth,
                          const crypto::PrivateKey& attestation_key, RandomSource& random) {
  for (const std::string* text : {&birth.vendor_name, &birth.vendor_description}) {
    if (text->empty() || text->size() > 100) return fail(Status::kOption, "vendor and model have 1 to 100 bytes each");
  }
  if (birth.certificate_path.empty() || !equal(birth.certificate_path.front().spki(), attestation_key.public_key().spki())) {
    return fail(Status::kCrypto, "the device certificate is not for the attestation key");
  }
  DeviceIdentity device{birth.vendor_name, birth.vendor_description, {}};
  for (const crypto::Certificate& certificate : birth.certificate_path) device.certificate_path.push_back(certificate.der());
  return Records::create(database, master_key, device, attestation_key, random);
}

Result<std::unique_ptr<KeyStore>> KeyStore::open(std::unique_ptr<storage::Database> database, sealing::MasterKey master_key,
                                                 const Clock& clock, RandomSource& random) {
  auto records = TRY(Records::open(std::move(database), std::move(master_key), random));
  return std::unique_ptr<KeyStore>(new KeyStore(std::unique_ptr<Impl>(new Impl{std::move(records), clock, random, {}})));
}

KeyStore::KeyStore(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

KeyStore::~KeyStore() {
  // Where this fails, disk shows one error more than was made, as after a crash.
  const auto settled = impl_->records->settle_pins();
  static_cast<void>(settled);
}

Result<SecretBytes> KeyStore::call(const SecretBytes& request) {
  const std::lock_guard lock(impl_->mutex);
  if (request.size() > wire::kMaxMessage) return unreadable("the request is longer than 1 MiB");
  try {
    return impl_->dispatch(request.expose_secret());
  } catch (const std::exception&) {
    return refusal(error(Status::kInternal, "the key store met an internal error"));
  }
}

}  // namespace airtight::sks
