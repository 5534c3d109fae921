// Reads CRLs and OCSP answers for tests, from the documents and not from the code that writes them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/encoding.h"
#include "crypto/der.h"
#include "tests/support/must.h"

namespace airtight::ca {

struct ReadEntry {
  std::string serial;  // hex
  std::optional<int> reason;
  friend bool operator==(const ReadEntry&, const ReadEntry&) = default;
};

struct ReadCrl {
  std::uint64_t number = 0;
  std::vector<ReadEntry> entries;
  [[nodiscard]] std::vector<std::string> serials() const {
    std::vector<std::string> out;
    for (const ReadEntry& entry : entries) out.push_back(entry.serial);
    return out;
  }
};

// The value of extension `id` in a list of them; nothing if it is not there.
[[nodiscard]] inline std::optional<Bytes> extension_value(crypto::der::Reader list, std::string_view id) {
  using crypto::der::Tag;
  while (!list.at_end()) {
    crypto::der::Reader fields = tests::must(list.enter(Tag::kSequence));
    const std::string found = tests::must(fields.object_id());
    if (fields.peek_tag() == Tag::kBoolean) tests::must(fields.boolean());
    const ByteView value = tests::must(fields.octet_string());
    if (found == id) return to_bytes(value);
  }
  return std::nullopt;
}

// CertificateList (RFC 5280, section 5.1).
[[nodiscard]] inline ReadCrl read_crl(ByteView der) {
  using namespace crypto::der;
  using tests::must;
  Reader outer(der);
  Reader list = must(outer.enter(Tag::kSequence));
  Reader tbs = must(list.enter(Tag::kSequence));
  if (must(tbs.small_integer()) != 1) throw std::runtime_error("no version 2");
  must(tbs.element(Tag::kSequence));  // signature
  must(tbs.element(Tag::kSequence));  // issuer
  must(tbs.element());                // thisUpdate
  must(tbs.element());                // nextUpdate
  ReadCrl out;
  if (const auto revoked = must(tbs.optional_element(Tag::kSequence))) {
    Reader entries(revoked->content);
    while (!entries.at_end()) {
      Reader entry = must(entries.enter(Tag::kSequence));
      ReadEntry read{hex_encode(must(entry.unsigned_integer())), std::nullopt};
      must(entry.element());  // revocationDate
      if (!entry.at_end()) {
        const Bytes value = extension_value(must(entry.enter(Tag::kSequence)), "2.5.29.21").value();
        read.reason = std::to_integer<int>(value.back());
      }
      out.entries.push_back(read);
    }
  }
  Reader wrapper = must(tbs.enter(context_constructed(0)));
  const Bytes number = extension_value(must(wrapper.enter(Tag::kSequence)), "2.5.29.20").value();
  out.number = must(Reader(number).small_integer());
  return out;
}

}  // namespace airtight::ca
