// How records become bytes before they are sealed: each type lists its fields once, in the order in which they are written, with the cursor
// and builder of the byte protocol. What does not read back to its last byte is damaged.
#pragma once

#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <vector>

#include "base/constant_time.h"
#include "base/secret_bytes.h"
#include "sks/state.h"
#include "sks/wire.h"

namespace airtight::sks::internal {

// Where the tree's own bookkeeping lives: one row each of sks_records (schema/sks.sql).
enum class RecordKind : std::uint8_t {
  kDevice = 0,
  kPukPolicy = 1,
  kPinPolicy = 2,
  kPin = 3,
  kKey = 4,
  // Bulk: not read with its tree.
  kCertificatePath = 5,
  kPrivateKey = 6,
  kSymmetricKey = 7,
  kExtension = 8,
  kAttestationKey = 9,
};
[[nodiscard]] constexpr bool is_bulk(RecordKind kind) { return kind >= RecordKind::kCertificatePath; }

// The place of a record among those of its session, and the version of the store in which it was written.
struct RecordId {
  RecordKind kind = RecordKind::kDevice;
  std::uint64_t id = 0;
  std::uint32_t part = 0;
  friend auto operator<=>(const RecordId&, const RecordId&) = default;
};
struct InventoryItem {
  RecordId record;
  std::uint64_t version = 0;
};
// Sorted by record. Its digest is part of the sealed session, so that no record can be older than the session says.
using Inventory = std::vector<InventoryItem>;

using Digest = crypto::Sha256Value;

// A session's record: the session, and what it vouches for.
struct SessionRecord {
  Session session;
  Digest inventory{};
};
struct GroupRecord {
  Digest sessions{};  // of the (handle, version) of its sessions
};
struct RootRecord {
  std::uint64_t anchor_count = 0;           // what the anchor has to show; 0: there is none
  std::vector<std::uint64_t> next_handles;  // by HandleKind
  Digest groups{};                          // of the (number, version) of all groups
};
struct PathRecord {
  std::vector<Bytes> certificates;
};

// The fields of each type, in the order of their bytes.
constexpr auto fields_of(const PostOperation*) {
  return std::tuple(&PostOperation::target, &PostOperation::target_session, &PostOperation::new_key);
}
constexpr auto fields_of(const Session*) {
  using T = Session;
  return std::tuple(&T::handle, &T::algorithm, &T::open, &T::server_session_id, &T::client_session_id, &T::issuer_uri, &T::updatable,
                    &T::client_time, &T::life_time, &T::key_limit, &T::created_at, &T::key_uses, &T::mac_counter, &T::session_key,
                    &T::post_operations);
}
constexpr auto fields_of(const PukPolicy*) {
  using T = PukPolicy;
  return std::tuple(&T::handle, &T::id, &T::format, &T::retry_limit, &T::error_count, &T::value);
}
constexpr auto fields_of(const PinRules*) {
  using T = PinRules;
  return std::tuple(&T::format, &T::min_length, &T::max_length, &T::pattern_restrictions);
}
constexpr auto fields_of(const PinPolicy*) {
  using T = PinPolicy;
  return std::tuple(&T::handle, &T::id, &T::puk_policy, &T::user_defined, &T::user_modifiable, &T::retry_limit, &T::grouping,
                    &T::input_method, &T::rules);
}
constexpr auto fields_of(const Pin*) {
  using T = Pin;
  return std::tuple(&T::id, &T::policy, &T::half, &T::error_count, &T::value);
}
constexpr auto fields_of(const ExtensionInfo*) {
  using T = ExtensionInfo;
  return std::tuple(&T::type, &T::base_type, &T::qualifier);
}
constexpr auto fields_of(const Key*) {
  using T = Key;
  return std::tuple(&T::handle, &T::id, &T::pin_policy, &T::pin, &T::biometric_protection, &T::private_key_backup, &T::export_policy,
                    &T::updatable, &T::delete_policy, &T::enable_pin_caching, &T::import_private_key, &T::usage, &T::friendly_name,
                    &T::public_key, &T::end_entity, &T::restored, &T::has_symmetric_key, &T::endorsed_algorithms, &T::extensions);
}
constexpr auto fields_of(const StoreOptions*) { return std::tuple(&StoreOptions::p384, &StoreOptions::p521, &StoreOptions::sk2); }
constexpr auto fields_of(const DeviceIdentity*) {
  using T = DeviceIdentity;
  return std::tuple(&T::vendor_name, &T::vendor_description, &T::certificate_path, &T::options);
}
constexpr auto fields_of(const SessionRecord*) { return std::tuple(&SessionRecord::session, &SessionRecord::inventory); }
constexpr auto fields_of(const GroupRecord*) { return std::tuple(&GroupRecord::sessions); }
constexpr auto fields_of(const RootRecord*) {
  return std::tuple(&RootRecord::anchor_count, &RootRecord::next_handles, &RootRecord::groups);
}
constexpr auto fields_of(const PathRecord*) { return std::tuple(&PathRecord::certificates); }

template <typename T>
concept Listed = requires(const T* value) { fields_of(value); };

inline void put(wire::Writer& out, bool value) { out.integer(value ? 1 : 0, 1); }
template <std::unsigned_integral T>
  requires(!std::same_as<T, bool>)
void put(wire::Writer& out, T value) {
  out.integer(value, sizeof(T));
}
template <typename E>
  requires std::is_enum_v<E>
void put(wire::Writer& out, E value) {
  out.integer(static_cast<std::uint8_t>(value), 1);
}
inline void put(wire::Writer& out, const std::string& value) { out.array(bytes_of(value), 4); }
inline void put(wire::Writer& out, const Bytes& value) { out.array(value, 4); }
inline void put(wire::Writer& out, const SharedSecret& value) { out.array(value->expose_secret(), 4); }
inline void put(wire::Writer& out, const Digest& value) { out.array(value, 4); }
inline void put(wire::Writer& out, Instant value) { out.integer(static_cast<std::uint64_t>(value.milliseconds), 8); }
template <Listed T>
void put(wire::Writer& out, const T& value);
template <typename T>
void put(wire::Writer& out, const std::optional<T>& value) {
  put(out, value.has_value());
  if (value) put(out, *value);
}
template <typename T>
  requires(!std::same_as<T, std::byte>)
void put(wire::Writer& out, const std::vector<T>& values) {
  out.integer(values.size(), 4);
  for (const T& value : values) put(out, value);
}
template <Listed T>
void put(wire::Writer& out, const T& value) {
  std::apply([&](auto... members) { (put(out, value.*members), ...); }, fields_of(static_cast<const T*>(nullptr)));
}

[[nodiscard]] inline bool get(wire::Reader& in, bool& out) { return wire::read(in, out); }
template <std::unsigned_integral T>
  requires(!std::same_as<T, bool>)
[[nodiscard]] bool get(wire::Reader& in, T& out) {
  return wire::read(in, out);
}
template <typename E>
  requires std::is_enum_v<E>
[[nodiscard]] bool get(wire::Reader& in, E& out) {
  const auto byte = in.integer(1);
  if (byte) out = static_cast<E>(*byte);
  return byte.has_value();
}
[[nodiscard]] inline bool get(wire::Reader& in, std::string& out) {
  const auto bytes = in.array(4);
  if (bytes) out = to_text(*bytes);
  return bytes.has_value();
}
[[nodiscard]] inline bool get(wire::Reader& in, Bytes& out) {
  const auto bytes = in.array(4);
  if (bytes) out = to_bytes(*bytes);
  return bytes.has_value();
}
[[nodiscard]] inline bool get(wire::Reader& in, SharedSecret& out) {
  const auto bytes = in.array(4);
  if (!bytes) return false;
  out = share(SecretBytes::copy_of(*bytes));
  classify(out->expose_secret());
  return true;
}
[[nodiscard]] inline bool get(wire::Reader& in, Digest& out) {
  const auto bytes = in.array(4);
  if (!bytes || bytes->size() != out.size()) return false;
  std::ranges::copy(*bytes, out.begin());
  return true;
}
[[nodiscard]] inline bool get(wire::Reader& in, Instant& out) {
  const auto value = in.integer(8);
  if (value) out.milliseconds = static_cast<std::int64_t>(*value);
  return value.has_value();
}
template <Listed T>
[[nodiscard]] bool get(wire::Reader& in, T& out);
template <typename T>
[[nodiscard]] bool get(wire::Reader& in, std::optional<T>& out) {
  bool present = false;
  if (!get(in, present)) return false;
  if (!present) return true;
  return get(in, out.emplace());
}
template <typename T>
  requires(!std::same_as<T, std::byte>)
[[nodiscard]] bool get(wire::Reader& in, std::vector<T>& out) {
  const auto count = in.integer(4);
  if (!count || *count > in.remaining()) return false;
  out.resize(static_cast<std::size_t>(*count));
  for (T& value : out) {
    if (!get(in, value)) return false;
  }
  return true;
}
template <Listed T>
[[nodiscard]] bool get(wire::Reader& in, T& out) {
  return std::apply([&](auto... members) { return (true && ... && get(in, out.*members)); }, fields_of(static_cast<const T*>(nullptr)));
}

template <Listed T>
[[nodiscard]] SecretBytes record_bytes(const T& value) {
  wire::Writer measure;
  put(measure, value);
  SecretBytes out(measure.size());
  wire::Writer writer(out.expose_secret_for_writing());
  put(writer, value);
  return out;
}

// Nothing for what was not written by record_bytes.
template <Listed T>
[[nodiscard]] std::optional<T> record_of(ByteView bytes) {
  wire::Reader reader(bytes);
  T out{};
  if (!get(reader, out) || reader.remaining() != 0) return std::nullopt;
  return out;
}

}  // namespace airtight::sks::internal
