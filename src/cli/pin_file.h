// PINs out of files and off keyboards: text, except that a binary PIN is typed in hex (SKS "PIN and PUK Formats").
#pragma once

#include <string>
#include <vector>

#include "base/key_attributes.h"
#include "base/result.h"
#include "base/secret_bytes.h"

namespace airtight::cli {

// The PIN that `text` stands for under `format`. Fault::kBadInput for a binary PIN that is not hex.
[[nodiscard]] Result<SecretBytes> pin_of_text(const SecretBytes& text, PassphraseFormat format);

// The PIN that is all of the file but the end of its line. The file has to be private (0600).
[[nodiscard]] Result<SecretBytes> pin_from_file(const std::string& path, PassphraseFormat format);

// A PIN or PUK that a command needs: out of `file`, or, if that is empty, typed in answer to `question` (typed twice if it is new), in a
// pinentry where there is one, else on the terminal. Fault::kUnavailable if there is neither; the hint then names `option`.
struct PinQuestion {
  std::string file;
  std::string option;    // "--pin-file"
  std::string question;  // "PIN of Key.1"
  PassphraseFormat format = PassphraseFormat::kString;
  bool is_new = false;
};
[[nodiscard]] Result<SecretBytes> take_pin(const PinQuestion& question);

// A file of lines "POLICY-ID KEY-ID PIN"; what follows the second space is the PIN. Empty lines and lines that start with # are skipped.
class PinFile {
 public:
  // The file has to be private (0600). Fault::kBadInput for a line without its three parts; it names the line and not its content.
  [[nodiscard]] static Result<PinFile> read(const std::string& path);

  // The PIN of `key_ids`, which share one, under `policy_id`. Fault::kNotFound if no line is about any of them, kBadInput if lines
  // disagree.
  [[nodiscard]] Result<SecretBytes> find(const std::string& policy_id, const std::vector<std::string>& key_ids) const;

 private:
  struct Line {
    std::string policy_id;
    std::string key_id;
    SecretBytes pin;
  };
  std::string path_;
  std::vector<Line> lines_;
};

}  // namespace airtight::cli
