// Whom certificates name: the subject of a profile is a template, and what an enrolment knows by the way that led to it is filled in, in
// part only once the device is known.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "issuer/profile.h"
#include "issuer/session_store.h"

namespace airtight::issuer {

// What is known about whoever enrols. Empty: not known.
struct KnownFacts {
  std::string_view email = {};
  std::string_view client = {};     // {user_id}
  std::string_view device_id = {};  // once the device has proved it
};

// Fault::kBadInput for what is no name in RFC 4514 text, and for text of more than one line, which would forge lines of the audit log.
[[nodiscard]] Result<> check_subject_text(std::string_view subject);

// `subject` as a template with its values: RFC 4514 text. Fault::kBadInput for text that is no name, kRefused for what is not known.
[[nodiscard]] Result<std::string> fill_subject(std::string_view subject, const Profile& profile, const KnownFacts& facts);

// The same before the device is known; empty if that is what is missing, and the device has one that can be known (all profiles but the
// basic one). A profile that clones, or that takes its devices from the list, has an empty one as well. Fault::kRefused as above, and if
// the profile's other templates want of the subject what is not in it.
[[nodiscard]] Result<std::string> subject_at_first(std::string_view subject, const Profile& profile, const KnownFacts& facts);

// What somebody else than the profile says, filled in; it cannot name the device. Empty where subject_at_first is for any text.
[[nodiscard]] Result<std::string> given_subject(std::string_view subject, const Profile& profile, const KnownFacts& facts);

// Whatever the templates of `profile` want of the subject has to be in it. Fault::kBadInput.
[[nodiscard]] Result<> check_templates(const Profile& profile, const std::string& subject, std::string_view email);

}  // namespace airtight::issuer
