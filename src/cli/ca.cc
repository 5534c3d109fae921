// airtight ca: looks at the authority of an issuer, at what it issued, and takes it back.
#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/printable.h"
#include "base/encoding.h"
#include "ca/register.h"
#include "ca/revocation.h"
#include "ca/rollover.h"
#include "cli/ca_folder.h"
#include "cli/commands.h"

namespace airtight::cli {
namespace {

namespace json = boost::json;

// ca show

json::object key_as_json(const ca::AuthorityKey& key) {
  return {{"name", key.name},
          {"role", key.role},
          {"active", key.active},
          {"status", json_text(ca::name_of(key.status))},
          {"storage", ca::to_text(key.storage)},
          {"subject", key.certificate.subject()},
          {"serial", hex_encode(key.certificate.serial())},
          {"sha256", hex_encode(key.certificate.sha256())},
          {"not_after", format_time(key.certificate.not_after())}};
}

json::object certificate_as_json(const ca::IssuedCertificate& certificate) {
  const auto time_or_null = [](const std::optional<Instant>& time) {
    return time ? json::value(format_time(*time)) : json::value(nullptr);
  };
  return {{"serial", hex_encode(certificate.serial)},
          {"subject", certificate.subject},
          {"status", json_text(ca::name_of(certificate.status))},
          {"reason", certificate.reason ? json::value(json_text(ca::name_of(*certificate.reason))) : json::value(nullptr)},
          {"revoked", time_or_null(certificate.revoked_at)},
          {"profile", certificate.profile},
          {"issuer_key", certificate.issuer_key},
          {"sha256", hex_encode(crypto::sha256(ByteView(certificate.der)))},
          {"not_before", format_time(certificate.not_before)},
          {"not_after", format_time(certificate.not_after)},
          {"issued", format_time(certificate.issued_at)}};
}

void print_certificate(const ca::IssuedCertificate& certificate, const Context& context) {
  context.out << hex_encode(certificate.serial) << "  " << ca::name_of(certificate.status);
  if (certificate.reason) context.out << ": " << ca::name_of(*certificate.reason) << ", " << format_time(*certificate.revoked_at);
  context.out << "\n   subject  " << agent::printable(certificate.subject) << "\n   profile  " << certificate.profile << ", signed by "
              << certificate.issuer_key << "\n   issued   " << format_time(certificate.issued_at) << ", expires "
              << format_time(certificate.not_after) << '\n';
}

struct ShowArguments {
  std::string folder;
  std::string certificate;
};

Result<> show_certificate(CaFolder& folder, const std::string& name, const Context& context) {
  const ca::IssuedCertificate certificate = TRY(ca::find_named(*folder.database, name));
  const crypto::Certificate parsed = TRY(crypto::Certificate::parse(certificate.der));
  if (context.json) {
    json::object object = certificate_as_json(certificate);
    object["pem"] = crypto::to_pem(parsed);
    context.print_json(object);
    return {};
  }
  print_certificate(certificate, context);
  context.out << "   sha256   " << hex_encode(parsed.sha256()) << '\n' << crypto::to_pem(parsed);
  return {};
}

std::string_view key_status(const ca::AuthorityKey& key) {
  switch (key.status) {
    case ca::CertificateStatus::kValid: return "";
    case ca::CertificateStatus::kSuspended: return "  (on hold: issues nothing)";
    case ca::CertificateStatus::kRevoked: break;
  }
  return "  (revoked: issues nothing)";
}

Result<> show_keys(CaFolder& folder, const Context& context) {
  const std::vector<ca::AuthorityKey> keys = TRY(ca::list_keys(*folder.database));
  const std::int64_t count = TRY(ca::count(*folder.database));
  if (context.json) {
    json::array array;
    for (const ca::AuthorityKey& key : keys) array.push_back(key_as_json(key));
    context.print_json(json::object{{"keys", std::move(array)}, {"certificates", count}});
    return {};
  }
  for (const ca::AuthorityKey& key : keys) {
    context.out << key.name << (key.active ? "" : "  (replaced: signs CRLs and OCSP alone)") << key_status(key) << "\n   subject  "
                << agent::printable(key.certificate.subject()) << "\n   key      " << ca::to_text(key.storage) << "\n   sha256   "
                << hex_encode(key.certificate.sha256()) << "\n   expires  " << format_time(key.certificate.not_after()) << '\n';
  }
  context.out << count << " certificates\n";
  return {};
}

Result<> show(const ShowArguments& arguments, const Context& context) {
  const auto folder = TRY(open_ca_folder(arguments.folder));
  if (!arguments.certificate.empty()) return show_certificate(*folder, arguments.certificate, context);
  return show_keys(*folder, context);
}

void add_show(CLI::App& group, Context& context) {
  const auto arguments = std::make_shared<ShowArguments>();
  CLI::App& command = add_command(group, context, "show", "Show the keys of the authority, or one certificate",
                                  "airtight ca show ./issuer\nairtight ca show ./issuer 4be0c1", Secrets::kNone,
                                  [arguments, &context] { return show(*arguments, context); });
  add_ca_folder(command, arguments->folder);
  command.add_option("CERTIFICATE", arguments->certificate, "Its serial number or SHA-256 fingerprint");
}

// ca list

struct ListArguments {
  std::string folder;
  std::optional<ca::CertificateStatus> status;
  std::size_t limit = 0;  // 0: all
};
constexpr std::size_t kMostListed = 1'000'000'000;

Result<> list(const ListArguments& arguments, const Context& context) {
  constexpr std::size_t kPage = 500;
  const auto folder = TRY(open_ca_folder(arguments.folder));
  json::array array;
  std::size_t shown = 0;
  std::int64_t after = 0;
  const auto wants_more = [&] { return arguments.limit == 0 || shown < arguments.limit; };
  while (wants_more()) {
    const std::vector<ca::IssuedCertificate> page = TRY(ca::list(*folder->database, kPage, after));
    if (page.empty()) break;
    after = page.back().id;
    for (const ca::IssuedCertificate& certificate : page) {
      if (!wants_more() || (arguments.status && certificate.status != *arguments.status)) continue;
      ++shown;
      if (context.json) {
        array.push_back(certificate_as_json(certificate));
      } else {
        print_certificate(certificate, context);
      }
    }
  }
  if (context.json) {
    context.print_json(json::object{{"certificates", std::move(array)}});
  } else if (shown == 0) {
    context.out << "There are none\n";
  }
  return {};
}

void add_list(CLI::App& group, Context& context) {
  using Status = std::optional<ca::CertificateStatus>;
  const auto arguments = std::make_shared<ListArguments>();
  CLI::App& command = add_command(group, context, "list", "List the certificates, the authority's own included",
                                  "airtight ca list ./issuer --status revoked", Secrets::kNone,
                                  [arguments, &context] { return list(*arguments, context); });
  add_ca_folder(command, arguments->folder);
  add_choice<Status>(command, "--status", arguments->status,
                     {{"valid", Status(ca::CertificateStatus::kValid)},
                      {"suspended", Status(ca::CertificateStatus::kSuspended)},
                      {"revoked", Status(ca::CertificateStatus::kRevoked)}},
                     "Those of this status alone");
  add_number(command, "--limit", arguments->limit, 1, kMostListed, "At most so many");
}

// ca revoke, hold, release

struct ChangeArguments {
  std::string folder;
  std::string certificate;
  std::string note;
  ca::RevocationReason reason = ca::RevocationReason::kUnspecified;
};

using Change = Result<> (*)(CaFolder& folder, const ca::IssuedCertificate& certificate, const ChangeArguments& arguments);

Result<> apply(const ChangeArguments& arguments, const Context& context, Change change) {
  const auto folder = TRY(open_ca_folder(arguments.folder));
  storage::Transaction transaction = TRY(storage::Transaction::begin(*folder->database, storage::Access::kWrite));
  const ca::IssuedCertificate before = TRY(ca::find_named(*folder->database, arguments.certificate));
  TRY(change(*folder, before, arguments));
  const std::optional<ca::IssuedCertificate> after = TRY(ca::find(*folder->database, before.serial));
  TRY(transaction.commit());
  if (!after) return fail(Fault::kInternal, "the certificate is gone");
  if (context.json) {
    context.print_json(certificate_as_json(*after));
  } else {
    print_certificate(*after, context);
  }
  return {};
}

std::shared_ptr<ChangeArguments> add_change(CLI::App& group, Context& context, const std::string& name, const std::string& description,
                                            const std::string& example, Change change) {
  const auto arguments = std::make_shared<ChangeArguments>();
  CLI::App& command = add_command(group, context, name, description, example, Secrets::kNone,
                                  [arguments, &context, change] { return apply(*arguments, context, change); });
  add_ca_folder(command, arguments->folder);
  command.add_option("CERTIFICATE", arguments->certificate, "Its serial number or SHA-256 fingerprint")->required();
  command.add_option("--note", arguments->note, "Why, for the audit log")->type_name("TEXT");
  return arguments;
}

void add_changes(CLI::App& group, Context& context) {
  const auto revoking =
      add_change(group, context, "revoke", "Revoke a certificate, for good",
                 "airtight ca revoke ./issuer 4be0c1 --reason keyCompromise --note 'card lost'",
                 [](CaFolder& folder, const ca::IssuedCertificate& certificate, const ChangeArguments& arguments) {
                   return ca::revoke(*folder.database, folder.clock, certificate.serial, arguments.reason, arguments.note);
                 });
  std::vector<std::pair<std::string, ca::RevocationReason>> reasons;
  for (const std::string_view name : ca::revocation_reason_names()) reasons.emplace_back(name, *ca::reason_named(name));
  add_choice<ca::RevocationReason>(*group.get_subcommand("revoke"), "--reason", revoking->reason, reasons,
                                   "Why, for those who rely on it (default unspecified)");
  add_change(group, context, "hold", "Suspend a certificate until it is released or revoked",
             "airtight ca hold ./issuer 4be0c1 --note 'card mislaid'",
             [](CaFolder& folder, const ca::IssuedCertificate& certificate, const ChangeArguments& arguments) {
               return ca::hold(*folder.database, folder.clock, certificate.serial, arguments.note);
             });
  add_change(group, context, "release", "End the suspension of a certificate", "airtight ca release ./issuer 4be0c1",
             [](CaFolder& folder, const ca::IssuedCertificate& certificate, const ChangeArguments& arguments) {
               return ca::release(*folder.database, folder.clock, certificate.serial, arguments.note);
             });
}

}  // namespace

void add_ca(CLI::App& root, Context& context) {
  CLI::App& group = add_group(root, "ca", "Look after an issuer's authority: revocation, CRLs, its keys");
  add_show(group, context);
  add_list(group, context);
  add_changes(group, context);
  add_ca_keys(group, context);
}

}  // namespace airtight::cli
