#include <string>

#include "base/text.h"
#include "sealing/internal/key_file.h"
#include "sealing/internal/seal_file.h"
#include "sealing/master_key.h"
#include "storage/files.h"

namespace airtight::sealing {
namespace {

using internal::KeyFileLock;
using internal::Lock;
using internal::PassphraseLock;
using internal::SealFile;

constexpr std::size_t kKeySize = 32;
constexpr std::size_t kSaltSize = 32;
constexpr std::size_t kShortestPassphrase = 8;
constexpr std::size_t kLargestSeal = 4096;

std::filesystem::path seal_path(const std::filesystem::path& folder) { return folder / kSealFile; }
std::filesystem::path key_path(const std::filesystem::path& folder) { return folder / kSealKeyFile; }

Result<SecretBytes> ask(const PassphrasePrompt& prompt, bool confirm) {
  if (!prompt) return fail(Fault::kRefused, "a passphrase is needed and there is nobody to ask", "run the command on a terminal");
  return prompt(confirm);
}

Result<SecretBytes> new_passphrase(const PassphrasePrompt& prompt) {
  SecretBytes passphrase = TRY(ask(prompt, true));
  if (passphrase.size() < kShortestPassphrase) {
    return fail(Fault::kBadInput, "the passphrase is shorter than 8 bytes", "use several words");
  }
  if (!is_utf8(passphrase.expose_secret())) return fail(Fault::kBadInput, "the passphrase is not UTF-8", "set the terminal to UTF-8");
  return passphrase;
}

Result<SecretBytes> wrapping_key(const SecretBytes& passphrase, const PassphraseLock& lock) {
  return crypto::scrypt(passphrase.expose_secret(), lock.salt, lock.cost, kKeySize);
}

// A lock and the wrapping key that it guards.
struct NewLock {
  Lock lock;
  SecretBytes key;
};

Result<NewLock> make_lock(const std::filesystem::path& folder, SealKind kind, const PassphrasePrompt& prompt, RandomSource& random,
                          const crypto::ScryptCost& cost) {
  if (kind == SealKind::kFile) {
    const SecretBytes key = TRY(internal::read_or_make_key_file(key_path(folder), random));
    return NewLock{KeyFileLock{internal::key_id(key)}, internal::wrapping_key(key)};
  }
  if (!internal::is_affordable(cost)) return fail(Fault::kBadInput, "the scrypt cost is out of range", "use at most 512 MiB");
  const SecretBytes passphrase = TRY(new_passphrase(prompt));
  PassphraseLock lock{random.bytes(kSaltSize), cost};
  SecretBytes key = TRY(wrapping_key(passphrase, lock));
  return NewLock{std::move(lock), std::move(key)};
}

Result<> refuse_existing(const std::filesystem::path& path) {
  std::error_code code;
  if (std::filesystem::symlink_status(path, code).type() == std::filesystem::file_type::not_found) return {};
  return fail(Fault::kRefused, "there is a seal already: " + path.native(),
              "use another folder; what was sealed under it is lost if the seal is removed");
}

Result<SealFile> read_seal_of(const std::filesystem::path& folder) {
  const std::filesystem::path path = seal_path(folder);
  auto text = storage::read_secret_file(path, kLargestSeal);
  if (!text && text.error().fault == Fault::kNotFound) {
    return fail(Fault::kNotFound, "there is no seal in " + folder.native(), "check the path, or restore the file seal from a backup");
  }
  if (!text) return Failure(std::move(text.error()));
  auto seal = internal::read_seal(text_of(text->expose_secret()));
  if (!seal) return Failure(std::move(seal.error()).in(path.native()));
  return seal;
}

Result<SecretBytes> unwrap(const SealFile& seal, const SecretBytes& key) {
  return crypto::open_gcm(key.expose_secret(), seal.wrapped, bytes_of(internal::context_of(seal.lock)));
}

Result<SecretBytes> open_with_key_file(const std::filesystem::path& folder, const SealFile& seal, const KeyFileLock& lock) {
  const std::filesystem::path path = key_path(folder);
  const SecretBytes key = TRY(internal::read_key_file(path));
  if (!equal(internal::key_id(key), lock.key_id)) {
    return fail(Fault::kRefused, "the key file " + path.native() + " belongs to another seal",
                "restore the key file that was made with " + seal_path(folder).native());
  }
  auto master_key = unwrap(seal, internal::wrapping_key(key));
  if (master_key) return master_key;
  return fail(Fault::kInternal, "the seal " + seal_path(folder).native() + " was changed", "restore it from a backup");
}

Result<SecretBytes> open_with_passphrase(const std::filesystem::path& folder, const SealFile& seal, const PassphraseLock& lock,
                                         const PassphrasePrompt& prompt) {
  const SecretBytes passphrase = TRY(ask(prompt, false));
  const SecretBytes key = TRY(wrapping_key(passphrase, lock));
  auto master_key = unwrap(seal, key);
  if (master_key) return master_key;
  return fail(Fault::kRefused, "the passphrase does not open " + seal_path(folder).native(),
              "try again; if you are sure of it, the seal was changed: restore it from a backup");
}

}  // namespace

Result<SealKind> parse_seal_kind(std::string_view text) {
  for (const SealKind kind : {SealKind::kFile, SealKind::kPassphrase}) {
    if (name_of(kind) == text) return kind;
  }
  return fail(Fault::kBadInput, "\"" + std::string(text) + "\" is no kind of seal", "use file or passphrase");
}

std::string_view name_of(SealKind kind) { return kind == SealKind::kFile ? "file" : "passphrase"; }

Result<MasterKey> create_master_key(const std::filesystem::path& folder, SealKind kind, const PassphrasePrompt& prompt,
                                    RandomSource& random, const crypto::ScryptCost& cost) {
  TRY(refuse_existing(seal_path(folder)));
  TRY(storage::make_private_folder(folder));
  // The key file comes first: a seal without its key file could never be opened, a key file without a seal harms nobody.
  const NewLock made = TRY(make_lock(folder, kind, prompt, random, cost));
  SecretBytes master_key = random.secret(kKeySize);
  Bytes wrapped = crypto::seal_gcm(made.key.expose_secret(), master_key.expose_secret(), bytes_of(internal::context_of(made.lock)), random);
  const std::string text = internal::write_seal({made.lock, std::move(wrapped)});
  TRY(storage::write_new_file(seal_path(folder), bytes_of(text), storage::FileMode::kPrivate));
  return MasterKey(std::move(master_key));
}

Result<MasterKey> open_master_key(const std::filesystem::path& folder, const PassphrasePrompt& prompt) {
  const SealFile seal = TRY(read_seal_of(folder));
  const auto* file = std::get_if<KeyFileLock>(&seal.lock);
  SecretBytes master_key = TRY(file != nullptr ? open_with_key_file(folder, seal, *file)
                                               : open_with_passphrase(folder, seal, std::get<PassphraseLock>(seal.lock), prompt));
  if (master_key.size() != kKeySize) {
    return fail(Fault::kInternal, "the seal " + seal_path(folder).native() + " holds no master key", "restore it from a backup");
  }
  return MasterKey(std::move(master_key));
}

Result<SealKind> seal_kind_of(const std::filesystem::path& folder) { return internal::kind_of(TRY(read_seal_of(folder)).lock); }

}  // namespace airtight::sealing
