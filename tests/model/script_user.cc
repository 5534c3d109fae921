// The user's part of a script.
#include <algorithm>
#include <array>

#include "base/algorithms.h"
#include "tests/model/openssl.h"
#include "tests/model/script.h"

namespace airtight::sks::model {
namespace {

constexpr std::array<std::string_view, 3> kEcdsa = {uri::kEcdsaSha256, uri::kEcdsaSha384, uri::kEcdsaSha512};
constexpr std::array<std::string_view, 7> kRsa = {uri::kRsaSha1,      uri::kRsaSha256,    uri::kRsaSha384,   uri::kRsaSha512,
                                                  uri::kRsaPssSha256, uri::kRsaPssSha384, uri::kRsaPssSha512};
constexpr std::array<std::string_view, 10> kAny = {
    uri::kEcdsaSha256, uri::kRsaSha256, uri::kHmacSha1, uri::kAes128Cbc, uri::kAesEcbNoPad, uri::kRsa15, uri::kEcdhRaw, uri::kP256, "",
    "urn:none"};

std::size_t hash_length(std::string_view algorithm) {
  if (algorithm == uri::kRsaSha1) return 20;
  if (algorithm.find("384") != std::string_view::npos) return 48;
  return algorithm.find("512") != std::string_view::npos ? 64 : 32;
}

SecretBytes secret(ByteView bytes) { return SecretBytes::copy_of(bytes); }

bool signs(const Key& key) {
  return key.usage == KeyUsage::kSignature || key.usage == KeyUsage::kAuthentication || key.usage == KeyUsage::kUniversal;
}
bool decrypts(const Key& key) { return key.usage == KeyUsage::kEncryption || key.usage == KeyUsage::kUniversal; }
bool is_rsa(const Key& key) { return openssl::rsa_size(key.public_key()) != 0; }
bool is_symmetric(const Key& key) { return key.symmetric_key.has_value(); }
bool has_bag(const Key& key) {
  return std::ranges::any_of(key.extensions, [](const Extension& extension) { return extension.base_type == 2; });
}

}  // namespace

void Script::user_step(unsigned choice) {
  if (choice < 20) return sign();
  if (choice < 26) return decrypt();
  if (choice < 34) return hmac();
  if (choice < 46) return encrypt();
  if (choice < 52) return agree();
  if (choice < 62) return delete_or_export();
  if (choice < 72) return unlock();
  if (choice < 84) return change_pin();
  if (choice < 94) return set_pin();
  if (choice < 102) return set_property();
  if (choice < 106) return get_extension();
  if (choice < 114) return void(call(GetKeyProtectionInfo{some_user_key()}));
  compare_all();
}

void Script::sign() {
  SignHashedData request;
  request.key_handle = some_user_key(signs);
  const Key* const found = key(request.key_handle);
  request.signature_algorithm = found != nullptr && is_rsa(*found) ? choices_.of(kRsa) : choices_.of(kEcdsa);
  if (choices_.rarely()) request.signature_algorithm = choices_.of(kAny);
  request.pin = pin_for(request.key_handle);
  request.hashed_data = Bytes(hash_length(request.signature_algorithm), static_cast<std::byte>(choices_.next()));
  if (choices_.rarely()) request.hashed_data.pop_back();
  call(request);
}

void Script::decrypt() {
  AsymmetricKeyDecrypt request;
  request.key_handle = some_user_key([](const Key& key) { return decrypts(key) && is_rsa(key); });
  const Key* const found = key(request.key_handle);
  const Bytes spki = found == nullptr ? Bytes() : found->public_key();
  const std::size_t modulus = found == nullptr ? 0 : openssl::rsa_size(spki);
  const bool oaep = choices_.one_in(2);
  request.algorithm = oaep ? uri::kRsaOaep : uri::kRsa15;
  request.pin = pin_for(request.key_handle);
  const Bytes plain(choices_.below(32), std::byte{42});
  const auto padding = oaep ? openssl::RsaPadding::kOaepSha1 : openssl::RsaPadding::kPkcs1;
  request.encrypted_data = modulus == 0 ? Bytes(128) : *openssl::rsa_encrypt(spki, padding, plain);
  const unsigned wrong = choices_.next();
  if (modulus != 0 && wrong >= 200 && wrong < 230) {  // bad padding, the same each time
    Bytes block(modulus, std::byte{1});
    block[0] = std::byte{0};
    request.encrypted_data = *openssl::rsa_encrypt(spki, openssl::RsaPadding::kNone, block);
  }
  if (wrong >= 230 && wrong < 240) request.encrypted_data.assign(request.encrypted_data.size(), std::byte{0xff});
  if (wrong >= 240 && wrong < 248) request.encrypted_data.pop_back();
  if (wrong >= 248) request.algorithm = choices_.of(kAny);
  call(request);
}

void Script::hmac() {
  PerformHmac request;
  request.key_handle = some_user_key(is_symmetric);
  request.algorithm = choices_.one_in(2) ? uri::kHmacSha256 : uri::kHmacSha1;
  if (choices_.rarely()) request.algorithm = choices_.of(kAny);
  request.pin = pin_for(request.key_handle);
  request.data.value = secret(Bytes(choices_.next(), std::byte{9}));
  call(request);
}

void Script::encrypt() {
  SymmetricKeyEncrypt request;
  request.key_handle = some_user_key(is_symmetric);
  const Key* const found = key(request.key_handle);
  std::vector<std::string> algorithms = {std::string(uri::kAesEcbNoPad)};
  for (const Bytes& endorsed : found == nullptr ? std::vector<Bytes>() : found->endorsed_algorithms) {
    if (text_of(endorsed).find("aes") != std::string_view::npos) algorithms.push_back(to_text(endorsed));
  }
  request.algorithm = choices_.one_in(8) ? algorithms[0] : algorithms.back();
  if (choices_.rarely()) request.algorithm = choices_.of(kAny);
  request.encrypt = choices_.one_in(2);
  const bool is_cbc = request.algorithm.find("cbc") != std::string::npos;
  if (is_cbc && choices_.one_in(2)) request.iv = Bytes(16, std::byte{5});
  if (choices_.rarely()) request.iv.push_back(std::byte{5});
  request.pin = pin_for(request.key_handle);
  const bool blocks = !request.encrypt || request.algorithm == uri::kAesEcbNoPad;
  Bytes data(blocks ? std::size_t{16} * choices_.below(5) : choices_.below(80), static_cast<std::byte>(choices_.next()));
  const bool sound = found != nullptr && found->symmetric_key && found->symmetric_key->size() % 8 == 0;
  if (!request.encrypt && sound && choices_.one_in(2)) {  // what decrypts to something padded
    Bytes plain(32, std::byte{7});
    const unsigned padding = 1 + choices_.below(18);
    plain.back() = static_cast<std::byte>(padding);
    if (choices_.one_in(2)) std::fill_n(plain.rbegin(), std::min(padding, 16U), static_cast<std::byte>(padding));
    const Bytes iv = is_cbc ? Bytes(16, std::byte{5}) : Bytes();
    data = *openssl::aes(openssl::Direction::kEncrypt, *found->symmetric_key, iv, plain);
    if (is_cbc && request.iv.empty()) data = concat({iv, data});
  }
  if (choices_.rarely()) data.push_back(std::byte{0});
  request.data.value = secret(data);
  call(request);
}

void Script::agree() {
  KeyAgreement request;
  request.key_handle = some_user_key([](const Key& key) { return decrypts(key) && !is_rsa(key); });
  request.algorithm = choices_.rarely() ? choices_.of(kAny) : uri::kEcdhRaw;
  request.pin = pin_for(request.key_handle);
  request.public_key = choices_.of(workshop_.pool()).public_key().spki();
  if (choices_.rarely()) request.public_key.back() ^= std::byte{1};
  call(request);
}

void Script::delete_or_export() {
  const Handle handle = some_user_key();
  const Key* const found = key(handle);
  if (choices_.one_in(2)) {
    const std::uint8_t policy = found == nullptr || found->export_policy == 3 ? std::uint8_t{0} : found->export_policy;
    call(ExportKey{handle, authorization_for(handle, policy)});
  } else {
    call(DeleteKey{handle, authorization_for(handle, found == nullptr ? std::uint8_t{0} : found->delete_policy)});
  }
}

void Script::unlock() {
  const Handle handle = some_user_key([this](const Key& key) { return puk_of(key) != nullptr; });
  call(UnlockKey{handle, puk_for(handle)});
}

void Script::change_pin() {
  ChangePin request;
  request.key_handle = some_user_key([](const Key& key) { return key.pin_policy != 0; });
  request.pin = pin_for(request.key_handle);
  if (const Key* const found = key(request.key_handle))
    request.new_pin = secret(some_pin(found->pin_policy, found->usage, found->pin.get(), true));
  call(request);
}

void Script::set_pin() {
  SetPin request;
  request.key_handle = some_user_key([this](const Key& key) { return puk_of(key) != nullptr; });
  request.puk = puk_for(request.key_handle);
  if (const Key* const found = key(request.key_handle))
    request.new_pin = secret(some_pin(found->pin_policy, found->usage, found->pin.get(), true));
  call(request);
}

void Script::set_property() {
  static constexpr std::array<std::string_view, 4> kNames = {"Counter", "Unit", "Digits", "None"};
  static constexpr std::array<std::string_view, 5> kValues = {"1", "", "a & b <c> \"d\"\t\n\r'", "\xff", "\x01"};
  SetProperty request;
  request.key_handle = some_user_key(has_bag);
  request.name = to_bytes(choices_.of(kNames));
  request.value = to_bytes(choices_.of(kValues));
  if (const Key* const found = key(request.key_handle)) {
    for (const Extension& extension : found->extensions) {
      if (request.extension_type.empty() || extension.base_type == 2) request.extension_type = extension.type;
    }
  }
  call(request);
}

void Script::get_extension() {
  GetExtensionObject request;
  request.key_handle = some_user_key([](const Key& key) { return !key.extensions.empty(); });
  const Key* const found = key(request.key_handle);
  request.extension_type =
      found == nullptr || found->extensions.empty() ? to_bytes("http://example.com/z") : choices_.of(found->extensions).type;
  call(request);
}

}  // namespace airtight::sks::model
