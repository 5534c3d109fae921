#include "issuer/init.h"

#include <array>
#include <system_error>

#include "ca/authority.h"
#include "crypto/certificate.h"
#include "crypto/key.h"
#include "embedded/issuer_files.h"
#include "http/message.h"
#include "http/server.h"
#include "issuer/configuration.h"
#include "issuer/session_store.h"
#include "issuer/tls_identity.h"
#include "storage/database.h"
#include "storage/files.h"

namespace airtight::issuer {
namespace {

namespace fs = std::filesystem;
using storage::FileMode;

constexpr std::size_t kMaxCertificateFile = 256U << 10;

Result<> check_folder(const fs::path& folder) {
  std::error_code fault;
  if (fs::exists(folder / kUnfinishedMark, fault)) return {};  // an interrupted init made it: nothing in it was ever used
  if (fs::exists(folder / "issuer.toml", fault)) {
    return fail(Fault::kRefused, folder.string() + " is an issuer already",
                "run 'airtight issuer serve " + folder.string() + "', or choose another folder");
  }
  if (fs::exists(folder, fault) && !fs::is_directory(folder, fault))
    return fail(Fault::kRefused, folder.string() + " is not a folder", "choose another one");
  if (fs::exists(folder, fault) && !fs::is_empty(folder, fault))
    return fail(Fault::kRefused, folder.string() + " is not empty", "choose a new folder for the issuer");
  return {};
}

// All but the mark, which goes last: until then the folder is known to be nobody's.
Result<> clear_folder(const fs::path& folder) {
  std::error_code fault;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, fault)) {
    if (entry.path().filename() != kUnfinishedMark) fs::remove_all(entry.path(), fault);
    if (fault) return fail(Fault::kStorage, entry.path().string() + " cannot be removed: " + fault.message());
  }
  return {};
}

Result<> claim_folder(const fs::path& folder) {
  std::error_code fault;
  if (fs::exists(folder / kUnfinishedMark, fault)) TRY(clear_folder(folder));
  fs::permissions(folder, fs::perms::owner_all, fault);
  if (fault) return fail(Fault::kStorage, folder.string() + " cannot be made private: " + fault.message());
  return storage::write_file(folder / kUnfinishedMark, bytes_of("airtight issuer init was interrupted; run it again\n"),
                             FileMode::kPrivate);
}

// What cannot be removed keeps its mark, and the next init replaces it.
void give_up_folder(const fs::path& folder, bool was_there) {
  std::error_code fault;
  if (!fs::is_directory(folder, fault) || !clear_folder(folder)) return;
  fs::remove(folder / kUnfinishedMark, fault);
  if (!was_there) fs::remove(folder, fault);
}

Result<> remove_mark(const fs::path& folder) {
  std::error_code fault;
  fs::remove(folder / kUnfinishedMark, fault);
  if (fault) return fail(Fault::kStorage, (folder / kUnfinishedMark).string() + " cannot be removed: " + fault.message());
  return {};
}

// The table `devices` of a profile, and the files that it names.
Result<std::string> devices_table(const std::string& profile, const InitOptions& options) {
  const std::string name = "profiles." + profile + ".devices";
  if (options.accepted.empty()) return "[" + name + "]\naccept_any = true\n";
  std::string text;
  int number = 0;
  for (const AcceptedFile& accepted : options.accepted) {
    text +=
        "[[" + name + ".accepted]]\nlevel = \"" + accepted.level + "\"\ncertificate = \"devices/" + std::to_string(++number) + ".pem\"\n";
  }
  return text;
}

Result<> copy_accepted(const fs::path& folder, const InitOptions& options) {
  if (options.accepted.empty()) return {};
  TRY(storage::make_private_folder(folder / "devices"));
  int number = 0;
  for (const AcceptedFile& accepted : options.accepted) {
    const Bytes content = TRY(storage::read_file(accepted.file, kMaxCertificateFile));
    TRY(storage::write_file(folder / "devices" / (std::to_string(++number) + ".pem"), content, FileMode::kPublic));
  }
  return {};
}

// It goes into the authority's certificates and, in quotes, into issuer.toml.
Result<> check_publication_url(const std::string& url) {
  if (url.empty()) return {};
  const Result<http::Url> parsed = http::Url::parse(url);
  const bool plain = url.find_first_of("\"\\ \t\r\n") == std::string::npos && !url.ends_with('/');
  if (parsed && plain) return {};
  return fail(Fault::kBadInput, "'" + url + "' is not where anything can be published", "write it as http://pki.example.com");
}

Result<std::string> configuration_text(const InitOptions& options) {
  std::string text(embedded::k_issuer_toml);
  for (const std::string profile : {"default", "signing"}) {
    const std::string mark = "@DEVICES " + profile + "@\n";
    const std::size_t at = text.find(mark);
    if (at == std::string::npos) return fail(Fault::kInternal, "the configuration's template lacks " + mark);
    text.replace(at, mark.size(), TRY(devices_table(profile, options)));
  }
  if (options.publication_url.empty()) return text;
  const std::string commented = "# publication_url = \"http://pki.example.com\"\n";
  const std::size_t at = text.find(commented);
  if (at == std::string::npos) return fail(Fault::kInternal, "the configuration's template lacks its publication_url");
  text.replace(at, commented.size(), "publication_url = \"" + options.publication_url + "\"\n");
  return text;
}

Result<> write_given_tls(const fs::path& folder, const InitOptions& options) {
  const TlsIdentity identity = TRY(read_tls_identity(options.tls_certificate, options.tls_key));
  TRY(http::check_tls({identity.chain_pem, SecretBytes::copy_of(identity.key_pem.expose_secret())}));
  TRY(storage::write_file(folder / "server.pem", bytes_of(identity.chain_pem), FileMode::kPublic));
  TRY(storage::write_file(folder / "server.key", identity.key_pem.expose_secret(), FileMode::kPrivate));
  const std::string anchor = trust_anchor_pem(TRY(crypto::certificates_from_pem(identity.chain_pem)));
  if (anchor.empty()) return {};
  return storage::write_file(folder / "ca.pem", bytes_of(anchor), FileMode::kPublic);
}

Result<> make_tls(const fs::path& folder, storage::Database& database, const ca::Authority& authority, const InitOptions& options) {
  const TlsHosts hosts = TRY(tls_hosts(options.hosts));
  const crypto::PrivateKey key = TRY(crypto::PrivateKey::generate(crypto::EcSpec{crypto::Curve::kP256}));
  const SecretBytes key_pem = TRY(crypto::to_pem(key));
  TRY(storage::write_file(folder / "server.key", key_pem.expose_secret(), FileMode::kPrivate));
  TRY(write_tls_certificate(folder / "server.pem", database, authority, key.public_key(), hosts));
  TRY(remember_tls_hosts(database, options.hosts));
  return storage::write_file(folder / "ca.pem", bytes_of(crypto::to_pem(authority.tls_root())), FileMode::kPublic);
}

Result<> fill_folder(const fs::path& folder, const InitOptions& options, const Clock& clock, RandomSource& random) {
  const sealing::MasterKey master_key = TRY(sealing::create_master_key(folder, options.seal, options.prompt, random));
  const auto database = TRY(storage::open_sqlite(folder / "issuer.db", {.create = true}));
  TRY(ca::Authority::create(*database, master_key,
                            {.organization = options.organization,
                             .key = options.key,
                             .publication_url = options.publication_url,
                             .root_storage = options.root_storage,
                             .issuing_storage = options.issuing_storage,
                             .access = {folder, options.prompt}},
                            clock, random));
  TRY(migrate_issuer_tables(*database));
  const ca::Authority authority = TRY(ca::Authority::open(*database, master_key, clock, random));
  TRY(storage::make_private_folder(folder / "ca"));
  TRY(storage::write_file(folder / "ca" / "root.pem", bytes_of(crypto::to_pem(authority.root())), FileMode::kPublic));
  TRY(storage::make_private_folder(folder / "tls"));
  if (options.tls_certificate.empty()) {
    TRY(make_tls(folder / "tls", *database, authority, options));
  } else {
    TRY(write_given_tls(folder / "tls", options));
  }
  TRY(copy_accepted(folder, options));
  const std::string configuration = TRY(configuration_text(options));
  TRY(storage::write_file(folder / "issuer.toml", bytes_of(configuration), FileMode::kPrivate));
  TRY(read_configuration(folder));
  return {};
}

}  // namespace

Result<AcceptedFile> parse_accepted_file(std::string_view text) {
  const std::size_t sign = text.find('=');
  const std::string_view level = text.substr(0, sign);
  if (sign == std::string_view::npos || sign + 1 == text.size() || (level != "vendor" && level != "class" && level != "device")) {
    return fail(Fault::kBadInput, "'" + std::string(text) + "' does not say what is accepted",
                "write vendor=FILE, class=FILE or device=FILE");
  }
  return AcceptedFile{std::string(level), std::string(text.substr(sign + 1))};
}

Result<> init_issuer(const fs::path& folder, const InitOptions& options, const Clock& clock, RandomSource& random) {
  if (options.tls_certificate.empty() != options.tls_key.empty()) {
    return fail(Fault::kBadInput, "a TLS certificate needs its key, and a key its certificate",
                "give both --tls-cert and --tls-key, or neither");
  }
  TRY(check_publication_url(options.publication_url));
  TRY(check_folder(folder));
  std::error_code fault;
  const bool was_there = fs::exists(folder, fault);
  TRY(storage::make_private_folder(folder));
  const std::optional<Descriptor> lock = TRY(storage::try_lock_folder(folder));
  if (!lock)
    return fail(Fault::kUnavailable, "another 'airtight issuer init' is at work in " + folder.string(),
                "wait for its end, or choose another folder");
  TRY(check_folder(folder));  // what another has made meanwhile
  Result<> made = claim_folder(folder);
  if (made) made = fill_folder(folder, options, clock, random);
  if (made) made = remove_mark(folder);
  if (!made) give_up_folder(folder, was_there);
  return made;
}

}  // namespace airtight::issuer
