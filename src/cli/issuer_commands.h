// The parts of airtight issuer that stand in files of their own.
#pragma once

#include "cli/command.h"

namespace airtight::cli {

void add_issuer_profile(CLI::App& issuer_group, Context& context);  // issuer_profile.cc
void add_issuer_approve(CLI::App& issuer_group, Context& context);  // and waiting, deny
void add_issuer_devices(CLI::App& issuer_group, Context& context);
void add_issuer_life(CLI::App& issuer_group, Context& context);   // issuer_life.cc
void add_issuer_seeds(CLI::App& issuer_group, Context& context);  // issuer_seeds.cc
void add_issuer_clients(CLI::App& issuer_group, Context& context);

}  // namespace airtight::cli
