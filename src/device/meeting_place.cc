#include "device/meeting_place.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string>
#include <system_error>

namespace airtight::device {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kNote = "daemon.socket";
constexpr std::string_view kNewNote = "daemon.socket.new";  // until it is written and locked
constexpr std::size_t kLongestNote = 4096;
constexpr mode_t kPrivateMode = 0600;
constexpr mode_t kPublicMode = 0644;

Failure cannot(const std::string& what, const fs::path& note, int reason) {
  return fail(reason == EACCES || reason == EPERM ? Fault::kRefused : Fault::kStorage,
              "cannot " + what + " the note " + note.native() + ": " + std::strerror(reason),
              "use the account that it belongs to, or give the path of the daemon's socket instead of the folder");
}

bool write_all(const Descriptor& file, std::string_view text) {
  return ::write(file.number(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

}  // namespace

Result<MeetingPlace> MeetingPlace::note(const fs::path& folder, const fs::path& socket, storage::FileMode mode) {
  std::error_code error;
  const fs::path path = folder / kNote;
  if (socket == fs::absolute(folder / kSksSocket) || fs::equivalent(socket, folder / kSksSocket, error)) {
    fs::remove(path, error);  // of a daemon that was killed
    return MeetingPlace(fs::path(), Descriptor());
  }
  // It is locked before it has its name: whoever finds it unlocked knows that nobody is there.
  const fs::path new_path = folder / kNewNote;
  fs::remove(new_path, error);
  Descriptor file(::open(new_path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, kPrivateMode));
  if (!file.is_open()) return cannot("write", path, errno);
  const mode_t permissions = mode == storage::FileMode::kPublic ? kPublicMode : kPrivateMode;
  if (::flock(file.number(), LOCK_EX | LOCK_NB) != 0 || ::fchmod(file.number(), permissions) != 0 || !write_all(file, socket.native()) ||
      ::rename(new_path.c_str(), path.c_str()) != 0) {
    const int reason = errno;
    fs::remove(new_path, error);
    return cannot("write", path, reason);
  }
  return MeetingPlace(path, std::move(file));
}

MeetingPlace::~MeetingPlace() {
  std::error_code ignored;
  if (!path_.empty()) fs::remove(path_, ignored);
}

Result<fs::path> sks_socket_of(const fs::path& folder) {
  std::error_code error;
  if (fs::is_socket(folder, error)) return folder;
  const fs::path path = folder / kNote;
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  if (!file.is_open() && errno != ENOENT && errno != ENOTDIR) return cannot("read", path, errno);
  // Who gets the lock knows that no daemon holds it.
  if (!file.is_open() || ::flock(file.number(), LOCK_SH | LOCK_NB) == 0) return folder / kSksSocket;
  std::array<char, kLongestNote> text{};
  const ssize_t size = ::read(file.number(), text.data(), text.size());
  if (size < 0) return cannot("read", path, errno);
  return fs::path(std::string_view(text.data(), static_cast<std::size_t>(size)));
}

}  // namespace airtight::device
