// What a key store needs from the world around it, as small interfaces: somebody who approves, something that waits, an anchor against
// roll-back. Time and randomness are base's.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/random.h"
#include "base/result.h"
#include "base/time.h"
#include "sks/wire_types.h"

namespace airtight::sks {

// What a person is asked to approve.
struct ApprovalRequest {
  std::string_view method;  // "signHashedData"
  Handle key = 0;
  std::string key_id;
  std::string friendly_name;
  std::string issuer_uri;
};

// A fingerprint reader, a button, a program that asks: the biometric options of keys ("Biometric Protection").
class Approver {
 public:
  virtual ~Approver() = default;
  // True if approved. Takes as long as a person does, and may be called by several threads at once. An error counts as a refusal.
  [[nodiscard]] virtual Result<bool> approve(const ApprovalRequest& request) = 0;
};

// Waits: the delay of a PUK that never locks (sks.md section 6).
class Pause {
 public:
  virtual ~Pause() = default;
  // At once where is_over().
  virtual void wait(std::chrono::milliseconds span) = 0;
  // From here on nobody is kept waiting: the key store is about to close, and compares no PIN or PUK any more.
  [[nodiscard]] virtual bool is_over() const { return false; }
};
class SleepingPause final : public Pause {
 public:
  void wait(std::chrono::milliseconds span) override;
};

// A counter that only grows, kept where whoever restores an old database cannot restore it too.
class RollbackAnchor {
 public:
  virtual ~RollbackAnchor() = default;
  // The count now.
  [[nodiscard]] virtual Result<std::uint64_t> read() = 0;
  // Adds one, durably, and returns the new count.
  [[nodiscard]] virtual Result<std::uint64_t> advance() = 0;
};

// All of these outlive the key store.
struct Platform {
  const Clock& clock;
  RandomSource& random;
  Pause& pause;
  Approver* approver = nullptr;      // null: no biometric options
  RollbackAnchor* anchor = nullptr;  // null: none
};

}  // namespace airtight::sks
