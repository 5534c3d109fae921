// What a process gives away before it lets others speak to it: core dumps, tracing, new privileges, and every system call that serving a
// key store does not need. Whoever finds a fault in the daemon then has no program to start, no network and no other file system.
#pragma once

#include <cstdint>

#include "base/result.h"

namespace airtight::device {

// No core dumps, nobody of the same user may look into this process, and as much locked memory as the system grants.
void keep_secrets_in_memory();

// Which connections a process makes after it has given up system calls.
enum class Connections : std::uint8_t {
  kNone,
  kToHosts,  // over TCP: a simulator of a TPM is called anew for each command
};

// From now on this process, its threads to come and those that are there already make only the system calls that SQLite, OpenSSL, threads
// and connected sockets need; any other one kills the process (SIGSYS). No execve, no fork, no new sockets but those of `connections`, no
// executable memory. There is no way back. Fault::kUnavailable if the kernel has no seccomp.
[[nodiscard]] Result<> confine(Connections connections);

}  // namespace airtight::device
