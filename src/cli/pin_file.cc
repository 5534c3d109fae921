#include "cli/pin_file.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "cli/hex_digit.h"
#include "cli/pinentry.h"
#include "cli/terminal.h"
#include "storage/files.h"

namespace airtight::cli {
namespace {

constexpr std::size_t kLargestFile = 1U << 16;

// Cuts what stands before `separator` off the front of `rest`; all of it if there is none.
ByteView take_until(ByteView& rest, char separator) {
  const auto end = std::ranges::find(rest, static_cast<std::byte>(separator));
  const ByteView part(rest.begin(), end);
  rest = end == rest.end() ? ByteView() : ByteView(end + 1, rest.end());
  return part;
}

ByteView without_carriage_return(ByteView line) {
  if (!line.empty() && line.back() == std::byte{'\r'}) return line.first(line.size() - 1);
  return line;
}

}  // namespace

Result<SecretBytes> pin_of_text(const SecretBytes& text, PassphraseFormat format) {
  if (format != PassphraseFormat::kBinary) return text.clone();
  const ByteView digits = text.expose_secret();
  SecretBytes pin(digits.size() / 2);
  const std::span<std::byte> out = pin.expose_secret_for_writing();
  bool readable = digits.size() % 2 == 0;
  for (std::size_t i = 0; readable && i < out.size(); ++i) {
    const auto high = hex_digit(static_cast<char>(digits[2 * i]));
    const auto low = hex_digit(static_cast<char>(digits[2 * i + 1]));
    readable = high && low;
    if (readable) out[i] = (*high << 4) | *low;
  }
  if (!readable) return fail(Fault::kBadInput, "this PIN is binary and has to be given in hex digits, two for each byte");
  return pin;
}

Result<SecretBytes> pin_from_file(const std::string& path, PassphraseFormat format) {
  const SecretBytes content = TRY(storage::read_secret_file(path, kLargestFile));
  ByteView rest = content.expose_secret();
  return pin_of_text(SecretBytes::copy_of(without_carriage_return(take_until(rest, '\n'))), format);
}

Result<SecretBytes> take_pin(const PinQuestion& question) {
  if (!question.file.empty()) return pin_from_file(question.file, question.format);
  if (const auto pinentry = Pinentry::find("")) {
    const Result<SecretBytes> typed =
        pinentry->ask({.description = question.question, .prompt = "PIN", .again_because = {}, .is_new = question.is_new});
    if (typed) return pin_of_text(*typed, question.format);
    if (typed.error().fault != Fault::kUnavailable) return Failure(typed.error());
  }
  Result<Terminal> terminal = Terminal::open();
  if (!terminal) return Failure(std::move(terminal.error()).with_hint("give it in a file (0600) with " + question.option));
  const SecretBytes typed =
      question.is_new ? TRY(terminal->ask_new_secret(question.question)) : TRY(terminal->ask_secret(question.question));
  return pin_of_text(typed, question.format);
}

Result<PinFile> PinFile::read(const std::string& path) {
  const SecretBytes content = TRY(storage::read_secret_file(path, kLargestFile));
  PinFile file;
  file.path_ = path;
  ByteView rest = content.expose_secret();
  for (int number = 1; !rest.empty(); ++number) {
    ByteView line = without_carriage_return(take_until(rest, '\n'));
    if (line.empty() || line.front() == std::byte{'#'}) continue;
    const ByteView policy_id = take_until(line, ' ');
    const ByteView key_id = take_until(line, ' ');
    if (policy_id.empty() || key_id.empty() || line.empty()) {
      return fail(Fault::kBadInput, "line " + std::to_string(number) + " of " + path + " is not POLICY-ID KEY-ID PIN",
                  "write one line for each PIN, with one space between its parts");
    }
    file.lines_.push_back({.policy_id = to_text(policy_id), .key_id = to_text(key_id), .pin = SecretBytes::copy_of(line)});
  }
  return file;
}

Result<SecretBytes> PinFile::find(const std::string& policy_id, const std::vector<std::string>& key_ids) const {
  const Line* found = nullptr;
  for (const Line& line : lines_) {
    if (line.policy_id != policy_id || std::ranges::find(key_ids, line.key_id) == key_ids.end()) continue;
    if (found != nullptr && !equal_in_constant_time(found->pin.expose_secret(), line.pin.expose_secret())) {
      return fail(Fault::kBadInput,
                  path_ + " has different PINs for keys '" + found->key_id + "' and '" + line.key_id + "', which share one",
                  "give both the same PIN under policy '" + policy_id + "'");
    }
    found = &line;
  }
  if (found != nullptr) return found->pin.clone();
  return fail(Fault::kNotFound, path_ + " has no PIN for key '" + key_ids.front() + "' under policy '" + policy_id + "'",
              "add the line '" + policy_id + ' ' + key_ids.front() + " PIN'");
}

}  // namespace airtight::cli
