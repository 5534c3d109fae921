// Where the callers of a store find its daemon: two sockets in the store's folder, or a note there that says where the first one is.
#pragma once

#include <filesystem>
#include <string_view>
#include <utility>

#include "base/descriptor.h"
#include "base/result.h"
#include "storage/files.h"

namespace airtight::device {

inline constexpr std::string_view kSksSocket = "sks.sock";      // answers the SKS API and nothing else
inline constexpr std::string_view kAdminSocket = "admin.sock";  // answers the store's owner (administration.h)

// The daemon's side: the note exists as long as this object, and is locked (flock), so that the note of a daemon that was killed, or one in
// a copy of the folder, leads nobody to the daemon of another store.
class MeetingPlace {
 public:
  // Notes in `folder`, whose store is the caller's, that callers are answered at `socket`; without a note, if that is where they look
  // anyway. FileMode::kPublic where other users call too.
  [[nodiscard]] static Result<MeetingPlace> note(const std::filesystem::path& folder, const std::filesystem::path& socket,
                                                 storage::FileMode mode);
  MeetingPlace(MeetingPlace&& other) noexcept : path_(std::exchange(other.path_, {})), file_(std::move(other.file_)) {}
  MeetingPlace& operator=(MeetingPlace&&) = delete;
  ~MeetingPlace();

 private:
  MeetingPlace(std::filesystem::path path, Descriptor file) : path_(std::move(path)), file_(std::move(file)) {}
  std::filesystem::path path_;  // empty: none
  Descriptor file_;
};

// The callers' side: the socket of the daemon of the store in `folder`, as a daemon that runs has noted it, and else where it would be. A
// `folder` that is a socket is it. Fault::kRefused if there is a note that this user may not read.
[[nodiscard]] Result<std::filesystem::path> sks_socket_of(const std::filesystem::path& folder);

}  // namespace airtight::device
