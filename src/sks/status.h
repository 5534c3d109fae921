// The status codes of SKS ("Error Codes") and how an Error carries one.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace airtight::sks {

enum class Status : std::uint8_t {
  kOk = 0x00,
  kAuthorization = 0x01,
  kNotAllowed = 0x02,
  kStorage = 0x03,
  kMac = 0x04,
  kCrypto = 0x05,
  kNoSession = 0x06,
  kSessionVerify = 0x07,
  kNoKey = 0x08,
  kAlgorithm = 0x09,
  kOption = 0x0A,
  kInternal = 0x0B,
};

// "ERROR_AUTHORIZATION" and so on.
[[nodiscard]] std::string_view name_of(Status status);

// An error that answers with `status`.
[[nodiscard]] Error error(Status status, std::string message);
[[nodiscard]] inline Failure fail(Status status, std::string message) { return Failure(error(status, std::move(message))); }

// The status that `error` answers with: its own, or ERROR_STORAGE / ERROR_INTERNAL for faults from below.
[[nodiscard]] Status status_of(const Error& error);

}  // namespace airtight::sks
