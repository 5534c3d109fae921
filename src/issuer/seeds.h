// The pools of seeds that an issuer hands out: filled from key containers of those who make tokens (PSKC, RFC 6030) or with random ones,
// shown, exported, and emptied. What a key store cannot carry is named and left out. All of it is in the audit log, with the operator `by`
// who did it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/secret_bytes.h"
#include "crypto/digest.h"
#include "issuer/issuer.h"
#include "issuer/seed_store.h"
#include "otp/pskc.h"
#include "sealing/seal.h"

namespace airtight::issuer {

struct SeedImport {
  std::vector<std::string> names;        // what is in the pool now
  std::vector<otp::RefusedKey> refused;  // what is not, and why
};

// Puts the keys of a container into `pool`, all in one transaction. Fault::kBadInput for the container as otp::read_pskc(), and for a pool
// without a good name; kRefused, and nothing was imported, if a name is in the pool already or twice in the container.
[[nodiscard]] Result<SeedImport> import_seeds(Issuer& issuer, std::string_view pool, ByteView container, const otp::PskcOpener& opener,
                                              std::string_view by, const sealing::PassphrasePrompt& prompt);

// Random seeds, as long as the HMAC's value (RFC 4226, R6, recommends 160 bits).
struct SeedPlan {
  std::uint32_t count = 0;
  otp::Parameters parameters = otp::Hotp{};
  crypto::Digest digest = crypto::Digest::kSha1;  // SHA-1 or SHA-256
};
inline constexpr std::uint32_t kMostSeeds = 10'000;
// Makes them, under random names, which are returned. Fault::kBadInput for a plan that no key store can carry.
[[nodiscard]] Result<std::vector<std::string>> generate_seeds(Issuer& issuer, std::string_view pool, const SeedPlan& plan,
                                                              std::string_view by, const sealing::PassphrasePrompt& prompt);

struct SeedExport {
  std::vector<std::string> names;
  SecretBytes container;  // PSKC
};
// Seeds for a server that checks their passwords: those of `names`, or all of the pool, issued or not, in a container for `opener`
// (otp::write_pskc). A seed that was issued names its user. The record in the audit log is durable when this returns. Fault::kNotFound for
// a name that is not there and for an empty pool; kBadInput as otp::write_pskc().
[[nodiscard]] Result<SeedExport> export_seeds(Issuer& issuer, std::string_view pool, const std::vector<std::string>& names,
                                              const otp::PskcOpener& opener, std::string_view by, const sealing::PassphrasePrompt& prompt);

// Removes seeds that were not issued: all of `names`, or none and Fault::kNotFound or kRefused.
[[nodiscard]] Result<> remove_seeds(Issuer& issuer, std::string_view pool, const std::vector<std::string>& names, std::string_view by);

}  // namespace airtight::issuer
