// airtight keys otp: one-time passwords.
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "agent/one_time_password.h"
#include "cli/key_options.h"
#include "cli/key_store.h"
#include "device/turn.h"

namespace airtight::cli {
namespace {

namespace json = boost::json;

struct OtpOptions {
  std::string store;
  std::string key;
  std::string pin_file;
  std::string time;
  std::uint32_t wait = 30;  // seconds
};

void print(const Context& context, const agent::KeyEntry& key, const agent::OneTimePassword& password) {
  if (!context.json) {
    context.out << password.digits << '\n' << std::flush;
    return;
  }
  json::object object{{"key", key.handle}, {"otp", json_text(password.digits)}, {"algorithm", json_text(password.algorithm)}};
  if (const auto* totp = std::get_if<otp::Totp>(&password.parameters)) {
    object["type"] = "totp";
    object["time_step"] = password.factor;
    object["valid_until"] = format_time(otp::end_of(*totp, password.factor));
  } else {
    object["type"] = "hotp";
    object["counter"] = password.factor;
  }
  context.print_json(object);
}

Result<> otp(const OtpOptions& options, const Context& context) {
  const auto take_turn = [&] { return device::Turn::take(options.store, std::chrono::seconds(options.wait)); };
  // Kept until the store is closed, so that the next one finds it free.
  std::optional<device::Turn> turn = TRY(take_turn());
  const auto store = TRY(open_key_store(options.store));
  const agent::KeyEntry key = TRY(agent::find_key(*store->channel, options.key, store->administration.get()));
  const std::string_view bag = TRY(agent::otp_bag_of(key));
  std::optional<Instant> time;
  if (!options.time.empty()) time = TRY(parse_time(options.time));
  if (time && bag != otp::kTotpType) {
    return fail(Fault::kBadInput, "the passwords of key " + std::to_string(key.handle) + " do not depend on the time", "leave out --time");
  }
  if (options.pin_file.empty()) turn.reset();  // a person takes his time
  const SecretBytes pin = TRY(pin_for(key, options.pin_file));
  if (!turn) turn = TRY(take_turn());
  const Instant now = time.value_or(store->clock.now());
  const agent::OneTimePassword password = TRY(agent::next_one_time_password(*store->channel, key, pin, now));
  print(context, key, password);
  return {};
}

}  // namespace

void add_key_otp(CLI::App& keys, Context& context) {
  const auto options = std::make_shared<OtpOptions>();
  CLI::App& command = add_command(keys, context, "otp", "Show the next one-time password of a key (HOTP, TOTP)",
                                  "airtight keys otp --store ./card Key.1\n"
                                  "airtight keys otp --store ./card Key.2 --time 2033-05-18T03:33:20Z",
                                  Secrets::kHandled, [options, &context] { return otp(*options, context); });
  add_store_option(command, options->store);
  add_key_argument(command, options->key);
  add_pin_file_option(command, options->pin_file);
  command.add_option("--time", options->time, "TOTP: the password of this time instead of now, as 2010-03-18T11:23:29Z")->type_name("WHEN");
  add_number(command, "--wait", options->wait, 0, 3600, "How long to wait while another program takes a password (default 30)")
      ->type_name("SECONDS");
}

}  // namespace airtight::cli
