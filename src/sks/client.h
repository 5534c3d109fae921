// Calls a key store, typed: encodes a request, sends it over a channel, decodes the answer. Made from the method table.
#pragma once

#include <string>
#include <utility>

#include "base/result.h"
#include "base/secret_bytes.h"
#include "sks/methods.h"
#include "sks/status.h"
#include "sks/wire.h"

namespace airtight::sks {

// Carries one request to a key store and its response back: in process, over a socket, or recorded. Both are bytes as sks.md section 1 has
// them.
class Channel {
 public:
  virtual ~Channel() = default;
  // Secret because requests hold PINs and responses exported keys.
  [[nodiscard]] virtual Result<SecretBytes> call(const SecretBytes& request) = 0;
};

// What a store answers when it cannot be understood.
[[nodiscard]] inline Failure unreadable_answer(std::string_view method) {
  return fail(Status::kInternal, "the key store answered " + std::string(method) + " with bytes that cannot be read");
}

// The error in a response whose status is not 0.
[[nodiscard]] Failure refusal_in(std::string_view method, ByteView response);

// The other way round, for whoever answers in a store's place: the response that says `error` (sks.md section 1).
[[nodiscard]] SecretBytes response_of(const Error& error);

// Calls the method of `Request`. A status other than 0 comes back as an Error that carries it (sks::status_of) with the store's
// ErrorString.
template <typename Request>
[[nodiscard]] Result<typename Request::Response> call(Channel& channel, const Request& request) {
  const Method<Request>& method = method_of<Request>();
  const SecretBytes response = TRY(channel.call(wire::encode(method.number, request)));
  const ByteView bytes = response.expose_secret();
  if (bytes.empty()) return unreadable_answer(method.name);
  if (bytes[0] != std::byte{0}) return refusal_in(method.name, bytes);
  auto decoded = wire::decode<typename Request::Response>(bytes.subspan(1));
  if (!decoded) return unreadable_answer(method.name);
  return std::move(*decoded);
}

}  // namespace airtight::sks
