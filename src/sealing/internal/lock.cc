#include "sealing/internal/lock.h"

#include <string>

#include "base/text.h"
#include "sealing/internal/key_file.h"
#include "sealing/internal/lines.h"
#include "sealing/internal/tpm.h"
#include "storage/files.h"

namespace airtight::sealing::internal {
namespace {

constexpr std::size_t kKeySize = 32;
constexpr std::size_t kSaltSize = 32;
constexpr std::size_t kShortestPassphrase = 8;

Result<SecretBytes> ask(const PassphrasePrompt& prompt, const SecretQuestion& question) {
  if (!prompt) return fail(Fault::kRefused, "a passphrase is needed and there is nobody to ask", "run the command on a terminal");
  return prompt(question);
}

Result<SecretBytes> new_passphrase(const PassphrasePrompt& prompt) {
  SecretBytes passphrase = TRY(ask(prompt, {.is_new = true}));
  if (passphrase.size() < kShortestPassphrase) {
    return fail(Fault::kBadInput, "the passphrase is shorter than 8 bytes", "use several words");
  }
  if (!is_utf8(passphrase.expose_secret())) return fail(Fault::kBadInput, "the passphrase is not UTF-8", "set the terminal to UTF-8");
  return passphrase;
}

Result<SecretBytes> stretched(const SecretBytes& passphrase, const PassphraseLock& lock) {
  return crypto::scrypt(passphrase.expose_secret(), lock.salt, lock.cost, kKeySize);
}

// The same as an authorization of a TPM, which takes no zeros at its end.
Result<SecretBytes> authorization_from(const SecretBytes& passphrase, const PassphraseLock& lock) {
  SecretBytes value = TRY(stretched(passphrase, lock));
  value.expose_secret_for_writing().back() |= std::byte{1};
  return value;
}

struct NewPassphrase {
  PassphraseLock lock;
  SecretBytes passphrase;
};

Result<NewPassphrase> make_passphrase(const crypto::ScryptCost& cost, const PassphrasePrompt& prompt, RandomSource& random) {
  if (!is_affordable(cost)) return fail(Fault::kBadInput, "the scrypt cost is out of range", "use at most 512 MiB");
  SecretBytes passphrase = TRY(new_passphrase(prompt));
  return NewPassphrase{{random.bytes(kSaltSize), cost}, std::move(passphrase)};
}

// Makes a lock of each kind.
struct Maker {
  const std::filesystem::path& key_file;
  const PassphrasePrompt& prompt;
  RandomSource& random;

  Result<NewLock> operator()(const KeyFileSeal& /*seal*/) const {
    const SecretBytes key = TRY(read_or_make_key_file(key_file, random));
    return NewLock{KeyFileLock{key_id(key)}, wrapping_key(key)};
  }

  Result<NewLock> operator()(const PassphraseSeal& seal) const {
    const NewPassphrase made = TRY(make_passphrase(seal.cost, prompt, random));
    SecretBytes key = TRY(stretched(made.passphrase, made.lock));
    return NewLock{made.lock, std::move(key)};
  }

  Result<NewLock> operator()(const Tpm2Seal& seal) const {
    if (!seal.tcti.empty()) TRY(check_tcti(seal.tcti));
    if (!fits_a_line(seal.tcti, kLongestTcti)) return fail(Fault::kBadInput, "the TCTI is too long or no plain text", "use a shorter one");
    Tpm2Lock lock{.tcti = seal.tcti, .pcrs = seal.pcrs, .blob = {}, .passphrase = {}};
    SecretBytes authorization;
    if (seal.with_passphrase) {
      NewPassphrase made = TRY(make_passphrase(seal.cost, prompt, random));
      authorization = TRY(authorization_from(made.passphrase, made.lock));
      lock.passphrase = std::move(made.lock);
    }
    SecretBytes key = random.secret(kKeySize);
    lock.blob =
        TRY(tpm2_seal(tcti_or_default(seal.tcti), key, {.pcrs = seal.pcrs, .authorization = lock.passphrase ? &authorization : nullptr}));
    return NewLock{std::move(lock), std::move(key)};
  }

  Result<NewLock> operator()(const Pkcs11Seal& seal) const {
    TRY(check_token_uri(seal.uri));
    SecretBytes key = random.secret(kKeySize);
    TokenBlob blob = TRY(token_seal(seal.uri, key, prompt, random));
    return NewLock{Pkcs11Lock{seal.uri, std::move(blob)}, std::move(key)};
  }
};

Result<> nothing_to_discard() { return {}; }

// Opens a lock of each kind.
struct Opener {
  const std::filesystem::path& folder;
  const PassphrasePrompt& prompt;

  Result<OpenedLock> operator()(const KeyFileLock& lock) const {
    const std::filesystem::path path = folder / kSealKeyFile;
    auto key = read_key_file(path);
    if (key && equal(key_id(*key), lock.key_id)) return OpenedLock{wrapping_key(*key), nothing_to_discard};
    // A change of seals that was cut short after the seal and before the key file took its place.
    const std::filesystem::path other = folder / kNewSealKeyFile;
    const auto new_key = read_key_file(other);
    if (new_key && equal(key_id(*new_key), lock.key_id)) {
      TRY(storage::rename_file(other, path));
      return OpenedLock{wrapping_key(*new_key), nothing_to_discard};
    }
    if (!key) return Failure(std::move(key.error()));
    return fail(Fault::kRefused, "the key file " + path.native() + " belongs to another seal",
                "restore the key file that was made with " + (folder / kSealFile).native());
  }

  Result<OpenedLock> operator()(const PassphraseLock& lock) const {
    const SecretBytes passphrase = TRY(ask(prompt, {}));
    return OpenedLock{TRY(stretched(passphrase, lock)), nothing_to_discard};
  }

  Result<OpenedLock> operator()(const Tpm2Lock& lock) const {
    SecretBytes authorization;
    if (lock.passphrase) {
      const SecretBytes passphrase = TRY(ask(prompt, {}));
      authorization = TRY(authorization_from(passphrase, *lock.passphrase));
    }
    const Tpm2Conditions conditions{.pcrs = lock.pcrs, .authorization = lock.passphrase ? &authorization : nullptr};
    return OpenedLock{TRY(tpm2_unseal(tcti_or_default(lock.tcti), lock.blob, conditions)), nothing_to_discard};
  }

  Result<OpenedLock> operator()(const Pkcs11Lock& lock) const {
    TokenKey opened = TRY(token_unseal(lock.uri, lock.blob, prompt));
    return OpenedLock{std::move(opened.key), std::move(opened.discard)};
  }
};

}  // namespace

Result<NewLock> make_lock(const NewSeal& seal, const std::filesystem::path& key_file, const PassphrasePrompt& prompt,
                          RandomSource& random) {
  return std::visit(Maker{key_file, prompt, random}, seal);
}

Result<OpenedLock> open_lock(const std::filesystem::path& folder, const Lock& lock, const PassphrasePrompt& prompt) {
  return std::visit(Opener{folder, prompt}, lock);
}

Failure does_not_open(const Lock& lock, const std::filesystem::path& path) {
  if (kind_of(lock) == SealKind::kPassphrase) {
    return fail(Fault::kRefused, "the passphrase does not open " + path.native(),
                "try again; if you are sure of it, the seal was changed: restore it from a backup");
  }
  return fail(Fault::kInternal, "the seal " + path.native() + " was changed", "restore it from a backup");
}

}  // namespace airtight::sealing::internal
