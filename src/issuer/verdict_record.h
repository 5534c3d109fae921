// Verdicts of provenance/ as JSON: kept with the session and handed to the authority when it issues.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "provenance/verdict.h"

namespace airtight::issuer {

[[nodiscard]] std::string verdict_to_json(const provenance::Verdict& verdict);

// Fault::kInternal if `text` is not what verdict_to_json wrote.
[[nodiscard]] Result<provenance::Verdict> verdict_from_json(std::string_view text);

}  // namespace airtight::issuer
