// What the owner of a key store may do with it beyond the SKS API: its device PIN, its health, copies of it. The same whether this process
// owns the store or a daemon does, which then is asked over a socket of its own.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/secret_bytes.h"
#include "crypto/digest.h"
#include "device/socket_server.h"
#include "sks/key_store.h"

namespace airtight::device {

// How a store is kept and served at the moment.
struct ServiceStatus {
  std::string seal;           // "file", "passphrase", ...
  std::uint32_t process = 0;  // the daemon's; 0: this process has opened the store itself
  ServerCounts counts;        // of the daemon's SKS socket
};

class Administration {
 public:
  virtual ~Administration() = default;

  // As sks::KeyStore has them. Fault::kUnavailable if the daemon went away before it answered.
  [[nodiscard]] virtual Result<sks::VerifyReport> verify() = 0;
  [[nodiscard]] virtual Result<std::vector<sks::Handle>> find_keys(const crypto::Sha256Value& fingerprint) = 0;
  [[nodiscard]] virtual Result<> set_device_pin(const SecretBytes& pin, const SecretBytes& puk) = 0;
  [[nodiscard]] virtual Result<> change_device_pin(const SecretBytes& pin, const SecretBytes& new_pin) = 0;
  [[nodiscard]] virtual Result<> unlock_device_pin(const SecretBytes& puk) = 0;
  [[nodiscard]] virtual Result<sks::DevicePinStatus> device_pin_status() = 0;
  // Writes a copy of the store to the new file `file` (0600).
  [[nodiscard]] virtual Result<> back_up(const std::filesystem::path& file) = 0;

  [[nodiscard]] virtual Result<ServiceStatus> status() = 0;
};

// Of the store in `folder`, which this process has open as `key_store`; that outlives it.
[[nodiscard]] std::unique_ptr<Administration> administration_of(sks::KeyStore& key_store, const std::filesystem::path& folder);

// Of the store in `folder`, by its daemon, which is called when it is needed. Fault::kNotFound from each function if there is no daemon.
[[nodiscard]] std::unique_ptr<Administration> administration_by_daemon(const std::filesystem::path& folder);

// The daemon's side: answers what administration_by_daemon() sends.
class AdministrationHandler final : public FrameHandler {
 public:
  // For the store in `folder`; `counts` are those of its SKS socket. All of it outlives the handler. Call it while nobody else uses the
  // folder: copies that an earlier daemon left there go.
  AdministrationHandler(sks::KeyStore& key_store, std::filesystem::path folder, std::function<ServerCounts()> counts);

  [[nodiscard]] SecretBytes answer(const SecretBytes& request) override;
  [[nodiscard]] SecretBytes answer_to_too_long() override;

 private:
  sks::KeyStore& key_store_;
  std::filesystem::path folder_;
  std::function<ServerCounts()> counts_;
  std::atomic<unsigned> copies_{0};
};

}  // namespace airtight::device
