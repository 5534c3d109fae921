// "Session Security Mechanisms" of SKS for algorithm.sk1 and .ka1: what key store and issuer both compute, once.
// sks.md sections 2, 3 and 7; checked by the vectors of section 11.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/bytes.h"
#include "base/key_attributes.h"
#include "base/random.h"
#include "base/result.h"
#include "base/secret_bytes.h"
#include "base/time.h"
#include "crypto/digest.h"

namespace airtight::sks {

// What createProvisioningSession binds the session key to.
struct SessionParameters {
  std::string client_session_id;
  std::string server_session_id;
  std::string issuer_uri;
  Bytes server_ephemeral_key;  // DER SubjectPublicKeyInfo, 91 bytes
  Bytes client_ephemeral_key;  // the same
  bool updatable = false;
  Instant client_time;
  std::uint32_t session_life_time = 0;  // seconds
  std::uint16_t session_key_limit = 0;
};

// SessionKey = SHA256(00000001 || Z || OtherInfo), 32 bytes. `z` has 32 bytes; `device_certificate` is its DER.
[[nodiscard]] SecretBytes derive_session_key(const SecretBytes& z, const SessionParameters& session, ByteView device_certificate);

// The 32 bytes that the device signs as a message to make SessionAttestation.
[[nodiscard]] crypto::Sha256Value session_attestation_data(const SecretBytes& session_key, const SessionParameters& session);

// One input of a MAC or attestation. algorithm.sk1 takes its content alone; sk2 puts its length before it, 2 bytes, 4 for a blob.
struct MacInput {
  MacInput(ByteView content_bytes)
      : content(content_bytes) {}  // NOLINT(google-explicit-constructor): a list of these reads as one of views
  [[nodiscard]] static MacInput blob(ByteView bytes) {
    MacInput input(bytes);
    input.length_size = 4;
    return input;
  }
  ByteView content;
  std::size_t length_size = 2;
};

// A MAC key schedule over one session key with the MACSequenceCounter.
// MAC = HMAC(MethodName || SessionKey || MACSequenceCounter, Data). Does not count: the caller increments.
[[nodiscard]] crypto::Sha256Value method_mac(std::string_view method_name, const SecretBytes& session_key,
                                             std::uint16_t mac_sequence_counter, std::initializer_list<ByteView> data);
[[nodiscard]] crypto::Sha256Value method_mac(std::string_view method_name, const SecretBytes& session_key,
                                             std::uint16_t mac_sequence_counter, std::span<const ByteView> data);

// HMAC("Device Attestation" || SessionKey, Data).
[[nodiscard]] crypto::Sha256Value attest(const SecretBytes& session_key, std::span<const ByteView> data);

// AttestedResponse of closeProvisioningSession: attests "Success" || `mac_sequence_counter` (already incremented by the close MAC).
[[nodiscard]] crypto::Sha256Value close_attestation(const SecretBytes& session_key, std::uint16_t mac_sequence_counter);

// HMAC key of signProvisioningSessionData: "External Signature" || SessionKey.
[[nodiscard]] SecretBytes external_signature_key(const SecretBytes& session_key);
[[nodiscard]] crypto::Sha256Value external_signature(const SecretBytes& session_key, ByteView data);

// HMAC(SessionKey, "Encryption Key"), and Encrypted Data under it.
[[nodiscard]] SecretBytes encryption_key(const SecretBytes& session_key);
[[nodiscard]] Bytes encrypt(const SecretBytes& session_key, ByteView plain, RandomSource& random);
// ERROR_CRYPTO for anything that does not decrypt.
[[nodiscard]] Result<SecretBytes> decrypt(const SecretBytes& session_key, ByteView encrypted);

// HMAC("Proof Of Issuance" || OriginalSessionKey, certificate).
[[nodiscard]] crypto::Sha256Value post_provisioning_mac(const SecretBytes& original_session_key, ByteView end_entity_certificate);

// "Key Attestation Data" for algorithm.ka1.
struct AttestedPuk {
  std::string id;
  std::uint8_t retry_limit;
  const SecretBytes* value;  // in clear
  PassphraseFormat format;
};
struct AttestedPin {
  std::string id;
  const SecretBytes* issuer_value;  // in clear; null means UserDefined
  bool user_modifiable;
  PassphraseFormat format;
  std::uint8_t retry_limit;
  Grouping grouping;
  std::uint8_t pattern_restrictions;
  std::uint8_t min_length;
  std::uint8_t max_length;
  InputMethod input_method;
};
struct AttestedKey {
  std::string id;
  Bytes issuer_seed;  // 32 bytes
  Bytes public_key;   // DER SubjectPublicKeyInfo
  bool private_key_backup = false;
  BiometricProtection biometric_protection = BiometricProtection::kNone;
  ExportPolicy export_policy = ExportPolicy::kNonExportable;
  bool updatable = false;
  DeletePolicy delete_policy = DeletePolicy::kNone;
  bool enable_pin_caching = false;
  bool import_private_key = false;
  KeyUsage key_usage = KeyUsage::kSignature;
  std::string friendly_name;
};
struct DevicePin {};
struct NoPin {};
using PinProtection = std::variant<NoPin, DevicePin, AttestedPin>;

// KeyAttestation. `puk` counts only with an AttestedPin.
[[nodiscard]] crypto::Sha256Value key_attestation(const SecretBytes& session_key, const AttestedKey& key, const PinProtection& pin,
                                                  const std::optional<AttestedPuk>& puk);

}  // namespace airtight::sks
