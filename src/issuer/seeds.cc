#include "issuer/seeds.h"

#include "base/encoding.h"
#include "base/text.h"
#include "ca/audit.h"
#include "crypto/certificate_builder.h"
#include "issuer/operator_line.h"

namespace airtight::issuer {
namespace {

constexpr std::size_t kMaxName = 200;          // bytes
constexpr std::size_t kGeneratedName = 8;      // random bytes
constexpr std::uint32_t kMostPinLength = 100;  // bytes; SKS createPINPolicy

bool is_name(std::string_view name) { return !name.empty() && name.size() <= kMaxName && is_line(name); }

Result<> check_pool(std::string_view pool) {
  if (is_name(pool)) return {};
  return fail(Fault::kBadInput, "a pool has a name of 1 to 200 bytes, all of them printable", "name it as 'seeds' in issuer.toml does");
}

void add_if_any(SeedProperties& properties, std::string name, const std::string& value) {
  if (!value.empty()) properties.insert_or_assign(std::move(name), value);
}

// What a key of a container is in the pool. Fault::kRefused says why it cannot be there.
Result<SeedDescription> describe(const otp::Seed& seed, std::string_view pool) {
  const auto refuse = [](std::string reason) { return fail(Fault::kRefused, std::move(reason)); };
  SeedDescription out;
  out.pool = pool;
  out.name = seed.id;
  if (!is_name(out.name)) return refuse("its Id is no printable text of at most 200 bytes");
  const auto algorithm = otp::hmac_algorithm(seed.digest);
  if (!algorithm) return refuse("its passwords are made with an HMAC that no key store has: HMAC-SHA1 and HMAC-SHA256 can be issued");
  out.algorithm = *algorithm;
  out.parameters = seed.parameters;
  if (const Result<std::vector<otp::Property>> properties = otp::properties_for(seed.parameters); !properties)
    return refuse(properties.error().message);
  if (!seed.user_id.empty()) {
    Result<Bytes> user = crypto::name_from_text(seed.user_id);
    if (!user) return refuse("its UserId is not a distinguished name");
    out.user = *std::move(user);
  }
  out.not_before = seed.not_before;
  out.not_after = seed.not_after;
  out.pin_policy = seed.pin_policy;
  if (seed.pin_policy && seed.pin_policy->min_length.value_or(1) > kMostPinLength)
    return refuse("its PIN has to be longer than the 100 bytes that a key store knows");
  add_if_any(out.properties, "serial", seed.serial);
  add_if_any(out.properties, "manufacturer", seed.manufacturer);
  add_if_any(out.properties, "issuer", seed.issuer);
  add_if_any(out.properties, "friendly_name", seed.friendly_name);
  add_if_any(out.properties, "user", seed.user_id);
  if (seed.not_after) out.properties.insert_or_assign("expires", format_time(*seed.not_after));
  return out;
}

// The other way round, for a container; the secret moves into it.
Result<otp::Seed> seed_for_container(OpenSeed& seed) {
  const SeedDescription& description = seed.summary.description;
  const auto digest = otp::digest_of_hmac(description.algorithm);
  if (!description.parameters || !digest)
    return fail(Fault::kBadInput, "the seed " + description.name + " is not one of one-time passwords", "name those to export");
  const auto property = [&](std::string_view name) {
    const auto found = description.properties.find(name);
    return found == description.properties.end() ? std::string() : found->second;
  };
  return otp::Seed{.id = description.name,
                   .manufacturer = property("manufacturer"),
                   .serial = property("serial"),
                   .issuer = property("issuer"),
                   .friendly_name = property("friendly_name"),
                   .user_id = seed.summary.subject.empty() ? property("user") : seed.summary.subject,
                   .secret = std::move(seed.value),
                   .digest = *digest,
                   .parameters = *description.parameters,
                   .pin_policy = description.pin_policy,
                   .not_before = description.not_before,
                   .not_after = description.not_after};
}

std::string_view protection_of(const otp::PskcOpener& opener) {
  if (std::holds_alternative<std::monostate>(opener)) return "none";
  return std::holds_alternative<otp::PreSharedKey>(opener) ? "pre-shared key" : "passphrase";
}

std::string audit_detail(std::string_view by, std::string_view pool, const std::vector<std::string>& names) {
  std::string detail = operator_line(by) + "pool: " + std::string(pool) + "\n";
  for (const std::string& name : names) detail += "seed: " + name + "\n";
  return detail;
}

}  // namespace

Result<SeedImport> import_seeds(Issuer& issuer, std::string_view pool, ByteView container, const otp::PskcOpener& opener,
                                std::string_view by, const sealing::PassphrasePrompt& prompt) {
  TRY(check_pool(pool));
  const Instant now = issuer.clock().now();
  otp::Container read = TRY(otp::read_pskc(container, opener, now));
  const sealing::MasterKey master_key = TRY(issuer.unseal(prompt));
  const DatabasePool::Lease database = TRY(issuer.database());
  storage::Transaction transaction = TRY(storage::Transaction::begin(*database, storage::Access::kWrite));
  SeedImport done;
  done.refused = std::move(read.refused);
  for (const otp::Seed& seed : read.seeds) {
    const Result<SeedDescription> description = describe(seed, pool);
    if (!description) {
      if (description.error().fault != Fault::kRefused) return Failure(description.error());
      done.refused.push_back({seed.id, description.error().message});
      continue;
    }
    Result<> inserted = insert_seed(*database, master_key, *description, seed.secret, now, issuer.random());
    if (!inserted && inserted.error().fault == Fault::kRefused) {
      return Failure(std::move(inserted).error().with_hint("nothing was imported: remove that seed first, or import into another pool"));
    }
    TRY(std::move(inserted));
    done.names.push_back(description->name);
  }
  if (done.names.empty()) return done;
  TRY(ca::record(*database, issuer.clock(), "seeds.imported", audit_detail(by, pool, done.names)));
  TRY(transaction.commit());
  return done;
}

Result<std::vector<std::string>> generate_seeds(Issuer& issuer, std::string_view pool, const SeedPlan& plan, std::string_view by,
                                                const sealing::PassphrasePrompt& prompt) {
  TRY(check_pool(pool));
  const auto algorithm = otp::hmac_algorithm(plan.digest);
  if (!algorithm) return fail(Fault::kBadInput, "no key store makes passwords with this hash", "take hmac-sha1 or hmac-sha256");
  if (plan.count == 0 || plan.count > kMostSeeds)
    return fail(Fault::kBadInput, "1 to " + std::to_string(kMostSeeds) + " seeds are made at once");
  TRY(otp::properties_for(plan.parameters));
  const sealing::MasterKey master_key = TRY(issuer.unseal(prompt));
  const DatabasePool::Lease database = TRY(issuer.database());
  storage::Transaction transaction = TRY(storage::Transaction::begin(*database, storage::Access::kWrite));
  const std::size_t size = crypto::digest_size(plan.digest);
  std::vector<std::string> names;
  for (std::uint32_t i = 0; i < plan.count; ++i) {
    SeedDescription seed{.pool = std::string(pool),
                         .name = hex_encode(issuer.random().bytes(kGeneratedName)),
                         .parameters = plan.parameters,
                         .algorithm = std::string(*algorithm)};
    TRY(insert_seed(*database, master_key, seed, issuer.random().secret(size), issuer.clock().now(), issuer.random()));
    names.push_back(std::move(seed.name));
  }
  TRY(ca::record(*database, issuer.clock(), "seeds.generated", audit_detail(by, pool, names)));
  TRY(transaction.commit());
  return names;
}

Result<SeedExport> export_seeds(Issuer& issuer, std::string_view pool, const std::vector<std::string>& names, const otp::PskcOpener& opener,
                                std::string_view by, const sealing::PassphrasePrompt& prompt) {
  TRY(check_pool(pool));
  const sealing::MasterKey master_key = TRY(issuer.unseal(prompt));
  const DatabasePool::Lease database = TRY(issuer.database());
  storage::Transaction transaction = TRY(storage::Transaction::begin(*database, storage::Access::kWrite));
  std::vector<OpenSeed> open = TRY(open_seeds(*database, master_key, pool, names));
  if (open.empty()) return fail(Fault::kNotFound, "there are no seeds in the pool " + std::string(pool));
  std::vector<otp::Seed> seeds;
  SeedExport done;
  for (OpenSeed& seed : open) {
    seeds.push_back(TRY(seed_for_container(seed)));
    done.names.push_back(seeds.back().id);
  }
  done.container = TRY(otp::write_pskc(seeds, opener, issuer.random()));
  const crypto::Sha256Value hash = crypto::sha256(done.container.expose_secret());
  TRY(ca::record(*database, issuer.clock(), "seeds.exported",
                 audit_detail(by, pool, done.names) + "protection: " + std::string(protection_of(opener)) + "\ncontainer: SHA-256 " +
                     hex_encode(hash) + "\n"));
  TRY(transaction.commit());
  return done;
}

Result<> remove_seeds(Issuer& issuer, std::string_view pool, const std::vector<std::string>& names, std::string_view by) {
  const DatabasePool::Lease database = TRY(issuer.database());
  storage::Transaction transaction = TRY(storage::Transaction::begin(*database, storage::Access::kWrite));
  for (const std::string& name : names) TRY(remove_seed(*database, pool, name));
  TRY(ca::record(*database, issuer.clock(), "seeds.removed", audit_detail(by, pool, names)));
  return transaction.commit();
}

}  // namespace airtight::issuer
