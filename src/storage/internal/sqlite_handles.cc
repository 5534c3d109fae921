#include "storage/internal/sqlite_handles.h"

#include <sys/statvfs.h>

#include <cerrno>
#include <filesystem>
#include <string>

namespace airtight::storage::internal {
namespace {

struct Advice {
  Fault fault;
  std::string_view hint;
};

Advice advice_on(int code) {
  if (code == SQLITE_CONSTRAINT_UNIQUE || code == SQLITE_CONSTRAINT_PRIMARYKEY || code == SQLITE_CONSTRAINT_ROWID) {
    return {Fault::kRefused, "what is to be added is there already"};
  }
  switch (code & 0xFF) {  // the primary code within the extended one
    case SQLITE_FULL: return {Fault::kStorage, "free some space on the disk and try again"};
    case SQLITE_IOERR: return {Fault::kStorage, "check the disk and the kernel's log, then try again"};
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return {Fault::kStorage, "check that the database and its folder belong to you and that their file system can be written"};
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return {Fault::kUnavailable, "another process uses the database: try again when it is done, or stop it"};
    case SQLITE_CORRUPT: return {Fault::kInternal, "the database is damaged: restore it from a backup"};
    case SQLITE_NOTADB: return {Fault::kInternal, "the file is damaged or no database: check the path, or restore it from a backup"};
    default: return {Fault::kInternal, "this is a fault of the program: please report it"};
  }
}

bool means_no_room(int system_error) { return system_error == ENOSPC || system_error == EDQUOT || system_error == EFBIG; }

// What the system said last of the database's file or its log. The connection's own note of it is overwritten while SQLite undoes the
// transaction.
bool had_no_room(sqlite3* connection) {
  int error = 0;
  sqlite3_file_control(connection, "main", SQLITE_FCNTL_LAST_ERRNO, &error);
  if (means_no_room(error)) return true;
  sqlite3_file* log = nullptr;
  sqlite3_file_control(connection, "main", SQLITE_FCNTL_JOURNAL_POINTER, static_cast<void*>(&log));
  if (log == nullptr || log->pMethods == nullptr) return false;
  error = 0;
  log->pMethods->xFileControl(log, SQLITE_FCNTL_LAST_ERRNO, &error);
  return means_no_room(error);
}

// SQLite says "disk I/O error" wherever it is not an ordinary write that finds the disk full: where it finds a quota or a limit, or at the
// index of the write-ahead log. There the error of the system may be gone, and the file system is asked itself.
bool is_out_of_room(sqlite3* connection) {
  if (means_no_room(sqlite3_system_errno(connection)) || had_no_room(connection)) return true;
  const char* const file = sqlite3_db_filename(connection, "main");
  if (file == nullptr || *file == '\0') return false;
  constexpr unsigned long kLeast = 64UL * 1024;  // what the index of the write-ahead log grows by, and a page
  struct statvfs room{};
  return ::statvfs(std::filesystem::path(file).parent_path().c_str(), &room) == 0 && room.f_bavail * room.f_frsize < kLeast;
}

}  // namespace

Failure sqlite_failure(std::string_view action, sqlite3* connection, int code) {
  Advice advice = advice_on(code);
  const bool is_noted = connection != nullptr && (sqlite3_errcode(connection) & 0xFF) == (code & 0xFF);
  if (is_noted && sqlite3_system_errno(connection) == EROFS)
    advice.hint = "its file system is read-only: mount it so that it can be written";
  const bool is_full = is_noted && (code & 0xFF) == SQLITE_IOERR && is_out_of_room(connection);
  if (is_full) advice = advice_on(SQLITE_FULL);
  std::string message = "the database failed to ";
  message += action;
  message += ": ";
  // Some calls return a code that the connection knows nothing of.
  message += is_full ? sqlite3_errstr(SQLITE_FULL) : is_noted ? sqlite3_errmsg(connection) : sqlite3_errstr(code);
  return fail(advice.fault, std::move(message), std::string(advice.hint));
}

}  // namespace airtight::storage::internal
