// --seal and --anchor, and the options that belong to them, for every command that makes or changes a seal or an anchor.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>

#include "base/result.h"
#include "sealing/seal.h"

namespace airtight::cli {

// The options as given.
struct SealOptions {
  std::optional<sealing::SealKind> kind;
  std::string tpm2_tcti;
  std::string tpm2_pcrs;
  bool tpm2_passphrase = false;
  std::string pkcs11_uri;
};

// Adds them to `command`; `what` is what the seal opens ("the store").
void add_seal_options(CLI::App& command, SealOptions& options, const std::string& what);

// --anchor and where its TPM is.
void add_anchor_options(CLI::App& command, std::string& anchor, std::string& tcti);

// The seal that the options ask for; a key file if they do not say. Fault::kBadInput if they do not fit together.
[[nodiscard]] Result<sealing::NewSeal> seal_from(const SealOptions& options);

}  // namespace airtight::cli
