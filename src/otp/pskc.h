// Reads seeds of one-time passwords from a Portable Symmetric Key Container (PSKC, RFC 6030), as makers of tokens deliver them, and writes
// such containers for servers that check passwords. What is encrypted is opened only after its MAC was verified; a key whose policy cannot
// be kept is refused and named, the others are not.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/key_attributes.h"
#include "base/random.h"
#include "base/result.h"
#include "base/secret_bytes.h"
#include "base/time.h"
#include "crypto/digest.h"
#include "otp/one_time_password.h"

namespace airtight::otp {

// What opens an encrypted container: nothing for one that is not, an AES key, or a passphrase (section 6.2).
struct PreSharedKey {
  SecretBytes key;
};
struct Passphrase {
  SecretBytes text;
};
using PskcOpener = std::variant<std::monostate, PreSharedKey, Passphrase>;

// The shortest passphrase that containers are written under, in bytes; those of others are read with any.
inline constexpr std::size_t kShortestPassphrase = 8;

// The largest counter that a container can say (its schema's long).
inline constexpr std::uint64_t kLargestCounter = 0x7FFFFFFFFFFFFFFF;

struct PskcLimits {
  std::size_t max_bytes = 16U << 20;
  std::size_t max_keys = 10'000;
  std::uint32_t max_iterations = 5'000'000;  // of PBKDF2
};

// What a PINPolicy with the usage mode "Local" asks of the PIN that guards the key (section 5.1).
struct SeedPinPolicy {
  PassphraseFormat format = PassphraseFormat::kNumeric;
  std::optional<std::uint32_t> max_failed_attempts;
  std::optional<std::uint32_t> min_length;
  std::optional<std::uint32_t> max_length;
};

struct Seed {
  std::string id;  // Key Id
  std::string manufacturer;
  std::string serial;
  std::string issuer;
  std::string friendly_name;
  std::string user_id;  // of the key, or else of its device: a distinguished name
  SecretBytes secret;
  crypto::Digest digest = crypto::Digest::kSha1;  // of the HMAC
  Parameters parameters;
  std::optional<SeedPinPolicy> pin_policy;
  std::optional<Instant> not_before;  // whoever issues the seed keeps to them
  std::optional<Instant> not_after;
};

// A key that was not taken, and why in one sentence.
struct RefusedKey {
  std::string id;
  std::string reason;
};

struct Container {
  std::vector<Seed> seeds;          // in the container's order
  std::vector<RefusedKey> refused;  // expired, of another algorithm, or under a policy that cannot be kept
};

// Reads a container. Fault::kBadInput if it is malformed or beyond the limits, `opener` is not what opens it, a MAC is missing or wrong, or
// a secret stands in the clear in an encrypted container; kRefused if it is signed. Then nothing in it is taken.
[[nodiscard]] Result<Container> read_pskc(ByteView document, const PskcOpener& opener, Instant now, const PskcLimits& limits = {});

// Writes a container that read_pskc() reads with the same `opener`: secrets under AES-CBC of the pre-shared key's size, or AES-128 of a key
// that PBKDF2 makes of the passphrase, each with its HMAC-SHA1 (section 6); in the clear without an opener. Counters, dates, users and
// policies stand in the clear, as in the RFC's samples. Fault::kBadInput for no seeds or too many, an Id twice, a key that AES has not, a
// passphrase below kShortestPassphrase, and a seed that a container cannot describe: a TOTP that does not count from 1970, a PIN of another
// format than numeric and alphanumeric.
[[nodiscard]] Result<SecretBytes> write_pskc(std::span<const Seed> seeds, const PskcOpener& opener, RandomSource& random);

// The URI of the HMAC that an issuer endorses for a key with such a digest; nothing for those that no key store has.
[[nodiscard]] std::optional<std::string_view> hmac_algorithm(crypto::Digest digest);
// The other way round.
[[nodiscard]] std::optional<crypto::Digest> digest_of_hmac(std::string_view algorithm);

}  // namespace airtight::otp
