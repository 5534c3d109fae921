#include "sks/client.h"

namespace airtight::sks {
namespace {

constexpr std::size_t kMaxErrorText = 1024;

struct ErrorResponse {
  std::string text;
  static constexpr auto fields() { return std::tuple(Field{"ErrorString", &ErrorResponse::text}); }
};

}  // namespace

SecretBytes response_of(const Error& error) {
  return wire::encode(static_cast<std::uint8_t>(status_of(error)), ErrorResponse{error.message.substr(0, kMaxErrorText)});
}

Failure refusal_in(std::string_view method, ByteView response) {
  wire::Reader reader(response);
  const auto status = reader.integer(1);
  const auto text = reader.array(2);
  if (!status || *status > static_cast<std::uint64_t>(Status::kInternal) || !text || reader.remaining() != 0)
    return unreadable_answer(method);
  return fail(static_cast<Status>(*status), std::string(method) + ": " + to_text(*text));
}

}  // namespace airtight::sks
