#include "device/confinement.h"

#include <sched.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

// The sanitizers' own calls: a leak check at the end looks at all threads from a process of its own.
#if defined(__SANITIZE_ADDRESS__)
#define AIRTIGHT_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define AIRTIGHT_SANITIZED 1
#endif
#endif

namespace airtight::device {
namespace {

constexpr auto kAllowed = std::to_array<const char*>({
    // sockets that are there, and connections to them
    "accept",
    "accept4",
    "shutdown",
    "getsockopt",
    "setsockopt",
    "getsockname",
    "getpeername",
    "recvfrom",
    "recvmsg",
    "sendto",
    "sendmsg",
    "poll",
    "ppoll",
    "select",
    "pselect6",
    "epoll_create1",
    "epoll_ctl",
    "epoll_wait",
    "epoll_pwait",
    // files: the database, its journal and its backups
    "read",
    "readv",
    "pread64",
    "preadv",
    "write",
    "writev",
    "pwrite64",
    "pwritev",
    "open",
    "openat",
    "close",
    "close_range",
    "lseek",
    "_llseek",
    "stat",
    "stat64",
    "lstat",
    "lstat64",
    "fstat",
    "fstat64",
    "newfstatat",
    "fstatat64",
    "statx",
    "statfs",
    "statfs64",
    "fstatfs",
    "fstatfs64",
    "access",
    "faccessat",
    "faccessat2",
    "readlink",
    "readlinkat",
    "getcwd",
    "getdents",
    "getdents64",
    "fcntl",
    "fcntl64",
    "flock",
    "fsync",
    "fdatasync",
    "sync_file_range",
    "ftruncate",
    "ftruncate64",
    "fallocate",
    "fadvise64",
    "unlink",
    "unlinkat",
    "link",
    "linkat",
    "rename",
    "renameat",
    "renameat2",
    "mkdir",
    "mkdirat",
    "chmod",
    "fchmod",
    "fchmodat",
    "fchown",
    "umask",
    "dup",
    "dup2",
    "dup3",
    "eventfd2",
    "pipe2",
    // memory that is not code (mmap and mprotect are below)
    "brk",
    "munmap",
    "mremap",
    "madvise",
    "mlock",
    "mlock2",
    "munlock",
    "membarrier",
    // threads and signals of this process
    "futex",
    "set_robust_list",
    "get_robust_list",
    "rseq",
    "set_tid_address",
    "gettid",
    "getpid",
    "tgkill",
    "exit",
    "exit_group",
    "sched_yield",
    "sched_getaffinity",
    "sched_getparam",
    "sched_getscheduler",
    "rt_sigaction",
    "rt_sigprocmask",
    "rt_sigreturn",
    "rt_sigtimedwait",
    "rt_sigpending",
    "sigreturn",
    "sigaltstack",
    "restart_syscall",
    "wait4",
    // time, randomness, and who and where this is
    "clock_gettime",
    "clock_getres",
    "clock_nanosleep",
    "nanosleep",
    "gettimeofday",
    "time",
    "times",
    "getrandom",
    "getrusage",
    "sysinfo",
    "uname",
    "getuid",
    "geteuid",
    "getgid",
    "getegid",
    "getgroups",
    "getrlimit",
    "ugetrlimit",
    "capget",
#ifdef AIRTIGHT_SANITIZED
    "clone",
    "ptrace",
    "wait4",
    "kill",
    "prctl",
    "personality",
    "process_vm_readv",
#endif
});

// A rule for a call that is allowed, or answered with an error, with some arguments only.
struct Conditional {
  const char* call;
  std::uint32_t action;
  scmp_arg_cmp condition;
};

// Written out: the library's macros are C.
constexpr scmp_arg_cmp is(unsigned argument, scmp_datum_t value) { return {argument, SCMP_CMP_EQ, value, 0}; }
constexpr scmp_arg_cmp masked(unsigned argument, scmp_datum_t mask, scmp_datum_t value) {
  return {argument, SCMP_CMP_MASKED_EQ, mask, value};
}

constexpr auto kConditional = std::to_array<Conditional>({
    {"mmap", SCMP_ACT_ALLOW, masked(2, PROT_EXEC, 0)},
    {"mmap2", SCMP_ACT_ALLOW, masked(2, PROT_EXEC, 0)},
    {"mprotect", SCMP_ACT_ALLOW, masked(2, PROT_EXEC, 0)},
    {"clone", SCMP_ACT_ALLOW, masked(0, CLONE_THREAD, CLONE_THREAD)},
    {"prctl", SCMP_ACT_ALLOW, is(0, PR_SET_NAME)},
    {"prlimit64", SCMP_ACT_ALLOW, is(2, 0)},  // asks, and sets nothing
});

// Connections::kToHosts; any other kind of socket is answered with an error, as the resolver of names tries several.
constexpr auto kToHosts = std::to_array<Conditional>({
    {"socket", SCMP_ACT_ALLOW, is(0, AF_INET)},
    {"socket", SCMP_ACT_ALLOW, is(0, AF_INET6)},
    {"socket", SCMP_ACT_ERRNO(EACCES), is(0, AF_UNIX)},
    {"socket", SCMP_ACT_ERRNO(EACCES), is(0, AF_NETLINK)},
});

// Calls that libraries try and can do without.
struct Answered {
  const char* call;
  int error;
};
constexpr auto kAnswered = std::to_array<Answered>({
    {"clone3", ENOSYS},  // its arguments are out of a filter's sight; the C library falls back to clone()
    {"ioctl", ENOTTY},
});

class Filter {
 public:
  Filter() : context_(::seccomp_init(SCMP_ACT_KILL_PROCESS), &::seccomp_release) {}

  void allow(const char* call) { add(call, SCMP_ACT_ALLOW, nullptr); }
  void add(const char* call, std::uint32_t action, const scmp_arg_cmp* condition) {
    const int number = ::seccomp_syscall_resolve_name(call);
    if (number == __NR_SCMP_ERROR || context_ == nullptr || fault_ != 0) return;  // this machine has no such call
    fault_ = ::seccomp_rule_add_array(context_.get(), action, number, condition != nullptr ? 1 : 0, condition);
  }
  // 0, or an error number.
  [[nodiscard]] int load() {
    if (context_ == nullptr) return ENOMEM;
    if (fault_ == 0) fault_ = ::seccomp_attr_set(context_.get(), SCMP_FLTATR_CTL_TSYNC, 1);
    if (fault_ == 0) fault_ = ::seccomp_attr_set(context_.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2);  // a tree: few comparisons a call
    if (fault_ == 0) fault_ = ::seccomp_load(context_.get());
    return -fault_;
  }

 private:
  std::unique_ptr<void, decltype(&::seccomp_release)> context_;
  int fault_ = 0;
};

}  // namespace

void keep_secrets_in_memory() {
  const rlimit none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
  ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  const rlimit all{RLIM_INFINITY, RLIM_INFINITY};
  if (::setrlimit(RLIMIT_MEMLOCK, &all) == 0) return;
  rlimit granted{};
  if (::getrlimit(RLIMIT_MEMLOCK, &granted) != 0) return;
  granted.rlim_cur = granted.rlim_max;
  ::setrlimit(RLIMIT_MEMLOCK, &granted);
}

Result<> confine(Connections connections) {
  Filter filter;
  if (connections == Connections::kToHosts) {
    for (const Conditional& rule : kToHosts) filter.add(rule.call, rule.action, &rule.condition);
    for (const char* call : {"connect", "sendmmsg"}) filter.allow(call);
  }
  for (const char* call : kAllowed) filter.allow(call);
  for (const Conditional& rule : kConditional) filter.add(rule.call, rule.action, &rule.condition);
  for (const Answered& rule : kAnswered) filter.add(rule.call, SCMP_ACT_ERRNO(static_cast<std::uint16_t>(rule.error)), nullptr);
  if (const int reason = filter.load(); reason != 0) {
    return fail(Fault::kUnavailable, std::string("the daemon cannot give up system calls: ") + std::strerror(reason),
                "use a kernel with CONFIG_SECCOMP_FILTER, or run the key store without a daemon");
  }
  return {};
}

}  // namespace airtight::device
