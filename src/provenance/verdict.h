// From the path of a device certificate to a decision (provenance.md): which device, class and vendor stand behind a session, and does the
// institution's policy accept them. The report explains itself: findings in order, each with a stable identifier and a sentence.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "crypto/certificate.h"

namespace airtight::provenance {

enum class Level : std::uint8_t { kVendor, kDeviceClass, kDevice };
[[nodiscard]] std::string_view name_of(Level level);  // "vendor", "class", "device"

// One accepted entry: the certificate of a vendor's root, of a device class, or of one device. Matched by SHA-256 of the public key.
struct AcceptedEntry {
  Level level;
  std::string name;  // for people
  crypto::Certificate certificate;
};

struct DevicePolicy {
  bool accept_any = false;  // any device whose path verifies as far as it goes; labelled "unknown vendor"
  std::vector<AcceptedEntry> accepted;
};

enum class Decision : std::uint8_t { kAllow, kDeny };
[[nodiscard]] std::string_view name_of(Decision decision);

struct Finding {
  std::string id;        // stable: "device-path.signature", "policy.no-entry", ...
  std::string subject;   // which certificate, as its subject name
  std::string sentence;  // for people
};

struct Verdict {
  Decision decision = Decision::kDeny;
  std::string rule;          // the entry or rule that decided
  std::string device;        // subject of the device certificate
  std::string device_class;  // subject of its issuer
  std::string vendor;        // subject of the vendor's root, where known
  std::string device_id;     // provenance.md section 5: groups of four base32 characters with a check character
  std::vector<Finding> findings;

  // For people and for the audit log: one line a field, then one line a finding; ends with a line end.
  [[nodiscard]] std::string to_text() const;
};

// Judges `path` (device certificate first, each next one its issuer; the vendor's root may follow or be left out) at time `now`, as a
// strict profile by position (provenance.md section 1): the first certificate is a device's and no CA, every other one is a CA that may
// issue what stands before it; signatures, names, path lengths, validity, keys; no certificate and no key twice; at most 8. Then the
// policy: the most specific entry that matches wins. Never fails: what cannot be judged is denied with a finding. `device_id` is given only
// for a path that verifies.
[[nodiscard]] Verdict appraise_device(const std::vector<crypto::Certificate>& path, const DevicePolicy& policy, Instant now);

// The first 80 bits of the SHA-256 of the device certificate in 16 base32 characters, then a check character, in groups of four
// ("ABCD-EFGH-IJKL-MNOP-Q"). The check character makes the weighted sum of all 17 zero in GF(32), each with a weight of its own, so that
// one wrong character and any two exchanged characters are always noticed.
[[nodiscard]] std::string device_id(const crypto::Certificate& device);

// True if `text`, as a person typed it (any case, with or without hyphens and spaces), is a device ID whose check character fits.
[[nodiscard]] bool is_device_id(std::string_view text);

}  // namespace airtight::provenance
