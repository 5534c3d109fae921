#include "cli/operator_name.h"

#include <pwd.h>
#include <unistd.h>

#include <array>

namespace airtight::cli {

std::string operator_name() {
  constexpr std::size_t kRoom = 16384;
  std::array<char, kRoom> room{};
  passwd entry{};
  passwd* found = nullptr;
  const uid_t user = ::getuid();
  if (::getpwuid_r(user, &entry, room.data(), room.size(), &found) == 0 && found != nullptr) return entry.pw_name;
  return "uid " + std::to_string(user);
}

}  // namespace airtight::cli
