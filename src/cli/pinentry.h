// PINs and yes-or-no questions through a pinentry program, as GnuPG has them: a window, or the terminal, of which other programs see
// nothing. It is a child process that speaks the Assuan protocol on its standard input and output.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/secret_bytes.h"

namespace airtight::cli {

struct PinentryQuestion {
  std::string description = {};    // what it is about
  std::string prompt = {};         // "PIN"
  std::string again_because = {};  // why the last answer cannot be used; empty at first
  bool is_new = false;             // typed twice
};

class Pinentry {
 public:
  // The program that `choice` names. With an empty choice: `pinentry`, if it is on PATH and there is a display for it. "none" is nothing.
  [[nodiscard]] static std::optional<Pinentry> find(const std::string& choice);

  // Fault::kRefused if the person cancels, kUnavailable if the program cannot do it (no such program, no display, no terminal).
  [[nodiscard]] Result<SecretBytes> ask(const PinentryQuestion& question) const;
  [[nodiscard]] Result<bool> confirm(std::string_view text) const;

  // The user has named it: nothing else is to be asked in its place.
  [[nodiscard]] bool was_chosen() const { return was_chosen_; }

 private:
  Pinentry(std::string program, bool was_chosen) : program_(std::move(program)), was_chosen_(was_chosen) {}
  std::string program_;
  bool was_chosen_;
};

}  // namespace airtight::cli
