#include "device/turn.h"

#include <fcntl.h>
#include <sys/file.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <system_error>
#include <thread>

#include "device/meeting_place.h"

namespace airtight::device {
namespace {

namespace fs = std::filesystem;
using SteadyClock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kBetweenAttempts{10};

// The folder that stands for a store: that of its daemon's socket, as some know nothing but the socket; without one, its own.
Result<fs::path> place_of(const fs::path& folder) {
  std::error_code error;
  const fs::path socket = TRY(sks_socket_of(folder));
  if (!fs::is_socket(socket, error)) return folder;
  const fs::path real = fs::canonical(socket, error);
  return error ? folder : real.parent_path();
}

}  // namespace

Result<Turn> Turn::take(const fs::path& folder, std::chrono::milliseconds patience) {
  const fs::path place = TRY(place_of(folder));
  Descriptor lock(::open(place.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!lock.is_open()) {
    const int reason = errno;
    return fail(reason == ENOENT || reason == ENOTDIR ? Fault::kNotFound : Fault::kRefused,
                "cannot take turns at the key store " + folder.native() + ": " + place.native() + ": " + std::strerror(reason),
                reason == EACCES ? "its owner has to let you read that folder" : "name the folder of a key store");
  }
  const SteadyClock::time_point deadline = SteadyClock::now() + patience;
  while (::flock(lock.number(), LOCK_EX | LOCK_NB) != 0) {
    const int reason = errno;
    if (reason != EWOULDBLOCK && reason != EINTR) {
      return fail(Fault::kRefused, "cannot take turns at the key store " + folder.native() + ": " + std::strerror(reason));
    }
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - SteadyClock::now());
    if (left.count() <= 0) {
      return fail(Fault::kUnavailable, "another program has its turn at the key store " + folder.native(), "try again when it is done");
    }
    std::this_thread::sleep_for(std::min(left, kBetweenAttempts));
  }
  return Turn(std::move(lock));
}

}  // namespace airtight::device
