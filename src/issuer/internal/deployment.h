// Makes one CredentialDeploymentRequest in the transaction that issues its certificates: a MAC for each call that the device will make, in
// the order of those calls (keygen2.md section 3).
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "issuer/internal/step.h"
#include "sks/session_security.h"

namespace airtight::issuer {

class Deployment {
 public:
  // `turn` and `session_key` outlive it.
  Deployment(storage::Database& database, Turn& turn, const SecretBytes& session_key)
      : database_(database), turn_(turn), session_key_(session_key) {}

  // The text of the request. Issues, keeps what is to be kept, and counts in `turn`'s session and in those of targets.
  [[nodiscard]] Verified<Bytes> make(const std::vector<keygen2::GeneratedPublicKey>& keys);

 private:
  // A key on its way: the private key that the device does not make is here.
  struct Issued {
    const KeyProfile& profile;
    const keygen2::GeneratedPublicKey& made;
    crypto::Certificate certificate;
    std::int64_t credential_id;
    SecretBytes private_key;   // PKCS #8; empty if the device made it
    std::optional<Seed> seed;  // of a symmetric key from a pool
    std::string serial;        // hex
    ca::Facts facts;           // that texts may name
  };

  [[nodiscard]] Verified<keygen2::CertifiedPublicKey> certify(const keygen2::GeneratedPublicKey& made);
  [[nodiscard]] Verified<Issued> issue(const KeyProfile& profile, const keygen2::GeneratedPublicKey& made);
  [[nodiscard]] Verified<SecretBytes> private_key_for(const KeyProfile& profile) const;
  // The seed that the key is going to get; nothing for keys that need none.
  [[nodiscard]] Verified<std::optional<SeedOffer>> seed_for(const KeyProfile& profile) const;
  [[nodiscard]] Verified<keygen2::CertifiedPublicKey::Import> import_for(Issued& issued);
  [[nodiscard]] Verified<keygen2::SymmetricKey> symmetric_key_for(Issued& issued);
  [[nodiscard]] Verified<keygen2::ExtensionObject> extension(const Issued& issued, const ExtensionObjectProfile& profile);
  [[nodiscard]] Result<keygen2::ExtensionObject> property_bag(const Issued& issued, keygen2::PropertyBag bag);
  // The bag of the seed's own, unless the profile writes one.
  [[nodiscard]] Result<std::optional<keygen2::ExtensionObject>> seed_bag(const Issued& issued);
  [[nodiscard]] keygen2::Extension plain_extension(const Issued& issued, std::string_view type, ByteView data, bool encrypted);
  [[nodiscard]] Bytes extension_mac(const Issued& issued, ExtensionBaseType base, std::string_view qualifier, ByteView data,
                                    std::string_view type);
  // `new_certificate` is that of the key that updates the target; null to delete it.
  [[nodiscard]] Verified<keygen2::TargetKey> target_key(const Target& target, const crypto::Certificate* new_certificate);

  // The MAC of the next call.
  [[nodiscard]] Bytes mac(std::string_view method, std::span<const ByteView> data);
  [[nodiscard]] Bytes mac(std::string_view method, std::initializer_list<ByteView> data) {
    return mac(method, std::span(data.begin(), data.size()));
  }
  [[nodiscard]] Bytes encrypt(ByteView plain);

  storage::Database& database_;
  Turn& turn_;
  const SecretBytes& session_key_;
  std::vector<Target> targets_;
};

}  // namespace airtight::issuer
