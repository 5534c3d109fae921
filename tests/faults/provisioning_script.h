// A device's life in steps, one call of the key store each: a session with PUK policy, PIN policy and two keys, and then signatures with
// right and wrong PINs until the key is locked. The script is the issuer: it knows what it has sent and what was answered, whatever becomes
// of the store.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "crypto/certificate.h"
#include "sks/client.h"
#include "tests/sks/device.h"

namespace airtight::faults {

class ProvisioningScript {
 public:
  enum class Step : std::uint8_t {
    kCreateSession,
    kCreatePukPolicy,
    kCreatePinPolicy,
    kCreateKeyWithPin,
    kCreateKeyWithoutPin,
    kSignSessionData,
    kSetFirstPath,
    kSetSecondPath,
    kCloseSession,
    kRightPin,
    kWrongPin,
  };
  // All of them, in order.
  [[nodiscard]] static std::span<const Step> steps();
  // The number of steps up to and with kCloseSession.
  [[nodiscard]] static std::size_t provisioning_steps();

  static constexpr std::string_view kPin = "7391";
  static constexpr std::string_view kOtherPin = "1937";

  explicit ProvisioningScript(crypto::Certificate device) : device_(std::move(device)) {}

  // Makes the call of one step. What was not answered is sent as it was when the step is taken again. A signature that does not verify is
  // Fault::kInternal.
  [[nodiscard]] Result<> take(Step step, sks::Channel& store);

  // Aborts the session of the script.
  [[nodiscard]] Result<> abort(sks::Channel& store) const;

  // What the store has answered, 0 for what it has not: session, PUK policy, PIN policy, both keys.
  [[nodiscard]] std::array<sks::Handle, 5> handles() const;

  // Signs with each key of the closed session: ERROR_AUTHORIZATION if the PIN is locked.
  [[nodiscard]] Result<> sign_with_pin(sks::Channel& store, std::string_view pin) const;
  [[nodiscard]] Result<> sign_without_pin(sks::Channel& store) const;

  static constexpr std::int64_t kRetryLimit = 3;
  // Wrong PINs since the last right one after the first `count` steps.
  [[nodiscard]] static std::int64_t wrong_pins_after(std::size_t count);
  // How the store has to answer step `index`.
  [[nodiscard]] static sks::Status expected_status(std::size_t index);

 private:
  [[nodiscard]] Result<> create_session(sks::Channel& store);
  [[nodiscard]] Result<> create_key(sks::Channel& store, std::optional<sks::CreateKeyPair::Response>& key,
                                    const sks::CreateKeyPair& request);
  [[nodiscard]] Result<> set_path(sks::Channel& store, std::optional<sks::SetCertificatePath>& request, std::string_view id,
                                  const std::optional<sks::CreateKeyPair::Response>& key);
  [[nodiscard]] Result<> sign(sks::Channel& store, const sks::CreateKeyPair::Response& key, std::string_view pin) const;

  crypto::Certificate device_;
  std::optional<sks::testing::TestIssuer> issuer_;
  sks::Handle puk_policy_ = 0;
  sks::Handle pin_policy_ = 0;
  std::optional<sks::CreateKeyPair::Response> key_with_pin_;
  std::optional<sks::CreateKeyPair::Response> key_without_pin_;
  std::optional<sks::SetCertificatePath> first_path_;  // what carries a MAC is made once
  std::optional<sks::SetCertificatePath> second_path_;
  std::optional<sks::CloseProvisioningSession> close_;
};

}  // namespace airtight::faults
