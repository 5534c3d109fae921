// The provisioning methods of SKS as types (1 to 51): each request and response lists its fields in wire order, once. Encoder, decoder,
// dispatcher, client stub and fuzzer are made from these lists (sks/wire.h) and from the table in sks/methods.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <variant>
#include <vector>

#include "sks/wire_types.h"

namespace airtight::sks {

// createProvisioningSession (1)
struct CreateProvisioningSession {
  std::string session_key_algorithm;
  Id server_session_id;
  Bytes server_ephemeral_key;
  Bytes issuer_uri;
  bool updatable = false;
  Time client_time;
  std::uint32_t session_life_time = 0;
  std::uint16_t session_key_limit = 0;
  static constexpr auto fields() {
    using T = CreateProvisioningSession;
    return std::tuple(Field{"SessionKeyAlgorithm", &T::session_key_algorithm}, Field{"ServerSessionID", &T::server_session_id},
                      Field{"ServerEphemeralKey", &T::server_ephemeral_key}, Field{"IssuerURI", &T::issuer_uri},
                      Field{"Updatable", &T::updatable}, Field{"ClientTime", &T::client_time},
                      Field{"SessionLifeTime", &T::session_life_time}, Field{"SessionKeyLimit", &T::session_key_limit});
  }
  struct Response {
    Id client_session_id;
    Bytes client_ephemeral_key;
    Bytes session_attestation;
    std::uint32_t provisioning_handle = 0;
    static constexpr auto fields() {
      using T = Response;
      return std::tuple(Field{"ClientSessionID", &T::client_session_id}, Field{"ClientEphemeralKey", &T::client_ephemeral_key},
                        Field{"SessionAttestation", &T::session_attestation}, Field{"ProvisioningHandle", &T::provisioning_handle});
    }
  };
};

// closeProvisioningSession (2)
struct CloseProvisioningSession {
  std::uint32_t provisioning_handle = 0;
  Bytes32 mac = {};
  static constexpr auto fields() {
    using T = CloseProvisioningSession;
    return std::tuple(Field{"ProvisioningHandle", &T::provisioning_handle}, Field{"MAC", &T::mac});
  }
  struct Response {
    Bytes32 attested_response = {};
    static constexpr auto fields() { return std::tuple(Field{"AttestedResponse", &Response::attested_response}); }
  };
};

// getProvisioningSession (3)
struct GetProvisioningSession {
  Id server_session_id;
  Id client_session_id;
  Bytes issuer_uri;
  static constexpr auto fields() {
    using T = GetProvisioningSession;
    return std::tuple(Field{"ServerSessionID", &T::server_session_id}, Field{"ClientSessionID", &T::client_session_id},
                      Field{"IssuerURI", &T::issuer_uri});
  }
  struct Response {
    std::uint32_t provisioning_handle = 0;
    static constexpr auto fields() { return std::tuple(Field{"ProvisioningHandle", &Response::provisioning_handle}); }
  };
};

// enumerateProvisioningSessions (4)
struct EnumeratedSession {
  bool is_open = false;
  Time client_time;
  std::uint32_t session_life_time = 0;
  Id server_session_id;
  Id client_session_id;
  Bytes issuer_uri;
  static constexpr auto fields() {
    using T = EnumeratedSession;
    return std::tuple(Field{"IsOpen", &T::is_open}, Field{"ClientTime", &T::client_time}, Field{"SessionLifeTime", &T::session_life_time},
                      Field{"ServerSessionID", &T::server_session_id}, Field{"ClientSessionID", &T::client_session_id},
                      Field{"IssuerURI", &T::issuer_uri});
  }
};
struct EnumerateProvisioningSessions {
  std::uint32_t provisioning_handle = kNoHandle;
  static constexpr auto fields() { return std::tuple(Field{"ProvisioningHandle", &EnumerateProvisioningSessions::provisioning_handle}); }
  using Session = EnumeratedSession;
  struct Response {
    std::uint32_t provisioning_handle = kNoHandle;
    std::optional<Session> session;  // present exactly if there is a handle
    static constexpr auto fields() {
      using T = Response;
      return std::tuple(Field{"ProvisioningHandle", &T::provisioning_handle}, Field{"Session", &T::session});
    }
  };
};

// abortProvisioningSession (5)
struct AbortProvisioningSession {
  std::uint32_t provisioning_handle = 0;
  static constexpr auto fields() { return std::tuple(Field{"ProvisioningHandle", &AbortProvisioningSession::provisioning_handle}); }
  using Response = Nothing;
};

// signProvisioningSessionData (6)
struct SignProvisioningSessionData {
  std::uint32_t provisioning_handle = 0;
  Bytes data;
  static constexpr auto fields() {
    using T = SignProvisioningSessionData;
    return std::tuple(Field{"ProvisioningHandle", &T::provisioning_handle}, Field{"Data", &T::data});
  }
  struct Response {
    Bytes32 result = {};
    static constexpr auto fields() { return std::tuple(Field{"Result", &Response::result}); }
  };
};

// createPUKPolicy (7)
struct CreatePukPolicy {
  std::uint32_t provisioning_handle = 0;
  Id id;
  Bytes puk_value;  // encrypted
  std::uint8_t format = 0;
  std::uint8_t retry_limit = 0;
  std::optional<Bytes32> mac = {};  // present exactly with sk2
  static constexpr auto fields() {
    using T = CreatePukPolicy;
    return std::tuple(Field{"ProvisioningHandle", &T::provisioning_handle}, Field{"ID", &T::id}, Field{"PUKValue", &T::puk_value},
                      Field{"Format", &T::format}, Field{"RetryLimit", &T::retry_limit}, Field{"MAC", &T::mac});
  }
  struct Response {
    std::uint32_t puk_policy_handle = 0;
    static constexpr auto fields() { return std::tuple(Field{"PUKPolicyHandle", &Response::puk_policy_handle}); }
  };
};

// createPINPolicy (8)
struct CreatePinPolicy {
  std::uint32_t provisioning_handle = 0;
  Id id;
  std::uint32_t puk_policy_handle = 0;
  bool user_defined = false;
  bool user_modifiable = false;
  std::uint8_t format = 0;
  std::uint8_t retry_limit = 0;
  std::uint8_t grouping = 0;
  std::uint8_t pattern_restrictions = 0;
  std::uint8_t min_length = 0;
  std::uint8_t max_length = 0;
  std::uint8_t input_method = 0;
  std::optional<Bytes32> mac = {};  // present exactly with sk2
  static constexpr auto fields() {
    using T = CreatePinPolicy;
    return std::tuple(Field{"ProvisioningHandle", &T::provisioning_handle}, Field{"ID", &T::id},
                      Field{"PUKPolicyHandle", &T::puk_policy_handle}, Field{"UserDefined", &T::user_defined},
                      Field{"UserModifiable", &T::user_modifiable}, Field{"Format", &T::format}, Field{"RetryLimit", &T::retry_limit},
                      Field{"Grouping", &T::grouping}, Field{"PatternRestrictions", &T::pattern_restrictions},
                      Field{"MinLength", &T::min_length}, Field{"MaxLength", &T::max_length}, Field{"InputMethod", &T::input_method},
                      Field{"MAC", &T::mac});
  }
  struct Response {
    std::uint32_t pin_policy_handle = 0;
    static constexpr auto fields() { return std::tuple(Field{"PINPolicyHandle", &Response::pin_policy_handle}); }
  };
};

// createKeyPair (9). KeyAlgorithmType is the byte before the alternative: 0 RSA, 1 ECC.
struct RsaKeySpec {
  std::uint16_t rsa_key_size = 0;
  std::uint32_t rsa_exponent = 0;
  static constexpr auto fields() {
    return std::tuple(Field{"RSAKeySize", &RsaKeySpec::rsa_key_size}, Field{"RSAExponent", &RsaKeySpec::rsa_exponent});
  }
};
struct EccKeySpec {
  std::string named_curve;
  static constexpr auto fields() { return std::tuple(Field{"NamedCurve", &EccKeySpec::named_curve}); }
};
struct CreateKeyPair {
  std::uint32_t provisioning_handle = 0;
  std::string attestation_algorithm;
  Bytes32 issuer_seed = {};
  Id id;
  std::uint32_t pin_policy_handle = 0;
  SecretBytes pin_value;  // encrypted if the issuer sets it, else plain
  std::uint8_t biometric_protection = 0;
  bool private_key_backup = false;
  std::uint8_t export_policy = 0;
  bool updatable = false;
  std::uint8_t delete_policy = 0;
  bool enable_pin_caching = false;
  bool import_private_key = false;
  std::uint8_t key_usage = 0;
  Bytes friendly_name;
  std::variant<RsaKeySpec, EccKeySpec> key_algorithm;
  std::optional<Bytes32> mac = {};  // present exactly with sk2
  static constexpr auto fields() {
    using T = CreateKeyPair;
    return std::tuple(Field{"ProvisioningHandle", &T::provisioning_handle}, Field{"AttestationAlgorithm", &T::attestation_algorithm},
                      Field{"IssuerSeed", &T::issuer_seed}, Field{"ID", &T::id}, Field{"PINPolicyHandle", &T::pin_policy_handle},
                      Field{"PINValue", &T::pin_value}, Field{"BiometricProtection", &T::biometric_protection},
                      Field{"PrivateKeyBackup", &T::private_key_backup}, Field{"ExportPolicy", &T::export_policy},
                      Field{"Updatable", &T::updatable}, Field{"DeletePolicy", &T::delete_policy},
                      Field{"EnablePINCaching", &T::enable_pin_caching}, Field{"ImportPrivateKey", &T::import_private_key},
                      Field{"KeyUsage", &T::key_usage}, Field{"FriendlyName", &T::friendly_name},
                      Field{"KeyAlgorithmType", &T::key_algorithm}, Field{"MAC", &T::mac});
  }
  struct Response {
    Bytes generated_public_key;
    Bytes key_attestation;
    std::optional<Bytes> private_key;  // encrypted; present exactly with PrivateKeyBackup
    std::uint32_t key_handle = 0;
    static constexpr auto fields() {
      using T = Response;
      return std::tuple(Field{"GeneratedPublicKey", &T::generated_public_key}, Field{"KeyAttestation", &T::key_attestation},
                        Field{"PrivateKey", &T::private_key}, Field{"KeyHandle", &T::key_handle});
    }
  };
};

// setCertificatePath (10)
struct SetCertificatePath {
  std::uint32_t provisioning_handle = 0;
  std::uint32_t key_handle = 0;
  std::vector<Bytes> x509_certificates;
  Bytes32 mac = {};
  static constexpr auto fields() {
    using T = SetCertificatePath;
    return std::tuple(Field{"ProvisioningHandle", &T::provisioning_handle}, Field{"KeyHandle", &T::key_handle},
                      Field{"X509Certificate", &T::x509_certificates}, Field{"MAC", &T::mac});
  }
  using Response = Nothing;
};

// setSymmetricKey (11)
struct SetSymmetricKey {
  std::uint32_t provisioning_handle = 0;
  std::uint32_t key_handle = 0;
  Bytes symmetric_key;  // encrypted
  std::vector<Bytes> endorsed_algorithms;
  Bytes32 mac = {};
  static constexpr auto fields() {
    using T = SetSymmetricKey;
    return std::tuple(Field{"ProvisioningHandle", &T::provisioning_handle}, Field{"KeyHandle", &T::key_handle},
                      Field{"SymmetricKey", &T::symmetric_key}, Field{"EndorsedAlgorithm", &T::endorsed_algorithms}, Field{"MAC", &T::mac});
  }
  using Response = Nothing;
};

// addExtensionData (12)
struct AddExtensionData {
  std::uint32_t provisioning_handle = 0;
  std::uint32_t key_handle = 0;
  std::uint8_t base_type = 0;  // ExtensionBaseType
  Bytes qualifier;
  Blob extension_data;  // encrypted if base_type says so
  Bytes extension_type;
  Bytes32 mac = {};
  static constexpr auto fields() {
    using T = AddExtensionData;
    return std::tuple(Field{"ProvisioningHandle", &T::provisioning_handle}, Field{"KeyHandle", &T::key_handle},
                      Field{"BaseType", &T::base_type}, Field{"Qualifier", &T::qualifier}, Field{"ExtensionData", &T::extension_data},
                      Field{"ExtensionType", &T::extension_type}, Field{"MAC", &T::mac});
  }
  using Response = Nothing;
};

// restorePrivateKey (20)
struct RestorePrivateKey {
  std::uint32_t provisioning_handle = 0;
  std::uint32_t key_handle = 0;
  Bytes private_key;  // encrypted PKCS #8
  Bytes32 mac = {};
  static constexpr auto fields() {
    using T = RestorePrivateKey;
    return std::tuple(Field{"ProvisioningHandle", &T::provisioning_handle}, Field{"KeyHandle", &T::key_handle},
                      Field{"PrivateKey", &T::private_key}, Field{"MAC", &T::mac});
  }
  using Response = Nothing;
};

// getDeviceInfo (31)
struct GetDeviceInfo {
  static constexpr auto fields() { return std::tuple(); }
  struct Response {
    std::uint16_t api_level = 1;
    std::string vendor_name;
    std::string vendor_description;
    std::vector<Bytes> x509_certificates;
    LongList algorithms;
    bool rsa_exponent_support = true;
    std::vector<std::uint16_t> rsa_key_sizes;  // a byte count and then a short each
    std::uint32_t extension_data_size = 65536;
    bool device_pin_support = false;
    bool biometric_support = false;
    static constexpr auto fields() {
      using T = Response;
      return std::tuple(Field{"APILevel", &T::api_level}, Field{"VendorName", &T::vendor_name},
                        Field{"VendorDescription", &T::vendor_description}, Field{"X509Certificate", &T::x509_certificates},
                        Field{"Algorithm", &T::algorithms}, Field{"RSAExponentSupport", &T::rsa_exponent_support},
                        Field{"RSAKeySize", &T::rsa_key_sizes}, Field{"ExtensionDataSize", &T::extension_data_size},
                        Field{"DevicePINSupport", &T::device_pin_support}, Field{"BiometricSupport", &T::biometric_support});
    }
  };
};

// enumerateKeys (32)
struct EnumeratedKey {
  std::uint32_t provisioning_handle = 0;
  Id id;
  std::uint8_t key_usage = 0;
  Bytes friendly_name;
  std::vector<Bytes> x509_certificates;  // none while the session is open
  std::vector<Bytes> endorsed_algorithms;
  LongList extension_types;
  static constexpr auto fields() {
    using T = EnumeratedKey;
    return std::tuple(Field{"ProvisioningHandle", &T::provisioning_handle}, Field{"ID", &T::id}, Field{"KeyUsage", &T::key_usage},
                      Field{"FriendlyName", &T::friendly_name}, Field{"X509Certificate", &T::x509_certificates},
                      Field{"EndorsedAlgorithm", &T::endorsed_algorithms}, Field{"ExtensionType", &T::extension_types});
  }
};
struct EnumerateKeys {
  std::uint32_t key_handle = kNoHandle;
  static constexpr auto fields() { return std::tuple(Field{"KeyHandle", &EnumerateKeys::key_handle}); }
  using Key = EnumeratedKey;
  struct Response {
    std::uint32_t key_handle = kNoHandle;
    std::optional<Key> key;  // present exactly if there is a handle
    static constexpr auto fields() {
      using T = Response;
      return std::tuple(Field{"KeyHandle", &T::key_handle}, Field{"Key", &T::key});
    }
  };
};

// postProvisioningDeleteKey (50)
struct PostProvisioningDeleteKey {
  std::uint32_t provisioning_handle = 0;
  std::uint32_t key_handle = 0;  // the target
  Bytes32 mac = {};
  static constexpr auto fields() {
    using T = PostProvisioningDeleteKey;
    return std::tuple(Field{"ProvisioningHandle", &T::provisioning_handle}, Field{"KeyHandle", &T::key_handle}, Field{"MAC", &T::mac});
  }
  using Response = Nothing;
};

// postProvisioningUpdateKey (51)
struct PostProvisioningUpdateKey {
  std::uint32_t provisioning_handle = 0;
  std::uint32_t key_handle = 0;           // the new key
  std::uint32_t key_handle_original = 0;  // the target
  Bytes32 mac = {};
  static constexpr auto fields() {
    using T = PostProvisioningUpdateKey;
    return std::tuple(Field{"ProvisioningHandle", &T::provisioning_handle}, Field{"KeyHandle", &T::key_handle},
                      Field{"KeyHandleOriginal", &T::key_handle_original}, Field{"MAC", &T::mac});
  }
  using Response = Nothing;
};

}  // namespace airtight::sks
