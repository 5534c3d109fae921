// A page of the guide as the script that it is: commands with the output they should have, and lines for files. What readers could take for
// a command and the runner would pass over is an error.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "tests/guide/transcript.h"

namespace airtight::guide {

// A command, after "$ ", with its further lines, after "> ".
struct Command {
  std::string text;
  std::vector<ExpectedLine> output;
  std::size_t line = 0;         // in the page, from 1
  bool opens_terminal = false;  // the block's first, in a terminal of its own
  bool runs_on = false;         // the last one of such a block: it is not waited for
};

// The lines of a block ```toml FILE, which the reader puts at the end of FILE.
struct Addition {
  std::string file;
  std::string text;
  std::size_t line = 0;
};

using Step = std::variant<Command, Addition>;

struct Page {
  std::vector<Step> steps;
};

// Fault::kBadInput, with the line, for a block of a kind that is not known (console, console in another terminal, toml FILE, text), output
// without a command, a command outside of a console block, or a block that does not end.
[[nodiscard]] Result<Page> read_page(std::string_view markdown);

// The texts of the commands of the page, in order.
[[nodiscard]] std::vector<std::string> commands_of(const Page& page);

}  // namespace airtight::guide
