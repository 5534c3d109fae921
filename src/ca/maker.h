// A maker of devices: its hierarchy of root, device classes (models) and the device certificates they sign. Kept in a folder:
// root.pem, root.key, classes/<model>.pem and .key (0600), the model's characters beyond letters, digits, - and _ as %XX. Whoever has the
// folder can make devices.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/random.h"
#include "base/result.h"
#include "base/time.h"
#include "crypto/certificate.h"
#include "crypto/key.h"

namespace airtight::ca {

struct DeviceIdentity {
  std::string vendor;  // "Airtight" by default: O of every certificate
  std::string model;   // CN of the class
};

// Certifies the attestation key of a new device, with a random serial number as its serialNumber attribute. Makes the maker's root and the
// class on first use, and says in the error what is wrong when the folder belongs to another vendor (Fault::kRefused). Several processes
// may do so at once, one after the other. The device certificate (O=<vendor>, CN=<model> <serial>, serialNumber=<serial>: 16 random hex
// digits) may sign and is no CA; it is valid for 20 years, as far as its class is. The attestation key is P-256 or RSA of 2048 bits or more
// (Fault::kRefused otherwise); vendor and model have to fit into names (Fault::kBadInput). Returns the path from the device certificate up
// to, and without, the root (sks.md section 10).
[[nodiscard]] Result<std::vector<crypto::Certificate>> certify_device(const std::filesystem::path& maker_folder,
                                                                      const DeviceIdentity& identity,
                                                                      const crypto::PublicKey& attestation_key, const Clock& clock,
                                                                      RandomSource& random);

}  // namespace airtight::ca
