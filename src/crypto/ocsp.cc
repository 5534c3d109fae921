#include "crypto/ocsp.h"

#include <array>

#include "crypto/certificate_builder.h"
#include "crypto/der.h"
#include "crypto/internal/object_ids.h"
#include "crypto/internal/signature_algorithm.h"
#include "crypto/internal/write_fields.h"

namespace airtight::crypto {
namespace {

using der::Element;
using der::Reader;
using der::Tag;
using der::Writer;

constexpr der::Limits kLimits{.max_size = 64 * 1024, .max_depth = 16};
constexpr std::size_t kMaxNonce = 32;   // RFC 8954, section 2.1
constexpr std::size_t kMaxSerial = 64;  // more than any certificate has; an unknown one still gets its answer

Failure bad(std::string what) { return fail(Fault::kBadInput, "the OCSP request " + std::move(what)); }

struct DigestRow {
  const ObjectId& id;
  Digest digest;
};
constexpr std::array kDigests = {DigestRow{oid::kSha1, Digest::kSha1}, DigestRow{oid::kSha256, Digest::kSha256},
                                 DigestRow{oid::kSha384, Digest::kSha384}, DigestRow{oid::kSha512, Digest::kSha512}};

Result<OcspCertId> read_cert_id(Reader& request) {
  const Element whole = TRY(request.element(Tag::kSequence));
  Reader reader(whole.content);
  OcspCertId id;
  id.der = to_bytes(whole.whole);
  Reader algorithm = TRY(reader.enter(Tag::kSequence));
  const Element digest = TRY(algorithm.element(Tag::kObjectId));
  for (const DigestRow& row : kDigests) {
    if (row.id.is(digest.content)) id.digest = row.digest;
  }
  if (!algorithm.at_end()) TRY(algorithm.element());  // NULL or nothing; parameters of others may be anything
  TRY(algorithm.expect_end());
  const ByteView name_hash = TRY(reader.octet_string());
  const ByteView key_hash = TRY(reader.octet_string());
  const ByteView serial = TRY(reader.unsigned_integer());
  TRY(reader.expect_end());
  if (serial.size() > kMaxSerial) return bad("has a serial number that is too long");
  id.issuer_name_hash = to_bytes(name_hash);
  id.issuer_key_hash = to_bytes(key_hash);
  id.serial = to_bytes(serial);
  return id;
}

struct Extension {
  ByteView id;
  bool critical = false;
  ByteView value;
};

Result<std::vector<Extension>> read_extensions(ByteView explicit_content) {
  Reader outer(explicit_content);
  Reader list = TRY(outer.enter(Tag::kSequence));
  TRY(outer.expect_end());
  std::vector<Extension> out;
  while (!list.at_end()) {
    Reader fields = TRY(list.enter(Tag::kSequence));
    Extension extension;
    extension.id = TRY(fields.element(Tag::kObjectId)).content;
    if (fields.peek_tag() == Tag::kBoolean) extension.critical = TRY(fields.boolean());
    extension.value = TRY(fields.octet_string());
    TRY(fields.expect_end());
    for (const Extension& other : out) {
      if (equal(other.id, extension.id)) return bad("has an extension twice");
    }
    out.push_back(extension);
  }
  return out;
}

Result<> refuse_critical(const std::vector<Extension>& extensions) {
  for (const Extension& extension : extensions) {
    if (extension.critical && !oid::kOcspNonce.is(extension.id)) return bad("has a critical extension that is not known here");
  }
  return {};
}

Result<> read_request_extensions(ByteView explicit_content, OcspRequest& out) {
  const std::vector<Extension> extensions = TRY(read_extensions(explicit_content));
  TRY(refuse_critical(extensions));
  for (const Extension& extension : extensions) {
    if (!oid::kOcspNonce.is(extension.id)) continue;
    Reader reader(extension.value);
    const ByteView nonce = TRY(reader.octet_string());
    TRY(reader.expect_end());
    if (nonce.empty() || nonce.size() > kMaxNonce) return bad("has a nonce that is not of 1 to 32 bytes");
    out.nonce = to_bytes(nonce);
  }
  return {};
}

Result<> read_list(Reader& tbs, OcspRequest& out) {
  Reader list = TRY(tbs.enter(Tag::kSequence));
  while (!list.at_end()) {
    Reader request = TRY(list.enter(Tag::kSequence));
    out.certificates.push_back(TRY(read_cert_id(request)));
    if (const auto wrapper = TRY(request.optional_element(der::context_constructed(0)))) {
      const std::vector<Extension> extensions = TRY(read_extensions(wrapper->content));
      TRY(refuse_critical(extensions));
    }
    TRY(request.expect_end());
  }
  if (out.certificates.empty()) return bad("asks about nothing");
  return {};
}

// responseStatus alone, or with responseBytes.
Bytes write_response(std::uint8_t status, ByteView basic) {
  Writer out;
  out.sequence([&](Writer& response) {
    const std::byte value{status};
    response.element(Tag::kEnumerated, ByteView(&value, 1));
    if (basic.empty()) return;
    response.nested(der::context_constructed(0), [&](Writer& wrapper) {
      wrapper.sequence([&](Writer& bytes) {
        bytes.element(Tag::kObjectId, oid::kOcspBasic.content());
        bytes.octet_string(basic);
      });
    });
  });
  return out.take();
}

void write_status(Writer& single, const OcspStatus& status) {
  if (const auto* revoked = std::get_if<OcspRevoked>(&status)) {
    single.nested(der::context_constructed(1), [&](Writer& info) {
      write_generalized_time(info, revoked->at);
      if (revoked->reason == 0) return;
      const std::byte reason{revoked->reason};
      info.nested(der::context_constructed(0), [&](Writer& wrapper) { wrapper.element(Tag::kEnumerated, ByteView(&reason, 1)); });
    });
    return;
  }
  single.element(der::context(std::holds_alternative<OcspGood>(status) ? 0 : 2), {});
}

Result<Bytes> write_response_data(const OcspAnswer& answer, const Certificate& responder) {
  const Bytes key_hash = TRY(key_identifier(responder.spki()));
  Writer out;
  out.sequence([&](Writer& data) {
    if (answer.by_name) {
      data.nested(der::context_constructed(1), [&](Writer& name) { name.raw(responder.subject_der()); });
    } else {
      data.nested(der::context_constructed(2), [&](Writer& key) { key.octet_string(key_hash); });
    }
    write_generalized_time(data, answer.produced_at);
    data.sequence([&](Writer& list) {
      for (const OcspSingle& single : answer.singles) {
        list.sequence([&](Writer& entry) {
          entry.raw(single.cert_id);
          write_status(entry, single.status);
          write_generalized_time(entry, answer.this_update);
          entry.nested(der::context_constructed(0), [&](Writer& next) { write_generalized_time(next, answer.next_update); });
        });
      }
    });
    if (!answer.nonce) return;
    data.nested(der::context_constructed(1), [&](Writer& wrapper) {
      wrapper.sequence([&](Writer& extensions) {
        write_extension(extensions, oid::kOcspNonce, Criticality::kPlain, [&](Writer& nonce) { nonce.octet_string(*answer.nonce); });
      });
    });
  });
  return out.take();
}

}  // namespace

Result<OcspRequest> read_ocsp_request(ByteView der) {
  const Element whole = TRY(der::read_one(der, kLimits));
  if (whole.tag != Tag::kSequence) return bad("is no SEQUENCE");
  Reader request(whole.content);
  Reader tbs = TRY(request.enter(Tag::kSequence));
  TRY(request.optional_element(der::context_constructed(0)));  // the signature
  TRY(request.expect_end());
  if (TRY(tbs.optional_element(der::context_constructed(0)))) {
    return bad("is of another version than 1, or writes a default value, which DER leaves out");
  }
  TRY(tbs.optional_element(der::context_constructed(1)));  // requestorName
  OcspRequest out;
  TRY(read_list(tbs, out));
  if (const auto wrapper = TRY(tbs.optional_element(der::context_constructed(2)))) TRY(read_request_extensions(wrapper->content, out));
  TRY(tbs.expect_end());
  return out;
}

Result<OcspIssuerHashes> ocsp_issuer_hashes(Digest digest, const Certificate& issuer) {
  const ByteView bits = TRY(key_bits(issuer.spki()));
  return OcspIssuerHashes{crypto::digest(digest, {issuer.subject_der()}), crypto::digest(digest, {bits})};
}

Bytes write_ocsp_refusal(OcspRefusal refusal) { return write_response(static_cast<std::uint8_t>(refusal), {}); }

Result<Bytes> sign_ocsp_answer(const OcspAnswer& answer, const Certificate& responder, const Signer& key) {
  const Bytes data = TRY(write_response_data(answer, responder));
  const PublicKey& public_key = key.public_key();
  const Bytes signature = TRY(key.sign(x509_scheme(public_key.type()), x509_digest(public_key), data));
  Writer basic;
  basic.sequence([&](Writer& response) {
    response.raw(data);
    response.raw(signature_algorithm_of(public_key));
    response.bit_string(signature);
    response.nested(der::context_constructed(0),
                    [&](Writer& wrapper) { wrapper.sequence([&](Writer& certificates) { certificates.raw(responder.der()); }); });
  });
  return write_response(0, basic.bytes());
}

}  // namespace airtight::crypto
