// A device's life as the calls of its key store: sessions with everything that they can hold, and a user who errs with PINs and PUKs. It is
// the script of the fault loops, and with a RecordedLife each of its calls can be made again alone.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "crypto/certificate.h"
#include "sks/client.h"
#include "tests/faults/store_picture.h"
#include "tests/sks/device.h"
#include "tests/support/temporary_folder.h"

namespace airtight::faults {

// A new device in `folder`, with its certificate.
[[nodiscard]] crypto::Certificate make_device(const std::filesystem::path& folder);
void copy_store(const std::filesystem::path& from, const std::filesystem::path& to);

// The keys that provision() makes.
struct ProvisionedKeys {
  sks::testing::TestIssuer issuer;
  sks::testing::CertifiedKey first;      // shares its PIN
  sks::testing::CertifiedKey second;     // with this one
  sks::testing::CertifiedKey guarded;    // has a PIN of its own, which deleteKey wants too
  sks::testing::CertifiedKey symmetric;  // has no PIN, and an extension and a property bag
  sks::testing::CertifiedKey imported;   // has no PIN, and was restored
};
inline constexpr std::string_view kPin = "7391";
inline constexpr std::string_view kOwnPin = "2846";
inline constexpr std::string_view kWrongPin = "1937";
inline constexpr std::string_view kPuk = "0123456789";
inline constexpr std::string_view kWrongPuk = "9876543210";

// The parts of the life, in order. Each expects the answers that a store without faults gives.
[[nodiscard]] ProvisionedKeys provision(sks::Channel& store, const crypto::Certificate& device);
void fail_to_provision(sks::Channel& store, const crypto::Certificate& device);
void use(sks::Channel& store, const ProvisionedKeys& keys);
void provision_again(sks::Channel& store, const crypto::Certificate& device, ProvisionedKeys& keys);
void use_up(sks::Channel& store, const ProvisionedKeys& keys);

// Signs with a key and checks the signature, which is Fault::kInternal if it is wrong.
[[nodiscard]] Result<> sign(sks::Channel& store, sks::Handle key, ByteView spki, std::string_view pin);

// A life without faults. The store is stopped after each call, so each has the store as it was before it, and what has to be after it.
class RecordedLife {
 public:
  struct Call {
    std::string method;
    Bytes request;  // not secret here: secrets do not come along to a forked process
    sks::Status status;
  };

  [[nodiscard]] static const RecordedLife& get();
  [[nodiscard]] std::span<const Call> calls() const { return calls_; }
  // The store before call `number`; nobody changes it.
  [[nodiscard]] std::filesystem::path store_before(std::size_t number) const { return folder_ / std::to_string(number); }
  [[nodiscard]] const StorePicture& before(std::size_t number) const { return pictures_.at(number); }
  [[nodiscard]] const StorePicture& after(std::size_t number) const { return pictures_.at(number + 1); }
  [[nodiscard]] const crypto::Certificate& device() const { return device_; }

 private:
  class Recorder;
  RecordedLife();

  tests::TemporaryFolder folder_;
  crypto::Certificate device_;
  std::vector<Call> calls_;
  std::vector<StorePicture> pictures_;
};

}  // namespace airtight::faults
