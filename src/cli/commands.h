// The nouns of the command line: each adds itself to the root, and command.cc calls each of them once. One file a noun.
#pragma once

#include <CLI/CLI.hpp>

#include "cli/command.h"

namespace airtight::cli {

void add_demo(CLI::App& root, Context& context);    // demo.cc
void add_device(CLI::App& root, Context& context);  // device.cc
void add_enroll(CLI::App& root, Context& context);  // enroll.cc
void add_keys(CLI::App& root, Context& context);    // keys.cc
void add_issuer(CLI::App& root, Context& context);  // issuer.cc
void add_ca(CLI::App& root, Context& context);      // ca.cc

}  // namespace airtight::cli
