// Where the callers of a store find its daemon: two sockets in the store's folder, or a note there that says where the first one is.
#pragma once

#include <filesystem>
#include <string_view>
#include <utility>

#include "base/result.h"

namespace airtight::device {

inline constexpr std::string_view kSksSocket = "sks.sock";      // answers the SKS API and nothing else
inline constexpr std::string_view kAdminSocket = "admin.sock";  // answers the store's owner (administration.h)

// The daemon's side: the note exists as long as this object.
class MeetingPlace {
 public:
  // Notes in `folder` that callers are answered at `socket`; without a note, if that is where they look anyway.
  [[nodiscard]] static Result<MeetingPlace> note(const std::filesystem::path& folder, const std::filesystem::path& socket);
  MeetingPlace(MeetingPlace&& other) noexcept : file_(std::exchange(other.file_, {})) {}
  MeetingPlace& operator=(MeetingPlace&&) = delete;
  ~MeetingPlace();

 private:
  explicit MeetingPlace(std::filesystem::path file) : file_(std::move(file)) {}
  std::filesystem::path file_;  // empty: none
};

// The callers' side: the socket of the daemon of the store in `folder`, whether or not it runs. A `folder` that is a socket is it.
[[nodiscard]] Result<std::filesystem::path> sks_socket_of(const std::filesystem::path& folder);

}  // namespace airtight::device
