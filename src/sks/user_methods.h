// The user methods of SKS as types (100 and above): each request and response lists its fields in wire order, once.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <variant>
#include <vector>

#include "sks/wire_types.h"

namespace airtight::sks {

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

// getExtensionObject (102)
struct GetExtensionObject {
  std::uint32_t key_handle = 0;
  Bytes extension_type;
  static constexpr auto fields() {
    using T = GetExtensionObject;
    return std::tuple(Field{"KeyHandle", &T::key_handle}, Field{"ExtensionType", &T::extension_type});
  }
  struct Response {
    std::uint8_t base_type = 0;
    Bytes qualifier;
    SecretBlob extension_data;  // it may have come encrypted
    static constexpr auto fields() {
      using T = Response;
      return std::tuple(Field{"BaseType", &T::base_type}, Field{"Qualifier", &T::qualifier}, Field{"ExtensionData", &T::extension_data});
    }
  };
};

// deleteKey (103)
struct DeleteKey {
  std::uint32_t key_handle = 0;
  SecretBytes optional_authorization;
  static constexpr auto fields() {
    using T = DeleteKey;
    return std::tuple(Field{"KeyHandle", &T::key_handle}, Field{"OptionalAuthorization", &T::optional_authorization});
  }
  using Response = Nothing;
};

// unlockKey (104)
struct UnlockKey {
  std::uint32_t key_handle = 0;
  SecretBytes authorization;
  static constexpr auto fields() {
    using T = UnlockKey;
    return std::tuple(Field{"KeyHandle", &T::key_handle}, Field{"Authorization", &T::authorization});
  }
  using Response = Nothing;
};

// exportKey (105)
struct ExportKey {
  std::uint32_t key_handle = 0;
  SecretBytes optional_authorization;
  static constexpr auto fields() {
    using T = ExportKey;
    return std::tuple(Field{"KeyHandle", &T::key_handle}, Field{"OptionalAuthorization", &T::optional_authorization});
  }
  struct Response {
    SecretBytes raw_key;
    static constexpr auto fields() { return std::tuple(Field{"RawKey", &Response::raw_key}); }
  };
};

// asymmetricKeyDecrypt (111)
struct AsymmetricKeyDecrypt {
  std::uint32_t key_handle = 0;
  std::string algorithm;
  SecretBytes pin;
  Bytes encrypted_data;
  static constexpr auto fields() {
    using T = AsymmetricKeyDecrypt;
    return std::tuple(Field{"KeyHandle", &T::key_handle}, Field{"Algorithm", &T::algorithm}, Field{"PIN", &T::pin},
                      Field{"EncryptedData", &T::encrypted_data});
  }
  struct Response {
    SecretBytes data;
    static constexpr auto fields() { return std::tuple(Field{"Data", &Response::data}); }
  };
};

// performHMAC (112)
struct PerformHmac {
  std::uint32_t key_handle = 0;
  std::string algorithm;
  SecretBytes pin;
  SecretBlob data;
  static constexpr auto fields() {
    using T = PerformHmac;
    return std::tuple(Field{"KeyHandle", &T::key_handle}, Field{"Algorithm", &T::algorithm}, Field{"PIN", &T::pin},
                      Field{"Data", &T::data});
  }
  struct Response {
    Bytes hmac;
    static constexpr auto fields() { return std::tuple(Field{"HMAC", &Response::hmac}); }
  };
};

// symmetricKeyEncrypt (113)
struct SymmetricKeyEncrypt {
  std::uint32_t key_handle = 0;
  std::string algorithm;
  bool encrypt = false;
  Bytes iv;
  SecretBytes pin;
  SecretBlob data;
  static constexpr auto fields() {
    using T = SymmetricKeyEncrypt;
    return std::tuple(Field{"KeyHandle", &T::key_handle}, Field{"Algorithm", &T::algorithm}, Field{"Encrypt", &T::encrypt},
                      Field{"IV", &T::iv}, Field{"PIN", &T::pin}, Field{"Data", &T::data});
  }
  struct Response {
    SecretBlob data;
    static constexpr auto fields() { return std::tuple(Field{"Data", &Response::data}); }
  };
};

// keyAgreement (114)
struct KeyAgreement {
  std::uint32_t key_handle = 0;
  std::string algorithm;
  SecretBytes pin;
  Bytes public_key;  // DER SubjectPublicKeyInfo
  static constexpr auto fields() {
    using T = KeyAgreement;
    return std::tuple(Field{"KeyHandle", &T::key_handle}, Field{"Algorithm", &T::algorithm}, Field{"PIN", &T::pin},
                      Field{"PublicKey", &T::public_key});
  }
  struct Response {
    SecretBytes shared_secret;  // the x coordinate
    static constexpr auto fields() { return std::tuple(Field{"SharedSecret", &Response::shared_secret}); }
  };
};

// changePIN (120)
struct ChangePin {
  std::uint32_t key_handle = 0;
  SecretBytes pin;
  SecretBytes new_pin;
  static constexpr auto fields() {
    using T = ChangePin;
    return std::tuple(Field{"KeyHandle", &T::key_handle}, Field{"PIN", &T::pin}, Field{"NewPIN", &T::new_pin});
  }
  using Response = Nothing;
};

// setPIN (121)
struct SetPin {
  std::uint32_t key_handle = 0;
  SecretBytes puk;
  SecretBytes new_pin;
  static constexpr auto fields() {
    using T = SetPin;
    return std::tuple(Field{"KeyHandle", &T::key_handle}, Field{"PUK", &T::puk}, Field{"NewPIN", &T::new_pin});
  }
  using Response = Nothing;
};

// setProperty (122)
struct SetProperty {
  std::uint32_t key_handle = 0;
  Bytes extension_type;
  Bytes name;
  Bytes value;
  static constexpr auto fields() {
    using T = SetProperty;
    return std::tuple(Field{"KeyHandle", &T::key_handle}, Field{"ExtensionType", &T::extension_type}, Field{"Name", &T::name},
                      Field{"Value", &T::value});
  }
  using Response = Nothing;
};

}  // namespace airtight::sks
