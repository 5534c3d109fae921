// A profile says what one kind of enrolment gives: which keys under which PIN and PUK policies, in which certificates, and into which
// devices. It is validated completely when it is read; a session keeps the profile it began with, whatever the configuration says later.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/key_attributes.h"
#include "base/result.h"
#include "ca/authority.h"
#include "crypto/digest.h"
#include "crypto/key.h"
#include "provenance/verdict.h"

namespace airtight::issuer {

// A PUK is random in every session.
struct PukPolicy {
  std::string id;
  PassphraseFormat format = PassphraseFormat::kNumeric;
  std::uint8_t retry_limit = 0;  // 0: never locks
  std::uint8_t length = 0;       // bytes, 1-100
};

// A PIN is defined by the user.
struct PinPolicy {
  std::string id;
  std::optional<std::string> puk_policy = {};  // ID of a PukPolicy
  PassphraseFormat format = PassphraseFormat::kNumeric;
  std::uint8_t retry_limit = 0;
  std::uint8_t min_length = 0;
  std::uint8_t max_length = 0;
  bool user_modifiable = true;
  Grouping grouping = Grouping::kNone;
  std::uint8_t pattern_restrictions = 0;  // PatternRestriction ORed
  InputMethod input_method = InputMethod::kAny;
};

struct RsaKey {
  std::uint16_t size = 0;
  std::optional<std::uint32_t> exponent = {};  // absent: the device's default, 65537
};
struct EcKey {
  crypto::Curve curve = crypto::Curve::kP256;
};

struct KeyProfile {
  std::string id;
  std::optional<std::string> pin_policy = {};  // ID of a PinPolicy; absent: no PIN
  KeyUsage usage = KeyUsage::kSignature;
  std::variant<RsaKey, EcKey> algorithm = EcKey{};
  std::string friendly_name = {};
  ExportPolicy export_policy = ExportPolicy::kNonExportable;
  DeletePolicy delete_policy = DeletePolicy::kNone;
  bool updatable = false;
  bool enable_pin_caching = false;
  ca::CertificateProfile certificate = {};
};

struct Profile {
  std::string name;
  std::optional<std::string> subject = {};  // RFC 4514 text; absent: `issuer url --subject` has to say
  std::uint32_t session_life_time = 0;      // seconds
  std::uint16_t session_key_limit = 0;      // what the session needs and the reserve (sks.md section 3)
  bool updatable = false;
  provenance::DevicePolicy devices = {};
  std::vector<PukPolicy> puk_policies = {};
  std::vector<PinPolicy> pin_policies = {};
  std::vector<KeyProfile> keys = {};

  // The key `id`; null if there is none.
  [[nodiscard]] const KeyProfile* find_key(std::string_view id) const;

  // The profile as text that read_snapshot reads, with the accepted certificates inside, and its SHA-256.
  std::string snapshot = {};
  crypto::Sha256Value digest = {};
};

// Reads what Profile::snapshot holds. Fault::kInternal if it is not one.
[[nodiscard]] Result<Profile> read_snapshot(std::string_view snapshot);

// Uses of the session key that `profile` needs in one session, without reserve (sks.md section 3).
[[nodiscard]] std::uint32_t session_key_uses(const Profile& profile);

}  // namespace airtight::issuer
