#include "tests/faults/faulty_vfs.h"

#include <signal.h>
#include <sqlite3.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <new>
#include <stdexcept>
#include <vector>

namespace airtight::faults {
namespace {

// What a write since the last sync replaced.
struct Undo {
  sqlite3_int64 offset;
  sqlite3_int64 size_before;
  std::vector<char> bytes;
};

}  // namespace

struct FaultyVfs::State {
  std::string name;
  sqlite3_vfs vfs{};
  sqlite3_vfs* real = nullptr;
  int left = -1;  // operations to let through; below zero: all
  Fault fault = Fault::kDiskFull;
  bool has_struck = false;
  bool lasting = false;  // everything fails
  std::map<sqlite3_file*, std::vector<Undo>> unsynced;

  // The result of the next operation that changes a file: SQLITE_OK to do it.
  int next_operation() {
    if (lasting) return code();
    if (left < 0) return SQLITE_OK;
    if (left-- > 0) return SQLITE_OK;
    if (fault == Fault::kKilled) ::kill(::getpid(), SIGKILL);
    has_struck = true;
    lasting = fault != Fault::kBrokenWrite;
    if (fault == Fault::kPowerCut) lose_unsynced();
    return code();
  }

  [[nodiscard]] int code() const { return fault == Fault::kDiskFull ? SQLITE_FULL : SQLITE_IOERR; }
  [[nodiscard]] bool power_is_off() const { return lasting && fault == Fault::kPowerCut; }

  void lose_unsynced() {
    for (auto& [file, undos] : unsynced) {
      for (auto undo = undos.rbegin(); undo != undos.rend(); ++undo) {
        if (!undo->bytes.empty()) {
          file->pMethods->xWrite(file, undo->bytes.data(), static_cast<int>(undo->bytes.size()), undo->offset);
        }
        file->pMethods->xTruncate(file, undo->size_before);
      }
      undos.clear();
    }
  }

  // Remembers `size` bytes of `file` at `offset`, as far as there are any, before they change.
  void remember(sqlite3_file* file, sqlite3_int64 offset, sqlite3_int64 size) {
    Undo undo{offset, 0, {}};
    file->pMethods->xFileSize(file, &undo.size_before);
    if (undo.size_before > offset) {
      undo.bytes.resize(static_cast<std::size_t>(std::min(size, undo.size_before - offset)));
      file->pMethods->xRead(file, undo.bytes.data(), static_cast<int>(undo.bytes.size()), offset);
    }
    unsynced[file].push_back(std::move(undo));
  }
};

namespace {

// What SQLite holds as its file; the real one lies behind it in the same allocation.
struct FaultyFile {
  sqlite3_file base;
  FaultyVfs::State* state;
  sqlite3_file* real;
};

FaultyFile& faulty(sqlite3_file* file) { return *reinterpret_cast<FaultyFile*>(file); }
sqlite3_file* real(sqlite3_file* file) { return faulty(file).real; }
const sqlite3_io_methods& methods(sqlite3_file* file) { return *real(file)->pMethods; }
FaultyVfs::State& state_of(sqlite3_vfs* vfs) { return *static_cast<FaultyVfs::State*>(vfs->pAppData); }

int close_file(sqlite3_file* file) {
  faulty(file).state->unsynced.erase(real(file));
  return methods(file).xClose(real(file));
}
int read_file(sqlite3_file* file, void* out, int size, sqlite3_int64 offset) {
  if (faulty(file).state->power_is_off()) return SQLITE_IOERR_READ;
  return methods(file).xRead(real(file), out, size, offset);
}
int write_file(sqlite3_file* file, const void* bytes, int size, sqlite3_int64 offset) {
  FaultyVfs::State& state = *faulty(file).state;
  if (const int code = state.next_operation(); code != SQLITE_OK) return code == SQLITE_IOERR ? SQLITE_IOERR_WRITE : code;
  state.remember(real(file), offset, size);
  return methods(file).xWrite(real(file), bytes, size, offset);
}
int truncate_file(sqlite3_file* file, sqlite3_int64 size) {
  FaultyVfs::State& state = *faulty(file).state;
  if (state.next_operation() != SQLITE_OK) return SQLITE_IOERR_TRUNCATE;
  sqlite3_int64 size_before = 0;
  methods(file).xFileSize(real(file), &size_before);
  state.remember(real(file), size, size_before);
  return methods(file).xTruncate(real(file), size);
}
int sync_file(sqlite3_file* file, int flags) {
  FaultyVfs::State& state = *faulty(file).state;
  if (state.next_operation() != SQLITE_OK) return SQLITE_IOERR_FSYNC;
  const int code = methods(file).xSync(real(file), flags);
  if (code == SQLITE_OK) state.unsynced[real(file)].clear();
  return code;
}
int file_size(sqlite3_file* file, sqlite3_int64* size) { return methods(file).xFileSize(real(file), size); }
int lock_file(sqlite3_file* file, int level) { return methods(file).xLock(real(file), level); }
int unlock_file(sqlite3_file* file, int level) { return methods(file).xUnlock(real(file), level); }
int check_reserved_lock(sqlite3_file* file, int* out) { return methods(file).xCheckReservedLock(real(file), out); }
int file_control(sqlite3_file* file, int operation, void* argument) { return methods(file).xFileControl(real(file), operation, argument); }
int sector_size(sqlite3_file* file) { return methods(file).xSectorSize(real(file)); }
int device_characteristics(sqlite3_file* file) { return methods(file).xDeviceCharacteristics(real(file)); }
int map_shared(sqlite3_file* file, int page, int size, int extend, void volatile** out) {
  return methods(file).xShmMap(real(file), page, size, extend, out);
}
int lock_shared(sqlite3_file* file, int offset, int count, int flags) { return methods(file).xShmLock(real(file), offset, count, flags); }
void shared_barrier(sqlite3_file* file) { methods(file).xShmBarrier(real(file)); }
int unmap_shared(sqlite3_file* file, int remove) { return methods(file).xShmUnmap(real(file), remove); }

const sqlite3_io_methods kMethods = {
    .iVersion = 2,
    .xClose = close_file,
    .xRead = read_file,
    .xWrite = write_file,
    .xTruncate = truncate_file,
    .xSync = sync_file,
    .xFileSize = file_size,
    .xLock = lock_file,
    .xUnlock = unlock_file,
    .xCheckReservedLock = check_reserved_lock,
    .xFileControl = file_control,
    .xSectorSize = sector_size,
    .xDeviceCharacteristics = device_characteristics,
    .xShmMap = map_shared,
    .xShmLock = lock_shared,
    .xShmBarrier = shared_barrier,
    .xShmUnmap = unmap_shared,
    .xFetch = nullptr,
    .xUnfetch = nullptr,
};

int open_file(sqlite3_vfs* vfs, const char* path, sqlite3_file* file, int flags, int* out_flags) {
  FaultyVfs::State& state = state_of(vfs);
  auto* const behind = reinterpret_cast<sqlite3_file*>(reinterpret_cast<char*>(file) + sizeof(FaultyFile));
  auto* const opened = new (file) FaultyFile{{nullptr}, &state, behind};
  if (state.power_is_off()) return SQLITE_CANTOPEN;
  const int code = state.real->xOpen(state.real, path, behind, flags, out_flags);
  if (code == SQLITE_OK) opened->base.pMethods = &kMethods;
  return code;
}
int delete_file(sqlite3_vfs* vfs, const char* path, int sync_folder) {
  FaultyVfs::State& state = state_of(vfs);
  if (state.power_is_off()) return SQLITE_IOERR_DELETE;
  return state.real->xDelete(state.real, path, sync_folder);
}
int access_file(sqlite3_vfs* vfs, const char* path, int flags, int* out) {
  return state_of(vfs).real->xAccess(state_of(vfs).real, path, flags, out);
}

}  // namespace

FaultyVfs::FaultyVfs() : state_(std::make_unique<State>()) {
  static std::atomic<int> count{0};
  sqlite3_initialize();
  state_->real = sqlite3_vfs_find(nullptr);
  state_->name = "faulty-" + std::to_string(++count);
  state_->vfs = *state_->real;  // what is not replaced below needs nothing but the real one's own fields
  state_->vfs.iVersion = 2;
  state_->vfs.szOsFile = static_cast<int>(sizeof(FaultyFile)) + state_->real->szOsFile;
  state_->vfs.pNext = nullptr;
  state_->vfs.zName = state_->name.c_str();
  state_->vfs.pAppData = state_.get();
  state_->vfs.xOpen = open_file;
  state_->vfs.xDelete = delete_file;
  state_->vfs.xAccess = access_file;
  if (sqlite3_vfs_register(&state_->vfs, 0) != SQLITE_OK) throw std::runtime_error("SQLite does not take the faulty VFS");
}

FaultyVfs::~FaultyVfs() { sqlite3_vfs_unregister(&state_->vfs); }

const std::string& FaultyVfs::name() const { return state_->name; }

void FaultyVfs::fail_after(int operations, Fault fault) {
  heal();
  state_->left = operations;
  state_->fault = fault;
  state_->has_struck = false;
}

void FaultyVfs::heal() {
  state_->left = -1;
  state_->lasting = false;
}

bool FaultyVfs::struck() const { return state_->has_struck; }

}  // namespace airtight::faults
