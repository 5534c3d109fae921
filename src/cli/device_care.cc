// airtight device verify, status, backup, restore: the health of a key store, whether its daemon has it or this process.
#include <memory>
#include <string>

#include "cli/device_commands.h"
#include "cli/key_store.h"
#include "cli/terminal.h"
#include "crypto/random.h"
#include "device/store_folder.h"

namespace airtight::cli {
namespace {

namespace json = boost::json;

// device verify

Result<> verify(const std::string& folder, Context& context) {
  const auto store = TRY(open_key_store(folder));
  const sks::VerifyReport report = TRY(store->administration->verify());
  context.refused = !report.findings.empty();
  if (context.json) {
    json::array findings;
    for (const sks::Finding& finding : report.findings) {
      findings.push_back(json::object{{"id", finding.id}, {"subject", finding.subject}, {"text", finding.text}});
    }
    context.print_json(json::object{{"whole", report.findings.empty()},
                                    {"sessions", report.sessions},
                                    {"keys", report.keys},
                                    {"records", report.records},
                                    {"findings", std::move(findings)}});
    return {};
  }
  for (const sks::Finding& finding : report.findings) context.out << finding.subject << ": " << finding.text << " (" << finding.id << ")\n";
  context.out << (report.findings.empty() ? "The key store is whole: " : "The key store is damaged: ") << report.records
              << " sealed records read, of " << report.sessions << " sessions and " << report.keys << " keys\n";
  return {};
}

void add_verify(CLI::App& device, Context& context) {
  const auto store = std::make_shared<std::string>();
  CLI::App& command =
      add_command(device, context, "verify", "Read all of a key store and say what is wrong with it",
                  "airtight device verify --store ./card", Secrets::kHandled, [store, &context] { return verify(*store, context); });
  add_store_option(command, *store);
}

// device status

Result<> show_status(const std::string& folder, const Context& context) {
  const auto store = TRY(open_key_store(folder));
  const device::ServiceStatus status = TRY(store->administration->status());
  const bool served = status.process != 0;
  if (context.json) {
    json::object object{{"seal", status.seal}, {"served", served}};
    if (served) {
      object["pid"] = status.process;
      object["connections"] = status.counts.connections;
      object["accepted"] = status.counts.accepted;
      object["refused"] = status.counts.refused;
      object["closed_idle"] = status.counts.closed_idle;
      object["requests"] = status.counts.requests;
    }
    context.print_json(object);
    return {};
  }
  context.out << "Seal         " << status.seal << '\n';
  if (!served) {
    context.out << "Daemon       none\n";
    return {};
  }
  context.out << "Daemon       process " << status.process << '\n'
              << "Connections  " << status.counts.connections << " now, " << status.counts.accepted << " so far, " << status.counts.refused
              << " refused, " << status.counts.closed_idle << " closed to make room\n"
              << "Requests     " << status.counts.requests << '\n';
  return {};
}

void add_status(CLI::App& device, Context& context) {
  const auto store = std::make_shared<std::string>();
  CLI::App& command =
      add_command(device, context, "status", "Show what opens a key store, whether a daemon has it, and what that has done",
                  "airtight device status --store ./card", Secrets::kHandled, [store, &context] { return show_status(*store, context); });
  add_store_option(command, *store);
}

// device backup, device restore

struct CopyOptions {
  std::string store;
  std::string file;
  bool lost = false;
  bool yes = false;
};

Result<> back_up(const CopyOptions& options, const Context& context) {
  const auto store = TRY(open_key_store(options.store));
  TRY(store->administration->back_up(options.file));
  if (context.json) {
    context.print_json(json::object{{"store", options.store}, {"file", options.file}});
  } else {
    context.out << "A copy of the key store is in " << options.file << "; it opens with the store's seal alone\n";
  }
  return {};
}

void add_backup(CLI::App& device, Context& context) {
  const auto options = std::make_shared<CopyOptions>();
  CLI::App& command = add_command(device, context, "backup", "Copy a key store to a new file while it is in use",
                                  "airtight device backup --store ./card --out card.backup", Secrets::kHandled,
                                  [options, &context] { return back_up(*options, context); });
  add_store_option(command, options->store);
  command.add_option("--out", options->file, "The file (0600); never one that is there")->required()->type_name("FILE");
}

Result<> restore(const CopyOptions& options, const Context& context) {
  if (!options.yes) {
    Result<Terminal> terminal = Terminal::open();
    if (!terminal) return Failure(std::move(terminal.error()).with_hint("say yes beforehand with --yes"));
    if (!TRY(terminal->ask_yes_or_no("Replace the key store " + options.store + " by the copy " + options.file + "?"))) {
      return fail(Fault::kRefused, "nothing was done");
    }
  }
  const SystemClock clock;
  crypto::SystemRandom random;
  sks::SleepingPause pause;
  const auto present = options.lost ? device::PresentStore::kLost : device::PresentStore::kWhole;
  Result<device::Restoration> restored = device::restore_device(
      options.store, options.file, present, passphrase_on_terminal("the key store " + options.store), sks::Platform{clock, random, pause});
  if (!restored) return Failure(std::move(restored.error()).in("restoring the key store"));
  const sks::RestoreReport& report = restored->report;
  if (context.json) {
    json::object out{{"store", options.store},
                     {"sessions", report.sessions},
                     {"keys", report.keys},
                     {"open_sessions_dropped", report.open_sessions_dropped},
                     {"locked", report.locked}};
    if (restored->lost_anchor) out["lost_anchor"] = error_as_json(*restored->lost_anchor);
    context.print_json(out);
    return {};
  }
  context.out << "The key store " << options.store << " is restored: " << report.sessions << " sessions, " << report.keys << " keys\n";
  if (report.open_sessions_dropped > 0) context.out << report.open_sessions_dropped << " sessions that were open are gone\n";
  if (report.locked > 0) context.out << report.locked << " PINs and PUKs are locked: how often they had been tried is not known\n";
  if (restored->lost_anchor) {
    context.err << "airtight: the key store is anchored no more: " << restored->lost_anchor->message << '\n'
                << "hint: 'airtight device anchor --store " << options.store << " --anchor KIND' anchors it again\n";
  }
  return {};
}

void add_restore(CLI::App& device, Context& context) {
  const auto options = std::make_shared<CopyOptions>();
  CLI::App& command = add_command(device, context, "restore", "Put a copy in the place of a key store; PINs keep their errors",
                                  "airtight device restore --store ./card --from card.backup", Secrets::kHandled,
                                  [options, &context] { return restore(*options, context); });
  add_store_option(command, options->store);
  command.add_option("--from", options->file, "What 'device backup' has written")->required()->type_name("FILE");
  command.add_flag("--lost", options->lost, "The present store is damaged or gone: all PINs and PUKs come back locked");
  command.add_flag("--yes", options->yes, "Do not ask whether it is meant");
}

}  // namespace

void add_device_care(CLI::App& device, Context& context) {
  add_verify(device, context);
  add_status(device, context);
  add_backup(device, context);
  add_restore(device, context);
}

}  // namespace airtight::cli
