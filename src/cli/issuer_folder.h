// What the commands of `airtight issuer` open: the folder of an issuer, and what its seal needs.
#pragma once

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <memory>
#include <string>

#include "base/result.h"
#include "base/time.h"
#include "crypto/random.h"
#include "issuer/issuer.h"
#include "sealing/seal.h"

namespace airtight::cli {

struct OpenIssuer {
  SystemClock clock;
  crypto::SystemRandom random;
  std::unique_ptr<issuer::Issuer> issuer;
};

// Faults as Issuer::open().
[[nodiscard]] Result<std::unique_ptr<OpenIssuer>> open_issuer(const std::string& folder);

// Asks on the terminal for what opens the issuer's seal, if that needs anybody.
[[nodiscard]] sealing::PassphrasePrompt prompt_for_issuer(const std::string& folder);

// DIR, as every command has it.
void add_issuer_folder(CLI::App& command, std::string& folder);

// What people type to unlock a PIN, for the commands that print it: 'issuer unlock' and 'issuer credentials --show-puk'.
[[nodiscard]] std::string passphrase_text(const issuer::Passphrase& passphrase);

// Null in JSON for what is not known.
[[nodiscard]] inline boost::json::value text_or_null(const std::string& text) {
  return text.empty() ? boost::json::value(nullptr) : boost::json::value(text);
}

}  // namespace airtight::cli
