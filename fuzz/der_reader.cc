// The DER reader: what it accepts is written again as the same bytes, down to every primitive value it can read.
#include "crypto/der.h"

#include <cstdint>
#include <cstdlib>

#include "crypto/key.h"

namespace {

using namespace airtight;
using namespace airtight::crypto;

void require(bool ok) {
  if (!ok) std::abort();
}

// Writes `element` again from its values.
void rewrite(der::Writer& writer, const der::Element& element) {
  der::Reader reader(element.whole);
  const auto same = [&](const auto& write) {
    der::Writer again;
    write(again);
    require(equal(again.bytes(), element.whole));
  };
  switch (element.tag) {
    case der::Tag::kBoolean: same([&](der::Writer& w) { w.boolean(reader.boolean().value()); }); break;
    case der::Tag::kInteger:
      if (const auto magnitude = reader.unsigned_integer()) same([&](der::Writer& w) { w.unsigned_integer(*magnitude); });
      break;
    case der::Tag::kBitString:
      if (const auto bits = reader.bit_string()) same([&](der::Writer& w) { w.bit_string(*bits); });
      break;
    case der::Tag::kOctetString: same([&](der::Writer& w) { w.octet_string(reader.octet_string().value()); }); break;
    case der::Tag::kNull: require(reader.null().has_value()); break;
    case der::Tag::kObjectId:
      if (const auto oid = reader.object_id()) same([&](der::Writer& w) { w.object_id(*oid); });
      break;
    default: break;
  }
  if (!der::is_constructed(element.tag)) return writer.element(element.tag, element.content);
  writer.nested(element.tag, [&](der::Writer& inner) {
    der::Reader inside(element.content);
    while (!inside.at_end()) rewrite(inner, inside.element().value());
  });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView input = std::as_bytes(std::span(data, size));
  if (const auto element = der::read_one(input, der::Limits{})) {
    der::Writer writer;
    rewrite(writer, *element);
    require(equal(writer.bytes(), input));
  }
  // The formats read with the cursor: what they accept, they keep to the byte.
  if (const auto key = PublicKey::from_spki(input)) require(equal(key->spki(), input));
  if (const auto key = PrivateKey::from_pkcs8(input)) require(PublicKey::from_spki(key->public_key().spki()).has_value());
  return 0;
}
