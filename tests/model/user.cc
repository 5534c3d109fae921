// The user API (sks.md section 9).
#include <algorithm>

#include "base/algorithms.h"
#include "base/text.h"
#include "tests/model/model.h"
#include "tests/model/openssl.h"
#include "tests/model/property_bag.h"

namespace airtight::sks::model {
namespace {

using openssl::Direction;
using openssl::RsaPadding;

// The signature algorithms of sections 9 and 10 with the length of their hash.
const std::map<std::string_view, std::size_t>& signature_algorithms() {
  static const std::map<std::string_view, std::size_t> all = {
      {uri::kRsaSha1, 20},      {uri::kRsaSha256, 32},    {uri::kRsaSha384, 48},   {uri::kRsaSha512, 64},   {uri::kRsaPssSha256, 32},
      {uri::kRsaPssSha384, 48}, {uri::kRsaPssSha512, 64}, {uri::kEcdsaSha256, 32}, {uri::kEcdsaSha384, 48}, {uri::kEcdsaSha512, 64}};
  return all;
}

bool is_cbc(std::string_view algorithm) {
  return algorithm == uri::kAes128Cbc || algorithm == uri::kAes192Cbc || algorithm == uri::kAes256Cbc;
}
bool is_ecb(std::string_view algorithm) { return algorithm == uri::kAesEcbNoPad || algorithm == uri::kAesEcbPkcs5; }
bool is_hmac(std::string_view algorithm) { return algorithm == uri::kHmacSha1 || algorithm == uri::kHmacSha256; }

bool endorses(const Key& key, std::string_view algorithm) {
  return std::ranges::any_of(key.endorsed_algorithms, [&](const Bytes& endorsed) { return text_of(endorsed) == algorithm; });
}

bool decrypts(const Key& key) { return key.usage == KeyUsage::kEncryption || key.usage == KeyUsage::kUniversal; }

Bytes with_padding(ByteView data) {
  const std::size_t more = 16 - data.size() % 16;
  return concat({data, Bytes(more, static_cast<std::byte>(more))});
}

// Nothing if the padding is wrong: the last byte alone, or (`whole`) all that it counts.
std::optional<Bytes> without_padding(const Bytes& data, bool whole) {
  if (data.empty()) return std::nullopt;
  const auto count = std::to_integer<std::size_t>(data.back());
  if (count < 1 || count > 16) return std::nullopt;
  for (std::size_t i = 1; whole && i <= count; ++i) {
    if (data[data.size() - i] != data.back()) return std::nullopt;
  }
  return Bytes(data.begin(), data.end() - static_cast<std::ptrdiff_t>(count));
}

bool is_xml_text(ByteView value) {
  return is_utf8(value) && std::ranges::none_of(value, [](std::byte b) {
           const auto c = std::to_integer<unsigned>(b);
           return c < 0x20 && c != 9 && c != 10 && c != 13;
         });
}

}  // namespace

void Model::check_signature_algorithm(const Key& key, std::string_view algorithm) const {
  const auto known = signature_algorithms().find(algorithm);
  unless(known != signature_algorithms().end(), Status::kAlgorithm);
  const std::size_t modulus = openssl::rsa_size(key.public_key());
  const bool is_ecdsa = algorithm.find("ecdsa") != std::string_view::npos;
  unless(is_ecdsa == (modulus == 0), Status::kAlgorithm);
  if (algorithm.find("MGF1") != std::string_view::npos) {  // RFC 8017 section 9.1.1: room for hash, salt and two bytes
    unless(modulus >= 2 * known->second + 2, Status::kAlgorithm);
  }
}

// signHashedData (100)
void Model::perform(const SignHashedData& request, const Answer<SignHashedData>& answer) {
  Key& key = user_key(request.key_handle);
  unless(key.usage == KeyUsage::kSignature || key.usage == KeyUsage::kAuthentication || key.usage == KeyUsage::kUniversal,
         Status::kNotAllowed);
  check_signature_algorithm(key, request.signature_algorithm);
  unless(request.hashed_data.size() == signature_algorithms().at(request.signature_algorithm), Status::kOption);
  verify_pin(key, request.pin.expose_secret());
  same(openssl::verify_hash(key.public_key(), request.signature_algorithm, request.hashed_data, accepted(answer).result), "Result");
}

// getKeyProtectionInfo (101)
void Model::perform(const GetKeyProtectionInfo& request, const Answer<GetKeyProtectionInfo>& answer) {
  Key& key = user_key(request.key_handle);
  const auto& got = accepted(answer);
  GetKeyProtectionInfo::Response expected;
  const auto settle = [](auto& counter, unsigned shown, unsigned limit) {
    if (counter.uncertain && shown == counter.errors + 1 && shown <= limit) counter.errors = shown;
    counter.uncertain = false;
  };
  PukPolicy* const puk = puk_of(key);
  if (key.pin_policy != 0) {
    const CreatePinPolicy& policy = pin_policies_.at(key.pin_policy).asked;
    settle(*key.pin, got.pin_error_count, policy.retry_limit);
    expected.protection_status = key.pin->errors >= policy.retry_limit ? 0x05 : 0x01;
    expected.user_modifiable = policy.user_modifiable;
    expected.format = policy.format;
    expected.retry_limit = policy.retry_limit;
    expected.grouping = policy.grouping;
    expected.pattern_restrictions = policy.pattern_restrictions;
    expected.min_length = policy.min_length;
    expected.max_length = policy.max_length;
    expected.input_method = policy.input_method;
    expected.pin_error_count = static_cast<std::uint8_t>(key.pin->errors);
  }
  if (puk != nullptr) {
    const std::uint8_t limit = puk->asked.retry_limit;
    settle(*puk, got.puk_error_count, limit == 0 ? 255 : limit);
    expected.protection_status |= limit != 0 && puk->errors >= limit ? 0x0A : 0x02;
    expected.puk_retry_limit = limit;
    expected.puk_error_count = static_cast<std::uint8_t>(puk->errors);
  }
  same(got.protection_status == expected.protection_status, "ProtectionStatus");
  same(got.puk_retry_limit == expected.puk_retry_limit, "PUKRetryLimit");
  same(got.puk_error_count == expected.puk_error_count, "PUKErrorCount");
  same(got.user_modifiable == expected.user_modifiable, "UserModifiable");
  same(got.format == expected.format, "Format");
  same(got.retry_limit == expected.retry_limit, "RetryLimit");
  same(got.grouping == expected.grouping, "Grouping");
  same(got.pattern_restrictions == expected.pattern_restrictions, "PatternRestrictions");
  same(got.min_length == expected.min_length && got.max_length == expected.max_length, "MinLength or MaxLength");
  same(got.input_method == expected.input_method, "InputMethod");
  same(got.pin_error_count == expected.pin_error_count, "PINErrorCount");
  same(got.biometric_protection == key.biometric_protection, "BiometricProtection");
  same(got.private_key_backup == key.private_key_backup, "PrivateKeyBackup");
  same(got.export_policy == key.export_policy, "ExportPolicy");
  same(got.updatable == key.updatable, "Updatable");
  same(got.delete_policy == key.delete_policy, "DeletePolicy");
  same(got.enable_pin_caching == key.enable_pin_caching, "EnablePINCaching");
  same(got.import_private_key == key.import_private_key, "ImportPrivateKey");
}

// getExtensionObject (102)
void Model::perform(const GetExtensionObject& request, const Answer<GetExtensionObject>& answer) {
  const Key& key = user_key(request.key_handle);
  const auto found = std::ranges::find_if(key.extensions, [&](const Extension& e) { return e.type == request.extension_type; });
  unless(found != key.extensions.end(), Status::kOption);
  const auto& got = accepted(answer);
  same(got.base_type == found->base_type, "BaseType");
  same(got.qualifier == found->qualifier, "Qualifier");
  same(equal(got.extension_data.value.expose_secret(), found->data), "ExtensionData");
}

// deleteKey (103)
void Model::perform(const DeleteKey& request, const Answer<DeleteKey>& answer) {
  Key& key = user_key(request.key_handle);
  authorize(key, key.delete_policy, request.optional_authorization.expose_secret());
  (void)accepted(answer);
  remove_key(request.key_handle);
}

// unlockKey (104): "only applies to keys that are protected by local PIN and PUK policy objects"
void Model::perform(const UnlockKey& request, const Answer<UnlockKey>& answer) {
  Key& key = user_key(request.key_handle);
  unless(puk_of(key) != nullptr, Status::kOption);  // as a PIN for a key that has none
  verify_puk(key, request.authorization.expose_secret());
  (void)accepted(answer);
  key.pin->errors = 0;
}

// exportKey (105)
void Model::perform(const ExportKey& request, const Answer<ExportKey>& answer) {
  Key& key = user_key(request.key_handle);
  unless(key.export_policy != 0, Status::kNotAllowed);
  authorize(key, key.export_policy == 3 ? 0 : key.export_policy, request.optional_authorization.expose_secret());
  const auto& got = accepted(answer);
  if (key.usage == KeyUsage::kSymmetricKey) {
    same(equal(got.raw_key.expose_secret(), *key.symmetric_key), "RawKey");
    return;
  }
  const auto private_key = crypto::PrivateKey::from_pkcs8(got.raw_key.expose_secret());
  same(private_key && equal(private_key->public_key().spki(), key.public_key()), "RawKey");
  key.private_key = *private_key;
}

// asymmetricKeyDecrypt (111)
void Model::perform(const AsymmetricKeyDecrypt& request, const Answer<AsymmetricKeyDecrypt>& answer) {
  Key& key = user_key(request.key_handle);
  unless(decrypts(key), Status::kNotAllowed);
  const std::size_t modulus = openssl::rsa_size(key.public_key());
  unless(modulus != 0 && (request.algorithm == uri::kRsa15 || request.algorithm == uri::kRsaOaep), Status::kAlgorithm);
  unless(request.encrypted_data.size() == modulus, Status::kCrypto);
  verify_pin(key, request.pin.expose_secret());
  if (!key.private_key) return;  // known to the store alone: it may say what it likes
  const auto pkcs8 = key.private_key->pkcs8().value();
  unless(openssl::rsa_decrypt(pkcs8.expose_secret(), RsaPadding::kNone, request.encrypted_data).has_value(), Status::kCrypto);
  const auto padding = request.algorithm == uri::kRsa15 ? RsaPadding::kPkcs1 : RsaPadding::kOaepSha1;
  const auto plain = openssl::rsa_decrypt(pkcs8.expose_secret(), padding, request.encrypted_data);
  unless(plain || padding == RsaPadding::kPkcs1, Status::kCrypto);
  const ByteView got = accepted(answer).data.expose_secret();
  if (plain) {
    same(equal(got, *plain), "Data");
  } else {  // implicit rejection: a message of its own, the same each time
    same(got.size() <= modulus - 11, "the length of an implicit rejection");
    const auto [before, is_new] = key.implicit_rejections.emplace(to_text(request.encrypted_data), to_bytes(got));
    same(equal(before->second, got), "an implicit rejection made twice");
  }
}

// performHMAC (112)
void Model::perform(const PerformHmac& request, const Answer<PerformHmac>& answer) {
  Key& key = user_key(request.key_handle);
  unless(key.usage == KeyUsage::kSymmetricKey, Status::kNotAllowed);
  unless(is_hmac(request.algorithm) && endorses(key, request.algorithm), Status::kAlgorithm);
  verify_pin(key, request.pin.expose_secret());
  const char* const digest = request.algorithm == uri::kHmacSha1 ? "SHA1" : "SHA256";
  same(accepted(answer).hmac == openssl::hmac(digest, *key.symmetric_key, request.data.value.expose_secret()), "HMAC");
}

// symmetricKeyEncrypt (113)
void Model::perform(const SymmetricKeyEncrypt& request, const Answer<SymmetricKeyEncrypt>& answer) {
  Key& key = user_key(request.key_handle);
  const std::string_view algorithm = request.algorithm;
  unless(key.usage == KeyUsage::kSymmetricKey, Status::kNotAllowed);
  unless((is_cbc(algorithm) || is_ecb(algorithm)) && endorses(key, algorithm), Status::kAlgorithm);
  const Bytes data = to_bytes(request.data.value.expose_secret());
  const bool iv_in_data = is_cbc(algorithm) && request.iv.empty();
  const bool padded = algorithm != uri::kAesEcbNoPad;
  unless(is_cbc(algorithm) ? request.iv.empty() || request.iv.size() == 16 : request.iv.empty(), Status::kOption);
  const std::size_t least = (iv_in_data ? 16U : 0U) + (padded ? 16U : 0U);
  const bool whole_blocks = data.size() % 16 == 0;
  if (request.encrypt) {
    unless(padded || whole_blocks, Status::kOption);
  } else if (!whole_blocks || data.size() < least) {
    throw Refusal{{Status::kOption, Status::kCrypto}};
  }
  verify_pin(key, request.pin.expose_secret());

  if (!request.encrypt) {
    const Bytes iv = iv_in_data ? Bytes(data.begin(), data.begin() + 16) : request.iv;
    auto plain = openssl::aes(Direction::kDecrypt, *key.symmetric_key, iv, ByteView(data).subspan(iv_in_data ? 16 : 0));
    if (padded) plain = without_padding(*plain, algorithm == uri::kAesEcbPkcs5);
    unless(plain.has_value(), Status::kCrypto);
    same(equal(accepted(answer).data.value.expose_secret(), *plain), "Data");
    return;
  }
  Bytes got = to_bytes(accepted(answer).data.value.expose_secret());
  Bytes iv = request.iv;
  if (iv_in_data) {  // the store's choice
    same(got.size() >= 16, "the IV before the cipher text");
    iv = Bytes(got.begin(), got.begin() + 16);
    got.erase(got.begin(), got.begin() + 16);
  }
  same(got == *openssl::aes(Direction::kEncrypt, *key.symmetric_key, iv, padded ? with_padding(data) : data), "Data");
}

// keyAgreement (114)
void Model::perform(const KeyAgreement& request, const Answer<KeyAgreement>& answer) {
  Key& key = user_key(request.key_handle);
  unless(decrypts(key), Status::kNotAllowed);
  const Bytes own = key.public_key();
  unless(request.algorithm == uri::kEcdhRaw && openssl::rsa_size(own) == 0, Status::kAlgorithm);
  verify_pin(key, request.pin.expose_secret());
  const auto peer = crypto::PublicKey::from_spki(request.public_key);
  unless(peer.has_value(), Status::kCrypto);
  const auto own_key = crypto::PublicKey::from_spki(own).value();
  if (peer->curve() != own_key.curve()) throw Refusal{{Status::kCrypto, Status::kAlgorithm}};
  const auto expected = known_keys_.at(to_text(request.public_key)).agree(own_key).value();
  same(equal(accepted(answer).shared_secret.expose_secret(), expected.expose_secret()), "SharedSecret");
}

// What does not depend on any PIN. A key without a PIN (or PUK) is "a PIN for a key that has none".
void Model::check_new_pin(const Key& key, ByteView pin, bool has_what_is_given) const {
  unless(key.pin_policy != 0, Status::kOption);
  const CreatePinPolicy& policy = pin_policies_.at(key.pin_policy).asked;
  Unordered errors;
  errors.unless(policy.user_modifiable, Status::kNotAllowed);
  errors.unless(has_what_is_given, Status::kOption);
  errors.refuse_if_any();
  unless(fits_rules(policy, pin), Status::kOption);
}

// changePIN (120)
void Model::perform(const ChangePin& request, const Answer<ChangePin>& answer) {
  Key& key = user_key(request.key_handle);
  const ByteView new_pin = request.new_pin.expose_secret();
  check_new_pin(key, new_pin, true);
  verify_pin(key, request.pin.expose_secret());
  unless(fits_group(key.pin_policy, key.usage, new_pin, key.pin.get()), Status::kOption);
  (void)accepted(answer);
  key.pin->value = to_bytes(new_pin);
}

// setPIN (121)
void Model::perform(const SetPin& request, const Answer<SetPin>& answer) {
  Key& key = user_key(request.key_handle);
  const ByteView new_pin = request.new_pin.expose_secret();
  check_new_pin(key, new_pin, puk_of(key) != nullptr);
  verify_puk(key, request.puk.expose_secret());
  unless(fits_group(key.pin_policy, key.usage, new_pin, key.pin.get()), Status::kOption);
  (void)accepted(answer);
  key.pin->value = to_bytes(new_pin);
  key.pin->errors = 0;
}

// setProperty (122)
void Model::perform(const SetProperty& request, const Answer<SetProperty>& answer) {
  Key& key = user_key(request.key_handle);
  const auto found = std::ranges::find_if(key.extensions, [&](const Extension& e) { return e.type == request.extension_type; });
  unless(found != key.extensions.end() && found->base_type == 2, Status::kOption);
  auto bag = read_property_bag(text_of(found->data)).value();
  const auto property = std::ranges::find_if(bag.properties, [&](const Property& p) { return p.name == text_of(request.name); });
  unless(property != bag.properties.end(), Status::kOption);
  Unordered errors;
  errors.unless(property->writable == "true" || property->writable == "1", Status::kNotAllowed);
  errors.unless(is_xml_text(request.value), Status::kOption);
  errors.refuse_if_any();
  property->value = to_text(request.value);
  const std::string xml = write_property_bag(bag);
  unless(xml.size() <= 65536, Status::kOption);
  (void)accepted(answer);
  found->data = to_bytes(xml);
}

}  // namespace airtight::sks::model
