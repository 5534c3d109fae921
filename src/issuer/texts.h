// Texts of issuer.toml beside the names in certificates: extensions and lookups of profiles, and letters. They are templates as those are
// (ca/template.h); what they may name is here.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "ca/template.h"

namespace airtight::issuer {

// Of profiles: subject, subject.cn and the like, email, profile, key_id, device_id, server_session_id, client_session_id, serial, issued,
// expires, and seed.NAME.
[[nodiscard]] const ca::Vocabulary& profile_vocabulary();

// Of letters: url, address, profile and expires.
[[nodiscard]] const ca::Vocabulary& letter_vocabulary();

// The names that a text of a profile uses. Fault::kBadInput as ca::Template::parse().
[[nodiscard]] Result<std::vector<std::string>> names_in_text(std::string_view text);

// `text` with its values, of the facts' own vocabulary. Fault::kBadInput as ca::Template::parse(), kRefused for what is not known.
[[nodiscard]] Result<std::string> fill_text(std::string_view text, const ca::Facts& facts);

// What a subject (RFC 4514 text) says to texts of profiles: itself, its attributes, and email, which is `reached` where somebody was.
[[nodiscard]] Result<ca::Facts> facts_of_subject(std::string_view subject, std::string_view reached);

}  // namespace airtight::issuer
