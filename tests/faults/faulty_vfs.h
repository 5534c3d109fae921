// A file layer for SQLite that fails when told to: the N-th operation that changes a file finds the disk full or broken, or the power
// goes and leaves a part of what was not synced. Fault loops open their database through it (SqliteOptions::vfs), fail operation 1, 2, 3
// ... and look at what is left.
//
//   FaultyVfs vfs;
//   auto database = open_sqlite(file, {.exclusive = true, .create = true, .vfs = vfs.name()});
//   for (int n = 0;; ++n) {
//     vfs.fail_after(n, FaultyVfs::Fault::kPowerCut);
//     ...work until it fails...
//     if (!vfs.struck()) break;     // the work needs fewer operations than that
//     ...close the database, vfs.heal(), open again, compare...
//   }
#pragma once

#include <memory>
#include <string>

namespace airtight::faults {

class FaultyVfs {
 public:
  enum class Fault : unsigned char {
    kDiskFull,     // this write fails with SQLITE_FULL, and so does each one until heal()
    kBrokenWrite,  // this one operation fails with SQLITE_IOERR; the next ones work
    kKilled,       // the process dies of SIGKILL in place of this operation; what was written before stays
    kPowerCut,     // what was written since the last sync of each file is gone, and nothing works until heal()
    kTornWrite,    // the power goes within this write: some of its sectors arrive, and all that was written before
    kReordered,    // the power goes: of what was written since the last sync of each file, any sectors arrive
  };
  enum class Use : unsigned char {
    kByName,      // by databases that are opened with SqliteOptions::vfs
    kEverywhere,  // also by those that are opened with none
  };

  // Registers itself under a name of its own for as long as it lives. Databases opened through it must be closed before.
  explicit FaultyVfs(Use use = Use::kByName);
  ~FaultyVfs();
  FaultyVfs(const FaultyVfs&) = delete;
  FaultyVfs& operator=(const FaultyVfs&) = delete;

  [[nodiscard]] const std::string& name() const;

  // Lets `operations` more writes, syncs, truncations and removals of files through and fails the one after them. `seed` chooses what
  // arrives of a torn write, or of reordered ones.
  void fail_after(int operations, Fault fault, unsigned seed = 0);

  // The disk works again.
  void heal();

  // Whether the fault has happened since fail_after().
  [[nodiscard]] bool struck() const;

  // How often a file was synced so far.
  [[nodiscard]] int syncs() const;

  struct State;

 private:
  std::unique_ptr<State> state_;
};

}  // namespace airtight::faults
