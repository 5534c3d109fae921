#include "tests/guide/run_page.h"

#include <algorithm>
#include <chrono>
#include <fstream>
#include <memory>
#include <span>
#include <vector>

#include "tests/guide/page.h"
#include "tests/guide/shell.h"
#include "tests/support/temporary_folder.h"

namespace airtight::guide {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds kLongestCommand{60};
constexpr std::string_view kAddress = "127.0.0.1:8443";
constexpr std::string_view kListening = "listening http";

std::string replace_all(std::string text, std::string_view what, std::string_view by) {
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += by.size()) text.replace(at, what.size(), by);
  return text;
}

void write_text(const fs::path& path, const std::string& text, std::ios::openmode mode = std::ios::trunc) {
  std::ofstream file(path, std::ios::binary | std::ios::out | mode);
  file << text << std::flush;
  if (!file) throw std::runtime_error("cannot write " + path.string());
}

// The program on the page's PATH: itself, but that an issuer takes a free port.
void write_program(const fs::path& path, const fs::path& airtight) {
  write_text(path, "#!/bin/bash\n[[ \"$1 $2\" != 'issuer serve' ]] || set -- \"$@\" --listen 127.0.0.1:0\nexec '" + airtight.string() +
                       "' \"$@\"\n");
  fs::permissions(path, fs::perms::owner_all);
}

class PageRun {
 public:
  explicit PageRun(const fs::path& airtight) : here_(scratch_ / "here"), home_(scratch_ / "home"), programs_(scratch_ / "bin") {
    for (const fs::path& folder : {here_, home_, programs_}) {
      fs::create_directory(folder);
      fs::permissions(folder, fs::perms::owner_all);
    }
    write_program(programs_ / "airtight", airtight);
    environment_ = {"HOME=" + home_.string(),
                    "XDG_CONFIG_HOME=" + (home_ / ".config").string(),
                    "XDG_DATA_HOME=" + (home_ / ".local/share").string(),
                    "XDG_STATE_HOME=" + (home_ / ".local/state").string(),
                    "XDG_CACHE_HOME=" + (home_ / ".cache").string(),
                    "XDG_RUNTIME_DIR=" + home_.string(),
                    "PATH=" + programs_.string() + ":/usr/bin:/bin:/usr/sbin:/sbin",
                    "TERM=dumb",
                    "LC_ALL=C.UTF-8",
                    "TZ=UTC"};
    shells_.push_back(std::make_unique<Shell>(here_, environment_));
  }

  std::optional<std::string> run(const Page& page) {
    for (std::size_t i = 0; i < page.steps.size(); ++i) {
      const Step& step = page.steps[i];
      if (const auto* addition = std::get_if<Addition>(&step)) {
        if (!fs::exists(here_ / addition->file)) return at(addition->line, "there is no file " + addition->file + " to add to");
        write_text(here_ / addition->file, "\n" + here(addition->text), std::ios::app);
        continue;
      }
      const auto& command = std::get<Command>(step);
      if (auto difference = run(command, next_shows_status(page, i))) return difference;
    }
    return std::nullopt;
  }

 private:
  static bool next_shows_status(const Page& page, std::size_t i) {
    const auto* next = i + 1 < page.steps.size() ? std::get_if<Command>(&page.steps[i + 1]) : nullptr;
    return next != nullptr && next->text == "echo $?";
  }

  // What refuses says so in a line of its own.
  static int usual_status(const Command& command) {
    return std::ranges::any_of(command.output, [](const ExpectedLine& line) { return line.text.starts_with("airtight: "); }) ? 1 : 0;
  }

  static std::string at(std::size_t line, const std::string& message) { return "line " + std::to_string(line) + ": " + message; }

  std::optional<std::string> run(const Command& command, bool any_status) {
    if (command.opens_terminal) other_ = std::make_unique<Shell>(here_, environment_);
    Shell& shell = other_ ? *other_ : *shells_.front();
    const auto deadline = std::chrono::steady_clock::now() + kLongestCommand;
    shell.begin(here(command.text));
    if (auto difference = answer_questions(shell, command, deadline)) return difference;
    const std::span<const ExpectedLine> output = command.output;
    if (command.runs_on) {
      const bool shown = shell.wait([&](const std::string&) { return matches_beginning(output, lines(shell)); }, deadline);
      if (!shown || shell.status()) return difference_of(command, shell, "it does not run on, or shows something else");
      learn_address(shell);
      shells_.push_back(std::move(other_));
      return std::nullopt;
    }
    if (!shell.wait([](const std::string&) { return false; }, deadline)) return difference_of(command, shell, "it does not end");
    if (shell.status() != usual_status(command) && !any_status)
      return difference_of(command, shell, "it ends with status " + std::to_string(*shell.status()));
    if (!matches(output, lines(shell))) return difference_of(command, shell, "it shows something else");
    return std::nullopt;
  }

  // Types what the page says as soon as the question for it is there.
  std::optional<std::string> answer_questions(Shell& shell, const Command& command, std::chrono::steady_clock::time_point deadline) {
    const std::span<const ExpectedLine> output = command.output;
    for (std::size_t i = 0; i < output.size(); ++i) {
      if (!output[i].typed) continue;
      const auto asked = [&](const std::string& screen) { return !screen.ends_with('\n') && matches(output.first(i + 1), lines(shell)); };
      if (!shell.wait(asked, deadline) || shell.status()) return difference_of(command, shell, "it does not ask '" + output[i].text + "'");
      shell.type(*output[i].typed);
    }
    return std::nullopt;
  }

  // Where the issuer listens, instead of where the page says.
  void learn_address(const Shell& shell) {
    const std::string& screen = shell.screen();
    const std::size_t begin = screen.find(kListening);
    if (begin == std::string::npos) return;
    const std::size_t address_at = screen.find("//", begin) + 2;
    const std::size_t end = screen.find_first_of("\r\n", begin);
    if (end != std::string::npos) address_ = screen.substr(address_at, end - address_at);
  }
  [[nodiscard]] std::string here(const std::string& text) const { return address_.empty() ? text : replace_all(text, kAddress, address_); }
  [[nodiscard]] std::vector<std::string> lines(const Shell& shell) {
    if (address_.empty()) learn_address(shell);
    return lines_of(address_.empty() ? shell.screen() : replace_all(shell.screen(), address_, kAddress));
  }

  std::string difference_of(const Command& command, const Shell& shell, const std::string& what) {
    std::string text = at(command.line, what + "\n  $ " + command.text + "\n  shows:\n");
    for (const std::string& line : lines(shell)) text += "    " + line + "\n";
    text += "  and not:\n";
    for (const ExpectedLine& line : command.output)
      text += "    " + line.text + (line.typed ? "\u2039" + *line.typed + "\u203a" : "") + "\n";
    return text;
  }

  tests::TemporaryFolder scratch_;
  fs::path here_;
  fs::path home_;
  fs::path programs_;
  std::vector<std::string> environment_;
  std::string address_;
  std::vector<std::unique_ptr<Shell>> shells_;  // the page's, and those whose last command runs on
  std::unique_ptr<Shell> other_;
};

}  // namespace

std::optional<std::string> run_page(std::string_view markdown, const std::filesystem::path& airtight) {
  const Result<Page> page = read_page(markdown);
  if (!page) return page.error().message;
  return PageRun(airtight).run(*page);
}

}  // namespace airtight::guide
