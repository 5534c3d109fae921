// airtight device seal: shows what opens a key store, and changes it without touching the keys.
#include <memory>
#include <string>

#include "cli/device_commands.h"
#include "cli/seal_options.h"
#include "cli/terminal.h"
#include "crypto/random.h"
#include "sealing/seal.h"

namespace airtight::cli {
namespace {

namespace json = boost::json;

struct Options {
  std::string store;
  SealOptions seal;
};

json::object as_json(const sealing::SealDescription& seal) {
  json::object out{{"kind", json_text(sealing::name_of(seal.kind))}};
  for (const auto& [name, value] : seal.details) out[name] = value;
  return out;
}

void print(const sealing::SealDescription& seal, const Context& context) {
  context.out << "  Seal        " << sealing::name_of(seal.kind) << '\n';
  for (const auto& [name, value] : seal.details) context.out << "  " << name << std::string(12 - name.size(), ' ') << value << '\n';
}

Result<> show(const std::string& folder, const Context& context) {
  const sealing::SealDescription seal = TRY(sealing::describe_seal(folder));
  if (context.json) {
    context.print_json(json::object{{"store", folder}, {"seal", as_json(seal)}});
    return {};
  }
  context.out << "Key store " << folder << '\n';
  print(seal, context);
  return {};
}

Result<> change(const Options& options, const Context& context) {
  const sealing::NewSeal wanted = TRY(seal_from(options.seal));
  crypto::SystemRandom random;
  const sealing::SealChange change =
      TRY(sealing::change_seal(options.store, wanted, passphrase_on_terminal("the key store " + options.store), random));
  const sealing::SealDescription seal = TRY(sealing::describe_seal(options.store));
  if (context.json) {
    json::object out{{"store", options.store}, {"changed", true}, {"seal", as_json(seal)}};
    if (change.leftover) out["leftover"] = error_as_json(*change.leftover);
    context.print_json(out);
    return {};
  }
  context.out << "Key store " << options.store << " has a new seal\n";
  print(seal, context);
  if (change.leftover) {
    context.err << "airtight: the new seal holds, but the old one left something behind: " << change.leftover->message << '\n'
                << "hint: remove it by hand: together with a copy of the old seal it opens the store\n";
  }
  return {};
}

Result<> seal(const Options& options, const Context& context) {
  if (options.seal.kind) return change(options, context);
  return show(options.store, context);
}

}  // namespace

void add_device_seal(CLI::App& device, Context& context) {
  const auto options = std::make_shared<Options>();
  CLI::App& command = add_command(
      device, context, "seal", "Show what opens a key store, or change it without touching the keys",
      "airtight device seal --store ./card\n"
      "airtight device seal --store ./card --seal tpm2 --tpm2-pcrs 7\n"
      "airtight device seal --store ./card --seal pkcs11 --pkcs11-uri 'pkcs11:token=card?module-path=/usr/lib/softhsm/libsofthsm2.so'",
      Secrets::kHandled, [options, &context] { return seal(*options, context); });
  add_store_option(command, options->store);
  add_seal_options(command, options->seal, "the store from now on");
}

}  // namespace airtight::cli
