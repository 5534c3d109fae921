#include "crypto/digest_stream.h"

#include "crypto/internal/openssl.h"

namespace airtight::crypto {
namespace {

const EVP_MD* implementation(Digest digest) {
  switch (digest) {
    case Digest::kSha1: return EVP_sha1();
    case Digest::kSha256: return EVP_sha256();
    case Digest::kSha384: return EVP_sha384();
    case Digest::kSha512: return EVP_sha512();
  }
  return nullptr;
}

}  // namespace

struct DigestStream::State {
  Digest digest;
  DigestContext context;
};

DigestStream::DigestStream(Digest digest) : state_(std::make_unique<State>(State{digest, DigestContext(EVP_MD_CTX_new())})) {
  EVP_MD_CTX* context = state_->context.get();
  require(context != nullptr && EVP_DigestInit_ex2(context, implementation(digest), nullptr) == 1, "starting a digest");
}

DigestStream::DigestStream(DigestStream&&) noexcept = default;
DigestStream& DigestStream::operator=(DigestStream&&) noexcept = default;
DigestStream::~DigestStream() = default;

void DigestStream::add(ByteView piece) { require(EVP_DigestUpdate(state_->context.get(), piece.data(), piece.size()) == 1, "digesting"); }

Bytes DigestStream::finish() {
  Bytes out(digest_size(state_->digest));
  require(EVP_DigestFinal_ex(state_->context.get(), octets(std::span(out)), nullptr) == 1, "finishing a digest");
  return out;
}

}  // namespace airtight::crypto
