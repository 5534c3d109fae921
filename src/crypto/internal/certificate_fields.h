// The fields of a certificate as views into its DER (RFC 5280, section 4.1): what Certificate::parse reads and checks.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"

namespace airtight::crypto {

struct ExtensionView {
  ByteView id;  // content of the OBJECT IDENTIFIER
  bool critical;
  ByteView value;  // content of extnValue
};

struct CertificateFields {
  ByteView tbs;  // what is signed
  ByteView signature_algorithm;
  ByteView signature;
  ByteView serial;
  ByteView issuer;
  ByteView subject;
  ByteView spki;
  Instant not_before;
  Instant not_after;
  std::vector<ExtensionView> extensions;
  // Of the extensions that are read:
  bool is_ca = false;
  std::optional<std::uint64_t> path_length;
  std::optional<std::uint16_t> key_usage;
  std::optional<ByteView> subject_key_id;
  std::optional<ByteView> authority_key_id;
  std::vector<ByteView> alternative_emails;
};

// Reads one certificate that fills `der`; all views are into `der`. Fault::kBadInput.
[[nodiscard]] Result<CertificateFields> read_certificate(ByteView der);

}  // namespace airtight::crypto
