#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <iostream>
#include <string_view>

#include "cli/command.h"

namespace {

bool shows_colours(int descriptor) {
  const char* terminal = std::getenv("TERM");
  return isatty(descriptor) == 1 && std::getenv("NO_COLOR") == nullptr && terminal != nullptr && std::string_view(terminal) != "dumb";
}

}  // namespace

int main(int argc, char** argv) {
  // A peer or reader that goes away is an error of that one write, never the end of the process.
  std::signal(SIGPIPE, SIG_IGN);
  airtight::cli::Context context{.out = std::cout, .err = std::cerr};
  context.out_has_colours = shows_colours(STDOUT_FILENO);
  context.err_has_colours = shows_colours(STDERR_FILENO);
  return airtight::cli::run(argc, argv, context);
}
