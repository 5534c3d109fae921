// The methods of SKS as types: each request and response lists its fields in wire order, once. Encoder, decoder, dispatcher, client stub,
// help and fuzzer are made from these lists (sks/wire.h) and from the table at the end of this file.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/secret_bytes.h"

namespace airtight::sks {

using Handle = std::uint32_t;
inline constexpr Handle kNoHandle = 0xFFFFFFFF;  // starts and ends an enumeration; as PINPolicyHandle: the device PIN

// Wire types that are not plain C++ ones. Integers are byte, short and int; bool is bool; Bytes and std::string are byte[];
// std::vector<Bytes> is a byte count and then byte[] each.
struct Id {
  std::string value;
};  // id
struct Time {
  std::uint64_t milliseconds = 0;
};  // byte[8]
using Bytes32 = std::array<std::byte, 32>;  // byte[32]
struct LongList {
  std::vector<std::string> values;
};  // a short count and then byte[] each

template <typename Owner, typename Member>
struct Field {
  std::string_view name;  // as the document spells it
  Member Owner::* member;
};
template <typename Owner, typename Member>
Field(const char*, Member Owner::*) -> Field<Owner, Member>;

struct Nothing {
  static constexpr auto fields() { return std::tuple(); }
};

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
  static constexpr auto fields() {
    using T = CreatePukPolicy;
    return std::tuple(Field{"ProvisioningHandle", &T::provisioning_handle}, Field{"ID", &T::id}, Field{"PUKValue", &T::puk_value},
                      Field{"Format", &T::format}, Field{"RetryLimit", &T::retry_limit});
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
  static constexpr auto fields() {
    using T = CreatePinPolicy;
    return std::tuple(Field{"ProvisioningHandle", &T::provisioning_handle}, Field{"ID", &T::id},
                      Field{"PUKPolicyHandle", &T::puk_policy_handle}, Field{"UserDefined", &T::user_defined},
                      Field{"UserModifiable", &T::user_modifiable}, Field{"Format", &T::format}, Field{"RetryLimit", &T::retry_limit},
                      Field{"Grouping", &T::grouping}, Field{"PatternRestrictions", &T::pattern_restrictions},
                      Field{"MinLength", &T::min_length}, Field{"MaxLength", &T::max_length}, Field{"InputMethod", &T::input_method});
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
  static constexpr auto fields() {
    using T = CreateKeyPair;
    return std::tuple(Field{"ProvisioningHandle", &T::provisioning_handle}, Field{"AttestationAlgorithm", &T::attestation_algorithm},
                      Field{"IssuerSeed", &T::issuer_seed}, Field{"ID", &T::id}, Field{"PINPolicyHandle", &T::pin_policy_handle},
                      Field{"PINValue", &T::pin_value}, Field{"BiometricProtection", &T::biometric_protection},
                      Field{"PrivateKeyBackup", &T::private_key_backup}, Field{"ExportPolicy", &T::export_policy},
                      Field{"Updatable", &T::updatable}, Field{"DeletePolicy", &T::delete_policy},
                      Field{"EnablePINCaching", &T::enable_pin_caching}, Field{"ImportPrivateKey", &T::import_private_key},
                      Field{"KeyUsage", &T::key_usage}, Field{"FriendlyName", &T::friendly_name},
                      Field{"KeyAlgorithmType", &T::key_algorithm});
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

// signHashedData (100)
struct SignHashedData {
  std::uint32_t key_handle = 0;
  std::string signature_algorithm;
  SecretBytes pin;
  Bytes hashed_data;
  static constexpr auto fields() {
    using T = SignHashedData;
    return std::tuple(Field{"KeyHandle", &T::key_handle}, Field{"SignatureAlgorithm", &T::signature_algorithm}, Field{"PIN", &T::pin},
                      Field{"HashedData", &T::hashed_data});
  }
  struct Response {
    Bytes result;
    static constexpr auto fields() { return std::tuple(Field{"Result", &Response::result}); }
  };
};

// getKeyProtectionInfo (101)
struct GetKeyProtectionInfo {
  std::uint32_t key_handle = 0;
  static constexpr auto fields() { return std::tuple(Field{"KeyHandle", &GetKeyProtectionInfo::key_handle}); }
  struct Response {
    std::uint8_t protection_status = 0;  // ProtectionBit
    std::uint8_t puk_retry_limit = 0;
    std::uint8_t puk_error_count = 0;
    bool user_modifiable = false;
    std::uint8_t format = 0;
    std::uint8_t retry_limit = 0;
    std::uint8_t grouping = 0;
    std::uint8_t pattern_restrictions = 0;
    std::uint8_t min_length = 0;
    std::uint8_t max_length = 0;
    std::uint8_t input_method = 0;
    std::uint8_t pin_error_count = 0;
    std::uint8_t biometric_protection = 0;
    bool private_key_backup = false;
    std::uint8_t export_policy = 0;
    bool updatable = false;
    std::uint8_t delete_policy = 0;
    bool enable_pin_caching = false;
    bool import_private_key = false;
    static constexpr auto fields() {
      using T = Response;
      return std::tuple(Field{"ProtectionStatus", &T::protection_status}, Field{"PUKRetryLimit", &T::puk_retry_limit},
                        Field{"PUKErrorCount", &T::puk_error_count}, Field{"UserModifiable", &T::user_modifiable},
                        Field{"Format", &T::format}, Field{"RetryLimit", &T::retry_limit}, Field{"Grouping", &T::grouping},
                        Field{"PatternRestrictions", &T::pattern_restrictions}, Field{"MinLength", &T::min_length},
                        Field{"MaxLength", &T::max_length}, Field{"InputMethod", &T::input_method},
                        Field{"PINErrorCount", &T::pin_error_count}, Field{"BiometricProtection", &T::biometric_protection},
                        Field{"PrivateKeyBackup", &T::private_key_backup}, Field{"ExportPolicy", &T::export_policy},
                        Field{"Updatable", &T::updatable}, Field{"DeletePolicy", &T::delete_policy},
                        Field{"EnablePINCaching", &T::enable_pin_caching}, Field{"ImportPrivateKey", &T::import_private_key});
    }
  };
};

// Bits of ProtectionStatus ("getKeyProtectionInfo").
inline constexpr std::uint8_t kPinProtected = 0x01;
inline constexpr std::uint8_t kPukProtected = 0x02;
inline constexpr std::uint8_t kPinLocked = 0x04;
inline constexpr std::uint8_t kPukLocked = 0x08;
inline constexpr std::uint8_t kDevicePinProtected = 0x10;

// The method table: number, name, request (with its Response). The function of each method stands beside it in sks/engine.cc.
template <typename RequestType>
struct Method {
  using Request = RequestType;
  std::uint8_t number;
  std::string_view name;
};

inline constexpr auto kMethods = std::tuple(
    Method<CreateProvisioningSession>{1, "createProvisioningSession"}, Method<CloseProvisioningSession>{2, "closeProvisioningSession"},
    Method<GetProvisioningSession>{3, "getProvisioningSession"}, Method<EnumerateProvisioningSessions>{4, "enumerateProvisioningSessions"},
    Method<AbortProvisioningSession>{5, "abortProvisioningSession"}, Method<SignProvisioningSessionData>{6, "signProvisioningSessionData"},
    Method<CreatePukPolicy>{7, "createPUKPolicy"}, Method<CreatePinPolicy>{8, "createPINPolicy"}, Method<CreateKeyPair>{9, "createKeyPair"},
    Method<SetCertificatePath>{10, "setCertificatePath"}, Method<GetDeviceInfo>{31, "getDeviceInfo"},
    Method<EnumerateKeys>{32, "enumerateKeys"}, Method<SignHashedData>{100, "signHashedData"},
    Method<GetKeyProtectionInfo>{101, "getKeyProtectionInfo"});

// The table's row for `Request`.
template <typename Request>
[[nodiscard]] constexpr const Method<Request>& method_of() {
  return std::get<Method<Request>>(kMethods);
}

}  // namespace airtight::sks
