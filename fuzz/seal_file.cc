// The seal file and the other texts of sealing: what is accepted is written again as the same bytes.
#include "sealing/internal/seal_file.h"

#include <cstdint>
#include <cstdlib>
#include <string>

#include "base/encoding.h"
#include "crypto/digest.h"
#include "sealing/anchor.h"

namespace {

using namespace airtight;
using namespace airtight::sealing;

void require(bool ok) {
  if (!ok) std::abort();
}

void read_seal_and_write_it(const std::string& text) {
  if (const auto seal = internal::read_seal(text)) {
    require(internal::write_seal(*seal) == text);
  } else {
    require(seal.error().fault == Fault::kInternal || seal.error().fault == Fault::kRefused);
    require(!seal.error().hint.empty());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text = to_text(std::as_bytes(std::span(data, size)));
  read_seal_and_write_it(text);
  // With the checksum that belongs to it: what somebody would write who means harm.
  const std::string body = text.substr(0, text.rfind("checksum = "));
  read_seal_and_write_it(body + "checksum = " + hex_encode(crypto::sha256(bytes_of(body))) + "\n");
  if (const auto pcrs = parse_pcrs(text)) require(parse_pcrs(name_of(*pcrs)) == *pcrs);
  if (const auto anchor = parse_anchor(text)) require(parse_anchor(name_of(*anchor)) == *anchor);
  (void)internal::check_token_uri(text);
  return 0;
}
