// What a profile means for those who enrol: what the device is asked for and what comes of it, in words and as JSON. And what is allowed
// but hardly meant.
#pragma once

#include <boost/json.hpp>
#include <string>
#include <vector>

#include "issuer/profile.h"

namespace airtight::issuer {

// Lines of text, each one thing that happens in a session, in the order of the protocol.
[[nodiscard]] std::vector<std::string> explain(const Profile& profile);
[[nodiscard]] boost::json::object explain_as_json(const Profile& profile);

// Sentences without a final stop; none for a profile with nothing to say against it.
[[nodiscard]] std::vector<std::string> warnings_of(const Profile& profile);

// The same about certificates that would outlast the issuing CA, whose end is `ca_end`: they end with it.
[[nodiscard]] std::vector<std::string> warnings_about_end(const Profile& profile, Instant ca_end, Instant now);

}  // namespace airtight::issuer
