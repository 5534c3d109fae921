// Something that signs with a key that it may not be able to show: a private key in memory, or one in a token. What makes certificates,
// CRLs and OCSP answers takes this.
#pragma once

#include <utility>

#include "base/bytes.h"
#include "base/result.h"
#include "crypto/digest.h"
#include "crypto/key.h"

namespace airtight::crypto {

// Its functions may be called from any thread.
class Signer {
 public:
  virtual ~Signer() = default;
  [[nodiscard]] virtual const PublicKey& public_key() const = 0;
  // Hashes and signs, as PrivateKey::sign() does.
  [[nodiscard]] virtual Result<Bytes> sign(SignatureScheme scheme, Digest digest, ByteView message) const = 0;
};

class KeySigner final : public Signer {
 public:
  explicit KeySigner(PrivateKey key) : key_(std::move(key)) {}
  [[nodiscard]] const PublicKey& public_key() const override { return key_.public_key(); }
  [[nodiscard]] Result<Bytes> sign(SignatureScheme scheme, Digest digest, ByteView message) const override {
    return key_.sign(scheme, digest, message);
  }

 private:
  PrivateKey key_;
};

}  // namespace airtight::crypto
