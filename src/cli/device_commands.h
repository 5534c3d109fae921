// The verbs of `airtight device`, in groups of a file each; device.cc adds them all.
#pragma once

#include <CLI/CLI.hpp>

#include "cli/command.h"

namespace airtight::cli {

void add_device_anchor(CLI::App& device, Context& context);  // device_anchor.cc
void add_device_care(CLI::App& device, Context& context);    // device_care.cc: verify, status, backup, restore
void add_device_pin(CLI::App& device, Context& context);     // device_pin.cc
void add_device_seal(CLI::App& device, Context& context);    // device_seal.cc
void add_device_serve(CLI::App& device, Context& context);   // device_serve.cc

}  // namespace airtight::cli
