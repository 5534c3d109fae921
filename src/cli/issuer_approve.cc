// airtight issuer waiting, approve and deny: what an operator decides about sessions that wait for that.
#include <memory>
#include <string>

#include "agent/printable.h"
#include "cli/issuer_commands.h"
#include "cli/issuer_folder.h"
#include "cli/operator_name.h"

namespace airtight::cli {
namespace {

namespace json = boost::json;

struct Arguments {
  std::string folder;
  std::string session;
  std::string device_id;
  std::string why;
};

json::object as_json(const issuer::WaitingSession& session) {
  return {{"server_session_id", session.server_session_id},
          {"profile", session.profile},
          {"subject", session.subject},
          {"email", text_or_null(session.email)},
          {"device_id", session.device_id},
          {"device", session.device},
          {"device_class", text_or_null(session.device_class)},
          {"vendor", text_or_null(session.vendor)},
          {"device_id_wanted", session.device_id_wanted},
          {"since", format_time(session.since)},
          {"expires", format_time(session.expires_at)}};
}

Result<> list_waiting(const Arguments& arguments, const Context& context) {
  const auto open = TRY(open_issuer(arguments.folder));
  const std::vector<issuer::WaitingSession> sessions = TRY(open->issuer->waiting());
  if (context.json) {
    json::array array;
    for (const issuer::WaitingSession& session : sessions) array.push_back(as_json(session));
    context.print_json(json::object{{"waiting", std::move(array)}});
    return {};
  }
  if (sessions.empty()) context.out << "Nobody waits for an approval\n";
  for (const issuer::WaitingSession& session : sessions) {
    context.out << session.server_session_id << "  since " << format_time(session.since) << ", until " << format_time(session.expires_at)
                << '\n'
                << "   subject  " << agent::printable(session.subject) << ", profile " << session.profile << '\n';
    if (!session.email.empty()) context.out << "   address  " << agent::printable(session.email) << '\n';
    context.out << "   device   " << session.device_id << (session.device_id_wanted ? ", to be compared" : "") << '\n'
                << "            " << agent::printable(session.device) << '\n';
    if (!session.device_class.empty()) context.out << "   class    " << agent::printable(session.device_class) << '\n';
    context.out << "   vendor   " << (session.vendor.empty() ? "unknown" : agent::printable(session.vendor)) << '\n';
  }
  return {};
}

Result<> approve(const Arguments& arguments, const Context& context) {
  const auto open = TRY(open_issuer(arguments.folder));
  TRY(open->issuer->approve(arguments.session, {.by = operator_name(), .device_id = arguments.device_id}));
  if (context.json) {
    context.print_json(json::object{{"approved", arguments.session}});
  } else {
    context.out << "Session " << arguments.session << " gets its certificates when its device comes back\n";
  }
  return {};
}

Result<> deny(const Arguments& arguments, const Context& context) {
  const auto open = TRY(open_issuer(arguments.folder));
  TRY(open->issuer->deny(arguments.session, arguments.why, {.by = operator_name()}));
  if (context.json) {
    context.print_json(json::object{{"denied", arguments.session}});
  } else {
    context.out << "Session " << arguments.session << " has ended without certificates\n";
  }
  return {};
}

void add_session(CLI::App& command, Arguments& arguments) {
  add_issuer_folder(command, arguments.folder);
  command.add_option("SESSION", arguments.session, "Its ServerSessionID, as 'issuer waiting' shows it")->required();
}

}  // namespace

void add_issuer_approve(CLI::App& issuer_group, Context& context) {
  const auto to_list = std::make_shared<Arguments>();
  CLI::App& listing =
      add_command(issuer_group, context, "waiting", "List the sessions that wait for an approval", "airtight issuer waiting ./issuer",
                  Secrets::kNone, [to_list, &context] { return list_waiting(*to_list, context); });
  add_issuer_folder(listing, to_list->folder);

  const auto to_approve = std::make_shared<Arguments>();
  CLI::App& approving = add_command(issuer_group, context, "approve", "Approve the certificates of a session that waits for that",
                                    "airtight issuer approve ./issuer S-0123456789abcdef0123456789abcd --device-id ABCD-EFGH-IJKL-MNOP-Q",
                                    Secrets::kNone, [to_approve, &context] { return approve(*to_approve, context); });
  add_session(approving, *to_approve);
  approving.add_option("--device-id", to_approve->device_id, "The device ID that the owner of the device reads out")->type_name("ID");

  const auto to_deny = std::make_shared<Arguments>();
  CLI::App& denying = add_command(issuer_group, context, "deny", "End a session that waits for an approval",
                                  "airtight issuer deny ./issuer S-0123456789abcdef0123456789abcd --why 'Please call us'", Secrets::kNone,
                                  [to_deny, &context] { return deny(*to_deny, context); });
  add_session(denying, *to_deny);
  denying.add_option("--why", to_deny->why, "What its user is told")->type_name("TEXT")->required();
}

}  // namespace airtight::cli
