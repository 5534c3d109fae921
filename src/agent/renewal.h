// Renewal: a key knows where it is renewed if its issuer said so in an extension (keygen2::kRenewalUrlExtension), and is due when its
// certificate soon expires.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agent/enrollment.h"
#include "agent/key_list.h"
#include "base/result.h"
#include "base/time.h"
#include "http/client.h"
#include "sks/client.h"

namespace airtight::agent {

// Where `key` is renewed; nothing if its issuer did not say. Fault::kBadInput for an extension that is no absolute http or https URL.
[[nodiscard]] Result<std::optional<std::string>> renewal_url_of(sks::Channel& key_store, const KeyEntry& key);

// The usable keys whose certificates expire within `span` from `now`, or have expired.
[[nodiscard]] std::vector<KeyEntry> due_keys(std::vector<KeyEntry> keys, Instant now, std::chrono::days span);

enum class RenewalState : std::uint8_t {
  kRenewed,   // the key has a new certificate
  kDeferred,  // the new certificate comes later: the next renewal of the key goes on there
  kFailed,
};

struct Renewal {
  KeyEntry key;  // as it was before
  RenewalState state = RenewalState::kFailed;
  std::optional<EnrollmentOutcome> outcome = {};  // absent if the enrolment failed
  std::optional<Error> error = {};                // why it failed, or what remained unconfirmed
};

// Renews `key` at `url`, or where a renewal of it that was deferred goes on. An enrolment that ends well and leaves the key as it was is a
// failure too.
[[nodiscard]] Renewal renew(const KeyEntry& key, const std::string& url, EnrollmentOptions options, const EnrollmentTools& tools,
                            http::Client& http);

}  // namespace airtight::agent
