#include "tests/faults/store_picture.h"

#include "storage/database.h"
#include "tests/support/must.h"

namespace airtight::faults {
namespace {

using tests::must;

struct Table {
  const char* name;
  const char* query;  // integers and the text of its last column
  int integers;
};

constexpr Table kTables[] = {
    {"counter", "SELECT next, kind FROM sks_counters ORDER BY kind", 1},
    {"session", "SELECT handle, open, key_uses, mac_counter, key_limit, server_session_id FROM sks_sessions ORDER BY handle", 5},
    {"puk policy", "SELECT handle, session, error_count, id FROM sks_puk_policies ORDER BY handle", 3},
    {"pin policy", "SELECT handle, session, puk_policy, id FROM sks_pin_policies ORDER BY handle", 3},
    {"pin", "SELECT id, policy, half, '' FROM sks_pins ORDER BY id", 3},
    {"key", "SELECT handle, session, coalesce(pin_policy, 0), coalesce(pin, 0), id FROM sks_keys ORDER BY handle", 4},
    {"certificate", "SELECT key, position, '' FROM sks_certificates ORDER BY key, position", 2},
};

std::string rows_of(storage::Database& database, const Table& table) {
  std::string text;
  for (const std::string& row : must(storage::query_all(database, table.query, {}, [&](const storage::Row& columns) {
         std::string line = table.name;
         for (int i = 0; i < table.integers; ++i) line += " " + std::to_string(columns.integer(i));
         return line + " " + columns.text(table.integers) + "\n";
       }))) {
    text += row;
  }
  return text;
}

std::vector<std::int64_t> integers_of(storage::Database& database, const char* query) {
  return must(storage::query_all(database, query, {}, [](const storage::Row& row) { return row.integer(0); }));
}

}  // namespace

StorePicture picture_of(const std::filesystem::path& file) {
  const auto database = must(storage::open_sqlite(file, {.exclusive = true}));
  StorePicture picture;
  for (const Table& table : kTables) picture.rows += rows_of(*database, table);
  picture.pin_errors = integers_of(*database, "SELECT error_count FROM sks_pins ORDER BY id");
  picture.counters = integers_of(*database, "SELECT next FROM sks_counters ORDER BY kind");
  picture.has_open_session = !integers_of(*database, "SELECT handle FROM sks_sessions WHERE open = 1").empty();
  return picture;
}

}  // namespace airtight::faults
