#include "sks/client.h"

namespace airtight::sks {

Failure refusal_in(std::string_view method, ByteView response) {
  wire::Reader reader(response);
  const auto status = reader.integer(1);
  const auto text = reader.array(2);
  if (!status || *status > static_cast<std::uint64_t>(Status::kInternal) || !text || reader.remaining() != 0)
    return unreadable_answer(method);
  return fail(static_cast<Status>(*status), std::string(method) + ": " + to_text(*text));
}

}  // namespace airtight::sks
