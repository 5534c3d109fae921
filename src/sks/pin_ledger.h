// Counts PIN errors so that no crash yields a free guess (sks.md section 6): an attempt is on disk before the comparison, and a right PIN
// leaves one attempt charged ahead there, so that right PINs in a row write nothing.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

namespace airtight::sks {

class PinLedger {
 public:
  // The errors made so far, where disk has `on_disk`.
  [[nodiscard]] std::uint8_t errors(std::int64_t pin, std::uint8_t on_disk) const;

  // What disk has to show before the next comparison; `on_disk` if nothing needs to be written. Less than `on_disk` where an earlier reset
  // could not be written: made up for before the comparison, a full disk answers right and wrong alike.
  [[nodiscard]] std::uint8_t charge(std::int64_t pin, std::uint8_t on_disk) const;

  // After a wrong PIN.
  void wrong(std::int64_t pin, std::uint8_t on_disk);

  // After a right PIN: what disk may go on showing. One error stays charged ahead, except where that would lock the key after a crash.
  [[nodiscard]] static std::uint8_t resting(std::uint8_t on_disk, std::uint8_t retry_limit);
  void right(std::int64_t pin) { errors_[pin] = 0; }

  void forget(std::int64_t pin) { errors_.erase(pin); }

  // Every PIN whose errors are known here and may differ from disk, with its errors.
  [[nodiscard]] const std::map<std::int64_t, std::uint8_t>& known() const { return errors_; }

 private:
  std::map<std::int64_t, std::uint8_t> errors_;  // by Pin::id; what is not here is as on disk
};

}  // namespace airtight::sks
