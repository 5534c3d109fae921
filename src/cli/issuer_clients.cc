// airtight issuer clients: programs that enrol without a person, by a bearer token or a TLS certificate.
#include <memory>
#include <string>

#include "agent/printable.h"
#include "cli/issuer_commands.h"
#include "cli/issuer_folder.h"
#include "cli/operator_name.h"
#include "issuer/enrolment.h"
#include "storage/files.h"

namespace airtight::cli {
namespace {

namespace json = boost::json;

constexpr std::size_t kLargestPemFile = 256U << 10;

struct Arguments {
  std::string folder;
  issuer::NewClient client;
  std::string certificate_file;
};

Result<> add(const Arguments& arguments, const Context& context) {
  const auto open = TRY(open_issuer(arguments.folder));
  issuer::NewClient client = arguments.client;
  if (!arguments.certificate_file.empty())
    client.certificate_pem = to_text(TRY(storage::read_file(arguments.certificate_file, kLargestPemFile)));
  const std::optional<std::string> token = TRY(open->issuer->add_client(client, operator_name()));
  const std::string path = issuer::entrance_url("", client.profile);
  if (context.json) {
    context.print_json(
        json::object{{"client", client.name}, {"profile", client.profile}, {"path", path}, {"token", text_or_null(token.value_or(""))}});
  } else if (token) {  // alone on the output, so that it can go into a file
    context.out << *token << '\n';
  }
  if (token && !context.out.flush()) {
    return fail(Fault::kStorage, client.name + " is registered, but its token could not be written to standard output and is lost",
                "run 'airtight issuer clients remove " + arguments.folder + " " + client.name + "', and add it again");
  }
  if (context.json) return {};
  if (token) {
    context.err << "This token of " << client.name << " is shown this once; it opens " << path << '\n';
  } else {
    context.out << client.name << " enrols at " << path << " with its certificate\n";
  }
  return {};
}

json::object ca_as_json(const issuer::ClientCa& ca) {
  json::array certificates;
  for (const crypto::Certificate& certificate : ca.certificates) certificates.emplace_back(certificate.subject());
  return {{"name", ca.name},
          {"certificates", std::move(certificates)},
          {"profiles", json::value_from(ca.profiles)},
          {"known_by", json_text(name_of(ca.known_by))},
          {"crl", ca.crl ? json::value(ca.crl->string()) : json::value(nullptr)}};
}

Result<> list(const Arguments& arguments, const Context& context) {
  const auto open = TRY(open_issuer(arguments.folder));
  const std::vector<issuer::RegisteredClient> clients = TRY(open->issuer->clients());
  json::array array;
  for (const issuer::RegisteredClient& client : clients) {
    const std::string proof = client.fingerprint.empty() ? "token" : "certificate";
    if (context.json) {
      array.push_back(json::object{{"client", client.name},
                                   {"profile", client.profile},
                                   {"subject", text_or_null(client.subject)},
                                   {"email", text_or_null(client.email)},
                                   {"proof", proof},
                                   {"added", format_time(client.added_at)}});
      continue;
    }
    context.out << client.name << "  " << client.profile << "  " << proof << "  "
                << (client.subject.empty() ? "the profile's subject" : agent::printable(client.subject)) << '\n';
  }
  const std::vector<issuer::ClientCa>& cas = open->issuer->configuration().client_cas;
  if (context.json) {
    json::array others;
    for (const issuer::ClientCa& ca : cas) others.push_back(ca_as_json(ca));
    context.print_json(json::object{{"clients", std::move(array)}, {"cas", std::move(others)}});
    return {};
  }
  if (clients.empty()) context.out << "No client is registered\n";
  for (const issuer::ClientCa& ca : cas) {
    for (const std::string& profile : ca.profiles)
      context.out << agent::printable(ca.name) << "  " << profile << "  all of this CA, known by " << name_of(ca.known_by) << '\n';
  }
  return {};
}

Result<> remove(const Arguments& arguments, const Context& context) {
  const auto open = TRY(open_issuer(arguments.folder));
  TRY(open->issuer->remove_client(arguments.client.name, operator_name()));
  if (context.json) {
    context.print_json(json::object{{"removed", arguments.client.name}});
  } else {
    context.out << arguments.client.name << " does not enrol any more; what it has stays valid\n";
  }
  return {};
}

}  // namespace

void add_issuer_clients(CLI::App& issuer_group, Context& context) {
  CLI::App& group = add_group(issuer_group, "clients", "Register programs that enrol without a person");

  const auto to_add = std::make_shared<Arguments>();
  to_add->client.profile = "default";
  CLI::App& adding = add_command(group, context, "add", "Register a client; without a certificate print its token, this once",
                                 "airtight issuer clients add ./issuer printer-7 --profile printers > token\n"
                                 "airtight issuer clients add ./issuer printer-8 --profile printers --cert printer-8.pem",
                                 Secrets::kHandled, [to_add, &context] { return add(*to_add, context); });
  add_issuer_folder(adding, to_add->folder);
  adding.add_option("NAME", to_add->client.name, "1 to 64 letters, digits, '.', '-' and '_'; {user_id} in templates")->required();
  adding.add_option("--profile", to_add->client.profile, "The profile of issuer.toml (default default)")->type_name("NAME");
  adding.add_option("--subject", to_add->client.subject, "Whom its certificates name, instead of the profile's subject")->type_name("DN");
  adding.add_option("--email", to_add->client.email, "An address for its certificates: {email} in templates")->type_name("ADDRESS");
  adding.add_option("--cert", to_add->certificate_file, "The TLS certificate with which it proves who it is")->type_name("PEM");

  const auto to_list = std::make_shared<Arguments>();
  CLI::App& listing = add_command(group, context, "list", "List the clients that are registered", "airtight issuer clients list ./issuer",
                                  Secrets::kNone, [to_list, &context] { return list(*to_list, context); });
  add_issuer_folder(listing, to_list->folder);

  const auto to_remove = std::make_shared<Arguments>();
  CLI::App& removing =
      add_command(group, context, "remove", "Register a client no more", "airtight issuer clients remove ./issuer printer-7",
                  Secrets::kNone, [to_remove, &context] { return remove(*to_remove, context); });
  add_issuer_folder(removing, to_remove->folder);
  removing.add_option("NAME", to_remove->client.name, "Its name")->required();
}

}  // namespace airtight::cli
