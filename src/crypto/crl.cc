#include "crypto/crl.h"

#include "crypto/der.h"
#include "crypto/internal/object_ids.h"
#include "crypto/internal/signature_algorithm.h"
#include "crypto/internal/write_fields.h"

namespace airtight::crypto {
namespace {

using der::Tag;
using der::Writer;

constexpr std::uint64_t kVersion2 = 1;

void write_entry(Writer& list, const RevokedCertificate& revoked) {
  list.sequence([&](Writer& entry) {
    entry.unsigned_integer(revoked.serial);
    write_time(entry, revoked.revoked_at);
    if (revoked.reason == 0) return;
    entry.sequence([&](Writer& extensions) {
      const std::byte reason{revoked.reason};
      write_extension(extensions, oid::kReasonCode, Criticality::kPlain,
                      [&](Writer& out) { out.element(Tag::kEnumerated, ByteView(&reason, 1)); });
    });
  });
}

Bytes write_tbs(const CrlContent& content, ByteView algorithm) {
  Writer out;
  out.sequence([&](Writer& tbs) {
    tbs.integer(kVersion2);
    tbs.raw(algorithm);
    tbs.raw(content.issuer_der);
    write_time(tbs, content.this_update);
    write_time(tbs, content.next_update);
    // Section 5.1.2.6: absent where nothing is revoked.
    if (!content.revoked.empty()) {
      tbs.sequence([&](Writer& list) {
        for (const RevokedCertificate& revoked : content.revoked) write_entry(list, revoked);
      });
    }
    tbs.nested(der::context_constructed(0), [&](Writer& wrapper) {
      wrapper.sequence([&](Writer& extensions) {
        write_authority_key_id(extensions, content.authority_key_id);
        write_extension(extensions, oid::kCrlNumber, Criticality::kPlain, [&](Writer& number) { number.integer(content.number); });
      });
    });
  });
  return out.take();
}

}  // namespace

Result<Bytes> sign_crl(const CrlContent& content, const Signer& issuer_key) {
  if (content.next_update <= content.this_update) return fail(Fault::kBadInput, "a CRL cannot end before it begins");
  for (const Instant time : {content.this_update, content.next_update}) {
    if (!can_write_time(time)) return fail(Fault::kBadInput, "a time of a CRL is out of range");
  }
  return sign_outer(issuer_key, [&](ByteView algorithm) { return write_tbs(content, algorithm); });
}

}  // namespace airtight::crypto
