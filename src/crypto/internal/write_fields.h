// Fields that certificates, CRLs and OCSP answers write alike: times, extensions, the identifier of the issuer's key.
#pragma once

#include <functional>

#include "base/bytes.h"
#include "base/time.h"
#include "crypto/der.h"
#include "crypto/internal/object_ids.h"

namespace airtight::crypto {

// Years 1950 to 9999.
[[nodiscard]] bool can_write_time(Instant instant);
// Time of X.509 (RFC 5280, section 4.1.2.5): UTCTime through 2049, GeneralizedTime from 2050 on.
void write_time(der::Writer& out, Instant instant);
// GeneralizedTime to the second, as OCSP has it throughout (RFC 6960, section 4.2.2.1).
void write_generalized_time(der::Writer& out, Instant instant);

enum class Criticality : bool { kPlain, kCritical };

// An Extension whose value is what `body` writes.
void write_extension(der::Writer& list, const ObjectId& id, Criticality criticality, const std::function<void(der::Writer&)>& body);

// The extension authorityKeyIdentifier with a key identifier alone (RFC 5280, section 4.2.1.1).
void write_authority_key_id(der::Writer& list, ByteView key_id);

}  // namespace airtight::crypto
