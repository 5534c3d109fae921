// "Session Security Mechanisms" of SKS for algorithm.sk1 and sk2, and .ka1: what key store and issuer both compute, once.
// sks.md sections 2, 3, 7 and 12, docs/decisions/0013; checked by vectors.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>

#include "base/bytes.h"
#include "base/key_attributes.h"
#include "base/random.h"
#include "base/result.h"
#include "base/secret_bytes.h"
#include "base/time.h"
#include "crypto/digest.h"

namespace airtight::sks {

enum class SessionAlgorithm : std::uint8_t { kSk1 = 1, kSk2 = 2 };

// A session key, borrowed, with the algorithm that says how it is used. A key alone is one of sk1.
struct SessionKey {
  SessionKey(const SecretBytes& session_key, SessionAlgorithm session_algorithm = SessionAlgorithm::kSk1)
      : key(session_key), algorithm(session_algorithm) {}  // NOLINT(google-explicit-constructor)
  const SecretBytes& key;
  SessionAlgorithm algorithm;
};

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

// The session key, 32 bytes. `z` has 32 bytes; `device_certificate` is its DER.
[[nodiscard]] SecretBytes derive_session_key(const SecretBytes& z, const SessionParameters& session, ByteView device_certificate,
                                             SessionAlgorithm algorithm = SessionAlgorithm::kSk1);

// The 32 bytes that the device signs as a message to make SessionAttestation.
[[nodiscard]] crypto::Sha256Value session_attestation_data(const SessionKey& session_key, const SessionParameters& session);

// One input of a MAC or attestation. algorithm.sk1 takes its content alone; sk2 puts its length before it, 2 bytes, 4 for a blob.
struct MacInput {
  MacInput(ByteView content_bytes)
      : content(content_bytes) {}  // NOLINT(google-explicit-constructor): a list of these reads as one of views
  [[nodiscard]] static MacInput text(std::string_view text) { return {bytes_of(text)}; }
  // A byte or bool.
  [[nodiscard]] static MacInput byte(std::uint8_t value);
  template <typename E>
    requires std::is_enum_v<E>
  [[nodiscard]] static MacInput byte(E value) {
    return byte(static_cast<std::uint8_t>(value));
  }
  [[nodiscard]] static MacInput blob(ByteView bytes) {
    MacInput input(bytes);
    input.length_size = 4;
    return input;
  }
  ByteView content;
  std::size_t length_size = 2;
};

// A method call that uses the session key: its name, and the MACSequenceCounter of its MAC.
struct MethodUse {
  std::string_view method;
  std::uint16_t mac_sequence_counter = 0;
};

// The MAC of a method over its data. Does not count: the caller increments MACSequenceCounter.
[[nodiscard]] crypto::Sha256Value method_mac(std::string_view method_name, const SessionKey& session_key,
                                             std::uint16_t mac_sequence_counter, std::span<const MacInput> data);
[[nodiscard]] crypto::Sha256Value method_mac(std::string_view method_name, const SessionKey& session_key,
                                             std::uint16_t mac_sequence_counter, std::span<const ByteView> data);
[[nodiscard]] crypto::Sha256Value method_mac(std::string_view method_name, const SessionKey& session_key,
                                             std::uint16_t mac_sequence_counter, std::initializer_list<ByteView> data);

// The attestation of `data`.
[[nodiscard]] crypto::Sha256Value attest(const SessionKey& session_key, std::span<const MacInput> data);

// AttestedResponse of closeProvisioningSession: attests "Success" || `mac_sequence_counter` (already incremented by the close MAC).
[[nodiscard]] crypto::Sha256Value close_attestation(const SessionKey& session_key, std::uint16_t mac_sequence_counter);

// HMAC key of signProvisioningSessionData, and what it makes: HMAC(external_signature_key, data) in both algorithms.
[[nodiscard]] SecretBytes external_signature_key(const SessionKey& session_key);
[[nodiscard]] crypto::Sha256Value external_signature(const SessionKey& session_key, ByteView data);

// The encryption key, and Encrypted Data under it. sk2 binds them to the call that they are part of; sk1 does not look at `use`.
[[nodiscard]] SecretBytes encryption_key(const SessionKey& session_key);
[[nodiscard]] Bytes encrypt(const SessionKey& session_key, const MethodUse& use, ByteView plain, RandomSource& random);
// ERROR_CRYPTO for anything that does not decrypt.
[[nodiscard]] Result<SecretBytes> decrypt(const SessionKey& session_key, const MethodUse& use, ByteView encrypted);
// The same for sk1.
[[nodiscard]] Bytes encrypt(const SecretBytes& session_key, ByteView plain, RandomSource& random);
[[nodiscard]] Result<SecretBytes> decrypt(const SecretBytes& session_key, ByteView encrypted);

// What a MAC covers where one value of it travels encrypted.
struct CoveredData {
  std::span<const MacInput> before;
  ByteView encrypted;
  std::size_t length_size = 2;  // of the value, as in MacInput
  std::span<const MacInput> after;
};

// The value that is encrypted in `data`, if it decrypts and `mac` is the MAC of the method over it and what stands around it. That it does
// not decrypt is not to be told from a wrong MAC (sks.md section 3), by time as little as by the answer.
[[nodiscard]] std::optional<SecretBytes> open_under_mac(const SessionKey& session_key, const MethodUse& use, const CoveredData& data,
                                                        const crypto::Sha256Value& mac);

// Proof of issuance of the key with this certificate: the Post Provisioning MAC.
[[nodiscard]] crypto::Sha256Value post_provisioning_mac(const SessionKey& original_session_key, ByteView end_entity_certificate);

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
[[nodiscard]] crypto::Sha256Value key_attestation(const SessionKey& session_key, const AttestedKey& key, const PinProtection& pin,
                                                  const std::optional<AttestedPuk>& puk);

}  // namespace airtight::sks
