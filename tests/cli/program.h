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

// A program that runs until this object goes (SIGTERM), such as a server.
class BackgroundProgram {
 public:
  // Starts it and waits for the first line of its standard output.
  explicit BackgroundProgram(const std::vector<std::string>& arguments);
  BackgroundProgram(const BackgroundProgram&) = delete;
  BackgroundProgram& operator=(const BackgroundProgram&) = delete;
  ~BackgroundProgram();

  [[nodiscard]] const std::string& first_line() const { return first_line_; }
  // Ends it; its exit status.
  int stop();
  // Ends it as a crash does (SIGKILL).
  void kill();
  void send(int signal) const;

 private:
  int process_ = 0;
  int output_ = -1;
  std::string first_line_;
};

}  // namespace airtight::cli::testing
