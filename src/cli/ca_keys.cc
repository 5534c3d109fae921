// airtight ca crl, rollover, export: what needs the authority's keys, and what it publishes.
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "ca/publisher.h"
#include "ca/rollover.h"
#include "cli/ca_folder.h"
#include "storage/files.h"

namespace airtight::cli {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

// ca crl

struct CrlArguments {
  std::string folder;
  std::string key;
  std::string out;
  bool renew = false;
};

json::object crl_as_json(const ca::PublishedCrl& crl) {
  return {{"key", crl.key},
          {"number", crl.number},
          {"this_update", format_time(crl.this_update)},
          {"next_update", format_time(crl.next_update)},
          {"bytes", crl.der.size()}};
}

Result<std::vector<ca::PublishedCrl>> current_crls(CaFolder& folder, const CrlArguments& arguments) {
  const ca::Authority authority = TRY(folder.open_authority(ca::WhichKeys::kAll));
  const ca::Publisher publisher(authority);
  std::vector<ca::PublishedCrl> out;
  const std::vector<std::string> names = arguments.key.empty() ? publisher.keys() : std::vector<std::string>{arguments.key};
  for (const std::string& name : names) {
    out.push_back(TRY(arguments.renew ? publisher.new_crl(*folder.database, name) : publisher.crl(*folder.database, name)));
  }
  // While the keys are open: the responders of those that are closed to a service are renewed here too.
  TRY(publisher.refresh(*folder.database));
  return out;
}

Result<> crl(const CrlArguments& arguments, const Context& context) {
  if (!arguments.out.empty() && arguments.key.empty()) {
    return fail(Fault::kBadInput, "one file holds the CRL of one key", "say which: --key issuing");
  }
  const auto folder = TRY(open_ca_folder(arguments.folder));
  const std::vector<ca::PublishedCrl> crls = TRY(current_crls(*folder, arguments));
  if (!arguments.out.empty()) TRY(storage::write_file(arguments.out, crls.front().der, storage::FileMode::kPublic));
  if (context.json) {
    json::array array;
    for (const ca::PublishedCrl& one : crls) array.push_back(crl_as_json(one));
    context.print_json(json::object{{"crls", std::move(array)}});
    return {};
  }
  for (const ca::PublishedCrl& one : crls) {
    context.out << one.key << "  number " << one.number << ", " << format_time(one.this_update) << " to " << format_time(one.next_update)
                << '\n';
  }
  return {};
}

void add_crl(CLI::App& group, Context& context) {
  const auto arguments = std::make_shared<CrlArguments>();
  CLI::App& command = add_command(group, context, "crl", "Bring the CRLs up to date, and show when they end",
                                  "airtight ca crl ./issuer\nairtight ca crl ./issuer --key root --new --out root.crl", Secrets::kHandled,
                                  [arguments, &context] { return crl(*arguments, context); });
  add_ca_folder(command, arguments->folder);
  command.add_option("--key", arguments->key, "The CRL of this key alone")->type_name("NAME");
  command.add_flag("--new", arguments->renew, "Issue a new one, whether it is due or not");
  command.add_option("--out", arguments->out, "Write the CRL in DER to a file")->type_name("FILE");
}

// ca rollover

struct RolloverArguments {
  std::string folder;
  bool root = false;
  ca::KeyKind algorithm = ca::KeyKind::kP256;
  std::string storage = "database";
  std::string root_storage = "database";
  std::uint32_t days = 3653;
  std::uint32_t root_days = 7305;
};
constexpr std::uint32_t kMostDays = 36525;  // a hundred years

// What verifiers trust: the roots, the newest first.
Result<> write_roots(CaFolder& folder) {
  std::string pem;
  for (const ca::AuthorityKey& key : TRY(ca::list_keys(*folder.database))) {
    if (key.role == "root") pem.insert(0, crypto::to_pem(key.certificate));
  }
  TRY(storage::make_private_folder(folder.path / "ca"));
  return storage::write_file(folder.path / "ca" / "root.pem", bytes_of(pem), storage::FileMode::kPublic);
}

std::uint32_t wanted_days(const RolloverArguments& arguments, const ca::AuthorityKey& key) {
  return key.role == "root" ? arguments.root_days : arguments.days;
}

Result<> rollover(const RolloverArguments& arguments, const Context& context) {
  const ca::RolloverOptions issuing{arguments.algorithm, TRY(ca::parse_key_storage(arguments.storage)), arguments.days};
  const ca::RolloverOptions root{arguments.algorithm, TRY(ca::parse_key_storage(arguments.root_storage)), arguments.root_days};
  const auto folder = TRY(open_ca_folder(arguments.folder));
  const ca::Rollover rolling(TRY(folder->open_authority(ca::WhichKeys::kAll)));
  const ca::AuthorityKey key =
      TRY(arguments.root ? rolling.new_root(*folder->database, root, issuing) : rolling.new_issuing(*folder->database, issuing));
  if (arguments.root) TRY(write_roots(*folder));
  if (context.json) {
    context.print_json(json::object{{"key", key.name},
                                    {"subject", key.certificate.subject()},
                                    {"storage", ca::to_text(key.storage)},
                                    {"not_after", format_time(key.certificate.not_after())}});
    return {};
  }
  context.out << "New key " << key.name << ": " << key.certificate.subject() << ", in " << ca::to_text(key.storage) << ", until "
              << format_time(key.certificate.not_after());
  // A certificate cannot outlast the one above it; a day is for what passed meanwhile.
  if (key.certificate.not_after().plus(std::chrono::days(1)) < folder->clock.now().plus(std::chrono::days(wanted_days(arguments, key)))) {
    context.out << ", when its root ends, before " << wanted_days(arguments, key) << " days are over";
  }
  context.out << '\n';
  if (arguments.root) {
    context.out << "The roots are in " << (folder->path / "ca" / "root.pem").string() << ": give them to those who verify\n";
  }
  return {};
}

void add_rollover(CLI::App& group, Context& context) {
  const auto arguments = std::make_shared<RolloverArguments>();
  CLI::App& command =
      add_command(group, context, "rollover", "Make a new issuing CA, or a new root and issuing CA; the old ones go on signing their CRLs",
                  "airtight ca rollover ./issuer\nairtight ca rollover ./issuer --root --algorithm p-384\n"
                  "airtight ca rollover ./issuer --key 'pkcs11:token=ca;object=issuing-2?module-path=/usr/lib/softhsm/libsofthsm2.so'",
                  Secrets::kHandled, [arguments, &context] { return rollover(*arguments, context); });
  add_ca_folder(command, arguments->folder);
  CLI::Option* root = command.add_flag("--root", arguments->root, "A new root too, and certificates of the one by the other");
  std::vector<std::pair<std::string, ca::KeyKind>> kinds;
  for (const std::string_view name : ca::key_kind_names()) kinds.emplace_back(name, *ca::key_kind_named(name));
  add_choice<ca::KeyKind>(command, "--algorithm", arguments->algorithm, kinds, "Of the new keys (default p-256)");
  command.add_option("--key", arguments->storage, "Where the issuing key is kept: database (the default), file:NAME or a PKCS #11 URI")
      ->type_name("PLACE");
  command.add_option("--root-key", arguments->root_storage, "Where the root's key is kept, likewise")->type_name("PLACE")->needs(root);
  add_number(command, "--days", arguments->days, 1, kMostDays,
             "How long the issuing CA lasts (default 3653), and never longer than its root");
  add_number(command, "--root-days", arguments->root_days, 1, kMostDays, "How long the root lasts (default 7305)")->needs(root);
}

// ca export

struct ExportArguments {
  std::string folder;
  std::string out;
};

Result<> export_all(const ExportArguments& arguments, const Context& context) {
  const auto folder = TRY(open_ca_folder(arguments.folder));
  const std::vector<ca::PublishedCrl> crls = TRY(current_crls(*folder, {}));
  const fs::path out(arguments.out);
  TRY(storage::make_private_folder(out));
  std::vector<std::string> files;
  const auto write = [&](const std::string& name, ByteView content) -> Result<> {
    files.push_back(name);
    return storage::write_file(out / name, content, storage::FileMode::kPublic);
  };
  for (const ca::AuthorityKey& key : TRY(ca::list_keys(*folder->database))) {
    TRY(write(key.name + ".cer", key.certificate.der()));
    TRY(write(key.name + ".pem", bytes_of(crypto::to_pem(key.certificate))));
  }
  for (const ca::CrossCertificate& cross : TRY(ca::list_cross_certificates(*folder->database))) {
    TRY(write(cross.name + ".cer", cross.certificate.der()));
    TRY(write(cross.name + ".pem", bytes_of(crypto::to_pem(cross.certificate))));
  }
  for (const ca::PublishedCrl& one : crls) TRY(write(one.key + ".crl", one.der));
  if (context.json) {
    json::array names;
    for (const std::string& name : files) names.push_back(json_text(name));
    context.print_json(json::object{{"folder", arguments.out}, {"files", std::move(names)}});
    return {};
  }
  for (const std::string& name : files) context.out << (out / name).string() << '\n';
  return {};
}

void add_export(CLI::App& group, Context& context) {
  const auto arguments = std::make_shared<ExportArguments>();
  CLI::App& command = add_command(
      group, context, "export", "Write CA certificates, cross certificates and CRLs into a folder, for a web server",
      "airtight ca export ./issuer --out /srv/pki", Secrets::kHandled, [arguments, &context] { return export_all(*arguments, context); });
  add_ca_folder(command, arguments->folder);
  command.add_option("--out", arguments->out, "The folder")->required()->type_name("DIR");
}

}  // namespace

void add_ca_keys(CLI::App& group, Context& context) {
  add_crl(group, context);
  add_rollover(group, context);
  add_export(group, context);
}

}  // namespace airtight::cli
