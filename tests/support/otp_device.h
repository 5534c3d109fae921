// A device in a folder whose keys are for one-time passwords, as KeyGen2 provisions them: the tests of whoever shows the passwords share
// it.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/algorithms.h"
#include "base/key_attributes.h"
#include "crypto/random.h"
#include "device/store_folder.h"
#include "otp/one_time_password.h"
#include "tests/sks/device.h"
#include "tests/support/must.h"

namespace airtight::tests {

inline constexpr std::string_view kOtpSecret = "12345678901234567890";                 // of RFC 4226, and of RFC 6238 for SHA-1
inline constexpr std::string_view kOtpSecret256 = "12345678901234567890123456789012";  // of RFC 6238 for SHA-256

// A key to be made: with a PIN if one is given, with those property bags.
struct OtpKey {
  std::string id;
  std::vector<otp::Parameters> bags;
  std::string_view secret = kOtpSecret;
  std::vector<std::string_view> algorithms = {uri::kHmacSha1};
  std::string_view pin = {};
};

inline std::string property_bag_text(const otp::Parameters& parameters) {
  std::string text = "<PropertyBag xmlns=\"http://xmlns.webpki.org/keygen2/beta/20100402#\" Type=\"";
  text += std::string(otp::bag_type(parameters)) + "\">";
  for (const otp::Property& property : must(otp::properties_for(parameters))) {
    text += "<Property Name=\"" + property.name + "\" Value=\"" + property.value + "\"";
    text += property.writable ? " Writable=\"true\"></Property>" : "></Property>";
  }
  return text + "</PropertyBag>";
}

// Provisions `keys`, in order, in one session.
inline void provision_otp_keys(sks::Channel& store, const crypto::Certificate& device, const std::vector<OtpKey>& keys) {
  sks::testing::TestIssuer issuer(store, device);
  for (const OtpKey& key : keys) {
    sks::Handle policy = 0;
    if (!key.pin.empty()) policy = must(sks::call(store, issuer.pin_policy("PIN." + key.id))).pin_policy_handle;
    sks::CreateKeyPair request = issuer.key_pair(key.id, policy, key.pin);
    request.key_usage = static_cast<std::uint8_t>(KeyUsage::kSymmetricKey);
    const sks::testing::CertifiedKey certified = issuer.certified(request);
    must(sks::call(store, issuer.symmetric_key(certified, bytes_of(key.secret), key.algorithms)));
    for (const otp::Parameters& bag : key.bags) {
      must(sks::call(store,
                     issuer.extension(certified, ExtensionBaseType::kPropertyBag, otp::bag_type(bag), bytes_of(property_bag_text(bag)))));
    }
  }
  must(sks::call(store, issuer.close()));
}

// A new device in `folder` with `keys`.
inline void make_otp_device(const std::filesystem::path& folder, const std::vector<OtpKey>& keys) {
  static const SystemClock clock;
  static crypto::SystemRandom random;
  static sks::SleepingPause pause;
  const sks::testing::TestCa maker;
  must(device::create_device(
      {.folder = folder, .vendor = "Vendor", .model = "Model"},
      [&](const crypto::PublicKey& key) -> Result<std::vector<crypto::Certificate>> { return std::vector{maker.certify(key, "Device")}; },
      {}, random));
  const auto store = must(device::open_device(folder, {}, {clock, random, pause}));
  const auto info = must(sks::call(*store, sks::GetDeviceInfo{}));
  provision_otp_keys(*store, must(crypto::Certificate::parse(info.x509_certificates.front())), keys);
}

}  // namespace airtight::tests
