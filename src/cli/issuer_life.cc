// airtight issuer revoke, hold, release, unlock, audit: what an operator does after credentials were issued, and what is on record of it.
#include <array>
#include <memory>
#include <string>
#include <vector>

#include "agent/printable.h"
#include "base/encoding.h"
#include "ca/audit.h"
#include "ca/revocation.h"
#include "cli/command.h"
#include "cli/issuer_commands.h"
#include "cli/issuer_folder.h"
#include "cli/operator_name.h"
#include "issuer/life_cycle.h"

namespace airtight::cli {
namespace {

namespace json = boost::json;

issuer::Operator this_operator() { return {operator_name()}; }

// revoke, hold, release

struct StatusArguments {
  std::string folder;
  std::string serial;
  std::string session;
  std::string device;
  issuer::StatusWish wish;
};

Result<issuer::Choice> choice_from(const StatusArguments& arguments) {
  const int given = static_cast<int>(!arguments.serial.empty()) + static_cast<int>(!arguments.session.empty()) +
                    static_cast<int>(!arguments.device.empty());
  if (given != 1)
    return fail(Fault::kBadInput, "what is meant has to be said in one way", "give a SERIAL, or --session ID, or --device ID");
  if (!arguments.serial.empty()) return issuer::Choice{issuer::Whose::kSerial, arguments.serial};
  if (!arguments.session.empty()) return issuer::Choice{issuer::Whose::kSession, arguments.session};
  return issuer::Choice{issuer::Whose::kDevice, arguments.device};
}

std::string_view word_for(issuer::StatusChange change) {
  switch (change) {
    case issuer::StatusChange::kRevoke: return "revoked";
    case issuer::StatusChange::kHold: return "on hold";
    case issuer::StatusChange::kRelease: break;
  }
  return "valid again";
}

json::array as_json(const std::vector<std::string>& texts) {
  json::array array;
  for (const std::string& text : texts) array.emplace_back(text);
  return array;
}

Result<> change(const StatusArguments& arguments, const Context& context) {
  const issuer::Choice choice = TRY(choice_from(arguments));
  const auto open = TRY(open_issuer(arguments.folder));
  const issuer::Changed done = TRY(issuer::change_status(*open->issuer, this_operator(), choice, arguments.wish));
  if (context.json) {
    context.print_json(json::object{{"status", json_text(word_for(arguments.wish.change))},
                                    {"serials", as_json(done.serials)},
                                    {"aborted_sessions", as_json(done.sessions)}});
    return {};
  }
  for (const std::string& serial : done.serials) context.out << serial << "  " << word_for(arguments.wish.change) << '\n';
  for (const std::string& session : done.sessions) context.out << session << "  aborted\n";
  return {};
}

std::shared_ptr<StatusArguments> add_change(CLI::App& group, Context& context, issuer::StatusChange what, const std::string& name,
                                            const std::string& description, const std::string& example) {
  const auto arguments = std::make_shared<StatusArguments>();
  arguments->wish.change = what;
  CLI::App& command = add_command(group, context, name, description, example, Secrets::kNone,
                                  [arguments, &context] { return change(*arguments, context); });
  add_issuer_folder(command, arguments->folder);
  command.add_option("SERIAL", arguments->serial, "One credential, by its serial number or SHA-256 fingerprint");
  command.add_option("--session", arguments->session, "Those of a session, by its ServerSessionID")->type_name("ID");
  command.add_option("--device", arguments->device, "All that were issued to a device, by its device ID")->type_name("ID");
  command.add_option("--note", arguments->wish.note, "Why in words, for the audit log")->type_name("TEXT");
  return arguments;
}

// unlock

struct UnlockArguments {
  std::string folder;
  std::string serial;
  std::string reason;
};

Result<> unlock(const UnlockArguments& arguments, const Context& context) {
  const auto open = TRY(open_issuer(arguments.folder));
  const issuer::ReleasedPuk released =
      TRY(issuer::release_puk(*open->issuer, this_operator(), arguments.serial, arguments.reason, prompt_for_issuer(arguments.folder)));
  if (context.json) {
    context.print_json(json::object{{"serial", released.serial},
                                    {"subject", released.subject},
                                    {"device_id", text_or_null(released.device_id)},
                                    {"key_id", released.key_id},
                                    {"puk_policy", released.puk.name},
                                    {"puk", passphrase_text(released.puk)}});
    return {};
  }
  context.err << "For the key " << released.key_id << " of " << agent::printable(released.subject) << ", device " << released.device_id
              << ": the user types it into 'airtight keys unlock'\n";
  context.out << passphrase_text(released.puk) << '\n';
  return {};
}

// audit

// Who saw or got what, apart from what the authority issues and sessions do by themselves.
constexpr std::array kAccess = std::to_array<std::string_view>(
    {"passphrases.shown", "puk.released", "session.approval-refused", "session.denied", "device.registered", "device.removed",
     "client.registered", "client.removed", "client.admitted", "private-key.restored", "session.approved", "credentials.revoked",
     "credentials.held", "credentials.released", "seeds.imported", "seeds.generated", "seeds.exported", "seeds.removed"});
constexpr std::size_t kPage = 1000;  // rows read at once

struct AuditArguments {
  std::string folder;
  bool all = false;
};

void print_entry(const ca::AuditEntry& entry, const Context& context) {
  context.out << entry.id << "  " << format_time(entry.time) << "  " << entry.event << '\n';
  std::string_view rest = entry.detail;
  while (!rest.empty()) {
    const std::size_t end = rest.find('\n');
    context.out << "   " << agent::printable(rest.substr(0, end)) << '\n';
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  }
}

Result<> audit(const AuditArguments& arguments, const Context& context) {
  const auto open = TRY(open_issuer(arguments.folder));
  const auto database = TRY(open->issuer->database());
  const ca::AuditHead head = TRY(ca::verify_audit_log(*database));
  json::array array;
  for (std::int64_t after = 0;;) {
    const std::vector<ca::AuditEntry> page = TRY(ca::list_audit_log(*database, kPage, after));
    if (page.empty()) break;
    after = page.back().id;
    for (const ca::AuditEntry& entry : page) {
      if (entry.id > head.last_id) break;  // written since
      if (!arguments.all && std::ranges::find(kAccess, entry.event) == kAccess.end()) continue;
      if (context.json) {
        array.emplace_back(
            json::object{{"id", entry.id}, {"time", format_time(entry.time)}, {"event", entry.event}, {"detail", entry.detail}});
      } else {
        print_entry(entry, context);
      }
    }
  }
  if (context.json) {
    context.print_json(json::object{{"records", std::move(array)}, {"last", head.last_id}, {"head", hex_encode(ByteView(head.hash))}});
  } else {
    context.out << "The log is whole: " << head.last_id << " records, head " << hex_encode(ByteView(head.hash)) << '\n';
  }
  return {};
}

void add_unlock(CLI::App& group, Context& context) {
  const auto arguments = std::make_shared<UnlockArguments>();
  CLI::App& command =
      add_command(group, context, "unlock", "Release the PUK of one key, to help a user who has locked its PIN; it goes on record",
                  "airtight issuer unlock ./issuer 4be0c1 --reason 'called from the office, PIN forgotten'", Secrets::kHandled,
                  [arguments, &context] { return unlock(*arguments, context); });
  add_issuer_folder(command, arguments->folder);
  command.add_option("SERIAL", arguments->serial, "The credential, by its serial number or SHA-256 fingerprint")->required();
  command.add_option("--reason", arguments->reason, "Why, for the audit log")->required()->type_name("TEXT");
}

void add_audit(CLI::App& group, Context& context) {
  const auto arguments = std::make_shared<AuditArguments>();
  CLI::App& command = add_command(group, context, "audit", "List who saw PUKs, restored keys, approved, took back; and verify the log",
                                  "airtight issuer audit ./issuer\nairtight issuer audit ./issuer --all --json", Secrets::kNone,
                                  [arguments, &context] { return audit(*arguments, context); });
  add_issuer_folder(command, arguments->folder);
  command.add_flag("--all", arguments->all, "Every record of the audit log");
}

}  // namespace

void add_issuer_life(CLI::App& issuer_group, Context& context) {
  const auto revoking = add_change(issuer_group, context, issuer::StatusChange::kRevoke, "revoke",
                                   "Take credentials back for good, and end the sessions about them",
                                   "airtight issuer revoke ./issuer 4be0c1 --reason keyCompromise --note 'card lost'\n"
                                   "airtight issuer revoke ./issuer --device ABCD-EFGH-JKMN-PQRS --reason cessationOfOperation");
  std::vector<std::pair<std::string, ca::RevocationReason>> reasons;
  for (const std::string_view name : ca::revocation_reason_names()) reasons.emplace_back(name, *ca::reason_named(name));
  add_choice<ca::RevocationReason>(*issuer_group.get_subcommand("revoke"), "--reason", revoking->wish.reason, reasons,
                                   "Why, for those who rely on it (default unspecified)");
  add_change(issuer_group, context, issuer::StatusChange::kHold, "hold", "Suspend credentials until they are released or revoked",
             "airtight issuer hold ./issuer 4be0c1 --note 'card mislaid'");
  add_change(issuer_group, context, issuer::StatusChange::kRelease, "release", "End the suspension of credentials",
             "airtight issuer release ./issuer 4be0c1");
  add_unlock(issuer_group, context);
  add_audit(issuer_group, context);
}

}  // namespace airtight::cli
