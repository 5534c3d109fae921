#include "device/accounts.h"

#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>
#include <string_view>

namespace airtight::device {
namespace {

std::optional<unsigned> as_number(std::string_view text) {
  unsigned number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

struct Account {
  uid_t user = 0;
  gid_t group = 0;
  std::string name;
};

// getpwnam() and its like are called before there are threads.
Result<Account> account_called(const std::string& name) {
  const passwd* entry = ::getpwnam(name.c_str());
  const auto number = as_number(name);
  if (entry == nullptr && number) entry = ::getpwuid(*number);
  if (entry != nullptr) return Account{.user = entry->pw_uid, .group = entry->pw_gid, .name = entry->pw_name};
  return fail(Fault::kBadInput, "there is no user '" + name + "'", "name one that 'getent passwd' knows");
}

Failure cannot_become(const std::string& name) {
  return fail(Fault::kRefused, "this process cannot become '" + name + "': " + std::strerror(errno),
              "only root can: leave out --user and --group, or start it as root");
}

}  // namespace

Result<uid_t> user_called(const std::string& name) {
  if (const auto number = as_number(name)) return *number;
  return TRY(account_called(name)).user;
}

Result<gid_t> group_called(const std::string& name) {
  if (const group* entry = ::getgrnam(name.c_str())) return entry->gr_gid;
  if (const auto number = as_number(name)) return *number;
  return fail(Fault::kBadInput, "there is no group '" + name + "'", "name one that 'getent group' knows");
}

Result<> become(const std::string& user, const std::string& group, const std::filesystem::path& folder) {
  Account account{.user = ::geteuid(), .group = ::getegid(), .name = {}};
  if (!user.empty()) account = TRY(account_called(user));
  struct stat entry{};
  if (account.user == 0 && ::stat(folder.c_str(), &entry) == 0 && entry.st_uid != 0) {
    return fail(Fault::kRefused, "root is not to serve the key store of another user",
                "start the daemon as the owner of " + folder.native() + ", or name one with --user");
  }
  if (user.empty() && group.empty()) return {};
  if (!group.empty()) account.group = TRY(group_called(group));
  // The order matters: whoever is no more root cannot change groups.
  const bool keeps_groups = account.name.empty();
  if (!keeps_groups && ::initgroups(account.name.c_str(), account.group) != 0) return cannot_become(account.name);
  if (::setresgid(account.group, account.group, account.group) != 0) return cannot_become(group.empty() ? account.name : group);
  if (::setresuid(account.user, account.user, account.user) != 0) return cannot_become(account.name);
  if (account.user != 0 && ::setuid(0) == 0) return fail(Fault::kInternal, "this process is root still");
  return {};
}

}  // namespace airtight::device
