#include "sealing/seal.h"

#include <sys/stat.h>
#include <unistd.h>

#include <optional>
#include <string>

#include "base/descriptor.h"
#include "sealing/internal/lock.h"
#include "sealing/internal/seal_file.h"
#include "storage/files.h"

namespace airtight::sealing {
namespace {

using internal::Lock;
using internal::NewLock;
using internal::OpenedLock;
using internal::SealFile;

constexpr std::size_t kKeySize = 32;
constexpr std::size_t kLargestSeal = 8192;

std::filesystem::path seal_path(const std::filesystem::path& folder) { return folder / kSealFile; }

bool is_there(const std::filesystem::path& path) {
  std::error_code code;
  return std::filesystem::symlink_status(path, code).type() != std::filesystem::file_type::not_found;
}

Result<SealFile> read_seal_of(const std::filesystem::path& folder) {
  const std::filesystem::path path = seal_path(folder);
  TRY(storage::refuse_special_file(path));
  auto text = storage::read_secret_file(path, kLargestSeal);
  if (!text && text.error().fault == Fault::kNotFound) {
    return fail(Fault::kNotFound, "there is no seal in " + folder.native(), "check the path, or restore the file seal from a backup");
  }
  if (!text) return Failure(std::move(text.error()));
  auto seal = internal::read_seal(text_of(text->expose_secret()));
  if (!seal) return Failure(std::move(seal.error()).in(path.native()));
  return seal;
}

std::string wrap(const SecretBytes& master_key, const NewLock& made, RandomSource& random) {
  const std::string context = internal::context_of(made.lock);
  return internal::write_seal(
      {made.lock, crypto::seal_gcm(made.key.expose_secret(), master_key.expose_secret(), bytes_of(context), random)});
}

struct Unwrapped {
  SecretBytes master_key;
  OpenedLock lock;
};

Result<Unwrapped> unwrap(const std::filesystem::path& folder, const SealFile& seal, const PassphrasePrompt& prompt) {
  OpenedLock opened = TRY(internal::open_lock(folder, seal.lock, prompt));
  auto master_key = opened.key.size() == kKeySize
                        ? crypto::open_gcm(opened.key.expose_secret(), seal.wrapped, bytes_of(internal::context_of(seal.lock)))
                        : Result<SecretBytes>(fail(Fault::kInternal, "the lock gives a key of another size"));
  if (!master_key) return internal::does_not_open(seal.lock, seal_path(folder));
  if (master_key->size() != kKeySize) {
    return fail(Fault::kInternal, "the seal " + seal_path(folder).native() + " holds no master key", "restore it from a backup");
  }
  return Unwrapped{*std::move(master_key), std::move(opened)};
}

// Puts the key file of the seal that now holds into its place, or removes one that no seal needs any more.
Result<> settle_key_files(const std::filesystem::path& folder, SealKind kind) {
  const std::filesystem::path path = folder / kSealKeyFile;
  const std::filesystem::path new_path = folder / kNewSealKeyFile;
  if (kind == SealKind::kFile) return is_there(new_path) ? storage::rename_file(new_path, path) : Result<>();
  if (is_there(path)) TRY(storage::remove_file(path));
  if (is_there(new_path)) TRY(storage::remove_file(new_path));
  return {};
}

// One change at a time: a lock on the folder that ends with the descriptor, however the process ends.
Result<Descriptor> lock_for_change(const std::filesystem::path& folder) {
  Result<std::optional<Descriptor>> lock = storage::try_lock_folder(folder);
  if (!lock) return fail(Fault::kNotFound, "there is no folder " + folder.native(), "check the path");
  if (*lock) return **std::move(lock);
  return fail(Fault::kUnavailable, "another process is changing the seal of " + folder.native(), "wait until it is done");
}

}  // namespace

Result<> require_owner(const std::filesystem::path& folder) {
  struct stat status{};
  if (::stat(folder.c_str(), &status) != 0 || status.st_uid == ::geteuid()) return {};
  return fail(Fault::kRefused, "the folder " + folder.native() + " belongs to another user", "run the command as its owner");
}

Result<MasterKey> create_master_key(const std::filesystem::path& folder, const NewSeal& seal, const PassphrasePrompt& prompt,
                                    RandomSource& random) {
  const std::filesystem::path path = seal_path(folder);
  if (is_there(path)) {
    return fail(Fault::kRefused, "there is a seal already: " + path.native(),
                "use another folder; what was sealed under it is lost if the seal is removed");
  }
  TRY(storage::make_private_folder(folder));
  // The key file comes first: a seal without its key file could never be opened, a key file without a seal harms nobody.
  const NewLock made = TRY(internal::make_lock(seal, folder / kSealKeyFile, prompt, random));
  SecretBytes master_key = random.secret(kKeySize);
  const std::string text = wrap(master_key, made, random);
  TRY(storage::write_new_file(path, bytes_of(text), storage::FileMode::kPrivate));
  return MasterKey(std::move(master_key));
}

Result<MasterKey> open_master_key(const std::filesystem::path& folder, const PassphrasePrompt& prompt) {
  const SealFile seal = TRY(read_seal_of(folder));
  Unwrapped opened = TRY(unwrap(folder, seal, prompt));
  // A change of seals that was cut short may have left a key file that opens nothing any more, but together with a copy of the old seal.
  if (internal::kind_of(seal.lock) != SealKind::kFile && is_there(folder / kSealKeyFile)) {
    if (const auto lock = lock_for_change(folder)) (void)settle_key_files(folder, internal::kind_of(seal.lock));
  }
  return MasterKey(std::move(opened.master_key));
}

Result<SealChange> change_seal(const std::filesystem::path& folder, const NewSeal& seal, const PassphrasePrompt& prompt,
                               RandomSource& random) {
  TRY(require_owner(folder));
  const Descriptor lock = TRY(lock_for_change(folder));
  const SealFile before = TRY(read_seal_of(folder));
  const Unwrapped opened = TRY(unwrap(folder, before, prompt));
  if (is_there(folder / kNewSealKeyFile)) TRY(storage::remove_file(folder / kNewSealKeyFile));  // of a change that was cut short
  const NewLock made = TRY(internal::make_lock(seal, folder / kNewSealKeyFile, prompt, random));
  const std::string text = wrap(opened.master_key, made, random);
  TRY(storage::write_file(seal_path(folder), bytes_of(text), storage::FileMode::kPrivate));
  // From here on the new seal holds.
  SealChange change;
  auto settled = settle_key_files(folder, internal::kind_of(made.lock));
  if (!settled) change.leftover = std::move(settled.error());
  auto discarded = opened.lock.discard();
  if (!discarded) change.leftover = std::move(discarded.error());
  return change;
}

Result<SealDescription> describe_seal(const std::filesystem::path& folder) {
  const SealFile seal = TRY(read_seal_of(folder));
  SealDescription out{.kind = internal::kind_of(seal.lock), .details = {}};
  const auto add = [&out](std::string name, std::string value) { out.details.emplace_back(std::move(name), std::move(value)); };
  if (const auto* tpm2 = std::get_if<internal::Tpm2Lock>(&seal.lock)) {
    if (!tpm2->tcti.empty()) add("tcti", tpm2->tcti);
    if (!tpm2->pcrs.empty()) add("pcrs", name_of(tpm2->pcrs));
    add("passphrase", tpm2->passphrase ? "yes" : "no");
  }
  if (const auto* pkcs11 = std::get_if<internal::Pkcs11Lock>(&seal.lock)) add("uri", pkcs11->uri);
  return out;
}

Result<SealKind> seal_kind_of(const std::filesystem::path& folder) { return TRY(describe_seal(folder)).kind; }

}  // namespace airtight::sealing
