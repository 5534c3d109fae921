// A profile says what one kind of enrolment gives: which keys under which PIN and PUK policies, in which certificates, with which
// extensions, and into which devices. It is validated completely when it is read; a session keeps the profile it began with.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/key_attributes.h"
#include "base/result.h"
#include "base/time.h"
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

// A PIN is defined by the user, or random and set by the issuer.
struct PinPolicy {
  std::string id;
  std::optional<std::string> puk_policy = {};  // ID of a PukPolicy
  PassphraseFormat format = PassphraseFormat::kNumeric;
  std::uint8_t retry_limit = 0;
  std::uint8_t min_length = 0;
  std::uint8_t max_length = 0;
  std::optional<std::uint8_t> preset_length = {};  // of the PINs that the issuer sets; absent: the user defines them
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

// A symmetric key that goes with the key pair: random, or a seed that was imported.
struct SymmetricKeyProfile {
  std::vector<std::string> endorsed_algorithms = {};  // URIs, sorted
  std::uint16_t length = 0;                           // bytes, of a random one
  std::optional<std::string> seed_pool = {};          // where a seed is taken from
};

// Where the private key comes from.
enum class KeySource : std::uint8_t {
  kDevice,    // made there
  kIssuer,    // made here, kept, and imported into the device
  kRestored,  // kept from an earlier credential of the same subject, and imported
};

// What is text here may name what the enrolment knows, in braces (issuer/texts.h).
struct PropertyProfile {
  std::string name;
  std::string value;
  std::optional<bool> writable = {};
};
struct PropertyBagProfile {
  std::string type;
  std::vector<PropertyProfile> properties = {};
};
struct LogotypeProfile {
  std::string type;
  std::string mime_type;
  Bytes image;
};
struct ExtensionProfile {
  std::string type;
  bool encrypted = false;
  std::variant<std::string, Bytes> data = {};  // a template, or just these bytes
};
using ExtensionObjectProfile = std::variant<PropertyBagProfile, LogotypeProfile, ExtensionProfile>;

struct KeyProfile {
  std::string id;
  std::optional<std::string> pin_policy = {};  // ID of a PinPolicy; absent: no PIN
  bool device_pin = false;                     // the device's own PIN instead
  KeyUsage usage = KeyUsage::kSignature;
  std::variant<RsaKey, EcKey> algorithm = EcKey{};
  std::string friendly_name = {};
  BiometricProtection biometric_protection = BiometricProtection::kNone;
  ExportPolicy export_policy = ExportPolicy::kNonExportable;
  DeletePolicy delete_policy = DeletePolicy::kNone;
  bool updatable = false;
  bool enable_pin_caching = false;
  bool private_key_backup = false;
  KeySource source = KeySource::kDevice;
  std::string restored_key = {};  // of kRestored: the ID that the key had
  std::optional<SymmetricKeyProfile> symmetric_key = {};
  std::vector<ExtensionObjectProfile> extensions = {};
  bool renewable = false;  // it gets the renewal URL as an extension
  ca::CertificateProfile certificate = {};
};

// A moment, or so many days before the session.
using TimeLimit = std::variant<Instant, std::chrono::days>;
[[nodiscard]] Instant moment_of(const TimeLimit& limit, Instant now);

// One question of credential discovery, and what happens to what is found. Found are only credentials of this issuer's own CA.
struct LookupProfile {
  std::string id;
  std::optional<std::string> email = {};   // a template
  std::optional<std::string> serial = {};  // decimal
  std::optional<TimeLimit> issued_before = {};
  std::optional<TimeLimit> issued_after = {};
  std::optional<std::string> update = {};  // ID of the key that replaces the newest one found
  bool remove = false;                     // delete (the others, with update)
  bool clone = false;                      // the subject of what is found is the subject of this session
  bool revoke = false;                     // revoke the certificates
  bool required = false;                   // the session ends if nothing is found
  std::uint16_t most = 10;                 // more than so many end the session
};

struct IssuerLogotypeProfile {
  std::string mime_type;
  Bytes image;
};

// Certificates that come later.
struct Deferral {
  std::optional<std::uint32_t> seconds = {};  // after so many; absent: when they are approved
};

// Which ways lead to a session, and what has to hold besides (provenance.md section 5).
struct EnrolmentRules {
  bool url = true;                             // one-time URLs that somebody makes
  bool open = false;                           // whoever comes
  bool mail = false;                           // a one-time URL by mail
  bool client = false;                         // clients that prove who they are
  bool operator_approves = false;              // somebody compares the device ID before there are certificates
  bool listed_devices = false;                 // devices that were registered before, and no others
  std::vector<std::string> mail_domains = {};  // in lower case; empty: all
  std::uint32_t mails_per_hour = 0;            // to one address
  std::uint32_t visits_per_hour = 0;           // of one peer; 0: any number
  std::uint32_t open_sessions = 0;             // of open enrolments, at a time
};

struct Profile {
  std::string name;
  std::optional<std::string> subject = {};  // RFC 4514 text, a template; absent: whoever lets somebody enrol has to say
  EnrolmentRules enrolment = {};
  bool basic = false;                   // the basic profile (keygen2.md section 5): no key store, no provenance
  std::uint32_t session_life_time = 0;  // seconds
  bool default_life_time = false;       // the profile does not say it
  std::uint32_t session_key_reserve = 0;
  std::uint16_t session_key_limit = 0;  // what the session needs and the reserve (sks.md section 3)
  bool updatable = false;
  bool server_cookie = false;
  bool by_files = false;  // messages may travel as files: the device need not have seen the TLS certificate
  bool sign_requests = false;
  std::optional<std::string> abort_url = {};  // absent: a page of the issuer
  std::optional<Deferral> deferral = {};
  std::vector<IssuerLogotypeProfile> logotypes = {};
  std::vector<std::string> wanted_algorithms = {};  // asked for in negotiation, and not insisted on
  std::vector<std::string> wanted_extensions = {};
  provenance::DevicePolicy devices = {};
  std::vector<LookupProfile> lookups = {};
  std::vector<PukPolicy> puk_policies = {};
  std::vector<PinPolicy> pin_policies = {};
  std::vector<KeyProfile> keys = {};

  // The key, policy or lookup `id`; null if there is none.
  [[nodiscard]] const KeyProfile* find_key(std::string_view id) const;
  [[nodiscard]] const PinPolicy* find_pin_policy(std::string_view id) const;
  [[nodiscard]] const LookupProfile* find_lookup(std::string_view id) const;
  // Whether the subject is that of a credential which the device has already.
  [[nodiscard]] bool clones() const;
  // Every template of the profile that is filled in.
  [[nodiscard]] std::vector<std::string_view> templates() const;

  // The profile as text that read_snapshot reads, with what its files hold inside, and its SHA-256.
  std::string snapshot = {};
  crypto::Sha256Value digest = {};
};

// Reads what Profile::snapshot holds. Fault::kInternal if it is not one.
[[nodiscard]] Result<Profile> read_snapshot(std::string_view snapshot);

// Uses of the session key that `profile` needs at most in one session, without reserve (sks.md section 3).
[[nodiscard]] std::uint32_t session_key_uses(const Profile& profile);

// The part of `profile` that renews its key `key_id` whose certificate has the number `serial` (big-endian): that key alone, which updates
// the old one. Fault::kNotFound if the profile has no such key, or it is not renewable.
[[nodiscard]] Result<Profile> renewal_of(const Profile& profile, std::string_view key_id, ByteView serial);

}  // namespace airtight::issuer
