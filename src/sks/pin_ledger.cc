#include "sks/pin_ledger.h"

#include <algorithm>

namespace airtight::sks {

std::uint8_t PinLedger::errors(std::int64_t pin, std::uint8_t on_disk) const {
  const auto known = errors_.find(pin);
  return known == errors_.end() ? on_disk : known->second;
}

std::uint8_t PinLedger::charge(std::int64_t pin, std::uint8_t on_disk) const { return static_cast<std::uint8_t>(errors(pin, on_disk) + 1); }

void PinLedger::wrong(std::int64_t pin, std::uint8_t on_disk) { errors_[pin] = static_cast<std::uint8_t>(errors(pin, on_disk) + 1); }

std::uint8_t PinLedger::resting(std::uint8_t on_disk, std::uint8_t retry_limit) {
  return retry_limit > 1 ? std::min<std::uint8_t>(on_disk, 1) : 0;
}

}  // namespace airtight::sks
