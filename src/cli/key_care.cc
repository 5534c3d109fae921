// airtight keys unlock, change-pin, set-pin, set-property, export, delete: what is done to keys.
#include <memory>
#include <string>
#include <utility>

#include "agent/refusals.h"
#include "base/key_attributes.h"
#include "cli/key_options.h"
#include "cli/key_store.h"
#include "cli/pin_file.h"
#include "cli/terminal.h"
#include "crypto/key.h"

namespace airtight::cli {
namespace {

namespace json = boost::json;
using agent::KeyEntry;

struct CareOptions {
  std::string store;
  std::string key;
  std::string pin_file;
  std::string new_pin_file;
  std::string puk_file;
  std::string out;       // export
  std::string type;      // set-property
  std::string property;  // set-property
  std::string value;     // set-property
  bool yes = false;      // export, delete
};

Result<SecretBytes> puk_for(const KeyEntry& key, const CareOptions& options) {
  return take_pin(
      {.file = options.puk_file, .option = "--puk-file", .question = "PUK of " + name_for_people(key), .format = pin_format_of(key)});
}

Result<SecretBytes> new_pin_for(const KeyEntry& key, const CareOptions& options) {
  return take_pin({.file = options.new_pin_file,
                   .option = "--new-pin-file",
                   .question = "New PIN of " + name_for_people(key),
                   .format = pin_format_of(key),
                   .is_new = true});
}

void report(const Context& context, const KeyEntry& key, const std::string& member, const std::string& sentence) {
  if (context.json) {
    context.print_json(json::object{{"key", key.handle}, {"done", member}});
  } else {
    context.out << "Key " << key.handle << ' ' << sentence << '\n';
  }
}

Result<> unlock(const CareOptions& options, const Context& context) {
  const auto store = TRY(open_key_store(options.store));
  const KeyEntry key = TRY(agent::find_key(*store->channel, options.key, store->administration.get()));
  auto done = sks::call(*store->channel, sks::UnlockKey{.key_handle = key.handle, .authorization = TRY(puk_for(key, options))});
  if (!done) return Failure(agent::explain_puk_refusal(*store->channel, key, std::move(done.error())));
  report(context, key, "unlock", "is unlocked");
  return {};
}

Result<> change_pin(const CareOptions& options, const Context& context) {
  const auto store = TRY(open_key_store(options.store));
  const KeyEntry key = TRY(agent::find_key(*store->channel, options.key, store->administration.get()));
  SecretBytes pin = TRY(pin_for(key, options.pin_file));
  SecretBytes new_pin = TRY(new_pin_for(key, options));
  auto done = sks::call(*store->channel, sks::ChangePin{.key_handle = key.handle, .pin = std::move(pin), .new_pin = std::move(new_pin)});
  if (!done) return Failure(agent::explain_pin_refusal(*store->channel, key, std::move(done.error())));
  report(context, key, "change-pin", "has a new PIN");
  return {};
}

Result<> set_pin(const CareOptions& options, const Context& context) {
  const auto store = TRY(open_key_store(options.store));
  const KeyEntry key = TRY(agent::find_key(*store->channel, options.key, store->administration.get()));
  SecretBytes puk = TRY(puk_for(key, options));
  SecretBytes new_pin = TRY(new_pin_for(key, options));
  auto done = sks::call(*store->channel, sks::SetPin{.key_handle = key.handle, .puk = std::move(puk), .new_pin = std::move(new_pin)});
  if (!done) return Failure(agent::explain_puk_refusal(*store->channel, key, std::move(done.error())));
  report(context, key, "set-pin", "has a new PIN, and is unlocked");
  return {};
}

Result<> set_property(const CareOptions& options, const Context& context) {
  const auto store = TRY(open_key_store(options.store));
  const KeyEntry key = TRY(agent::find_key(*store->channel, options.key, store->administration.get()));
  TRY(sks::call(*store->channel, sks::SetProperty{.key_handle = key.handle,
                                                  .extension_type = to_bytes(options.type),
                                                  .name = to_bytes(options.property),
                                                  .value = to_bytes(options.value)}));
  report(context, key, "set-property", "has the property " + options.property + " as you say");
  return {};
}

// Asks before what cannot be undone. Fault::kRefused for a no.
Result<> confirm(const CareOptions& options, const std::string& question) {
  if (options.yes) return {};
  Result<Terminal> terminal = Terminal::open();
  if (!terminal) return Failure(std::move(terminal.error()).with_hint("say yes beforehand with --yes"));
  if (TRY(terminal->ask_yes_or_no(question))) return {};
  return fail(Fault::kRefused, "nothing was done");
}

// Whether a policy wants the PIN, the PUK or nothing, and what the person says.
enum class Wanted : std::uint8_t { kNothing, kPin, kPuk };
Result<SecretBytes> authorization_for(const KeyEntry& key, Wanted wanted, const CareOptions& options) {
  switch (wanted) {
    case Wanted::kPin: return pin_for(key, options.pin_file);
    case Wanted::kPuk: return puk_for(key, options);
    case Wanted::kNothing: break;
  }
  return SecretBytes();
}
Error explain(sks::Channel& key_store, const KeyEntry& key, Wanted wanted, Error error) {
  if (wanted == Wanted::kPuk) return agent::explain_puk_refusal(key_store, key, std::move(error));
  return agent::explain_pin_refusal(key_store, key, std::move(error));
}

Wanted wanted_to_export(const KeyEntry& key) {
  const auto policy = key.protection ? value_of_byte<ExportPolicy>(key.protection->export_policy) : std::nullopt;
  if (policy == ExportPolicy::kPin) return Wanted::kPin;
  return policy == ExportPolicy::kPuk ? Wanted::kPuk : Wanted::kNothing;
}

Wanted wanted_to_delete(const KeyEntry& key) {
  const auto policy = key.protection ? value_of_byte<DeletePolicy>(key.protection->delete_policy) : std::nullopt;
  if (policy == DeletePolicy::kPin) return Wanted::kPin;
  return policy == DeletePolicy::kPuk ? Wanted::kPuk : Wanted::kNothing;
}

Result<> export_key(const CareOptions& options, const Context& context) {
  const auto store = TRY(open_key_store(options.store));
  const KeyEntry key = TRY(agent::find_key(*store->channel, options.key, store->administration.get()));
  TRY(confirm(options,
              "Write the secret of key " + std::to_string(key.handle) + " (" + name_for_people(key) + ") to " + options.out + "?"));
  const Wanted wanted = wanted_to_export(key);
  SecretBytes authorization = TRY(authorization_for(key, wanted, options));
  auto exported = sks::call(*store->channel, sks::ExportKey{.key_handle = key.handle, .optional_authorization = std::move(authorization)});
  if (!exported) return Failure(explain(*store->channel, key, wanted, std::move(exported.error())));
  return write_output(context, {.path = options.out, .member = "key", .secrecy = Secrecy::kSecret}, exported->raw_key.expose_secret(),
                      json::object{{"key", key.handle}});
}

Result<> delete_key(const CareOptions& options, const Context& context) {
  const auto store = TRY(open_key_store(options.store));
  const KeyEntry key = TRY(agent::find_key(*store->channel, options.key, store->administration.get()));
  TRY(confirm(options, "Delete key " + std::to_string(key.handle) + " (" + name_for_people(key) + ") for good?"));
  const Wanted wanted = wanted_to_delete(key);
  SecretBytes authorization = TRY(authorization_for(key, wanted, options));
  auto done = sks::call(*store->channel, sks::DeleteKey{.key_handle = key.handle, .optional_authorization = std::move(authorization)});
  if (!done) return Failure(explain(*store->channel, key, wanted, std::move(done.error())));
  report(context, key, "delete", "is deleted");
  return {};
}

void add_puk_file_option(CLI::App& command, CareOptions& options) {
  command.add_option("--puk-file", options.puk_file, "A file (0600) with the PUK, instead of asking for it")->type_name("FILE");
}
void add_new_pin_file_option(CLI::App& command, CareOptions& options) {
  command.add_option("--new-pin-file", options.new_pin_file, "A file (0600) with the new PIN, instead of asking for it")->type_name("FILE");
}
void add_yes_option(CLI::App& command, CareOptions& options) { command.add_flag("--yes", options.yes, "Do not ask whether it is meant"); }

struct Verb {
  std::string name;
  std::string description;
  std::string example;
  Result<> (*action)(const CareOptions&, const Context&);
};

// A verb on one key, with the storage of its options.
std::pair<CLI::App*, std::shared_ptr<CareOptions>> add_verb(CLI::App& keys, Context& context, const Verb& verb) {
  const auto options = std::make_shared<CareOptions>();
  CLI::App& command = add_command(keys, context, verb.name, verb.description, verb.example, Secrets::kHandled,
                                  [options, &context, action = verb.action] { return action(*options, context); });
  add_store_option(command, options->store);
  add_key_argument(command, options->key);
  return {&command, options};
}

}  // namespace

void add_key_care(CLI::App& keys, Context& context) {
  const auto [unlock_command, to_unlock] =
      add_verb(keys, context, {"unlock", "Unlock the PIN of a key by its PUK", "airtight keys unlock --store ./card Key.1", unlock});
  add_puk_file_option(*unlock_command, *to_unlock);

  const auto [change_command, to_change] =
      add_verb(keys, context, {"change-pin", "Change the PIN of a key", "airtight keys change-pin --store ./card Key.1", change_pin});
  add_pin_file_option(*change_command, to_change->pin_file);
  add_new_pin_file_option(*change_command, *to_change);

  const auto [set_command, to_set] =
      add_verb(keys, context, {"set-pin", "Give a key a new PIN by its PUK", "airtight keys set-pin --store ./card Key.1", set_pin});
  add_puk_file_option(*set_command, *to_set);
  add_new_pin_file_option(*set_command, *to_set);

  const auto [property_command, to_property] = add_verb(
      keys, context,
      {"set-property", "Set a writable property in a key's property bag",
       "airtight keys set-property --store ./card Key.1 --type https://example.com/settings --name colour --value blue", set_property});
  property_command->add_option("--type", to_property->type, "The type of the property bag")->required()->type_name("URI");
  property_command->add_option("--name", to_property->property, "The property")->required()->type_name("NAME");
  property_command->add_option("--value", to_property->value, "Its new value")->required()->type_name("TEXT");

  const auto [export_command, to_export] = add_verb(keys, context,
                                                    {"export", "Write the secret of a key that may be exported to a file",
                                                     "airtight keys export --store ./card Key.1 --out key.der", export_key});
  export_command->add_option("--out", to_export->out, "The file (0600): PKCS #8 for a private key, else the bare key")
      ->required()
      ->type_name("FILE");
  add_pin_file_option(*export_command, to_export->pin_file);
  add_puk_file_option(*export_command, *to_export);
  add_yes_option(*export_command, *to_export);

  const auto [delete_command, to_delete] =
      add_verb(keys, context, {"delete", "Delete a key for good", "airtight keys delete --store ./card Key.1", delete_key});
  add_pin_file_option(*delete_command, to_delete->pin_file);
  add_puk_file_option(*delete_command, *to_delete);
  add_yes_option(*delete_command, *to_delete);
}

}  // namespace airtight::cli
