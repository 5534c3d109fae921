#include "storage/internal/descriptor.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <system_error>

namespace airtight::storage::internal {
namespace {

struct Advice {
  Fault fault;
  std::string_view hint;
};

Advice advice_on(int code) {
  switch (code) {
    case ENOENT:
    case ENOTDIR: return {Fault::kNotFound, "check the path"};
    case EACCES:
    case EPERM: return {Fault::kRefused, "check who owns it and its mode, or run as its owner"};
    case EROFS: return {Fault::kRefused, "mount the file system for writing or use another folder"};
    case EEXIST:
    case EBUSY:  // a folder that is in use: the present one
    case EISDIR:
    case ELOOP: return {Fault::kRefused, "move away what is there or use another path"};
    case ENAMETOOLONG: return {Fault::kBadInput, "use a shorter path"};
    case ENOSPC:
    case EDQUOT: return {Fault::kStorage, "free some space and try again"};
    case EFBIG: return {Fault::kStorage, "raise the limit on the size of files (ulimit -f) and try again"};
    case EMFILE:
    case ENFILE: return {Fault::kUnavailable, "raise the limit on open files (ulimit -n) and try again"};
    default: return {Fault::kStorage, "check the medium, then try again"};
  }
}

}  // namespace

Failure system_failure(std::string_view action, const std::filesystem::path& path, int code) {
  const Advice advice = advice_on(code);
  std::string message = "cannot ";
  message += action;
  message += ' ';
  message += path.native();
  message += ": ";
  message += std::generic_category().message(code);
  return fail(advice.fault, std::move(message), std::string(advice.hint));
}

std::filesystem::path folder_of(const std::filesystem::path& path) {
  return path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
}

Result<> sync_folder(const std::filesystem::path& folder) {
  const Descriptor descriptor(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!descriptor.is_open()) return system_failure("open folder", folder, errno);
  // EINVAL: a file system that cannot sync a folder, and so does not need to be asked.
  if (::fsync(descriptor.number()) != 0 && errno != EINVAL) return system_failure("sync folder", folder, errno);
  return {};
}

Result<> require_private(const std::filesystem::path& path, unsigned mode) {
  if ((mode & 077U) == 0) return {};
  if (!S_ISREG(mode)) {
    return fail(Fault::kRefused, path.native() + " can be read or written by others than its owner", "name a file of your own (0600)");
  }
  return fail(Fault::kRefused, path.native() + " can be read or written by others than its owner", "run: chmod 600 " + path.native());
}

}  // namespace airtight::storage::internal
