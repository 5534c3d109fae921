#include "otp/internal/pskc_protection.h"

#include <algorithm>
#include <array>
#include <limits>
#include <string>
#include <utility>

#include "base/algorithms.h"
#include "crypto/block_cipher.h"
#include "crypto/pbkdf2.h"
#include "otp/internal/pskc_element.h"

namespace airtight::otp::internal {
namespace {

constexpr std::string_view kEncryption11Pbkdf2 = "http://www.w3.org/2009/xmlenc11#pbkdf2";
constexpr std::size_t kLongestSalt = 1024;
constexpr std::size_t kLeastMacKey = 16;

struct Cipher {
  std::string_view uri;
  std::size_t key_size;
};
constexpr std::array kCiphers = {Cipher{uri::kAes128Cbc, 16}, Cipher{uri::kAes192Cbc, 24}, Cipher{uri::kAes256Cbc, 32}};

// The same words for whatever a wrong key looks like.
Failure wrong_key() { return malformed("does not open with this key or passphrase, or was changed"); }

Result<crypto::Digest> hmac_digest(std::string_view algorithm) {
  if (const auto digest = digest_of_hmac(algorithm)) return *digest;
  return malformed("uses another HMAC than those with SHA-1 and SHA-256");
}

Result<std::string> algorithm_of(xml::Element element) {
  if (auto algorithm = element.attribute("Algorithm")) return std::move(*algorithm);
  return malformed("has a '" + std::string(element.name()) + "' without Algorithm");
}

// What an xenc:EncryptedData holds: IV and cipher text, for a key of the size that its algorithm wants.
Result<Bytes> cipher_value(xml::Element encrypted, std::size_t key_size) {
  Sequence parts(encrypted);
  const xml::Element method = TRY(parts.require("EncryptionMethod", kEncryption));
  const xml::Element data = TRY(parts.require("CipherData", kEncryption));
  TRY(parts.end());
  Sequence values(data);
  const xml::Element value = TRY(values.require("CipherValue", kEncryption));
  TRY(values.end());
  const std::string algorithm = TRY(algorithm_of(method));
  const auto cipher = std::ranges::find(kCiphers, algorithm, &Cipher::uri);
  if (cipher == kCiphers.end()) return malformed("is encrypted by another algorithm than AES-CBC");
  if (cipher->key_size != key_size) {
    return malformed("wants an AES key of " + std::to_string(cipher->key_size) + " bytes, not of " + std::to_string(key_size));
  }
  Bytes bytes = TRY(bytes_in_base64(value));
  if (bytes.size() < 2 * crypto::kAesBlock || bytes.size() % crypto::kAesBlock != 0) {
    return malformed("has a CipherValue that is no initialization vector with whole blocks");
  }
  return bytes;
}

Result<SecretBytes> decrypt(const SecretBytes& key, ByteView iv_and_cipher) {
  SecretBytes padded = crypto::decrypt_aes(crypto::BlockMode::kCbc, key.expose_secret(), iv_and_cipher.first(crypto::kAesBlock),
                                           iv_and_cipher.subspan(crypto::kAesBlock));
  auto plain = crypto::unpad(std::move(padded), crypto::Padding::kXmlEncryption);
  if (!plain) return wrong_key();
  return std::move(*plain);
}

// The children of PBKDF2-params are local names of PKCS #5's schema, which some leave without a namespace and some put into one at hand.
Result<xml::Element> parameter(Sequence& parameters, std::string_view name) {
  for (const std::string_view space : {std::string_view(), kPkcs5, kEncryption11}) {
    if (auto element = parameters.take(name, space)) return *element;
  }
  return parameters.require(name);
}

Result<std::uint64_t> number_parameter(Sequence& parameters, std::string_view name, std::uint64_t largest) {
  const xml::Element element = TRY(parameter(parameters, name));
  return number_in_text(name, TRY(text_of_element(element)), largest);
}

// HMAC-SHA1 unless it says otherwise (PKCS #5).
Result<crypto::Digest> pseudo_random_function(Sequence& parameters) {
  const auto function = parameter(parameters, "PRF");
  const auto algorithm = function ? function->attribute("Algorithm") : std::nullopt;
  if (!algorithm) return crypto::Digest::kSha1;
  return hmac_digest(*algorithm);
}

Result<SecretBytes> derive(xml::Element derived_key, const Passphrase& passphrase, const PskcLimits& limits) {
  Sequence parts(derived_key);
  const xml::Element method = TRY(parts.require("KeyDerivationMethod", kEncryption11));
  (void)parts.take("ReferenceList", kEncryption);  // which values the key is for: here it is for all of them
  (void)parts.take("DerivedKeyName", kEncryption11);
  (void)parts.take("MasterKeyName", kEncryption11);
  TRY(parts.end());
  const std::string algorithm = TRY(algorithm_of(method));
  if (algorithm != kPkcs5Pbkdf2 && algorithm != kEncryption11Pbkdf2) {
    return malformed("derives its key by another algorithm than PBKDF2");
  }
  Sequence only(method);
  auto in_pkcs5 = only.take("PBKDF2-params", kPkcs5);
  const xml::Element all = in_pkcs5 ? *in_pkcs5 : TRY(only.require("PBKDF2-params", kEncryption11));
  TRY(only.end());

  Sequence parameters(all);
  Sequence salts(TRY(parameter(parameters, "Salt")));
  const xml::Element specified = TRY(parameter(salts, "Specified"));
  const Bytes salt = TRY(bytes_in_base64(specified));
  TRY(salts.end());
  const std::uint64_t iterations = TRY(number_parameter(parameters, "IterationCount", std::numeric_limits<std::uint32_t>::max()));
  const std::uint64_t size = TRY(number_parameter(parameters, "KeyLength", 32));
  const crypto::Digest digest = TRY(pseudo_random_function(parameters));
  TRY(parameters.end());
  if (salt.size() > kLongestSalt) return malformed("has a salt of more than 1024 bytes");
  if (!crypto::is_aes_key_size(size)) return malformed("has a KeyLength that AES has not");
  if (iterations == 0 || iterations > limits.max_iterations) {
    return malformed("wants " + std::to_string(iterations) + " iterations of PBKDF2, which is not 1 to " +
                     std::to_string(limits.max_iterations));
  }
  return crypto::pbkdf2(digest, passphrase.text.expose_secret(), salt, static_cast<std::uint32_t>(iterations), size);
}

Result<SecretBytes> encryption_key(xml::Element element, const PskcOpener& opener, const PskcLimits& limits) {
  Sequence parts(element);
  if (parts.take("KeyName", kSignature)) {
    TRY(parts.end());
    const auto* shared = std::get_if<PreSharedKey>(&opener);
    if (shared == nullptr) return malformed("is encrypted under a pre-shared key, which was not given");
    if (!crypto::is_aes_key_size(shared->key.size())) return fail(Fault::kBadInput, "a pre-shared key of AES has 16, 24 or 32 bytes");
    return shared->key.clone();
  }
  if (const auto derived = parts.take("DerivedKey", kEncryption11)) {
    TRY(parts.end());
    const auto* passphrase = std::get_if<Passphrase>(&opener);
    if (passphrase == nullptr) return malformed("is encrypted under a passphrase, which was not given");
    return derive(*derived, *passphrase, limits);
  }
  return malformed("is encrypted in another way than under a pre-shared key or a passphrase");
}

}  // namespace

Result<Protection> Protection::read(const std::optional<xml::Element>& encryption, const std::optional<xml::Element>& mac_method,
                                    const PskcOpener& opener, const PskcLimits& limits) {
  Protection protection;
  if (!encryption) {
    if (mac_method) return malformed("has a MACMethod, but no EncryptionKey to open its key");
    if (!std::holds_alternative<std::monostate>(opener)) {
      return malformed("is not encrypted, though a key or passphrase was given for it");
    }
    return protection;
  }
  // Section 6.1.1: CBC shows no change by itself, so that there has to be a MAC.
  if (!mac_method) return malformed("is encrypted without a MAC, so that anybody may have changed it");
  Keys keys{.encryption = TRY(encryption_key(*encryption, opener, limits)), .mac = {}};
  const std::string algorithm = TRY(algorithm_of(*mac_method));
  keys.digest = TRY(hmac_digest(algorithm));
  Sequence parts(*mac_method);
  const auto mac_key = parts.take("MACKey");
  if (!mac_key) return malformed("does not bring the key of its MAC");
  TRY(parts.end());
  const Bytes value = TRY(cipher_value(*mac_key, keys.encryption.size()));
  keys.mac = TRY(decrypt(keys.encryption, value));
  if (keys.mac.size() < kLeastMacKey) return wrong_key();
  protection.keys_ = std::move(keys);
  return protection;
}

Result<SecretBytes> Protection::open(xml::Element encrypted_value, xml::Element value_mac) const {
  if (!keys_) return malformed("has an encrypted value, but no EncryptionKey");
  const Bytes value = TRY(cipher_value(encrypted_value, keys_->encryption.size()));
  const Bytes found = TRY(bytes_in_base64(value_mac));
  const Bytes expected = crypto::hmac(keys_->digest, keys_->mac.expose_secret(), value);
  if (!equal_in_constant_time(found, expected)) return wrong_key();
  return decrypt(keys_->encryption, value);
}

Result<SecretBytes> Protection::secret_in(xml::Element element) const {
  Sequence parts(element);
  if (const auto plain = parts.take("PlainValue")) {
    TRY(parts.end());
    if (keys_) return malformed("is encrypted, but a secret in it is not");
    return secret_in_base64(*plain);
  }
  const xml::Element encrypted = TRY(parts.require("EncryptedValue"));
  const auto mac = parts.take("ValueMAC");
  TRY(parts.end());
  if (!mac) return malformed("has an encrypted value without a MAC");
  return open(encrypted, *mac);
}

Result<std::uint64_t> Protection::number_in(xml::Element element, std::size_t octets) const {
  const std::uint64_t largest = octets == 8 ? kLargestCounter : std::numeric_limits<std::int32_t>::max();
  Sequence parts(element);
  if (const auto plain = parts.take("PlainValue")) {
    TRY(parts.end());
    return number_in_text(element.name(), TRY(text_of_element(plain)), largest);
  }
  const SecretBytes opened = TRY(secret_in(element));
  std::uint64_t value = 0;
  for (const std::byte b : opened.expose_secret()) value = (value << 8) | std::to_integer<std::uint64_t>(b);
  if (opened.size() != octets || value > largest) {
    return malformed("has a '" + std::string(element.name()) + "' that is no number of " + std::to_string(octets) + " bytes");
  }
  return value;
}

}  // namespace airtight::otp::internal
