#include "issuer/seed_store.h"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <set>

#include "crypto/certificate_builder.h"

namespace airtight::issuer {
namespace {

namespace json = boost::json;
using storage::Database;
using storage::Row;
using storage::Value;

constexpr std::string_view kPurpose = "issuer seeds";
constexpr std::array kBagProperties = std::to_array<std::string_view>({"Counter", "Digits", "Period", "T0"});  // as otp has them

#define AIRTIGHT_SELECT_SEED                                                                                                        \
  "SELECT d.id, d.pool, d.name, d.properties, d.bag_type, d.algorithm, d.user_name, d.not_before, d.not_after, d.pin_policy, "      \
  "d.created_at, d.sealed_value, c.serial, s.subject FROM issuer_seeds d LEFT JOIN issuer_credentials c ON c.id = d.credential_id " \
  "LEFT JOIN issuer_sessions s ON s.id = c.session_id WHERE "

// Names a place so that no other place has the same name: neither part holds a line end.
Bytes place(const SeedDescription& seed) { return to_bytes(std::string("seed\n").append(seed.pool).append("\n").append(seed.name)); }

Failure unreadable(const SeedDescription& seed) {
  return fail(Fault::kInternal, "what is stored of the seed " + seed.name + " cannot be read");
}

json::object policy_as_json(const otp::SeedPinPolicy& policy) {
  json::object object{{"format", name_of(policy.format)}};
  if (policy.max_failed_attempts) object["max_failed_attempts"] = *policy.max_failed_attempts;
  if (policy.min_length) object["min_length"] = *policy.min_length;
  if (policy.max_length) object["max_length"] = *policy.max_length;
  return object;
}

std::optional<json::object> object_in(std::string_view text) {
  boost::system::error_code fault;
  json::value value = json::parse(text, fault);
  if (fault || !value.is_object()) return std::nullopt;
  return std::move(value.get_object());
}

std::optional<otp::SeedPinPolicy> policy_in(const json::object& object) {
  otp::SeedPinPolicy policy;
  const json::value* format = object.if_contains("format");
  const auto named = format != nullptr && format->is_string() ? value_named<PassphraseFormat>(format->get_string()) : std::nullopt;
  if (!named) return std::nullopt;
  policy.format = *named;
  const auto number = [&](std::string_view name) -> std::optional<std::uint32_t> {
    const json::value* value = object.if_contains(name);
    return value != nullptr && value->is_int64() ? std::optional(static_cast<std::uint32_t>(value->get_int64())) : std::nullopt;
  };
  policy.max_failed_attempts = number("max_failed_attempts");
  policy.min_length = number("min_length");
  policy.max_length = number("max_length");
  return policy;
}

Result<otp::Parameters> parameters_in(std::string_view bag_type, const SeedProperties& properties) {
  std::vector<otp::Property> bag;
  for (const std::string_view name : kBagProperties) {
    const auto found = properties.find(name);
    if (found != properties.end()) bag.push_back({std::string(name), found->second, name == otp::kCounter});
  }
  return otp::parameters_in(bag_type, bag);
}

std::string text_at(const Row& row, int column) { return row.is_null(column) ? std::string() : row.text(column); }
Bytes blob_at(const Row& row, int column) { return row.is_null(column) ? Bytes() : row.blob(column); }
std::optional<Instant> instant_at(const Row& row, int column) {
  return row.is_null(column) ? std::optional<Instant>() : std::optional(Instant{row.integer(column)});
}

struct SeedRow {
  SeedSummary summary;
  std::string properties;
  std::string bag_type;
  std::string pin_policy;
  Bytes sealed_value;
};

SeedRow row_from(const Row& row) {
  SeedRow out;
  out.summary.id = row.integer(0);
  SeedDescription& seed = out.summary.description;
  seed.pool = row.text(1);
  seed.name = row.text(2);
  out.properties = row.text(3);
  out.bag_type = text_at(row, 4);
  seed.algorithm = text_at(row, 5);
  seed.user = blob_at(row, 6);
  seed.not_before = instant_at(row, 7);
  seed.not_after = instant_at(row, 8);
  out.pin_policy = text_at(row, 9);
  out.summary.created_at = {row.integer(10)};
  out.sealed_value = row.blob(11);
  out.summary.serial = text_at(row, 12);
  out.summary.subject = text_at(row, 13);
  return out;
}

// Fills in what the row has as text.
Result<> read_texts(SeedRow& row) {
  SeedDescription& seed = row.summary.description;
  const std::optional<json::object> properties = object_in(row.properties);
  if (!properties) return unreadable(seed);
  for (const auto& property : *properties) {
    if (property.value().is_string()) seed.properties.emplace(std::string(property.key()), property.value().get_string());
  }
  if (!row.bag_type.empty()) seed.parameters = TRY(parameters_in(row.bag_type, seed.properties));
  if (row.pin_policy.empty()) return {};
  const std::optional<json::object> policy = object_in(row.pin_policy);
  if (policy) seed.pin_policy = policy_in(*policy);
  if (!seed.pin_policy) return unreadable(seed);
  return {};
}

// RFC 6030, section 5.1, kept by a PIN policy of the key store that is at least as strict.
bool keeps(const PinPolicy& pin, const otp::SeedPinPolicy& wanted) {
  const bool locks_in_time =
      !wanted.max_failed_attempts || (pin.retry_limit != 0 && std::uint32_t{pin.retry_limit} <= *wanted.max_failed_attempts);
  return pin.format == wanted.format && locks_in_time && (!wanted.min_length || std::uint32_t{pin.min_length} >= *wanted.min_length) &&
         (!wanted.max_length || std::uint32_t{pin.max_length} <= *wanted.max_length);
}

bool fits(const SeedDescription& seed, std::string_view bag_type, const SeedWish& wish) {
  const bool algorithm = seed.algorithm.empty() || std::ranges::find(wish.algorithms, seed.algorithm) != wish.algorithms.end();
  const bool kind = bag_type.empty() || !wish.bag_type || *wish.bag_type == bag_type;
  const bool in_time = (!seed.not_before || wish.now >= *seed.not_before) && (!seed.not_after || wish.now < *seed.not_after);
  return algorithm && kind && in_time && (!seed.pin_policy || (wish.pin && keeps(*wish.pin, *seed.pin_policy)));
}

Result<std::optional<SeedOffer>> find_among(Database& database, std::string_view sql, std::initializer_list<Value> values,
                                            const SeedWish& wish) {
  const auto cursor = TRY(database.query(sql, values));
  while (const Row* found = TRY(cursor->next())) {
    SeedRow row = row_from(*found);
    TRY(read_texts(row));
    const SeedDescription& seed = row.summary.description;
    if (fits(seed, row.bag_type, wish)) return std::optional(SeedOffer{row.summary.id, seed.not_after});
  }
  return std::optional<SeedOffer>();
}

// All of a pool, or of all pools if it is empty.
Result<std::vector<SeedRow>> find_rows(Database& database, std::string_view pool) {
  std::vector<SeedRow> rows =
      TRY(storage::query_all(database, AIRTIGHT_SELECT_SEED "?1 = '' OR d.pool = ?1 ORDER BY d.id", {pool}, row_from));
  for (SeedRow& row : rows) TRY(read_texts(row));
  return rows;
}

std::string where_is(std::string_view pool, std::string_view name) { return std::string(name) + " in the pool " + std::string(pool); }

Failure no_such_seed(std::string_view pool, std::string_view name) {
  return fail(Fault::kNotFound, "there is no seed " + where_is(pool, name), "'airtight issuer seeds list' shows those there are");
}

Value time_or_null(const std::optional<Instant>& time) { return time ? Value(time->milliseconds) : Value(std::monostate()); }

Result<std::optional<SeedRow>> find_row(Database& database, std::int64_t id) {
  std::optional<SeedRow> row = TRY(storage::query_one(database, AIRTIGHT_SELECT_SEED "d.id = ?", {id}, row_from));
  if (row) TRY(read_texts(*row));
  return row;
}

}  // namespace

Result<> insert_seed(Database& database, const sealing::MasterKey& master_key, const SeedDescription& seed, const SecretBytes& value,
                     Instant now, RandomSource& random) {
  json::object properties;
  for (const auto& [name, text] : seed.properties) properties[name] = text;
  if (seed.parameters) {
    for (const otp::Property& property : TRY(otp::properties_for(*seed.parameters))) properties[property.name] = property.value;
  }
  const std::string policy = seed.pin_policy ? json::serialize(policy_as_json(*seed.pin_policy)) : std::string();
  const auto text_or_null = [](std::string_view text) { return text.empty() ? Value(std::monostate()) : Value(text); };
  const Bytes sealed = master_key.seal(kPurpose, place(seed), value.expose_secret(), random);
  const Result<std::int64_t> inserted = database.execute(
      "INSERT INTO issuer_seeds (pool, name, properties, bag_type, algorithm, user_name, not_before, not_after, pin_policy, sealed_value, "
      "created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      {std::string_view(seed.pool), std::string_view(seed.name), std::string_view(json::serialize(properties)),
       text_or_null(seed.parameters ? otp::bag_type(*seed.parameters) : std::string_view()), text_or_null(seed.algorithm),
       seed.user.empty() ? Value(std::monostate()) : Value(ByteView(seed.user)), time_or_null(seed.not_before),
       time_or_null(seed.not_after), text_or_null(policy), ByteView(sealed), now.milliseconds});
  if (!inserted && inserted.error().fault == Fault::kRefused)
    return fail(Fault::kRefused, "the pool " + seed.pool + " has a seed " + seed.name + " already");
  if (!inserted) return Failure(inserted.error());
  return {};
}

Result<SeedWish> wish_of(const Profile& profile, const KeyProfile& key, std::string_view subject, bool updates, Instant now) {
  const SymmetricKeyProfile& symmetric = *key.symmetric_key;
  SeedWish wish;
  wish.pool = symmetric.seed_pool.value_or("");
  wish.algorithms = symmetric.endorsed_algorithms;
  for (const ExtensionObjectProfile& extension : key.extensions) {
    const auto* bag = std::get_if<PropertyBagProfile>(&extension);
    if (bag != nullptr && (bag->type == otp::kHotpType || bag->type == otp::kTotpType)) wish.bag_type = bag->type;
  }
  const PinPolicy* pin = key.pin_policy && !updates ? profile.find_pin_policy(*key.pin_policy) : nullptr;
  if (pin != nullptr) wish.pin = *pin;
  wish.user = TRY(crypto::name_from_text(subject));
  wish.now = now;
  return wish;
}

Result<std::optional<SeedOffer>> find_seed(Database& database, const SeedWish& wish) {
  const std::string_view pool = wish.pool;
  std::optional<SeedOffer> own =
      TRY(find_among(database, AIRTIGHT_SELECT_SEED "d.pool = ? AND d.credential_id IS NULL AND d.user_name = ? ORDER BY d.id",
                     {pool, ByteView(wish.user)}, wish));
  if (own) return own;
  return find_among(database, AIRTIGHT_SELECT_SEED "d.pool = ? AND d.credential_id IS NULL AND d.user_name IS NULL ORDER BY d.id", {pool},
                    wish);
}

Result<Seed> take_seed(Database& database, const sealing::MasterKey& master_key, std::int64_t id, std::int64_t credential_id) {
  const std::int64_t taken =
      TRY(database.execute("UPDATE issuer_seeds SET credential_id = ? WHERE id = ? AND credential_id IS NULL", {credential_id, id}));
  if (taken != 1) return fail(Fault::kInternal, "a seed was taken twice");
  std::optional<SeedRow> row = TRY(find_row(database, id));
  if (!row) return fail(Fault::kInternal, "a seed is gone");
  Seed seed{{}, std::move(row->summary.description)};
  seed.value = TRY(master_key.open(kPurpose, place(seed.description), row->sealed_value));
  return seed;
}

Result<> add_facts(const SeedDescription& seed, ca::Facts& facts) {
  for (const auto& [name, text] : seed.properties) {
    if (name != "name") TRY(facts.add("seed." + name, text));
  }
  return facts.add("seed.name", seed.name);
}

Result<std::vector<SeedSummary>> list_seeds(Database& database, std::string_view pool) {
  std::vector<SeedSummary> out;
  for (SeedRow& row : TRY(find_rows(database, pool))) out.push_back(std::move(row.summary));
  return out;
}

Result<std::vector<OpenSeed>> open_seeds(Database& database, const sealing::MasterKey& master_key, std::string_view pool,
                                         const std::vector<std::string>& names) {
  std::set<std::string_view> wanted(names.begin(), names.end());
  std::vector<SeedRow> rows = TRY(find_rows(database, pool));
  std::vector<OpenSeed> out;
  for (SeedRow& row : rows) {
    const SeedDescription& seed = row.summary.description;
    if (!names.empty() && wanted.erase(seed.name) == 0) continue;
    SecretBytes value = TRY(master_key.open(kPurpose, place(seed), row.sealed_value));
    out.push_back({std::move(row.summary), std::move(value)});
  }
  if (!wanted.empty()) return no_such_seed(pool, *wanted.begin());
  return out;
}

Result<> remove_seed(Database& database, std::string_view pool, std::string_view name) {
  const auto issued = TRY(storage::query_one(database, "SELECT credential_id IS NOT NULL FROM issuer_seeds WHERE pool = ? AND name = ?",
                                             {pool, name}, [](const Row& row) { return row.integer(0) != 0; }));
  if (!issued) return no_such_seed(pool, name);
  if (*issued)
    return fail(Fault::kRefused, "the seed " + where_is(pool, name) + " was issued, and stays on record", "revoke the credential instead");
  TRY(database.execute("DELETE FROM issuer_seeds WHERE pool = ? AND name = ?", {pool, name}));
  return {};
}

}  // namespace airtight::issuer
