#include "sealing/master_key.h"

#include <map>
#include <mutex>
#include <stdexcept>
#include <string>

#include "crypto/cipher.h"
#include "crypto/digest.h"

namespace airtight::sealing {

struct MasterKey::Derived {
  explicit Derived(SecretBytes master_key) : master(std::move(master_key)) {}

  // The key for `purpose`; it stays where it is as long as this object.
  [[nodiscard]] ByteView key_for(std::string_view purpose) {
    const std::lock_guard lock(mutex);
    auto found = keys.find(purpose);
    if (found == keys.end()) {
      SecretBytes key = crypto::hmac_sha256_key(master.expose_secret(), {bytes_of("airtight seal"), bytes_of(purpose)});
      found = keys.emplace(purpose, std::move(key)).first;
    }
    return found->second.expose_secret();
  }

  const SecretBytes master;
  std::mutex mutex;
  std::map<std::string, SecretBytes, std::less<>> keys;
};

MasterKey::MasterKey(SecretBytes key) {
  if (key.size() != 32) throw std::invalid_argument("a master key has 32 bytes");
  derived_ = std::make_shared<Derived>(std::move(key));
}

Bytes MasterKey::seal(std::string_view purpose, ByteView context, ByteView plain, RandomSource& random) const {
  return crypto::seal_gcm(derived_->key_for(purpose), plain, context, random);
}

Result<SecretBytes> MasterKey::open(std::string_view purpose, ByteView context, ByteView sealed) const {
  auto plain = crypto::open_gcm(derived_->key_for(purpose), sealed, context);
  if (plain) return plain;
  return fail(Fault::kInternal, "a sealed record does not open: it was changed, moved, or sealed under another master key",
              "restore the database, with the seal that belongs to it, from a backup");
}

SecretBytes MasterKey::derive_key(std::string_view purpose) const {
  return crypto::hmac_sha256_key(derived_->master.expose_secret(), {bytes_of("airtight derived key"), bytes_of(purpose)});
}

}  // namespace airtight::sealing
