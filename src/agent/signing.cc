#include "agent/signing.h"

#include <algorithm>
#include <array>
#include <utility>

#include "agent/refusals.h"
#include "base/algorithms.h"
#include "crypto/der.h"

namespace airtight::agent {
namespace {

using crypto::Digest;

// The first of each key type is its usual one.
constexpr auto kAlgorithms = std::to_array<SignatureAlgorithm>({
    {"rsa-sha256", uri::kRsaSha256, Digest::kSha256, KeyAlgorithmType::kRsa},
    {"rsa-sha384", uri::kRsaSha384, Digest::kSha384, KeyAlgorithmType::kRsa},
    {"rsa-sha512", uri::kRsaSha512, Digest::kSha512, KeyAlgorithmType::kRsa},
    {"rsa-pss-sha256", uri::kRsaPssSha256, Digest::kSha256, KeyAlgorithmType::kRsa},
    {"rsa-pss-sha384", uri::kRsaPssSha384, Digest::kSha384, KeyAlgorithmType::kRsa},
    {"rsa-pss-sha512", uri::kRsaPssSha512, Digest::kSha512, KeyAlgorithmType::kRsa},
    {"rsa-sha1", uri::kRsaSha1, Digest::kSha1, KeyAlgorithmType::kRsa},
    {"ecdsa-sha256", uri::kEcdsaSha256, Digest::kSha256, KeyAlgorithmType::kEcc},
    {"ecdsa-sha384", uri::kEcdsaSha384, Digest::kSha384, KeyAlgorithmType::kEcc},
    {"ecdsa-sha512", uri::kEcdsaSha512, Digest::kSha512, KeyAlgorithmType::kEcc},
});

std::string names_for(KeyAlgorithmType type) {
  std::string names;
  for (const SignatureAlgorithm& algorithm : kAlgorithms) {
    if (algorithm.key_type == type) names += (names.empty() ? "" : ", ") + std::string(algorithm.name);
  }
  return names;
}

Bytes der_of_raw(ByteView raw) {
  const std::size_t half = raw.size() / 2;
  crypto::der::Writer writer;
  writer.sequence([&](crypto::der::Writer& inner) {
    inner.unsigned_integer(raw.first(half));
    inner.unsigned_integer(raw.subspan(half));
  });
  return writer.take();
}

}  // namespace

std::span<const SignatureAlgorithm> signature_algorithms() { return kAlgorithms; }

Result<SignatureAlgorithm> choose_signature_algorithm(const KeyEntry& key, std::string_view name) {
  if (!key.is_usable()) {
    return fail(Fault::kRefused, "key " + std::to_string(key.handle) + " is still being made by a session that is open",
                "finish the enrolment, or abort it with 'airtight device abort'");
  }
  const crypto::PublicKey public_key = TRY(key.path.front().public_key());
  const auto fits = [&](const SignatureAlgorithm& algorithm) {
    return algorithm.key_type == public_key.type() && (name.empty() || algorithm.name == name);
  };
  const auto found = std::ranges::find_if(kAlgorithms, fits);
  if (found != kAlgorithms.end()) return *found;
  return fail(Fault::kBadInput, "key " + std::to_string(key.handle) + " does not sign with '" + std::string(name) + "'",
              "it can sign with " + names_for(public_key.type()));
}

Result<Bytes> sign_hash(sks::Channel& key_store, const KeyEntry& key, const SignatureAlgorithm& algorithm, ByteView hash,
                        const SecretBytes& pin, EcdsaForm form) {
  sks::SignHashedData call;
  call.key_handle = key.handle;
  call.signature_algorithm = algorithm.uri;
  call.pin = pin.clone();
  call.hashed_data = to_bytes(hash);
  auto answer = sks::call(key_store, call);
  if (!answer) return Failure(explain_pin_refusal(key_store, key, std::move(answer.error())));
  if (algorithm.key_type == KeyAlgorithmType::kEcc && form == EcdsaForm::kDer) return der_of_raw(answer->result);
  return std::move(answer->result);
}

}  // namespace airtight::agent
