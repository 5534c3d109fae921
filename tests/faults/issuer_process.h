// An issuer in a process of its own that dies of SIGKILL where a test says so: at a message, in the middle of one, at any write of its
// database, or around a mail.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "tests/faults/mailbox.h"
#include "tests/support/child_process.h"

namespace airtight::faults {

// Where an issuer's process dies of SIGKILL by itself.
struct IssuerDeath {
  enum class Point : std::uint8_t {
    kNever,
    kBeforeMessage,  // received and not yet looked at
    kAfterMessage,   // done with it, all but the answer
    kAtClock,        // a look at the clock: at the begin of a message, and in the middle of its transaction
    kAtWrite,        // in place of an operation that changes a file of its database
    kBeforeMail,     // in place of sending a mail
    kAfterMail,      // the mail server has it
  };
  Point point = Point::kNever;
  int number = 0;  // of its kind since the start, from 0
};

class IssuerProcess {
 public:
  // Returns when it serves.
  IssuerProcess(const std::filesystem::path& folder, const std::string& listen, IssuerDeath death);
  void kill() { process_.kill(); }
  // The link in the next mail that it sends; nothing if it dies first.
  [[nodiscard]] std::optional<std::string> next_link() const { return mailbox_.next(); }

 private:
  Mailbox mailbox_;
  tests::ChildProcess process_;
};

}  // namespace airtight::faults
