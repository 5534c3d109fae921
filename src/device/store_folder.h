// A device as a folder: the key store's database, what its master key is sealed with, and a note that says whether it was made completely.
// Creation that a crash cut short is recognised and can be repeated; a complete store is never overwritten.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/random.h"
#include "base/result.h"
#include "base/time.h"
#include "crypto/certificate.h"
#include "crypto/key.h"
#include "sealing/anchor.h"
#include "sealing/seal.h"
#include "sks/key_store.h"

namespace airtight::device {

enum class AttestationKeyKind : std::uint8_t { kP256, kRsa2048 };

// What a new device is to be.
struct NewDevice {
  std::filesystem::path folder;
  std::string vendor;  // VendorName of getDeviceInfo
  std::string model;   // VendorDescription
  AttestationKeyKind attestation_key = AttestationKeyKind::kP256;
  sealing::NewSeal seal = {};
  sks::StoreOptions options = {};     // what the store can do beyond what every store can
  sealing::AnchorChoice anchor = {};  // what shows that the store is not an old copy
};

// Gives the certificate path of a new attestation key, without the maker's root: the maker's part, which is not the agent's.
using CertifyAttestationKey = std::function<Result<std::vector<crypto::Certificate>>(const crypto::PublicKey& key)>;

// Makes the attestation key, has it certified, and fills `device.folder`. `prompt` is asked for a passphrase if the seal needs one.
// Returns the certificate path. Fault::kRefused if there is a key store in the folder already, others may write there, or it is another
// user's; kBadInput if the vendor or the model has control characters.
[[nodiscard]] Result<std::vector<crypto::Certificate>> create_device(const NewDevice& device, const CertifyAttestationKey& certify,
                                                                     const sealing::PassphrasePrompt& prompt, RandomSource& random);

// Opens the key store in `folder`, as its only owner until it is destroyed. What `platform` names outlives it.
// Fault::kNotFound if there is none, kRefused if it was never finished, others may write in the folder, or it is another user's and its
// anchor in a file; kUnavailable while another process owns it.
[[nodiscard]] Result<std::unique_ptr<sks::KeyStore>> open_device(const std::filesystem::path& folder,
                                                                 const sealing::PassphrasePrompt& prompt, const sks::Platform& platform);

// What is there of a store that a copy is to replace.
enum class PresentStore : std::uint8_t {
  kWhole,  // it opens, and what it counts of wrong PINs stays counted
  kLost,   // it is damaged or gone: all PINs and PUKs come back locked
};

struct Restoration {
  sks::RestoreReport report;
  // Why the anchor of a store that is lost could not be read: the store is anchored no more.
  std::optional<Error> lost_anchor;
};

// Puts `copy`, which Administration::back_up() has written, in the place of the store in `folder`, whose seal has to be there: handles
// stay, open sessions go, and nobody gets an attempt at a PIN that he did not have. In one step at the end: after a crash there is the one
// store or the other. Faults as open_device(), kUnavailable also while another process has a store that is lost; kRefused if `copy` is none
// of this store's copies, or the folder is another user's.
[[nodiscard]] Result<Restoration> restore_device(const std::filesystem::path& folder, const std::filesystem::path& copy,
                                                 PresentStore present, const sealing::PassphrasePrompt& prompt,
                                                 const sks::Platform& platform);

// Where the anchor of the store in `folder` is. Opens its seal, as the note that says so is authenticated.
[[nodiscard]] Result<sealing::AnchorChoice> anchor_of_device(const std::filesystem::path& folder, const sealing::PassphrasePrompt& prompt);

// Anchors the store in `folder` elsewhere, or no more. Faults as open_device(), and those of sealing::prepare_anchor(); kRefused in the
// folder of another user. After a crash in the middle the store is anchored as before or as wanted.
[[nodiscard]] Result<sealing::AnchorChange> change_device_anchor(const std::filesystem::path& folder, const sealing::AnchorChoice& anchor,
                                                                 const sealing::PassphrasePrompt& prompt, const sks::Platform& platform);

}  // namespace airtight::device
