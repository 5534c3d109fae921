#include "tests/faults/faulty_vfs.h"

#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <new>
#include <random>
#include <span>
#include <stdexcept>
#include <vector>

namespace airtight::faults {
namespace internal {

// A file beside SQLite's own descriptor of it, to change it as a dying disk does.
class File {
 public:
  explicit File(const std::string& path) : number_(path.empty() ? -1 : ::open(path.c_str(), O_RDWR | O_CLOEXEC)) {}
  ~File() {
    if (number_ >= 0) ::close(number_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  [[nodiscard]] bool is_open() const { return number_ >= 0; }
  [[nodiscard]] int number() const { return number_; }

 private:
  int number_;
};

}  // namespace internal

namespace {

constexpr std::size_t kSector = 512;  // what a disk writes as a whole

// A write or a truncation since the last sync.
struct Change {
  off_t offset = 0;
  off_t size_before = 0;
  std::vector<char> before;  // what was there, as far as the file reached
  std::vector<char> after;   // nothing: the file ends at `offset` now
};

void set_size(int file, off_t size) {
  if (::ftruncate(file, size) != 0) throw std::runtime_error("the faulty VFS cannot cut a file");
}

void put(int file, std::span<const char> bytes, off_t offset) {
  if (!bytes.empty() && ::pwrite(file, bytes.data(), bytes.size(), offset) != static_cast<ssize_t>(bytes.size())) {
    throw std::runtime_error("the faulty VFS cannot write a file");
  }
}

// Calls `each` with every part of a write that a disk takes as a whole.
template <typename Each>
void for_each_sector(std::span<const char> bytes, off_t offset, Each&& each) {
  while (!bytes.empty()) {
    const std::size_t size = std::min(bytes.size(), kSector - static_cast<std::size_t>(offset) % kSector);
    each(bytes.first(size), offset);
    bytes = bytes.subspan(size);
    offset += static_cast<off_t>(size);
  }
}

}  // namespace

struct FaultyVfs::State {
  std::string name;
  sqlite3_vfs vfs{};
  sqlite3_vfs* real = nullptr;
  int left = -1;  // operations to let through; below zero: all
  Fault fault = Fault::kDiskFull;
  bool has_struck = false;
  bool lasting = false;  // everything fails
  int syncs = 0;
  std::mt19937 dice;
  std::map<std::string, std::vector<Change>> unsynced;  // by path

  // The result of the next operation that changes a file: SQLITE_OK to do it. `change` is that change of `path`, as far as it is one.
  int next_operation(const std::string& path, Change* change) {
    if (lasting) return code();
    if (left < 0 || left-- > 0) return SQLITE_OK;
    if (fault == Fault::kKilled) ::kill(::getpid(), SIGKILL);
    has_struck = true;
    lasting = fault != Fault::kBrokenWrite;
    if (fault == Fault::kTornWrite && change != nullptr) tear(path, *change);
    if (fault == Fault::kPowerCut) lose_unsynced(0);
    if (fault == Fault::kReordered) {
      if (change != nullptr) unsynced[path].push_back(std::move(*change));
      lose_unsynced(2);
    }
    return code();
  }

  [[nodiscard]] int code() const { return fault == Fault::kDiskFull ? SQLITE_FULL : SQLITE_IOERR; }
  [[nodiscard]] bool power_is_off() const {
    return lasting && (fault == Fault::kPowerCut || fault == Fault::kTornWrite || fault == Fault::kReordered);
  }

  // The sectors of a write arrive up to one, or each by chance.
  void tear(const std::string& path, const Change& change) {
    const internal::File file(path);
    if (!file.is_open()) return;
    const bool in_order = dice() % 2 == 0;
    const std::size_t sectors = change.after.size() / kSector + 1;
    std::size_t arriving = dice() % sectors;
    for_each_sector(change.after, change.offset, [&](std::span<const char> bytes, off_t offset) {
      const bool arrives = in_order ? arriving > 0 : dice() % 2 == 0;
      if (arriving > 0) --arriving;
      if (arrives) put(file.number(), bytes, offset);
    });
  }

  // Each file goes back to what it was at its last sync. Of what was written since, each sector arrives if the dice, of so many sides, show
  // 0; with none, nothing does.
  void lose_unsynced(unsigned sides) {
    for (auto& [path, changes] : unsynced) {
      const internal::File file(path);
      if (!file.is_open()) continue;
      for (auto change = changes.rbegin(); change != changes.rend(); ++change) {
        put(file.number(), change->before, change->offset);
        set_size(file.number(), change->size_before);
      }
      for (const Change& change : changes) {
        if (sides == 0) break;
        if (change.after.empty()) {
          if (dice() % sides == 0) set_size(file.number(), change.offset);
          continue;
        }
        for_each_sector(change.after, change.offset, [&](std::span<const char> bytes, off_t offset) {
          if (dice() % sides == 0) put(file.number(), bytes, offset);
        });
      }
    }
    unsynced.clear();
  }
};

namespace {

// What SQLite holds as its file; the real one lies behind it in the same allocation.
struct FaultyFile {
  sqlite3_file base;
  FaultyVfs::State* state;
  sqlite3_file* real;
  const char* path;  // SQLite keeps it for as long as the file is open
};

FaultyFile& faulty(sqlite3_file* file) { return *reinterpret_cast<FaultyFile*>(file); }
sqlite3_file* real(sqlite3_file* file) { return faulty(file).real; }
const sqlite3_io_methods& methods(sqlite3_file* file) { return *real(file)->pMethods; }
FaultyVfs::State& state_of(sqlite3_vfs* vfs) { return *static_cast<FaultyVfs::State*>(vfs->pAppData); }

std::string path_of(sqlite3_file* file) { return faulty(file).path == nullptr ? std::string() : std::string(faulty(file).path); }

// `size` bytes of `file` at `offset`, as far as there are any, before `after` takes their place.
Change change_of(sqlite3_file* file, sqlite3_int64 offset, sqlite3_int64 size, std::vector<char> after) {
  Change change;
  change.offset = offset;
  change.after = std::move(after);
  sqlite3_int64 size_before = 0;
  methods(file).xFileSize(real(file), &size_before);
  change.size_before = size_before;
  if (size_before > offset) {
    change.before.resize(static_cast<std::size_t>(std::min(size, size_before - offset)));
    methods(file).xRead(real(file), change.before.data(), static_cast<int>(change.before.size()), offset);
  }
  return change;
}

int close_file(sqlite3_file* file) { return methods(file).xClose(real(file)); }
int read_file(sqlite3_file* file, void* out, int size, sqlite3_int64 offset) {
  if (faulty(file).state->power_is_off()) return SQLITE_IOERR_READ;
  return methods(file).xRead(real(file), out, size, offset);
}
int write_file(sqlite3_file* file, const void* bytes, int size, sqlite3_int64 offset) {
  FaultyVfs::State& state = *faulty(file).state;
  const auto* const first = static_cast<const char*>(bytes);
  Change change = change_of(file, offset, size, std::vector<char>(first, first + size));
  if (const int code = state.next_operation(path_of(file), &change); code != SQLITE_OK) {
    return code == SQLITE_IOERR ? SQLITE_IOERR_WRITE : code;
  }
  state.unsynced[path_of(file)].push_back(std::move(change));
  return methods(file).xWrite(real(file), bytes, size, offset);
}
int truncate_file(sqlite3_file* file, sqlite3_int64 size) {
  FaultyVfs::State& state = *faulty(file).state;
  sqlite3_int64 size_before = 0;
  methods(file).xFileSize(real(file), &size_before);
  Change change = change_of(file, size, size_before, {});
  if (state.next_operation(path_of(file), &change) != SQLITE_OK) return SQLITE_IOERR_TRUNCATE;
  state.unsynced[path_of(file)].push_back(std::move(change));
  return methods(file).xTruncate(real(file), size);
}
int sync_file(sqlite3_file* file, int flags) {
  FaultyVfs::State& state = *faulty(file).state;
  if (state.next_operation(path_of(file), nullptr) != SQLITE_OK) return SQLITE_IOERR_FSYNC;
  const int code = methods(file).xSync(real(file), flags);
  if (code == SQLITE_OK) state.unsynced.erase(path_of(file));
  ++state.syncs;
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
  auto* const opened = new (file) FaultyFile{{nullptr}, &state, behind, path};
  if (state.power_is_off()) return SQLITE_CANTOPEN;
  const int code = state.real->xOpen(state.real, path, behind, flags, out_flags);
  if (code == SQLITE_OK) opened->base.pMethods = &kMethods;
  return code;
}
int delete_file(sqlite3_vfs* vfs, const char* path, int sync_folder) {
  FaultyVfs::State& state = state_of(vfs);
  if (state.next_operation(path, nullptr) != SQLITE_OK) return SQLITE_IOERR_DELETE;
  state.unsynced.erase(path);
  return state.real->xDelete(state.real, path, sync_folder);
}
int access_file(sqlite3_vfs* vfs, const char* path, int flags, int* out) {
  return state_of(vfs).real->xAccess(state_of(vfs).real, path, flags, out);
}

}  // namespace

FaultyVfs::FaultyVfs(Use use) : state_(std::make_unique<State>()) {
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
  if (sqlite3_vfs_register(&state_->vfs, use == Use::kEverywhere ? 1 : 0) != SQLITE_OK)
    throw std::runtime_error("SQLite does not take the faulty VFS");
}

FaultyVfs::~FaultyVfs() { sqlite3_vfs_unregister(&state_->vfs); }

const std::string& FaultyVfs::name() const { return state_->name; }

void FaultyVfs::fail_after(int operations, Fault fault, unsigned seed) {
  heal();
  state_->dice.seed(seed);
  state_->left = operations;
  state_->fault = fault;
  state_->has_struck = false;
}

void FaultyVfs::heal() {
  state_->left = -1;
  state_->lasting = false;
}

int FaultyVfs::syncs() const { return state_->syncs; }

bool FaultyVfs::struck() const { return state_->has_struck; }

}  // namespace airtight::faults
