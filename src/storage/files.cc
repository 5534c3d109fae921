#include "storage/files.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <limits>
#include <string>

#include "storage/internal/descriptor.h"

namespace airtight::storage {
namespace {

using internal::Descriptor;
using internal::system_failure;

constexpr mode_t kPrivateMode = 0600;
constexpr mode_t kPublicMode = 0644;
constexpr mode_t kFolderMode = 0700;
constexpr std::size_t kPieceSize = 1 << 18;  // of a copy

Result<> write_all(const Descriptor& descriptor, const std::filesystem::path& path, ByteView content) {
  while (!content.empty()) {
    const ssize_t written = ::write(descriptor.number(), content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return system_failure("write", path, errno);
    content = content.subspan(static_cast<std::size_t>(written));
  }
  return {};
}

// A new, private file beside its destination; gone with this object unless it was moved into place.
class TemporaryFile {
 public:
  [[nodiscard]] static Result<TemporaryFile> beside(const std::filesystem::path& destination) {
    std::string name = (internal::folder_of(destination) / ("." + destination.filename().native() + ".XXXXXX")).native();
    Descriptor descriptor(::mkostemp(name.data(), O_CLOEXEC));  // O_EXCL: never a file or link that was there before
    if (!descriptor.is_open()) return system_failure("write a temporary file beside", destination, errno);
    return TemporaryFile(std::move(name), std::move(descriptor));
  }
  TemporaryFile(TemporaryFile&& other) noexcept : name_(std::exchange(other.name_, {})), descriptor_(std::move(other.descriptor_)) {}
  TemporaryFile& operator=(TemporaryFile&&) = delete;
  ~TemporaryFile() {
    if (!name_.empty()) ::unlink(name_.c_str());
  }

  [[nodiscard]] Result<> write(ByteView content) const { return write_all(descriptor_, name_, content); }
  [[nodiscard]] Result<> settle(mode_t mode) const {
    if (::fchmod(descriptor_.number(), mode) != 0) return system_failure("set the mode of", name_, errno);
    if (::fsync(descriptor_.number()) != 0) return system_failure("sync", name_, errno);
    return {};
  }

  [[nodiscard]] Result<> replace(const std::filesystem::path& destination) {
    if (::rename(name_.c_str(), destination.c_str()) != 0) return system_failure("replace", destination, errno);
    name_.clear();
    return internal::sync_folder(internal::folder_of(destination));
  }

  // Unlike rename(), link() never replaces.
  [[nodiscard]] Result<> become(const std::filesystem::path& destination) const {
    if (::link(name_.c_str(), destination.c_str()) != 0) return system_failure("create", destination, errno);
    return internal::sync_folder(internal::folder_of(destination));
  }

 private:
  TemporaryFile(std::string name, Descriptor descriptor) : name_(std::move(name)), descriptor_(std::move(descriptor)) {}
  std::string name_;
  Descriptor descriptor_;
};

Result<TemporaryFile> temporary_with(const std::filesystem::path& destination, ByteView content, FileMode mode) {
  TemporaryFile temporary = TRY(TemporaryFile::beside(destination));
  TRY(temporary.write(content));
  TRY(temporary.settle(mode == FileMode::kPrivate ? kPrivateMode : kPublicMode));
  return temporary;
}

// Terminals, pipes, /dev/null, and the names that /dev and /proc have for what is open: to be written to, and never replaced.
bool is_no_file_of_its_own(const std::filesystem::path& path) {
  struct stat status{};
  if (::lstat(path.c_str(), &status) != 0) return false;
  if (S_ISCHR(status.st_mode) || S_ISBLK(status.st_mode) || S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode)) return true;
  const std::filesystem::path name = std::filesystem::absolute(path).lexically_normal();
  return S_ISLNK(status.st_mode) && (name.parent_path() == "/dev" || name.native().starts_with("/proc/"));
}

Result<> write_into(const std::filesystem::path& path, ByteView content) {
  const Descriptor descriptor(::open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY));
  if (!descriptor.is_open()) return system_failure("write", path, errno);
  return write_all(descriptor, path, content);
}

struct OpenFile {
  Descriptor descriptor;
  unsigned mode;
  std::size_t limit;  // how much to read at most: the size it has, where it knows
  bool knows_its_size;
};

Failure too_large(const std::filesystem::path& path, std::size_t max_size) {
  return fail(Fault::kBadInput, path.native() + " is larger than " + std::to_string(max_size) + " bytes",
              "check that this is the file you mean");
}

// A pipe in a folder, whose writer may never come. What a shell makes of <(...), and /dev/stdin at the end of a pipe, have one.
bool is_named_pipe(const Descriptor& descriptor, const struct stat& status) {
  struct statfs system{};
  return S_ISFIFO(status.st_mode) && (::fstatfs(descriptor.number(), &system) != 0 || system.f_type != PIPEFS_MAGIC);
}

Result<OpenFile> open_for_reading(const std::filesystem::path& path, std::size_t max_size) {
  // O_NONBLOCK: to open a named pipe would be to wait for its writer.
  Descriptor descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  if (!descriptor.is_open()) return system_failure("open", path, errno);
  struct stat status{};
  if (::fstat(descriptor.number(), &status) != 0) return system_failure("look at", path, errno);
  if (S_ISDIR(status.st_mode)) return fail(Fault::kBadInput, path.native() + " is a folder", "name a file");
  if (is_named_pipe(descriptor, status))
    return fail(Fault::kBadInput, path.native() + " is a named pipe, and nobody may ever write to it", "name a file, or write <(COMMAND)");
  if (!S_ISREG(status.st_mode) && ::fcntl(descriptor.number(), F_SETFL, 0) != 0) return system_failure("open", path, errno);
  // Pipes, and the files of /proc, do not know their size.
  const bool knows_its_size = S_ISREG(status.st_mode) && status.st_size > 0;
  const std::size_t limit = knows_its_size ? static_cast<std::size_t>(status.st_size) : max_size;
  if (limit > max_size) return too_large(path, max_size);
  return OpenFile{std::move(descriptor), status.st_mode, limit, knows_its_size};
}

// Fills `buffer`, which has room for one byte more than `file.limit`; the number of bytes read.
Result<std::size_t> read_into(const OpenFile& file, const std::filesystem::path& path, std::span<std::byte> buffer) {
  std::size_t size = 0;
  while (size < buffer.size()) {
    const ssize_t count = ::read(file.descriptor.number(), buffer.data() + size, buffer.size() - size);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return system_failure("read", path, errno);
    if (count == 0) return size;
    size += static_cast<std::size_t>(count);
  }
  if (!file.knows_its_size) return too_large(path, file.limit);
  return fail(Fault::kUnavailable, path.native() + " grew while it was read", "try again when nothing writes to it");
}

Result<std::optional<Descriptor>> lock_opened(Descriptor file, const std::filesystem::path& path) {
  if (!file.is_open()) return system_failure("open", path, errno);
  if (::flock(file.number(), LOCK_EX | LOCK_NB) == 0) return std::optional(std::move(file));
  if (errno == EWOULDBLOCK) return std::optional<Descriptor>();
  return system_failure("lock", path, errno);
}

}  // namespace

Result<> write_file(const std::filesystem::path& path, ByteView content, FileMode mode) {
  if (is_no_file_of_its_own(path)) return write_into(path, content);
  TemporaryFile temporary = TRY(temporary_with(path, content, mode));
  return temporary.replace(path);
}

Result<> write_new_file(const std::filesystem::path& path, ByteView content, FileMode mode) {
  const TemporaryFile temporary = TRY(temporary_with(path, content, mode));
  return temporary.become(path);
}

Result<> refuse_special_file(const std::filesystem::path& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0 || S_ISREG(status.st_mode)) return {};
  return fail(Fault::kRefused, path.native() + " is no regular file", "look at what it is, and name or put a file there");
}

Result<> copy_new_file(const std::filesystem::path& from, const std::filesystem::path& to) {
  TRY(refuse_special_file(from));  // a device may have no end
  const OpenFile file = TRY(open_for_reading(from, std::numeric_limits<std::size_t>::max()));
  const TemporaryFile temporary = TRY(TemporaryFile::beside(to));
  Bytes piece(kPieceSize);
  while (true) {
    const ssize_t count = ::read(file.descriptor.number(), piece.data(), piece.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return system_failure("read", from, errno);
    if (count == 0) break;
    TRY(temporary.write(ByteView(piece).first(static_cast<std::size_t>(count))));
  }
  TRY(temporary.settle(kPrivateMode));
  return temporary.become(to);
}

Result<> rename_file(const std::filesystem::path& from, const std::filesystem::path& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) return system_failure("rename", from, errno);
  return internal::sync_folder(internal::folder_of(to));
}

Result<> rename_new_file(const std::filesystem::path& from, const std::filesystem::path& to) {
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) != 0) return system_failure("create", to, errno);
  return internal::sync_folder(internal::folder_of(to));
}

Result<> remove_file(const std::filesystem::path& path) {
  if (::unlink(path.c_str()) != 0) return system_failure("remove", path, errno);
  return internal::sync_folder(internal::folder_of(path));
}

Result<Bytes> read_file(const std::filesystem::path& path, std::size_t max_size) {
  const OpenFile file = TRY(open_for_reading(path, max_size));
  Bytes content(file.limit + 1);
  content.resize(TRY(read_into(file, path, content)));
  return content;
}

Result<SecretBytes> read_secret_file(const std::filesystem::path& path, std::size_t max_size) {
  const OpenFile file = TRY(open_for_reading(path, max_size));
  TRY(internal::require_private(path, file.mode));
  SecretBytes content(file.limit + 1);
  content.truncate(TRY(read_into(file, path, content.expose_secret_for_writing())));
  return content;
}

Result<> require_unwritable_by_others(const std::filesystem::path& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) return system_failure("look at", path, errno);
  if (status.st_uid != ::geteuid() && status.st_uid != 0)
    return fail(Fault::kRefused, path.native() + " belongs to another user", "run the command as its owner, or change the owner");
  if ((status.st_mode & 022U) == 0) return {};
  return fail(Fault::kRefused, path.native() + " can be written by others than its owner", "run: chmod go-w " + path.native());
}

Result<std::optional<Descriptor>> try_lock(const std::filesystem::path& path) {
  return lock_opened(Descriptor(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)), path);
}

Result<std::optional<Descriptor>> try_lock_folder(const std::filesystem::path& path) {
  return lock_opened(Descriptor(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)), path);
}

Result<> make_private_folder(const std::filesystem::path& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) == 0) {
    if (S_ISDIR(status.st_mode)) return {};
    return system_failure("make folder", path, EEXIST);
  }
  if (errno != ENOENT) return system_failure("look at", path, errno);
  const std::filesystem::path parent = internal::folder_of(path);
  TRY(make_private_folder(parent));
  if (::mkdir(path.c_str(), kFolderMode) != 0) {
    const int code = errno;
    // EEXIST: another process was faster, or "name/" was made as the parent "name".
    if (code == EEXIST && ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) return {};
    return system_failure("make folder", path, code);
  }
  if (::chmod(path.c_str(), kFolderMode) != 0) return system_failure("set the mode of", path, errno);
  return internal::sync_folder(parent);
}

}  // namespace airtight::storage
