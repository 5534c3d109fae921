// airtight device serve: the process that owns a key store and answers its callers.
#include <memory>
#include <string>
#include <vector>

#include "cli/device_commands.h"
#include "cli/terminal.h"
#include "crypto/random.h"
#include "device/accounts.h"
#include "device/daemon.h"

namespace airtight::cli {
namespace {

namespace json = boost::json;

struct Options {
  std::string store;
  std::string socket;
  std::string approve_command;
  std::string user;
  std::string group;
  std::vector<std::string> allowed_users;
  std::vector<std::string> allowed_groups;
};

Result<> serve(const Options& options, const Context& context) {
  device::DaemonOptions daemon{
      .folder = options.store, .socket = options.socket, .peers = {}, .limits = {}, .approve_command = options.approve_command};
  for (const std::string& name : options.allowed_users) daemon.peers.users.push_back(TRY(device::user_called(name)));
  for (const std::string& name : options.allowed_groups) daemon.peers.groups.push_back(TRY(device::group_called(name)));
  TRY(device::become(options.user, options.group, options.store));
  const SystemClock clock;
  crypto::SystemRandom random;
  const Log log = context.log();
  const auto ready = [&context](const std::filesystem::path& socket) {
    if (context.json) {
      context.print_json(json::object{{"listening", socket.native()}});
    } else {
      context.out << "listening " << socket.native() << '\n' << std::flush;
    }
  };
  const sealing::PassphrasePrompt prompt = passphrase_on_terminal("the key store " + options.store);
  return device::serve(daemon, {.prompt = prompt, .clock = clock, .random = random, .log = log, .ready = ready});
}

}  // namespace

void add_device_serve(CLI::App& device, Context& context) {
  const auto options = std::make_shared<Options>();
  CLI::App& command = add_command(device, context, "serve", "Own a key store and answer its callers on a socket, until SIGTERM",
                                  "airtight device serve --store ./card\n"
                                  "airtight device serve --store /var/lib/airtight/card --socket /run/airtight/card.sock --allow-group web",
                                  Secrets::kHandled, [options, &context] { return serve(*options, context); });
  add_store_option(command, options->store);
  command.add_option("--socket", options->socket, "Where to listen (default: sks.sock in the store's folder)")->type_name("PATH");
  command.add_option("--allow-user", options->allowed_users, "Let this user call too; may be repeated")->type_name("USER");
  command.add_option("--allow-group", options->allowed_groups, "Let the members of this group call too; may be repeated")
      ->type_name("GROUP");
  command
      .add_option("--approve-command", options->approve_command,
                  "Run this by /bin/sh to ask whether a key with biometric protection may be used")
      ->type_name("CMD");
  command.add_option("--user", options->user, "Become this user before anything else (as root)")->type_name("USER");
  command.add_option("--group", options->group, "Become a member of this group alone beside the user's own (as root)")->type_name("GROUP");
}

}  // namespace airtight::cli
