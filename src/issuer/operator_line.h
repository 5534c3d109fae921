// The line of the audit log that names who did something: every event that an operator causes has it, in this form alone. Whoever reads the
// log by a program looks for "operator: ".
#pragma once

#include <string>
#include <string_view>

namespace airtight::issuer {

// "operator: NAME" and a line end; "unknown" for an empty name.
[[nodiscard]] inline std::string operator_line(std::string_view name) {
  return "operator: " + std::string(name.empty() ? "unknown" : name) + "\n";
}

}  // namespace airtight::issuer
