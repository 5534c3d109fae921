#include "device/internal/store_lock.h"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>
#include <cstring>
#include <string>

namespace airtight::device::internal {
namespace {

Result<Descriptor> lock(const std::filesystem::path& folder, int operation, const std::string& while_locked, const std::string& hint) {
  const std::filesystem::path path = folder / kStateFile;
  Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  if (!file.is_open()) {
    const Fault fault = errno == ENOENT ? Fault::kNotFound : Fault::kRefused;
    return fail(fault, "cannot open " + path.native() + ": " + std::strerror(errno), "check the path, and that you are the store's owner");
  }
  if (::flock(file.number(), operation | LOCK_NB) == 0) return file;
  if (errno == EWOULDBLOCK) return fail(Fault::kUnavailable, while_locked + folder.native(), hint);
  return fail(Fault::kStorage, "cannot lock " + path.native() + ": " + std::strerror(errno), "use a file system that has locks");
}

}  // namespace

Result<StoreLock> StoreLock::share(const std::filesystem::path& folder) {
  return StoreLock(TRY(lock(folder, LOCK_SH, "another process is restoring the key store in ", "wait until it is done")));
}

Result<StoreLock> StoreLock::take(const std::filesystem::path& folder) {
  return StoreLock(TRY(lock(folder, LOCK_EX, "another process has the key store in ", "end it first, or wait until it is done")));
}

}  // namespace airtight::device::internal
