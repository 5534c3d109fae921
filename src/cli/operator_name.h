// Who runs this command, for the audit log of an issuer: the name of the account, or its number where it has none.
#pragma once

#include <string>

namespace airtight::cli {

[[nodiscard]] std::string operator_name();

}  // namespace airtight::cli
