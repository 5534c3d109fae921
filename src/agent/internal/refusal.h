// Errors that carry the answer a KeyGen2 client owes its issuer: one of the ten of ClientErrorResponse.
#pragma once

#include <string>

#include "base/result.h"
#include "keygen2/messages.h"

namespace airtight::agent {

// An error that ends the session with `answer`.
[[nodiscard]] Error refusal(keygen2::ClientError answer, std::string message, std::string hint = {});
[[nodiscard]] inline Failure refuse(keygen2::ClientError answer, std::string message, std::string hint = {}) {
  return Failure(refusal(answer, std::move(message), std::move(hint)));
}

// What to answer for `error`: its own answer, or what keygen2.md section 6 says for the key store's status, or general-error.
[[nodiscard]] keygen2::ClientError client_error_of(const Error& error);

// The words that go with it: those of `error` where they are about the protocol. What the user said, and faults of this machine, whose
// words may name files and the like, are nobody else's business.
[[nodiscard]] std::string client_error_argument(const Error& error);

}  // namespace airtight::agent
