// Where each sealed record of a key store belongs, as the context under which it is sealed: table, row, and the version of the store in
// which it was written. A record moved to another place, or an older one put back, does not open. And the digests of the tree of versions.
#pragma once

#include <algorithm>
#include <bit>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "crypto/digest.h"
#include "sks/internal/record_format.h"

namespace airtight::sks::internal {

inline constexpr std::string_view kSealPurpose = "sks";
inline constexpr std::string_view kBackupPurpose = "sks backup";  // of a backup's root
inline constexpr std::uint64_t kGroupSize = 256;                  // sessions
[[nodiscard]] constexpr std::uint64_t group_number(Handle session) { return session / kGroupSize; }

// The table, then every number in 8 bytes.
[[nodiscard]] inline Bytes place(std::string_view table, std::initializer_list<std::uint64_t> numbers) {
  Bytes out = to_bytes(table);
  for (const std::uint64_t number : numbers) {
    const Bytes encoded = big_endian(number, 8);
    out.insert(out.end(), encoded.begin(), encoded.end());
  }
  return out;
}
[[nodiscard]] inline Bytes root_place(std::uint64_t id, std::uint64_t version) { return place("sks_roots", {id, version}); }
[[nodiscard]] inline Bytes session_place(Handle handle, std::uint64_t version) { return place("sks_sessions", {handle, version}); }
// Without the session: its inventory says which records are its, so one can change hands as it is.
[[nodiscard]] inline Bytes place_of(const RecordId& record, std::uint64_t version) {
  return place("sks_records", {static_cast<std::uint64_t>(record.kind), record.id, record.part, version});
}

// Numbered things with the version of each, ascending.
using Versions = std::vector<std::pair<std::uint64_t, std::uint64_t>>;

[[nodiscard]] inline Digest digest_of(const Versions& versions) {
  std::vector<std::uint64_t> all;
  all.reserve(versions.size() * 2);
  for (const auto& [number, version] : versions) {
    all.push_back(std::byteswap(number));  // big-endian, whole words at once: a group is hashed at each commit
    all.push_back(std::byteswap(version));
  }
  static_assert(std::endian::native == std::endian::little);
  return crypto::sha256(std::as_bytes(std::span(all)));
}

[[nodiscard]] inline Digest digest_of(const Inventory& inventory) {
  Bytes all(inventory.size() * 21);
  wire::Writer writer(all);
  for (const InventoryItem& item : inventory) {
    writer.integer(static_cast<std::uint64_t>(item.record.kind), 1);
    writer.integer(item.record.id, 8);
    writer.integer(item.record.part, 4);
    writer.integer(item.version, 8);
  }
  return crypto::sha256(all);
}

[[nodiscard]] inline Inventory::const_iterator find(const Inventory& inventory, const RecordId& record) {
  const auto at = std::ranges::lower_bound(inventory, record, {}, &InventoryItem::record);
  return at != inventory.end() && at->record == record ? at : inventory.end();
}

inline void note(Inventory& inventory, const RecordId& record, std::uint64_t version) {
  const auto at = std::ranges::lower_bound(inventory, record, {}, &InventoryItem::record);
  if (at != inventory.end() && at->record == record) {
    at->version = version;
  } else {
    inventory.insert(at, {record, version});
  }
}

inline void strike(Inventory& inventory, const RecordId& record) {
  const auto at = find(inventory, record);
  if (at != inventory.end()) inventory.erase(at);
}

// The first item of `record`'s kind and id, and the end of those.
[[nodiscard]] inline std::pair<Inventory::const_iterator, Inventory::const_iterator> parts_of(const Inventory& inventory, RecordKind kind,
                                                                                              std::uint64_t id) {
  const auto first = std::ranges::lower_bound(inventory, RecordId{kind, id, 0}, {}, &InventoryItem::record);
  const auto last = std::ranges::lower_bound(inventory, RecordId{kind, id + 1, 0}, {}, &InventoryItem::record);
  return {first, last};
}

// What the index of certificates holds of a fingerprint: enough to find, and half the size.
[[nodiscard]] inline ByteView indexed(const Digest& fingerprint) { return ByteView(fingerprint).first(16); }

// How an open session is found by its names.
[[nodiscard]] inline Digest names_digest(std::string_view server_session_id, std::string_view client_session_id,
                                         std::string_view issuer_uri) {
  return crypto::sha256({bytes_of(server_session_id), Bytes(1), bytes_of(client_session_id), Bytes(1), bytes_of(issuer_uri)});
}

}  // namespace airtight::sks::internal
