// Does what a page of the guide says, in an empty folder and with nothing of the user's, and says where it went otherwise.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace airtight::guide {

// Runs the page with the program `airtight`. Nothing if all went as the page says: each command ended with status 0, with 1 where a line
// "airtight: ..." says that it is refused, or with that which the "echo $?" after it shows, and showed the output that stands below it.
// Else what was different, with the line.
//
// One thing is not as on the page: `airtight issuer serve` listens on a free port instead of 8443, so that pages can run side by side. The
// runner puts this port into commands and files where the page says 127.0.0.1:8443, and 8443 into what is shown.
[[nodiscard]] std::optional<std::string> run_page(std::string_view markdown, const std::filesystem::path& airtight);

}  // namespace airtight::guide
