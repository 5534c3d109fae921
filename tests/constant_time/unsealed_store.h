// A key store whose session keys, PINs, PUKs and symmetric keys are undefined memory from the moment in which the database gives them back:
// before each call it is opened again.
#pragma once

#include <string>

#include "tests/constant_time/marking.h"
#include "tests/sks/device.h"
#include "tests/support/temporary_folder.h"

namespace airtight::sks::testing {

using airtight::testing::ConstantTime;
using airtight::testing::hidden;

// A channel to a store that knows its secrets from the database alone. What comes out of the store is published.
class UnsealedStore final : public Channel {
 public:
  [[nodiscard]] Result<SecretBytes> call(const SecretBytes& request) override {
    device_.reopen();
    auto response = device_.store().call(request);
    if (response) declassify(response->expose_secret());
    return response;
  }
  [[nodiscard]] TestDevice& device() { return device_; }

 private:
  tests::TemporaryFolder folder_;
  TestDevice device_{DeviceOptions{.file = folder_ / "device.db"}};
};

class SecretsOfAStore : public ConstantTime {
 protected:
  // Key.1 with `pin` under PIN.1, which PUK.1 unlocks, both with `retry_limit`.
  CreateKeyPair::Response provision(std::string_view pin, std::uint8_t retry_limit = 5) {
    auto puk = issuer_.puk_policy("PUK.1", "0123456789");
    puk.retry_limit = retry_limit;
    auto policy = issuer_.pin_policy("PIN.1", call(store_, puk).value().puk_policy_handle);
    policy.retry_limit = retry_limit;
    auto key = issuer_.key_pair("Key.1", call(store_, policy).value().pin_policy_handle, pin);
    classify(key.pin_value.expose_secret());
    return issuer_.provision(key);
  }

  Status sign(Handle key, std::string_view pin) {
    SignHashedData request;
    request.key_handle = key;
    request.signature_algorithm = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256";
    request.pin = hidden(pin);
    request.hashed_data = Bytes(32);
    return status(call(store_, request));
  }

  Status change_pin(Handle key, std::string_view pin, std::string_view new_pin) {
    ChangePin request;
    request.key_handle = key;
    request.pin = hidden(pin);
    request.new_pin = hidden(new_pin);
    return status(call(store_, request));
  }

  UnsealedStore store_;
  TestIssuer issuer_{store_, store_.device().certificate(), {.updatable = true}};
};

}  // namespace airtight::sks::testing
