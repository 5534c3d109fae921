// A key store in a process of its own, called over a socket: it can be killed after any call, and at any write of its disk within one.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>

#include "sks/client.h"
#include "sks/key_store.h"
#include "tests/support/child_process.h"

namespace airtight::faults {

// The store in `folder` as device::open_device() opens it, but through the file layer `vfs` (empty: the system's) and at a time that stands
// still.
[[nodiscard]] Result<std::unique_ptr<sks::KeyStore>> open_store(const std::filesystem::path& folder, const std::string& vfs = {});

// The database of the store in `folder`.
[[nodiscard]] std::filesystem::path database_of(const std::filesystem::path& folder);

class StoreProcess final : public sks::Channel {
 public:
  // The process lets `writes` operations that change a file through, from opening the store on, and dies in place of the next one.
  explicit StoreProcess(const std::filesystem::path& folder, std::optional<int> writes = {});
  ~StoreProcess() override;
  StoreProcess(const StoreProcess&) = delete;
  StoreProcess& operator=(const StoreProcess&) = delete;

  // Fault::kUnavailable once the process is dead.
  [[nodiscard]] Result<SecretBytes> call(const SecretBytes& request) override;

  // kill -9, without any goodbye.
  void kill() { process_->kill(); }
  // Lets the process end in order; false if it died.
  bool stop();

 private:
  int socket_ = -1;
  std::unique_ptr<tests::ChildProcess> process_;
};

}  // namespace airtight::faults
