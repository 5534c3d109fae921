// Runs the airtight program as its users do: with arguments, standard input, and sometimes a terminal.
#pragma once

#include <boost/json.hpp>
#include <string>
#include <vector>

namespace airtight::cli::testing {

struct Outcome {
  int status = -1;  // exit status; -1 if a signal ended it
  std::string out;
  std::string err;

  [[nodiscard]] boost::json::object json() const { return boost::json::parse(out).as_object(); }
};

// Without a terminal.
[[nodiscard]] Outcome run(const std::vector<std::string>& arguments, const std::string& input = "");

// What the person at a terminal waits for, and then types (with "\n" where Enter is pressed).
struct Line {
  std::string wait_for;
  std::string type;
};

struct TerminalOutcome {
  int status = -1;
  std::string screen;  // everything that was shown: the program's words, and what the terminal echoed
};
[[nodiscard]] TerminalOutcome run_on_terminal(const std::vector<std::string>& arguments, const std::vector<Line>& dialogue);

}  // namespace airtight::cli::testing
