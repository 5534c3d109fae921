// airtight issuer seeds: the seeds of one-time passwords that an issuer hands out, imported or made, and exported for servers that check
// passwords.
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "agent/printable.h"
#include "cli/command.h"
#include "cli/issuer_commands.h"
#include "cli/issuer_folder.h"
#include "cli/operator_name.h"
#include "cli/pin_file.h"
#include "issuer/seeds.h"
#include "storage/files.h"

namespace airtight::cli {
namespace {

namespace json = boost::json;

constexpr std::size_t kMaxContainer = 16U << 20;

struct SeedsArguments {
  std::string folder;
  std::string pool;
  std::string file;
  std::string key_file;
  std::string passphrase_file;
  bool plain = false;
  std::vector<std::string> names;
};

struct GenerateArguments {
  std::string folder;
  std::string pool;
  std::uint32_t count = 0;
  bool totp = false;
  crypto::Digest digest = crypto::Digest::kSha1;
  unsigned digits = otp::kFewestDigits;
  std::uint32_t period = otp::Totp().period;
};

// What opens a container, or will, out of files that nobody else can read.
Result<otp::PskcOpener> opener_from(const SeedsArguments& arguments) {
  if (!arguments.key_file.empty())
    return otp::PskcOpener(otp::PreSharedKey{TRY(pin_from_file(arguments.key_file, PassphraseFormat::kBinary))});
  if (!arguments.passphrase_file.empty())
    return otp::PskcOpener(otp::Passphrase{TRY(pin_from_file(arguments.passphrase_file, PassphraseFormat::kString))});
  return otp::PskcOpener();
}

json::array names_as_json(const std::vector<std::string>& names) {
  json::array array;
  for (const std::string& name : names) array.emplace_back(name);
  return array;
}

Result<> import(const SeedsArguments& arguments, Context& context) {
  const otp::PskcOpener opener = TRY(opener_from(arguments));
  const Bytes container = TRY(storage::read_file(arguments.file, kMaxContainer));
  const auto open = TRY(open_issuer(arguments.folder));
  const issuer::SeedImport done =
      TRY(issuer::import_seeds(*open->issuer, arguments.pool, container, opener, operator_name(), prompt_for_issuer(arguments.folder)));
  context.refused = !done.refused.empty();
  if (context.json) {
    json::array refused;
    for (const otp::RefusedKey& key : done.refused) refused.emplace_back(json::object{{"name", key.id}, {"reason", key.reason}});
    context.print_json(json::object{{"pool", arguments.pool}, {"imported", names_as_json(done.names)}, {"refused", std::move(refused)}});
    return {};
  }
  context.out << done.names.size() << (done.names.size() == 1 ? " seed is" : " seeds are") << " new in the pool " << arguments.pool << '\n';
  for (const otp::RefusedKey& key : done.refused)
    context.err << "Not imported: " << agent::printable(key.id) << ", because " << agent::printable(key.reason) << '\n';
  return {};
}

Result<> generate(const GenerateArguments& arguments, const Context& context) {
  issuer::SeedPlan plan{
      .count = arguments.count, .parameters = otp::Hotp{.counter = 0, .digits = arguments.digits}, .digest = arguments.digest};
  if (arguments.totp) plan.parameters = otp::Totp{.digits = arguments.digits, .period = arguments.period};
  const auto open = TRY(open_issuer(arguments.folder));
  const std::vector<std::string> names =
      TRY(issuer::generate_seeds(*open->issuer, arguments.pool, plan, operator_name(), prompt_for_issuer(arguments.folder)));
  if (context.json) {
    context.print_json(json::object{{"pool", arguments.pool}, {"generated", names_as_json(names)}});
  } else {
    context.out << names.size() << (names.size() == 1 ? " seed is" : " seeds are") << " new in the pool " << arguments.pool << '\n';
  }
  return {};
}

// Refused before anything is on record as exported. That nothing is ever replaced is write_new_file()'s part.
Result<> require_no_file(const std::string& path) {
  std::error_code fault;
  if (std::filesystem::exists(std::filesystem::symlink_status(path, fault)))
    return fail(Fault::kRefused, "there is a file " + path + " already", "name another, or remove it first");
  return {};
}

Result<> export_to_file(const SeedsArguments& arguments, const Context& context) {
  TRY(require_no_file(arguments.file));
  const otp::PskcOpener opener = TRY(opener_from(arguments));
  const auto open = TRY(open_issuer(arguments.folder));
  const issuer::SeedExport done = TRY(
      issuer::export_seeds(*open->issuer, arguments.pool, arguments.names, opener, operator_name(), prompt_for_issuer(arguments.folder)));
  TRY(storage::write_new_file(arguments.file, done.container.expose_secret(), storage::FileMode::kPrivate));
  if (context.json) {
    context.print_json(json::object{
        {"pool", arguments.pool}, {"exported", names_as_json(done.names)}, {"file", arguments.file}, {"encrypted", !arguments.plain}});
    return {};
  }
  context.out << done.names.size() << (done.names.size() == 1 ? " seed" : " seeds") << " of the pool " << arguments.pool
              << (done.names.size() == 1 ? " is in " : " are in ") << arguments.file << '\n';
  if (arguments.plain) context.err << "The seeds stand in the clear there: remove the file when the server has them\n";
  return {};
}

std::string_view kind_of(const issuer::SeedDescription& seed) {
  if (!seed.parameters) return "symmetric";
  return std::holds_alternative<otp::Hotp>(*seed.parameters) ? "hotp" : "totp";
}

json::value time_or_null(const std::optional<Instant>& time) { return time ? json::value(format_time(*time)) : json::value(nullptr); }

json::object seed_as_json(const issuer::SeedSummary& summary) {
  const issuer::SeedDescription& seed = summary.description;
  json::object properties;
  for (const auto& [name, value] : seed.properties) properties[name] = value;
  json::value pin(nullptr);
  if (seed.pin_policy) {
    const auto number = [](const std::optional<std::uint32_t>& one) { return one ? json::value(*one) : json::value(nullptr); };
    pin = json::object{{"format", json_text(name_of(seed.pin_policy->format))},
                       {"max_failed_attempts", number(seed.pin_policy->max_failed_attempts)},
                       {"min_length", number(seed.pin_policy->min_length)},
                       {"max_length", number(seed.pin_policy->max_length)}};
  }
  return {{"pool", seed.pool},
          {"name", seed.name},
          {"type", json_text(kind_of(seed))},
          {"algorithm", text_or_null(seed.algorithm)},
          {"properties", std::move(properties)},
          {"not_before", time_or_null(seed.not_before)},
          {"not_after", time_or_null(seed.not_after)},
          {"pin_policy", std::move(pin)},
          {"imported", format_time(summary.created_at)},
          {"serial", text_or_null(summary.serial)},
          {"subject", text_or_null(summary.subject)}};
}

void print_seed(const issuer::SeedSummary& summary, const Context& context) {
  const issuer::SeedDescription& seed = summary.description;
  context.out << agent::printable(seed.name) << "  " << kind_of(seed) << ", pool " << agent::printable(seed.pool) << ", "
              << (summary.serial.empty() ? "waits" : "issued with the certificate " + summary.serial) << '\n';
  if (const auto user = seed.properties.find("user"); user != seed.properties.end())
    context.out << "   for      " << agent::printable(user->second) << '\n';
  if (seed.not_before) context.out << "   from     " << format_time(*seed.not_before) << '\n';
  if (seed.not_after) context.out << "   until    " << format_time(*seed.not_after) << '\n';
  if (seed.pin_policy) {
    context.out << "   PIN      " << name_of(seed.pin_policy->format);
    if (seed.pin_policy->min_length) context.out << ", at least " << *seed.pin_policy->min_length << " long";
    if (seed.pin_policy->max_length) context.out << ", at most " << *seed.pin_policy->max_length << " long";
    if (seed.pin_policy->max_failed_attempts) context.out << ", locked after " << *seed.pin_policy->max_failed_attempts << " errors";
    context.out << '\n';
  }
}

Result<> list(const SeedsArguments& arguments, const Context& context) {
  const auto open = TRY(open_issuer(arguments.folder));
  const auto database = TRY(open->issuer->database());
  const std::vector<issuer::SeedSummary> seeds = TRY(issuer::list_seeds(*database, arguments.pool));
  if (context.json) {
    json::array array;
    for (const issuer::SeedSummary& seed : seeds) array.emplace_back(seed_as_json(seed));
    context.print_json(json::object{{"seeds", std::move(array)}});
    return {};
  }
  if (seeds.empty()) context.out << "There are no seeds" << (arguments.pool.empty() ? "" : " in the pool " + arguments.pool) << '\n';
  for (const issuer::SeedSummary& seed : seeds) print_seed(seed, context);
  return {};
}

Result<> remove(const SeedsArguments& arguments, const Context& context) {
  const auto open = TRY(open_issuer(arguments.folder));
  TRY(issuer::remove_seeds(*open->issuer, arguments.pool, arguments.names, operator_name()));
  if (context.json) {
    context.print_json(json::object{{"pool", arguments.pool}, {"removed", names_as_json(arguments.names)}});
  } else {
    context.out << "Removed from the pool " << arguments.pool << '\n';
  }
  return {};
}

CLI::Option* add_pool(CLI::App& command, std::string& pool) {
  return command.add_option("--pool", pool, "The pool, which a profile's symmetric_key names as its seeds")->type_name("NAME");
}

void add_import(CLI::App& group, Context& context) {
  const auto arguments = std::make_shared<SeedsArguments>();
  CLI::App& command = add_command(group, context, "import", "Put the seeds of a key container (PSKC, RFC 6030) into a pool: all, or none",
                                  "airtight issuer seeds import ./issuer tokens.pskc --pool tokens --passphrase-file delivery.txt",
                                  Secrets::kHandled, [arguments, &context] { return import(*arguments, context); });
  add_issuer_folder(command, arguments->folder);
  command.add_option("FILE", arguments->file, "The container")->required();
  add_pool(command, arguments->pool)->required();
  CLI::Option* const key =
      command.add_option("--key-file", arguments->key_file, "A file (0600) with the container's AES key in hex")->type_name("FILE");
  command.add_option("--passphrase-file", arguments->passphrase_file, "A file (0600) with the container's passphrase")
      ->type_name("FILE")
      ->excludes(key);
}

void add_generate(CLI::App& group, Context& context) {
  const auto arguments = std::make_shared<GenerateArguments>();
  CLI::App& command = add_command(group, context, "generate", "Put random seeds into a pool",
                                  "airtight issuer seeds generate ./issuer --pool tokens --count 100 --type totp --digits 8",
                                  Secrets::kHandled, [arguments, &context] { return generate(*arguments, context); });
  add_issuer_folder(command, arguments->folder);
  add_pool(command, arguments->pool)->required();
  command.add_option("--count", arguments->count, "How many")->required()->type_name("NUMBER");
  add_choice<bool>(command, "--type", arguments->totp, {{"hotp", false}, {"totp", true}}, "What they are for (default hotp)");
  add_choice<crypto::Digest>(command, "--algorithm", arguments->digest,
                             {{"hmac-sha1", crypto::Digest::kSha1}, {"hmac-sha256", crypto::Digest::kSha256}},
                             "Of their HMAC (default hmac-sha1)");
  command.add_option("--digits", arguments->digits, "Of their passwords, 6 to 10 (default 6)")->type_name("NUMBER");
  command.add_option("--period", arguments->period, "Seconds that a time-based password lasts (default 30)")->type_name("NUMBER");
}

void add_export(CLI::App& group, Context& context) {
  const auto arguments = std::make_shared<SeedsArguments>();
  CLI::App& command =
      add_command(group, context, "export",
                  "Write seeds into a key container (PSKC, RFC 6030), for a server that checks their passwords; it goes on record",
                  "airtight issuer seeds export ./issuer server.pskc --pool tokens --key-file server-key\n"
                  "airtight issuer seeds export ./issuer one.pskc 12345678 --pool tokens --passphrase-file delivery.txt",
                  Secrets::kHandled, [arguments, &context] { return export_to_file(*arguments, context); });
  add_issuer_folder(command, arguments->folder);
  command.add_option("FILE", arguments->file, "The container, a new file (0600)")->required();
  command.add_option("NAME", arguments->names, "Their names, as 'issuer seeds list' shows them; without any, all of the pool");
  add_pool(command, arguments->pool)->required();
  CLI::Option_group* const protection = command.add_option_group("protection", "How the container is protected");
  protection
      ->add_option("--key-file", arguments->key_file, "A file (0600) with the AES key that the server has too, 16, 24 or 32 bytes in hex")
      ->type_name("FILE");
  protection->add_option("--passphrase-file", arguments->passphrase_file, "A file (0600) with a passphrase of 8 bytes at least")
      ->type_name("FILE");
  protection->add_flag("--plain", arguments->plain, "In the clear, for a server that reads no encrypted containers");
  protection->require_option(1);
}

}  // namespace

void add_issuer_seeds(CLI::App& issuer_group, Context& context) {
  CLI::App& group = add_group(issuer_group, "seeds", "Look after the seeds of one-time passwords that are issued");
  add_import(group, context);
  add_generate(group, context);
  add_export(group, context);
  const auto to_list = std::make_shared<SeedsArguments>();
  CLI::App& listing = add_command(group, context, "list", "List the seeds, those that wait and those that were issued",
                                  "airtight issuer seeds list ./issuer --pool tokens", Secrets::kNone,
                                  [to_list, &context] { return list(*to_list, context); });
  add_issuer_folder(listing, to_list->folder);
  add_pool(listing, to_list->pool);
  const auto to_remove = std::make_shared<SeedsArguments>();
  CLI::App& removing = add_command(group, context, "remove", "Remove seeds that were not issued yet: all that are named, or none",
                                   "airtight issuer seeds remove ./issuer --pool tokens 12345678", Secrets::kNone,
                                   [to_remove, &context] { return remove(*to_remove, context); });
  add_issuer_folder(removing, to_remove->folder);
  removing.add_option("NAME", to_remove->names, "Their names, as 'issuer seeds list' shows them")->required();
  add_pool(removing, to_remove->pool)->required();
}

}  // namespace airtight::cli
