// Asks a program whether a key may be used: the way to plug in a fingerprint reader, a button or a window that asks. The programs are run
// by a process that is there before the daemon opens the store and gives up system calls, so that the daemon itself can start nothing.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "base/descriptor.h"
#include "base/result.h"
#include "sks/platform.h"

namespace airtight::device {

class ProgramApprover final : public sks::Approver {
 public:
  // Starts the process that will run `command` with /bin/sh for each question, several at once, each for at most `patience`. Call it while
  // there is one thread, and no secret in memory. The program learns what is asked from its environment: AIRTIGHT_METHOD, AIRTIGHT_KEY (the
  // handle), AIRTIGHT_KEY_ID, AIRTIGHT_FRIENDLY_NAME and AIRTIGHT_ISSUER, without control characters. It approves by exit status 0.
  [[nodiscard]] static Result<std::unique_ptr<ProgramApprover>> start(const std::string& command, std::chrono::milliseconds patience);
  ProgramApprover(const ProgramApprover&) = delete;
  ProgramApprover& operator=(const ProgramApprover&) = delete;
  ~ProgramApprover() override;  // ends programs that run

  // Fault::kUnavailable if the program could not be asked.
  [[nodiscard]] Result<bool> approve(const sks::ApprovalRequest& request) override;

  // All questions that are open are refused, and all that come.
  void refuse_all();

 private:
  ProgramApprover(Descriptor questions, Descriptor refusing, pid_t process)
      : questions_(std::move(questions)), refusing_(std::move(refusing)), process_(process) {}
  Descriptor questions_;  // to the other process: it ends when this is closed
  Descriptor refusing_;   // an eventfd: readable from refuse_all() on
  pid_t process_;
};

}  // namespace airtight::device
