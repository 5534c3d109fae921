// airtight device pin: the PIN of a whole device, which keys may be made to ask for instead of one of their own.
#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "cli/device_commands.h"
#include "cli/key_store.h"
#include "cli/pin_file.h"
#include "sks/status.h"

namespace airtight::cli {
namespace {

namespace json = boost::json;

struct Options {
  std::string store;
  std::string pin_file;
  std::string new_pin_file;
  std::string puk_file;
};

Result<SecretBytes> present_pin(const Options& options) {
  return take_pin({.file = options.pin_file, .option = "--pin-file", .question = "PIN of the device"});
}
Result<SecretBytes> new_pin(const Options& options) {
  return take_pin({.file = options.new_pin_file, .option = "--new-pin-file", .question = "New PIN of the device", .is_new = true});
}
Result<SecretBytes> puk(const Options& options, bool is_new) {
  return take_pin({.file = options.puk_file,
                   .option = "--puk-file",
                   .question = is_new ? "New PUK of the device" : "PUK of the device",
                   .is_new = is_new});
}

unsigned left(unsigned limit, unsigned errors) { return limit - std::min(limit, errors); }

// ERROR_AUTHORIZATION is a wrong value or a locked one; the counters tell which.
Error explained(device::Administration& administration, Error error, bool about_puk) {
  if (sks::status_of(error) != sks::Status::kAuthorization) return error;
  const auto now = administration.device_pin_status();
  if (!now || !now->is_set) return error;
  const unsigned attempts = about_puk ? left(now->puk_retry_limit, now->puk_errors) : left(now->pin_retry_limit, now->pin_errors);
  const std::string what = about_puk ? "PUK" : "PIN";
  if (attempts == 0) {
    error.message = "the " + what + " of the device is locked";
    error.hint = about_puk ? "nothing unlocks it" : "'airtight device pin unlock' takes the PUK";
  } else {
    error.message = "the " + what + " of the device is wrong";
    error.hint = std::to_string(attempts) + (attempts == 1 ? " attempt is" : " attempts are") + " left before it locks";
  }
  return error;
}

Result<> report(const Context& context, const std::string& word, const std::string& sentence) {
  if (context.json) {
    context.print_json(json::object{{"done", word}});
  } else {
    context.out << sentence << '\n';
  }
  return {};
}

Result<> set(const Options& options, const Context& context) {
  const auto store = TRY(open_key_store(options.store));
  const SecretBytes pin = TRY(new_pin(options));
  const SecretBytes new_puk = TRY(puk(options, true));
  TRY(store->administration->set_device_pin(pin, new_puk));
  return report(context, "set", "The device has a PIN and a PUK");
}

Result<> change(const Options& options, const Context& context) {
  const auto store = TRY(open_key_store(options.store));
  const SecretBytes pin = TRY(present_pin(options));
  const SecretBytes next = TRY(new_pin(options));
  auto done = store->administration->change_device_pin(pin, next);
  if (!done) return Failure(explained(*store->administration, std::move(done.error()), false));
  return report(context, "change", "The device has a new PIN");
}

Result<> unlock(const Options& options, const Context& context) {
  const auto store = TRY(open_key_store(options.store));
  const SecretBytes value = TRY(puk(options, false));
  auto done = store->administration->unlock_device_pin(value);
  if (!done) return Failure(explained(*store->administration, std::move(done.error()), true));
  return report(context, "unlock", "The PIN of the device is unlocked");
}

Result<> status(const Options& options, const Context& context) {
  const auto store = TRY(open_key_store(options.store));
  const sks::DevicePinStatus now = TRY(store->administration->device_pin_status());
  const unsigned pin_left = left(now.pin_retry_limit, now.pin_errors);
  const unsigned puk_left = left(now.puk_retry_limit, now.puk_errors);
  if (context.json) {
    json::object object{{"set", now.is_set}};
    if (now.is_set) {
      object["pin_attempts_left"] = pin_left;
      object["puk_attempts_left"] = puk_left;
    }
    context.print_json(object);
  } else if (!now.is_set) {
    context.out << "The device has no PIN\n";
  } else {
    context.out << "PIN  " << pin_left << " of " << now.pin_retry_limit << " attempts left\n"
                << "PUK  " << puk_left << " of " << now.puk_retry_limit << " attempts left\n";
  }
  return {};
}

}  // namespace

void add_device_pin(CLI::App& device, Context& context) {
  CLI::App& group = add_group(device, "pin", "Set, change and unlock the PIN of the device");
  const auto add = [&](const std::string& name, const std::string& description, Result<> (*action)(const Options&, const Context&)) {
    const auto options = std::make_shared<Options>();
    CLI::App& command = add_command(group, context, name, description, "airtight device pin " + name + " --store ./card", Secrets::kHandled,
                                    [options, &context, action] { return action(*options, context); });
    add_store_option(command, options->store);
    return std::pair(&command, options);
  };
  constexpr const char* kInsteadOfAsking = ", instead of asking for it";
  const auto [set_command, to_set] = add("set", "Give a device that has none a PIN and its PUK", set);
  set_command->add_option("--new-pin-file", to_set->new_pin_file, std::string("A file (0600) with the PIN") + kInsteadOfAsking)
      ->type_name("FILE");
  set_command->add_option("--puk-file", to_set->puk_file, std::string("A file (0600) with the PUK") + kInsteadOfAsking)->type_name("FILE");
  const auto [change_command, to_change] = add("change", "Change the PIN", change);
  change_command->add_option("--pin-file", to_change->pin_file, std::string("A file (0600) with the PIN") + kInsteadOfAsking)
      ->type_name("FILE");
  change_command->add_option("--new-pin-file", to_change->new_pin_file, std::string("A file (0600) with the new PIN") + kInsteadOfAsking)
      ->type_name("FILE");
  const auto [unlock_command, to_unlock] = add("unlock", "Unlock the PIN by its PUK", unlock);
  unlock_command->add_option("--puk-file", to_unlock->puk_file, std::string("A file (0600) with the PUK") + kInsteadOfAsking)
      ->type_name("FILE");
  add("status", "Show whether there is a PIN, and how many attempts are left", status);
}

}  // namespace airtight::cli
