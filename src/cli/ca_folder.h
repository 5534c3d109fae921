// What the commands of `airtight ca` open: the database of an issuer's folder, and the authority in it where keys are needed.
#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>
#include <string>

#include "base/result.h"
#include "base/time.h"
#include "ca/authority.h"
#include "cli/command.h"
#include "crypto/random.h"
#include "storage/database.h"

namespace airtight::cli {

struct CaFolder {
  std::filesystem::path path;
  SystemClock clock;
  crypto::SystemRandom random;
  std::unique_ptr<storage::Database> database;

  // Opens the seal and the authority; asks on the terminal for what that takes.
  [[nodiscard]] Result<ca::Authority> open_authority(ca::WhichKeys keys);
};

// Fault::kNotFound where there is no issuer.
[[nodiscard]] Result<std::unique_ptr<CaFolder>> open_ca_folder(const std::string& folder);

// DIR, as every command has it.
void add_ca_folder(CLI::App& command, std::string& folder);

void add_ca_keys(CLI::App& group, Context& context);  // ca_keys.cc: crl, rollover, export

}  // namespace airtight::cli
