#include "crypto/internal/signature_algorithm.h"

#include <array>
#include <optional>

#include "crypto/der.h"
#include "crypto/internal/object_ids.h"

namespace airtight::crypto {
namespace {

using der::Reader;
using der::Tag;

struct Row {
  const ObjectId& id;
  SignatureMethod method;
};
constexpr std::array kRows = {
    Row{oid::kEcdsaWithSha256, {SignatureScheme::kEcdsaDer, Digest::kSha256}},
    Row{oid::kEcdsaWithSha384, {SignatureScheme::kEcdsaDer, Digest::kSha384}},
    Row{oid::kEcdsaWithSha512, {SignatureScheme::kEcdsaDer, Digest::kSha512}},
    Row{oid::kSha256WithRsa, {SignatureScheme::kRsaPkcs1, Digest::kSha256}},
    Row{oid::kSha384WithRsa, {SignatureScheme::kRsaPkcs1, Digest::kSha384}},
    Row{oid::kSha512WithRsa, {SignatureScheme::kRsaPkcs1, Digest::kSha512}},
};

Failure refused(std::string why) { return fail(Fault::kRefused, std::move(why)); }

// NULL or nothing, as RFC 4055 has readers accept it.
Result<> expect_no_parameters(Reader& algorithm) {
  if (!algorithm.at_end()) TRY(algorithm.null());
  return algorithm.expect_end();
}

Result<Digest> read_hash(Reader& holder) {
  Reader algorithm = TRY(holder.enter(Tag::kSequence));
  const der::Element id = TRY(algorithm.element(Tag::kObjectId));
  TRY(expect_no_parameters(algorithm));
  if (oid::kSha256.is(id.content)) return Digest::kSha256;
  if (oid::kSha384.is(id.content)) return Digest::kSha384;
  if (oid::kSha512.is(id.content)) return Digest::kSha512;
  return refused("the certificate is signed by RSASSA-PSS with a hash that is not accepted");
}

// RSASSA-PSS-params (RFC 4055, section 3.1). The defaults mean SHA-1, so every field has to be there.
Result<SignatureMethod> read_pss(Reader& algorithm) {
  Reader parameters = TRY(algorithm.enter(Tag::kSequence));
  Reader hash_field = TRY(parameters.enter(der::context_constructed(0)));
  const Digest hash = TRY(read_hash(hash_field));
  TRY(hash_field.expect_end());
  Reader mask_field = TRY(parameters.enter(der::context_constructed(1)));
  Reader mask = TRY(mask_field.enter(Tag::kSequence));
  TRY(mask_field.expect_end());
  const der::Element mask_id = TRY(mask.element(Tag::kObjectId));
  const Digest mask_hash = TRY(read_hash(mask));
  TRY(mask.expect_end());
  Reader salt_field = TRY(parameters.enter(der::context_constructed(2)));
  const std::uint64_t salt = TRY(salt_field.small_integer());
  TRY(salt_field.expect_end());
  TRY(parameters.expect_end());
  TRY(algorithm.expect_end());
  if (!oid::kMgf1.is(mask_id.content) || mask_hash != hash || salt != digest_size(hash)) {
    return refused("the certificate is signed by RSASSA-PSS with other parameters than one hash throughout and a salt of its length");
  }
  return SignatureMethod{SignatureScheme::kRsaPss, hash};
}

Result<SignatureMethod> read(ByteView algorithm_identifier) {
  Reader reader(algorithm_identifier);
  Reader algorithm = TRY(reader.enter(Tag::kSequence));
  TRY(reader.expect_end());
  const der::Element id = TRY(algorithm.element(Tag::kObjectId));
  for (const Row& row : kRows) {
    if (!row.id.is(id.content)) continue;
    if (row.method.scheme == SignatureScheme::kEcdsaDer) {
      TRY(algorithm.expect_end());
    } else {
      TRY(expect_no_parameters(algorithm));
    }
    return row.method;
  }
  if (oid::kRsaPss.is(id.content)) return read_pss(algorithm);
  if (oid::kSha1WithRsa.is(id.content) || oid::kEcdsaWithSha1.is(id.content)) {
    return refused("the certificate is signed with SHA-1, which proves nothing any more");
  }
  Reader again(id.whole);
  return refused("the certificate is signed with an algorithm that is not accepted: " + TRY(again.object_id()));
}

}  // namespace

Result<SignatureMethod> read_signature_algorithm(ByteView algorithm_identifier) {
  auto method = read(algorithm_identifier);
  if (!method && method.error().fault != Fault::kRefused) {
    return refused("the certificate is signed with parameters that are not accepted: " + method.error().message);
  }
  return method;
}

Bytes signature_algorithm_of(const PublicKey& key) {
  const SignatureScheme scheme = x509_scheme(key.type());
  const Digest digest = x509_digest(key);
  der::Writer out;
  out.sequence([&](der::Writer& algorithm) {
    for (const Row& row : kRows) {
      if (row.method.scheme == scheme && row.method.digest == digest) algorithm.element(Tag::kObjectId, row.id.content());
    }
    if (scheme == SignatureScheme::kRsaPkcs1) algorithm.null();
  });
  return out.take();
}

Result<Bytes> sign_outer(const Signer& key, const std::function<Bytes(ByteView algorithm)>& make_tbs) {
  const PublicKey& public_key = key.public_key();
  const Bytes algorithm = signature_algorithm_of(public_key);
  const Bytes tbs = make_tbs(algorithm);
  const Bytes signature = TRY(key.sign(x509_scheme(public_key.type()), x509_digest(public_key), tbs));
  der::Writer out;
  out.sequence([&](der::Writer& whole) {
    whole.raw(tbs);
    whole.raw(algorithm);
    whole.bit_string(signature);
  });
  return out.take();
}

}  // namespace airtight::crypto
