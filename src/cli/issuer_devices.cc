// airtight issuer devices: the devices that are registered before they enrol.
#include <filesystem>
#include <memory>
#include <string>

#include "agent/printable.h"
#include "base/encoding.h"
#include "cli/issuer_commands.h"
#include "cli/issuer_folder.h"
#include "cli/operator_name.h"
#include "provenance/verdict.h"
#include "storage/files.h"

namespace airtight::cli {
namespace {

namespace json = boost::json;

constexpr std::size_t kLargestList = 16U << 20;
constexpr std::size_t kLargestPemFile = 256U << 10;

struct Arguments {
  std::string folder;
  std::string what;
  std::string profile = "default";
  std::string subject;
};

json::object as_json(const issuer::ListedDevice& device) {
  return {{"device_id", device.device_id},
          {"profile", device.profile},
          {"subject", text_or_null(device.subject)},
          {"fingerprint", text_or_null(hex_encode(device.fingerprint))},
          {"added", format_time(device.added_at)}};
}

Result<> add(const Arguments& arguments, const Context& context) {
  const auto open = TRY(open_issuer(arguments.folder));
  std::string device = arguments.what;
  if (!provenance::is_device_id(device) && std::filesystem::exists(device))
    device = to_text(TRY(storage::read_file(arguments.what, kLargestPemFile)));
  const issuer::ListedDevice added = TRY(open->issuer->add_device(arguments.profile, device, arguments.subject, operator_name()));
  if (context.json) {
    context.print_json(as_json(added));
  } else {
    context.out << added.device_id << " may enrol with the profile " << added.profile << '\n';
  }
  return {};
}

Result<> import(const Arguments& arguments, const Context& context) {
  const auto open = TRY(open_issuer(arguments.folder));
  const Bytes csv = TRY(storage::read_file(arguments.what, kLargestList));
  const std::filesystem::path folder = std::filesystem::path(arguments.what).parent_path();
  const Result<std::size_t> count = open->issuer->import_devices(arguments.profile, text_of(csv), folder, operator_name());
  if (!count) {
    Error error = count.error();
    return Failure(std::move(error).in(arguments.what));
  }
  if (context.json) {
    context.print_json(json::object{{"imported", *count}});
  } else {
    context.out << *count << " devices may enrol with the profile " << arguments.profile << '\n';
  }
  return {};
}

Result<> list(const Arguments& arguments, const Context& context) {
  const auto open = TRY(open_issuer(arguments.folder));
  const std::vector<issuer::ListedDevice> devices = TRY(open->issuer->devices());
  if (context.json) {
    json::array array;
    for (const issuer::ListedDevice& device : devices) array.push_back(as_json(device));
    context.print_json(json::object{{"devices", std::move(array)}});
    return {};
  }
  if (devices.empty()) context.out << "No device is registered\n";
  for (const issuer::ListedDevice& device : devices) {
    context.out << device.device_id << "  " << device.profile << "  "
                << (device.subject.empty() ? "the profile's subject" : agent::printable(device.subject)) << '\n';
  }
  return {};
}

Result<> remove(const Arguments& arguments, const Context& context) {
  const auto open = TRY(open_issuer(arguments.folder));
  TRY(open->issuer->remove_device(arguments.profile, arguments.what, operator_name()));
  if (context.json) {
    context.print_json(json::object{{"removed", arguments.what}});
  } else {
    context.out << arguments.what << " does not enrol with the profile " << arguments.profile << " any more\n";
  }
  return {};
}

void add_folder_and_profile(CLI::App& command, Arguments& arguments) {
  add_issuer_folder(command, arguments.folder);
  command.add_option("--profile", arguments.profile, "The profile of issuer.toml (default default)")->type_name("NAME");
}

}  // namespace

void add_issuer_devices(CLI::App& issuer_group, Context& context) {
  CLI::App& group = add_group(issuer_group, "devices", "Register devices before they enrol");

  const auto to_add = std::make_shared<Arguments>();
  CLI::App& adding = add_command(group, context, "add", "Register a device for somebody",
                                 "airtight issuer devices add ./issuer ABCD-EFGH-IJKL-MNOP-Q --profile staff --subject 'CN=Jane Doe,C=SE'\n"
                                 "airtight issuer devices add ./issuer card.pem --profile staff --subject 'CN=Jane Doe,C=SE'",
                                 Secrets::kNone, [to_add, &context] { return add(*to_add, context); });
  add_folder_and_profile(adding, *to_add);
  adding.add_option("DEVICE", to_add->what, "Its device ID, or the file of its certificate (PEM)")->required();
  adding.add_option("--subject", to_add->subject, "Whom its certificates name, instead of the profile's subject")->type_name("DN");

  const auto to_import = std::make_shared<Arguments>();
  CLI::App& importing = add_command(group, context, "import", "Register devices from a file: DEVICE,\"SUBJECT\" in each line; all or none",
                                    "airtight issuer devices import ./issuer purchased.csv --profile staff", Secrets::kNone,
                                    [to_import, &context] { return import(*to_import, context); });
  add_folder_and_profile(importing, *to_import);
  importing.add_option("FILE", to_import->what, "CSV; DEVICE is a device ID, or a file (PEM) relative to this one")->required();

  const auto to_list = std::make_shared<Arguments>();
  CLI::App& listing = add_command(group, context, "list", "List the devices that are registered", "airtight issuer devices list ./issuer",
                                  Secrets::kNone, [to_list, &context] { return list(*to_list, context); });
  add_issuer_folder(listing, to_list->folder);

  const auto to_remove = std::make_shared<Arguments>();
  CLI::App& removing = add_command(group, context, "remove", "Register a device no more; what it has stays valid",
                                   "airtight issuer devices remove ./issuer ABCD-EFGH-IJKL-MNOP-Q --profile staff", Secrets::kNone,
                                   [to_remove, &context] { return remove(*to_remove, context); });
  add_folder_and_profile(removing, *to_remove);
  removing.add_option("DEVICE", to_remove->what, "Its device ID")->required();
}

}  // namespace airtight::cli
