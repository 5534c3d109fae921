#include "issuer/visits.h"

#include <string>

#include "crypto/digest.h"

namespace airtight::issuer {
namespace {

using storage::Row;

constexpr std::chrono::hours kRemembered{1};

crypto::Sha256Value visitor_of(std::string_view purpose, std::string_view who) {
  return crypto::sha256(bytes_of(std::string(purpose) + "\n" + std::string(who)));
}

}  // namespace

Result<bool> count_visit(storage::Database& database, std::string_view purpose, std::string_view who, std::uint32_t most, Instant now) {
  if (most == 0) return true;
  const crypto::Sha256Value visitor = visitor_of(purpose, who);
  const auto count =
      TRY(storage::query_one(database, "SELECT COUNT(*) FROM issuer_visits WHERE who = ? AND at > ?",
                             {ByteView(visitor), now.plus(-kRemembered).milliseconds}, [](const Row& row) { return row.integer(0); }));
  if (count.value_or(0) >= most) return false;
  TRY(database.execute("INSERT INTO issuer_visits (who, at) VALUES (?, ?)", {ByteView(visitor), now.milliseconds}));
  return true;
}

Result<> forget_visit(storage::Database& database, std::string_view purpose, std::string_view who) {
  const crypto::Sha256Value visitor = visitor_of(purpose, who);
  TRY(database.execute("DELETE FROM issuer_visits WHERE id = (SELECT MAX(id) FROM issuer_visits WHERE who = ?)", {ByteView(visitor)}));
  return {};
}

Result<> forget_old_visits(storage::Database& database, Instant now) {
  TRY(database.execute("DELETE FROM issuer_visits WHERE at <= ?", {now.plus(-kRemembered).milliseconds}));
  return {};
}

Result<bool> has_old_visits(storage::Database& database, Instant now) {
  const auto found = TRY(storage::query_one(database, "SELECT EXISTS (SELECT 1 FROM issuer_visits WHERE at <= ?)",
                                            {now.plus(-kRemembered).milliseconds}, [](const Row& row) { return row.integer(0) != 0; }));
  return found.value_or(false);
}

}  // namespace airtight::issuer
