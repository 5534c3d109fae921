#include "ca/key_storage.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "crypto/certificate.h"
#include "sealing/token_key.h"
#include "storage/files.h"

namespace airtight::ca {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kDatabase = "database";
constexpr std::string_view kFilePrefix = "file:";
constexpr std::string_view kTokenPrefix = "pkcs11:";
constexpr std::size_t kMaxFile = 64 * 1024;
constexpr std::size_t kMinPassphrase = 8;  // bytes

struct KindRow {
  KeyKind kind;
  std::string_view name;
};
constexpr std::array kKinds = {KindRow{KeyKind::kP256, "p-256"}, KindRow{KeyKind::kP384, "p-384"}, KindRow{KeyKind::kRsa3072, "rsa-3072"},
                               KindRow{KeyKind::kRsa4096, "rsa-4096"}};

sealing::TokenKeySpec token_spec(KeyKind kind) {
  switch (kind) {
    case KeyKind::kP256: return crypto::EcSpec{crypto::Curve::kP256};
    case KeyKind::kP384: return crypto::EcSpec{crypto::Curve::kP384};
    case KeyKind::kRsa3072: return crypto::RsaSpec{3072};
    case KeyKind::kRsa4096: break;
  }
  return crypto::RsaSpec{4096};
}

fs::path file_of(const KeyStorage& storage, const KeyAccess& access) {
  const fs::path path(storage.location);
  return path.is_absolute() ? path : access.folder / path;
}

Result<SecretBytes> ask(const fs::path& file, const KeyAccess& access, bool is_new) {
  if (!access.prompt) {
    return fail(Fault::kRefused, "a passphrase is needed for " + file.string() + " and there is nobody to ask",
                "run the command on a terminal");
  }
  return access.prompt({.about = sealing::SecretQuestion::About::kKeyFile, .is_new = is_new, .token = {}, .file = file.string()});
}

Result<std::shared_ptr<const crypto::Signer>> make_file(const fs::path& file, KeyKind kind, const KeyAccess& access) {
  std::error_code fault;
  if (fs::exists(file, fault)) {
    return fail(Fault::kRefused, "there is something at " + file.string() + " already", "name another file for the new key");
  }
  const SecretBytes passphrase = TRY(ask(file, access, true));
  if (passphrase.size() < kMinPassphrase || !is_utf8(passphrase.expose_secret())) {
    return fail(Fault::kBadInput, "the passphrase of a CA's key has to be of at least 8 bytes of UTF-8", "choose a longer one");
  }
  crypto::PrivateKey key = TRY(generate_key(kind));
  const std::string pem = TRY(crypto::to_encrypted_pem(key, passphrase.expose_secret()));
  TRY(storage::make_private_folder(file.parent_path()));
  TRY(storage::write_new_file(file, bytes_of(pem), storage::FileMode::kPrivate));
  return std::make_shared<const crypto::KeySigner>(std::move(key));
}

Result<std::shared_ptr<const crypto::Signer>> open_file(const fs::path& file, const KeyAccess& access) {
  const SecretBytes pem = TRY(storage::read_secret_file(file, kMaxFile));
  const SecretBytes passphrase = TRY(ask(file, access, false));
  auto key = crypto::private_key_from_encrypted_pem(text_of(pem.expose_secret()), passphrase.expose_secret());
  if (!key) return Failure(std::move(key).error().in(file.string()));
  return std::make_shared<const crypto::KeySigner>(std::move(*key));
}

}  // namespace

std::string_view name_of(KeyKind kind) { return std::ranges::find(kKinds, kind, &KindRow::kind)->name; }

std::optional<KeyKind> key_kind_named(std::string_view name) {
  const auto found = std::ranges::find(kKinds, name, &KindRow::name);
  if (found == kKinds.end()) return std::nullopt;
  return found->kind;
}

std::vector<std::string_view> key_kind_names() {
  std::vector<std::string_view> out;
  for (const KindRow& row : kKinds) out.push_back(row.name);
  return out;
}

Result<crypto::PrivateKey> generate_key(KeyKind kind) {
  return std::visit([](const auto& spec) { return crypto::PrivateKey::generate(spec); }, token_spec(kind));
}

Result<KeyStorage> parse_key_storage(std::string_view text) {
  if (text == kDatabase) return KeyStorage{};
  if (text.starts_with(kTokenPrefix)) {
    TRY(sealing::check_token_key_uri(std::string(text)));
    return KeyStorage{KeyStorage::Kind::kToken, std::string(text)};
  }
  if (text.starts_with(kFilePrefix) && text.size() > kFilePrefix.size()) {
    const fs::path path(text.substr(kFilePrefix.size()));
    if (std::ranges::find(path, fs::path("..")) != path.end()) {
      return fail(Fault::kBadInput, "\"" + std::string(text) + "\" leads out of the authority's folder",
                  "name a file in it, or a place elsewhere from the root on, as file:/mnt/NAME");
    }
    return KeyStorage{KeyStorage::Kind::kFile, path.native()};
  }
  return fail(Fault::kBadInput, "\"" + std::string(text) + "\" is no place for a key",
              "write database, file:NAME, or a PKCS #11 URI such as 'pkcs11:token=NAME;object=LABEL'");
}

std::string to_text(const KeyStorage& storage) {
  switch (storage.kind) {
    case KeyStorage::Kind::kDatabase: break;
    case KeyStorage::Kind::kFile: return std::string(kFilePrefix) + storage.location;
    case KeyStorage::Kind::kToken: return storage.location;
  }
  return std::string(kDatabase);
}

Result<std::shared_ptr<const crypto::Signer>> make_key(const KeyStorage& storage, KeyKind kind, const KeyAccess& access) {
  if (storage.kind == KeyStorage::Kind::kFile) return make_file(file_of(storage, access), kind, access);
  return sealing::make_token_key(storage.location, token_spec(kind), access.prompt);
}

Result<std::shared_ptr<const crypto::Signer>> open_key(const KeyStorage& storage, const KeyAccess& access) {
  if (storage.kind == KeyStorage::Kind::kFile) return open_file(file_of(storage, access), access);
  return sealing::open_token_key(storage.location, access.prompt);
}

}  // namespace airtight::ca
