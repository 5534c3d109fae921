// The terminal of the person at the keyboard, apart from standard input and output: questions, and secrets typed without echo.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/secret_bytes.h"
#include "sealing/seal.h"

namespace airtight::cli {

class Terminal {
 public:
  // The controlling terminal, /dev/tty. Fault::kUnavailable if there is none.
  [[nodiscard]] static Result<Terminal> open();
  Terminal(Terminal&& other) noexcept;
  Terminal& operator=(Terminal&&) = delete;
  ~Terminal();

  void say(std::string_view text) const;

  // A line typed without echo; what cannot be printed but edits (backspace, ^U) edits. Fault::kRefused for ^C and ^D.
  [[nodiscard]] Result<SecretBytes> ask_secret(std::string_view question) const;
  // The same, typed twice until both are equal.
  [[nodiscard]] Result<SecretBytes> ask_new_secret(std::string_view question) const;

  // True for "y" or "yes", false for "n", "no" or the end of input; asks again for anything else.
  [[nodiscard]] Result<bool> ask_yes_or_no(std::string_view question) const;

 private:
  explicit Terminal(int descriptor) : descriptor_(descriptor) {}
  [[nodiscard]] std::optional<char> read_character() const;
  int descriptor_;
};

// Asks on the terminal for the passphrase of `what` ("the key store ./card"), or for the PIN of the token that opens it: once to open,
// twice when it is set.
[[nodiscard]] sealing::PassphrasePrompt passphrase_on_terminal(std::string what);

}  // namespace airtight::cli
