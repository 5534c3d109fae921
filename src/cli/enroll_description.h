// What an issuer is and wants, as the lines that a person reads before saying yes.
#pragma once

#include <string>
#include <vector>

#include "agent/user_interface.h"
#include "keygen2/messages.h"

namespace airtight::cli {

// Who asks.
[[nodiscard]] std::vector<std::string> describe(const agent::IssuerSummary& issuer);

// Which keys it asks for, with what protects them and what they allow.
[[nodiscard]] std::vector<std::string> describe(const agent::EnrollmentSummary& summary);

// Which keys that are there already it wants to update or delete.
[[nodiscard]] std::vector<std::string> describe(const agent::ChangeSummary& summary);

// What a PIN has to look like: "4 to 8 digits, no sequence like 1234".
[[nodiscard]] std::string describe(const keygen2::PinPolicyRequest& policy);

// When to come back, from a Retry-After (RFC 9110, section 10.2.3): a number of seconds, or a date as it is.
[[nodiscard]] std::string describe_delay(std::string_view retry_after);

// "a, b, c"
[[nodiscard]] std::string join(const std::vector<std::string>& words);

}  // namespace airtight::cli
