#include "agent/internal/refusal.h"

#include <utility>

#include "agent/printable.h"
#include "sks/status.h"

namespace airtight::agent {

using keygen2::ClientError;

Error refusal(ClientError answer, std::string message, std::string hint) {
  return {Fault::kRefused, std::move(message), std::move(hint), Answer{Protocol::kKeyGen2, std::to_underlying(answer)}};
}

ClientError client_error_of(const Error& error) {
  if (const auto code = error.code_in(Protocol::kKeyGen2)) return static_cast<ClientError>(*code);
  if (error.fault == Fault::kStorage) return ClientError::kKeystoreOverflow;
  const auto status = error.code_in(Protocol::kSks);
  if (!status) return ClientError::kGeneralError;
  switch (static_cast<sks::Status>(*status)) {
    case sks::Status::kStorage: return ClientError::kKeystoreOverflow;
    case sks::Status::kOption:
    case sks::Status::kAlgorithm: return ClientError::kUnsupportedFeatureRequested;
    case sks::Status::kNoKey: return ClientError::kNoSuchKey;
    case sks::Status::kSessionVerify: return ClientError::kMissingProvisioningData;
    default: return ClientError::kGeneralError;
  }
}

std::string client_error_argument(const Error& error) {
  if (client_error_of(error) == ClientError::kUserAbort) return "the user said no";
  const bool about_protocol = error.code_in(Protocol::kKeyGen2) || error.code_in(Protocol::kSks) || error.fault == Fault::kRefused;
  return about_protocol ? printable(error.message) : "a fault of the client's machine";
}

}  // namespace airtight::agent
