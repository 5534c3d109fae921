// airtight device anchor: shows what keeps old copies of a key store from being put back, and changes it.
#include <memory>
#include <string>

#include "cli/device_commands.h"
#include "cli/seal_options.h"
#include "cli/terminal.h"
#include "crypto/random.h"
#include "device/store_folder.h"
#include "sealing/anchor.h"

namespace airtight::cli {
namespace {

namespace json = boost::json;

struct Options {
  std::string store;
  std::string anchor;
  std::string tcti;
};

Result<> show(const Options& options, const Context& context) {
  const auto anchor = TRY(device::anchor_of_device(options.store, passphrase_on_terminal("the key store " + options.store)));
  if (context.json) {
    context.print_json(json::object{{"store", options.store}, {"anchor", sealing::name_of(anchor)}});
  } else {
    context.out << "Key store " << options.store << "\n  Anchor  " << sealing::name_of(anchor) << '\n';
  }
  return {};
}

Result<> change(const Options& options, const Context& context) {
  const sealing::AnchorChoice wanted = TRY(sealing::parse_anchor(options.anchor, options.tcti));
  const SystemClock clock;
  crypto::SystemRandom random;
  sks::SleepingPause pause;
  const auto prompt = passphrase_on_terminal("the key store " + options.store);
  const sealing::AnchorChange change =
      TRY(device::change_device_anchor(options.store, wanted, prompt, sks::Platform{clock, random, pause}));
  if (context.json) {
    json::object out{{"store", options.store}, {"changed", true}, {"anchor", sealing::name_of(wanted)}};
    if (change.leftover) out["leftover"] = error_as_json(*change.leftover);
    context.print_json(out);
    return {};
  }
  context.out << "Key store " << options.store << " has a new anchor\n  Anchor  " << sealing::name_of(wanted) << '\n';
  if (change.leftover) {
    context.err << "airtight: the new anchor holds, but the old one could not be removed: " << change.leftover->message << '\n';
  }
  return {};
}

}  // namespace

void add_device_anchor(CLI::App& device, Context& context) {
  const auto options = std::make_shared<Options>();
  CLI::App& command = add_command(
      device, context, "anchor", "Show what keeps old copies of a key store from being put back, or change it",
      "airtight device anchor --store ./card\n"
      "airtight device anchor --store ./card --anchor tpm2\n"
      "airtight device anchor --store ./card --anchor file:/mnt/other-disk/card.anchor",
      Secrets::kHandled, [options, &context] { return options->anchor.empty() ? show(*options, context) : change(*options, context); });
  add_store_option(command, options->store);
  add_anchor_options(command, options->anchor, options->tcti);
}

}  // namespace airtight::cli
