// A container without a key store (keygen2.md section 5): keys of this process, which sign themselves. Other clients than the agent speak
// the basic profile; this is one for scenarios.
#pragma once

#include <string>

#include "agent/enrollment.h"
#include "base/result.h"
#include "http/client.h"
#include "xml/schema.h"

namespace airtight::e2e {

// Enrols at `url`, and checks that each certificate is for the key that was made. The outcome names no keys of a key store.
[[nodiscard]] Result<agent::EnrollmentOutcome> enroll_basic(const std::string& url, http::Client& http, const xml::Schema& schema);

}  // namespace airtight::e2e
