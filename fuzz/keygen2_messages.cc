// The KeyGen2 message reader: whatever it accepts has a kind and a name, and what is written of it is read again and then written the same.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iostream>

#include "keygen2/messages.h"

namespace {

using namespace airtight;

void require(bool holds, const char* what) {
  if (holds) return;
  std::cerr << "keygen2_messages: " << what << '\n';
  std::abort();
}

const xml::Schema& schema() {
  static const xml::Schema compiled = [] {
    auto made = keygen2::compile_schema();
    require(made.has_value(), "the schema does not compile");
    return *std::move(made);
  }();
  return compiled;
}

// A copied cookie declares every namespace in its scope, which may take it beyond the limit on these.
bool has_many_namespaces(std::string_view text) {
  std::size_t count = 0;
  for (std::size_t at = text.find("xmlns"); at != std::string_view::npos; at = text.find("xmlns", at + 1)) ++count;
  return count > 20;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView input(reinterpret_cast<const std::byte*>(data), size);
  const auto received = keygen2::read_message(input, schema());
  if (!received) {
    require(!received.error().message.empty(), "a refusal without a reason");
    require(received.error().code_in(Protocol::kKeyGen2).has_value(), "a refusal without an answer");
    return 0;
  }
  require(name_of(received->message) == received->document.root().name(), "a message under another name");
  const auto written = keygen2::write_message(received->message);
  if (!written) return 0;                                                                         // what this version reads only
  if (std::holds_alternative<keygen2::ProvisioningSessionResponse>(received->message)) return 0;  // valid only once it is signed
  const auto again = keygen2::read_message(written->serialize(), schema());
  if (!again && has_many_namespaces(text_of(input))) return 0;
  require(again.has_value(), "what was written is refused");
  const auto written_again = keygen2::write_message(again->message);
  require(written_again.has_value(), "what was written and read is not written again");
  require(written_again->serialize() == written->serialize(), "what was written and read is written differently");
  return 0;
}
