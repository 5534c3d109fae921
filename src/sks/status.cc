#include "sks/status.h"

#include <array>
#include <utility>

namespace airtight::sks {
namespace {

constexpr std::array<std::pair<Status, std::string_view>, 12> kNames = {{
    {Status::kOk, "OK"},
    {Status::kAuthorization, "ERROR_AUTHORIZATION"},
    {Status::kNotAllowed, "ERROR_NOT_ALLOWED"},
    {Status::kStorage, "ERROR_STORAGE"},
    {Status::kMac, "ERROR_MAC"},
    {Status::kCrypto, "ERROR_CRYPTO"},
    {Status::kNoSession, "ERROR_NO_SESSION"},
    {Status::kSessionVerify, "ERROR_SESSION_VERIFY"},
    {Status::kNoKey, "ERROR_NO_KEY"},
    {Status::kAlgorithm, "ERROR_ALGORITHM"},
    {Status::kOption, "ERROR_OPTION"},
    {Status::kInternal, "ERROR_INTERNAL"},
}};

Fault fault_of(Status status) {
  switch (status) {
    case Status::kStorage: return Fault::kStorage;
    case Status::kInternal: return Fault::kInternal;
    case Status::kNoKey:
    case Status::kNoSession: return Fault::kNotFound;
    case Status::kOption:
    case Status::kAlgorithm: return Fault::kBadInput;
    default: return Fault::kRefused;
  }
}

}  // namespace

std::string_view name_of(Status status) {
  for (const auto& [value, name] : kNames) {
    if (value == status) return name;
  }
  return "ERROR_INTERNAL";
}

Error error(Status status, std::string message) {
  return Error{fault_of(status), std::move(message), {}, Answer{Protocol::kSks, static_cast<int>(status)}};
}

Status status_of(const Error& error) {
  if (const auto code = error.code_in(Protocol::kSks)) return static_cast<Status>(*code);
  return error.fault == Fault::kStorage || error.fault == Fault::kUnavailable ? Status::kStorage : Status::kInternal;
}

}  // namespace airtight::sks
