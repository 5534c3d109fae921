// The key store: bytes in, bytes out, over a database and a master key. One call is one transaction; a call takes full effect or none.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/log.h"
#include "base/random.h"
#include "base/result.h"
#include "base/time.h"
#include "crypto/certificate.h"
#include "crypto/key.h"
#include "sealing/master_key.h"
#include "sks/client.h"
#include "storage/database.h"

namespace airtight::sks {

// What a device is born with.
struct DeviceBirth {
  std::string vendor_name;                            // 1-100 bytes
  std::string vendor_description;                     // 1-100 bytes
  std::vector<crypto::Certificate> certificate_path;  // device certificate first, without the maker's root
};

class KeyStore final : public Channel {
 public:
  // Fills an empty database: schema, device identity, sealed attestation key.
  [[nodiscard]] static Result<> create(storage::Database& database, const sealing::MasterKey& master_key, const DeviceBirth& birth,
                                       const crypto::PrivateKey& attestation_key, RandomSource& random);

  // Opens it. `clock` and `random` outlive the store.
  [[nodiscard]] static Result<std::unique_ptr<KeyStore>> open(std::unique_ptr<storage::Database> database, sealing::MasterKey master_key,
                                                              const Clock& clock, RandomSource& random);
  // A clean stop: gives back what right PINs left charged ahead (sks.md section 6).
  ~KeyStore() override;

  // One request as sks.md section 1 has it; the answer always is a status and what follows it. Thread-safe; calls take turns.
  [[nodiscard]] Result<SecretBytes> call(const SecretBytes& request) override;

 private:
  struct Impl;
  explicit KeyStore(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace airtight::sks
