#include "tests/guide/page.h"

#include <algorithm>
#include <optional>

namespace airtight::guide {
namespace {

constexpr std::string_view kFence = "```";
constexpr std::string_view kPrompt = "$ ";
constexpr std::string_view kContinuation = "> ";

Failure error_at(std::size_t line, const std::string& message) {
  return fail(Fault::kBadInput, "line " + std::to_string(line) + ": " + message);
}

class PageReader {
 public:
  Result<Page> read(std::string_view markdown) {
    while (!markdown.empty()) {
      ++number_;
      const std::size_t end = std::min(markdown.find('\n'), markdown.size());
      TRY(read_line(markdown.substr(0, end)));
      markdown.remove_prefix(std::min(end + 1, markdown.size()));
    }
    if (block_) return error_at(begun_at_, "the block does not end");
    return std::move(page_);
  }

 private:
  enum class Block { kConsole, kOtherConsole, kAddition, kText };

  Result<> read_line(std::string_view line) {
    if (line.starts_with(kFence)) return block_ ? end_block(line) : begin_block(line);
    if (!block_) return read_prose(line);
    switch (*block_) {
      case Block::kConsole:
      case Block::kOtherConsole: return read_console(line);
      case Block::kAddition: std::get<Addition>(page_.steps.back()).text.append(line).append("\n"); return {};
      case Block::kText: break;
    }
    if (line.starts_with(kPrompt)) return error_at(number_, "a command in a block that is not run: call the block console");
    return {};
  }

  Result<> read_prose(std::string_view line) {
    const std::size_t first = line.find_first_not_of(" \t>");
    const std::string_view text = first == std::string_view::npos ? std::string_view() : line.substr(first);
    if (text.starts_with(kFence) || text.starts_with("~~~"))
      return error_at(number_, "a block that does not begin with the line, and would not be run");
    if (text.starts_with(kPrompt)) return error_at(number_, "a command outside of a console block");
    return {};
  }

  Result<> begin_block(std::string_view line) {
    const std::string_view info = line.substr(kFence.size());
    constexpr std::string_view kToml = "toml ";
    begun_at_ = number_;
    if (info == "console") {
      block_ = Block::kConsole;
    } else if (info == "console in another terminal") {
      block_ = Block::kOtherConsole;
    } else if (info.starts_with(kToml)) {
      block_ = Block::kAddition;
      page_.steps.emplace_back(Addition{.file = std::string(info.substr(kToml.size())), .text = {}, .line = number_});
    } else if (info == "text") {
      block_ = Block::kText;
    } else {
      return error_at(number_, "a block '" + std::string(info) + "': it can be console, console in another terminal, toml FILE or text");
    }
    steps_before_ = page_.steps.size();
    return {};
  }

  Result<> end_block(std::string_view line) {
    if (line != kFence) return error_at(number_, "a block within a block");
    const bool console = *block_ == Block::kConsole || *block_ == Block::kOtherConsole;
    if (console && page_.steps.size() == steps_before_) return error_at(begun_at_, "a console block without a command");
    if (*block_ == Block::kOtherConsole) {
      auto& last = std::get<Command>(page_.steps.back());
      if (last.output.empty() || last.output.back().is_any_lines()) {
        return error_at(last.line, "a command that runs on without a last line by which one sees that it is ready");
      }
      last.runs_on = true;
    }
    block_.reset();
    return {};
  }

  Result<> read_console(std::string_view line) {
    const bool first = page_.steps.size() == steps_before_;
    if (line.starts_with(kPrompt)) {
      page_.steps.emplace_back(Command{.text = std::string(line.substr(kPrompt.size())),
                                       .output = {},
                                       .line = number_,
                                       .opens_terminal = first && *block_ == Block::kOtherConsole});
      return {};
    }
    if (first) return error_at(number_, "output without a command");
    auto& command = std::get<Command>(page_.steps.back());
    if (line.starts_with(kContinuation) && command.output.empty()) {
      command.text.append("\n").append(line.substr(kContinuation.size()));
    } else {
      command.output.push_back(expected_line(line));
    }
    return {};
  }

  Page page_;
  std::size_t number_ = 0;
  std::optional<Block> block_;
  std::size_t begun_at_ = 0;
  std::size_t steps_before_ = 0;
};

}  // namespace

Result<Page> read_page(std::string_view markdown) { return PageReader().read(markdown); }

std::vector<std::string> commands_of(const Page& page) {
  std::vector<std::string> commands;
  for (const Step& step : page.steps) {
    if (const auto* command = std::get_if<Command>(&step)) commands.push_back(command->text);
  }
  return commands;
}

}  // namespace airtight::guide
