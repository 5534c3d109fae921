// Texts of a profile with what the enrolment knows filled in: "{subject.CN}" is the common name of the subject, "{serial}" the number of
// the certificate. "{{" and "}}" stand for single braces.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace airtight::issuer {

// What can be filled in, by name.
using TemplateValues = std::map<std::string, std::string, std::less<>>;

// The names that `text` uses. Fault::kBadInput for braces that do not match and names that no enrolment can know; `hint` lists those it
// can.
[[nodiscard]] Result<std::vector<std::string>> template_names(std::string_view text);

// The names that `text` uses, whatever they are. Fault::kBadInput for braces that do not match.
[[nodiscard]] Result<std::vector<std::string>> names_in_text(std::string_view text);

// Fault::kNotFound names what is not known in this enrolment.
[[nodiscard]] Result<std::string> fill_template(std::string_view text, const TemplateValues& values);

// "subject", and "subject.CN" and the like for each attribute type of `subject` (RFC 4514 text) with its first value; "email" if the
// subject has an emailAddress.
[[nodiscard]] Result<TemplateValues> subject_values(std::string_view subject);

}  // namespace airtight::issuer
