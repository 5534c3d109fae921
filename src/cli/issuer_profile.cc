// airtight issuer profile: looks at the profiles of issuer.toml before anybody enrols with them.
#include <algorithm>
#include <filesystem>
#include <iterator>
#include <memory>
#include <string>

#include "ca/rollover.h"
#include "cli/commands.h"
#include "cli/issuer_commands.h"
#include "cli/issuer_folder.h"
#include "issuer/configuration.h"
#include "issuer/explanation.h"

namespace airtight::cli {
namespace {

namespace json = boost::json;

struct ProfileArguments {
  std::string folder;
  std::string name;
};

Result<std::vector<const issuer::Profile*>> chosen(const issuer::Configuration& configuration, const std::string& name) {
  std::vector<const issuer::Profile*> out;
  if (!name.empty()) {
    out.push_back(TRY(configuration.find_profile(name)));
    return out;
  }
  for (const issuer::Profile& profile : configuration.profiles) out.push_back(&profile);
  return out;
}

// What the profiles meet in the folder; nothing is known where no issuer was made yet.
struct Surroundings {
  std::optional<Instant> ca_end;    // of the CA that issues at the moment
  std::vector<std::string> unread;  // profiles that no server has read as they are now
};
Result<Surroundings> look_around(const std::string& folder) {
  Surroundings found;
  std::error_code fault;
  if (!std::filesystem::exists(std::filesystem::path(folder) / "issuer.db", fault)) return found;
  const auto open = TRY(open_issuer(folder));
  found.unread = TRY(open->issuer->unread_profiles());
  const auto database = TRY(open->issuer->database());
  for (const ca::AuthorityKey& key : TRY(ca::list_keys(*database))) {
    if (key.active && key.role == "issuing") found.ca_end = key.certificate.not_after();
  }
  return found;
}

bool is_among(const std::vector<std::string>& names, const std::string& name) { return std::ranges::find(names, name) != names.end(); }

Result<> check(const ProfileArguments& arguments, const Context& context) {
  const issuer::Configuration configuration = TRY(issuer::read_configuration(arguments.folder));
  const Surroundings around = TRY(look_around(arguments.folder));
  json::array array;
  for (const issuer::Profile* profile : TRY(chosen(configuration, arguments.name))) {
    std::vector<std::string> warnings = issuer::warnings_of(*profile);
    if (around.ca_end)
      std::ranges::move(issuer::warnings_about_end(*profile, *around.ca_end, SystemClock().now()), std::back_inserter(warnings));
    if (context.json) {
      array.emplace_back(json::object{{"profile", profile->name},
                                      {"warnings", json::value_from(warnings)},
                                      {"changed_since_read", is_among(around.unread, profile->name)}});
      continue;
    }
    context.out << profile->name << ": good\n";
    for (const std::string& warning : warnings) context.out << "   note: " << warning << '\n';
    if (is_among(around.unread, profile->name))
      context.out << "   no server has read it as it is now: send SIGHUP to the one that runs, or start one\n";
  }
  if (context.json) context.print_json(json::object{{"profiles", std::move(array)}});
  return {};
}

Result<> explain(const ProfileArguments& arguments, const Context& context) {
  const issuer::Configuration configuration = TRY(issuer::read_configuration(arguments.folder));
  const issuer::Profile* profile = TRY(configuration.find_profile(arguments.name));
  if (context.json) {
    context.print_json(issuer::explain_as_json(*profile));
    return {};
  }
  for (const std::string& line : issuer::explain(*profile)) context.out << line << '\n';
  return {};
}

}  // namespace

void add_issuer_profile(CLI::App& issuer_group, Context& context) {
  CLI::App& group = add_group(issuer_group, "profile", "Look at the profiles of issuer.toml");
  const auto to_check = std::make_shared<ProfileArguments>();
  CLI::App& checking =
      add_command(group, context, "check", "Check the configuration, with the line and column of what is wrong",
                  "airtight issuer profile check ./issuer", Secrets::kNone, [to_check, &context] { return check(*to_check, context); });
  add_issuer_folder(checking, to_check->folder);
  checking.add_option("NAME", to_check->name, "The profile; without it all");
  const auto to_explain = std::make_shared<ProfileArguments>();
  CLI::App& explaining = add_command(group, context, "explain", "Say what a device is asked for and what it gets",
                                     "airtight issuer profile explain ./issuer default", Secrets::kNone,
                                     [to_explain, &context] { return explain(*to_explain, context); });
  add_issuer_folder(explaining, to_explain->folder);
  explaining.add_option("NAME", to_explain->name, "The profile")->required();
}

}  // namespace airtight::cli
