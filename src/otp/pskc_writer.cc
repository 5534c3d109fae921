// Writes key containers with the algorithms of the RFC's own samples (figures 6 and 7), which every reader of encrypted ones has.
#include <algorithm>
#include <set>
#include <utility>

#include "base/algorithms.h"
#include "base/encoding.h"
#include "crypto/block_cipher.h"
#include "crypto/pbkdf2.h"
#include "otp/internal/pskc_names.h"
#include "otp/pskc.h"
#include "xml/document.h"

namespace airtight::otp {
namespace {

using xml::Element;

constexpr xml::Namespace kPskc{"", internal::kPskc};
constexpr xml::Namespace kSignature{"ds", internal::kSignature};
constexpr xml::Namespace kEncryption{"xenc", internal::kEncryption};
constexpr xml::Namespace kEncryption11{"xenc11", internal::kEncryption11};
constexpr xml::Namespace kPkcs5{"pkcs5", internal::kPkcs5};
constexpr xml::Namespace kNone{"", ""};

constexpr std::size_t kMacKey = 20;  // the size of the HMAC's value
constexpr std::size_t kSalt = 16;
// One value of HMAC-SHA1 covers it, so that nobody who guesses passphrases has less to compute than we have.
constexpr std::size_t kDerivedKey = 16;
constexpr std::uint32_t kIterations = 1'000'000;

std::string_view cipher_for(std::size_t key_size) {
  if (key_size == 16) return uri::kAes128Cbc;
  return key_size == 24 ? uri::kAes192Cbc : uri::kAes256Cbc;
}

void add_text(Element parent, std::string_view name, std::string_view text) {
  if (!text.empty()) parent.add(kPskc, name).set_text(text);
}

void add_number(Element parent, std::string_view name, std::uint64_t number) {
  parent.add(kPskc, name).add(kPskc, "PlainValue").set_text(std::to_string(number));
}

// The key that the values are encrypted under, and the one of their MACs.
class Seals {
 public:
  Seals(SecretBytes encryption, RandomSource& random)
      : encryption_(std::move(encryption)), mac_(random.secret(kMacKey)), random_(&random) {}

  // RFC 6030, section 6.1.1: the key of the MACs goes along, encrypted.
  void add_mac_method(Element container) const {
    Element method = container.add(kPskc, "MACMethod");
    method.set_attribute("Algorithm", uri::kHmacSha1);
    add_encrypted(method.add(kPskc, "MACKey"), mac_);
  }

  void add_secret(Element secret, const SecretBytes& value) const {
    const Bytes encrypted = add_encrypted(secret.add(kPskc, "EncryptedValue"), value);
    secret.add(kPskc, "ValueMAC").set_text(base64_encode(crypto::hmac(crypto::Digest::kSha1, mac_.expose_secret(), encrypted)));
  }

 private:
  // Returns IV and cipher text, which is what the MAC is made of.
  [[nodiscard]] Bytes encrypt(const SecretBytes& plain) const {
    Bytes out = random_->bytes(crypto::kAesBlock);
    const SecretBytes padded = crypto::pad_pkcs7(plain.expose_secret());
    const SecretBytes blocks = crypto::encrypt_aes(crypto::BlockMode::kCbc, encryption_.expose_secret(), out, padded.expose_secret());
    const ByteView cipher_text = blocks.expose_secret();
    out.insert(out.end(), cipher_text.begin(), cipher_text.end());
    return out;
  }

  Bytes add_encrypted(Element parent, const SecretBytes& plain) const {
    Bytes encrypted = encrypt(plain);
    parent.add(kEncryption, "EncryptionMethod").set_attribute("Algorithm", cipher_for(encryption_.size()));
    parent.add(kEncryption, "CipherData").add(kEncryption, "CipherValue").set_text(base64_encode(encrypted));
    return encrypted;
  }

  SecretBytes encryption_;
  SecretBytes mac_;
  RandomSource* random_;
};

Result<SecretBytes> add_derived_key(Element encryption_key, const Passphrase& passphrase, RandomSource& random) {
  const Bytes salt = random.bytes(kSalt);
  Element method = encryption_key.add(kEncryption11, "DerivedKey").add(kEncryption11, "KeyDerivationMethod");
  method.set_attribute("Algorithm", internal::kPkcs5Pbkdf2);
  Element parameters = method.add(kPkcs5, "PBKDF2-params");
  parameters.add(kNone, "Salt").add(kNone, "Specified").set_text(base64_encode(salt));
  parameters.add(kNone, "IterationCount").set_text(std::to_string(kIterations));
  parameters.add(kNone, "KeyLength").set_text(std::to_string(kDerivedKey));
  return crypto::pbkdf2(crypto::Digest::kSha1, passphrase.text.expose_secret(), salt, kIterations, kDerivedKey);
}

// What says at the head of the container how it opens; nothing for one in the clear.
Result<std::optional<Seals>> add_protection(Element container, const PskcOpener& opener, RandomSource& random) {
  if (std::holds_alternative<std::monostate>(opener)) return std::optional<Seals>();
  Element encryption_key = container.add(kPskc, "EncryptionKey");
  SecretBytes key;
  if (const auto* shared = std::get_if<PreSharedKey>(&opener)) {
    if (!crypto::is_aes_key_size(shared->key.size())) return fail(Fault::kBadInput, "a pre-shared key of AES has 16, 24 or 32 bytes");
    encryption_key.add(kSignature, "KeyName").set_text("Pre-shared-key");
    key = shared->key.clone();
  } else {
    const auto& passphrase = std::get<Passphrase>(opener);
    if (passphrase.text.size() < kShortestPassphrase) {
      return fail(Fault::kBadInput, "a passphrase for a key container has 8 bytes at least",
                  "take several words that nobody guesses: whoever has the file can try them at leisure");
    }
    key = TRY(add_derived_key(encryption_key, passphrase, random));
  }
  Seals seals(std::move(key), random);
  seals.add_mac_method(container);
  return std::optional(std::move(seals));
}

void add_format(Element key, const Seed& seed, unsigned digits) {
  Element parameters = key.add(kPskc, "AlgorithmParameters");
  const auto suite = std::ranges::find(internal::kSuites, seed.digest, &internal::Suite::digest);
  if (suite != internal::kSuites.begin()) add_text(parameters, "Suite", suite->name);
  Element response = parameters.add(kPskc, "ResponseFormat");
  response.set_attribute("Encoding", "DECIMAL");
  response.set_attribute("Length", std::to_string(digits));
}

void add_data(Element key, const Seed& seed, const std::optional<Seals>& seals) {
  Element data = key.add(kPskc, "Data");
  Element secret = data.add(kPskc, "Secret");
  if (seals) {
    seals->add_secret(secret, seed.secret);
  } else {
    std::string text = base64_encode(seed.secret.expose_secret());
    secret.add(kPskc, "PlainValue").set_text(text);
    wipe(std::as_writable_bytes(std::span(text)));
  }
  if (const auto* hotp = std::get_if<Hotp>(&seed.parameters)) {
    add_number(data, "Counter", hotp->counter);
  } else {
    add_number(data, "Time", 0);
    add_number(data, "TimeInterval", std::get<Totp>(seed.parameters).period);
  }
}

void add_policy(Element key, const Seed& seed) {
  if (!seed.not_before && !seed.not_after && !seed.pin_policy) return;
  Element policy = key.add(kPskc, "Policy");
  if (seed.not_before) add_text(policy, "StartDate", format_time(*seed.not_before));
  if (seed.not_after) add_text(policy, "ExpiryDate", format_time(*seed.not_after));
  if (!seed.pin_policy) return;
  Element pin = policy.add(kPskc, "PINPolicy");
  const auto number = [&](std::string_view name, const std::optional<std::uint32_t>& value) {
    if (value) pin.set_attribute(name, std::to_string(*value));
  };
  pin.set_attribute("PINUsageMode", "Local");
  number("MaxFailedAttempts", seed.pin_policy->max_failed_attempts);
  number("MinLength", seed.pin_policy->min_length);
  number("MaxLength", seed.pin_policy->max_length);
  pin.set_attribute("PINEncoding", seed.pin_policy->format == PassphraseFormat::kAlphanumeric ? "ALPHANUMERIC" : "DECIMAL");
}

void add_package(Element container, const Seed& seed, const std::optional<Seals>& seals) {
  Element package = container.add(kPskc, "KeyPackage");
  if (!seed.manufacturer.empty() || !seed.serial.empty()) {
    Element device = package.add(kPskc, "DeviceInfo");
    add_text(device, "Manufacturer", seed.manufacturer);
    add_text(device, "SerialNo", seed.serial);
  }
  const bool is_hotp = std::holds_alternative<Hotp>(seed.parameters);
  Element key = package.add(kPskc, "Key");
  key.set_attribute("Id", seed.id);
  key.set_attribute("Algorithm", is_hotp ? internal::kHotpAlgorithm : internal::kTotpAlgorithm);
  add_text(key, "Issuer", seed.issuer);
  add_format(key, seed, is_hotp ? std::get<Hotp>(seed.parameters).digits : std::get<Totp>(seed.parameters).digits);
  add_text(key, "FriendlyName", seed.friendly_name);
  add_data(key, seed, seals);
  add_text(key, "UserId", seed.user_id);
  add_policy(key, seed);
}

// What a container cannot say, or a reader would not take.
Result<> check(const Seed& seed) {
  const auto refuse = [&](const std::string& why) { return fail(Fault::kBadInput, "the seed " + seed.id + " " + why); };
  const auto* totp = std::get_if<Totp>(&seed.parameters);
  if (totp != nullptr && totp->start != 0) return refuse("does not count its time from 1970 on, which no key container can say");
  const auto* hotp = std::get_if<Hotp>(&seed.parameters);
  if (hotp != nullptr && hotp->counter > kLargestCounter) return refuse("has a counter beyond those of a key container");
  const auto format = seed.pin_policy ? seed.pin_policy->format : PassphraseFormat::kNumeric;
  if (format != PassphraseFormat::kNumeric && format != PassphraseFormat::kAlphanumeric)
    return refuse("has a PIN of a format that key containers do not know");
  return {};
}

}  // namespace

Result<SecretBytes> write_pskc(std::span<const Seed> seeds, const PskcOpener& opener, RandomSource& random) {
  std::set<std::string_view> ids;
  for (const Seed& seed : seeds) {
    TRY(check(seed));
    if (!ids.insert(seed.id).second) return fail(Fault::kBadInput, "the seed " + seed.id + " is there twice");
  }
  if (seeds.empty() || seeds.size() > PskcLimits().max_keys)
    return fail(Fault::kBadInput, "a key container has 1 to " + std::to_string(PskcLimits().max_keys) + " keys",
                "name the seeds that go into this one");
  std::vector<xml::Namespace> others;
  if (!std::holds_alternative<std::monostate>(opener)) others = {kSignature, kEncryption};
  const xml::Document document = xml::Document::create(kPskc, "KeyContainer", others);
  Element container = document.root();
  container.set_attribute("Version", "1.0");
  const std::optional<Seals> seals = TRY(add_protection(container, opener, random));
  for (const Seed& seed : seeds) add_package(container, seed, seals);
  Bytes text = document.serialize();
  SecretBytes out = SecretBytes::copy_of(text);
  wipe(text);
  return out;
}

}  // namespace airtight::otp
