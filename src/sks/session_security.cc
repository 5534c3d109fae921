#include "sks/session_security.h"

#include <algorithm>
#include <array>
#include <vector>

#include "base/algorithms.h"
#include "base/constant_time.h"
#include "crypto/block_cipher.h"
#include "crypto/cipher.h"
#include "sks/status.h"

namespace airtight::sks {
namespace {

SecretBytes joined_key(std::initializer_list<ByteView> parts) {
  std::size_t size = 0;
  for (ByteView part : parts) size += part.size();
  SecretBytes out(size);
  auto at = out.expose_secret_for_writing();
  for (ByteView part : parts) {
    std::ranges::copy(part, at.begin());
    at = at.subspan(part.size());
  }
  return out;
}

constexpr std::string_view kSk2Salt = "";  // HKDF without a salt

// A key of sk2 for one purpose (docs/decisions/0013).
SecretBytes purpose_key(const SessionKey& session_key, std::string_view purpose) {
  return crypto::hkdf_expand(session_key.key.expose_secret(), bytes_of(purpose));
}

bool is_sk2(const SessionKey& session_key) { return session_key.algorithm == SessionAlgorithm::kSk2; }

// HMAC over the inputs as the algorithm wants them: content alone, or each behind its length.
crypto::Sha256Value hmac_inputs(SessionAlgorithm algorithm, const SecretBytes& key, std::span<const MacInput> data) {
  std::vector<ByteView> views;
  std::vector<Bytes> lengths;
  views.reserve(2 * data.size());
  lengths.reserve(data.size());
  for (const MacInput& input : data) {
    if (algorithm == SessionAlgorithm::kSk2) views.emplace_back(lengths.emplace_back(big_endian(input.content.size(), input.length_size)));
    views.push_back(input.content);
  }
  return crypto::hmac_sha256(key.expose_secret(), views);
}

// "BitString" of the document: a length of two bytes and the bytes.
void append_bit_string(Bytes& out, ByteView bytes) {
  append(out, big_endian(bytes.size(), 2));
  append(out, bytes);
}

Bytes associated_data(const MethodUse& use) { return concat({bytes_of(use.method), big_endian(use.mac_sequence_counter, 2)}); }

// Collects attestation data.
class DataList {
 public:
  DataList& add(ByteView bytes) {
    inputs_.emplace_back(bytes);
    return *this;
  }
  DataList& add(std::string_view text) { return add(bytes_of(text)); }
  template <typename T>
  DataList& add_byte(T value) {
    inputs_.push_back(MacInput::byte(value));
    return *this;
  }
  [[nodiscard]] std::span<const MacInput> inputs() const { return inputs_; }

 private:
  std::vector<MacInput> inputs_;
};

void add_puk(DataList& data, const PinProtection& pin, const std::optional<AttestedPuk>& puk) {
  data.add("PUK Policy=");
  // The document follows the handles before it tests for the device PIN; sks.md section 7 turns that around.
  if (std::holds_alternative<DevicePin>(pin)) {
    data.add("Device");
  } else if (std::holds_alternative<NoPin>(pin) || !puk) {
    data.add("N/A");
  } else {
    data.add(puk->id).add_byte(puk->retry_limit).add(puk->value->expose_secret()).add_byte(puk->format);
  }
}

void add_pin(DataList& data, const PinProtection& protection) {
  data.add("PIN Policy=");
  if (std::holds_alternative<NoPin>(protection)) {
    data.add("N/A");
  } else if (std::holds_alternative<DevicePin>(protection)) {
    data.add("Device");
  } else {
    const AttestedPin& pin = std::get<AttestedPin>(protection);
    data.add(pin.id).add_byte<std::uint8_t>(pin.issuer_value == nullptr ? 1 : 0);
    data.add(pin.issuer_value == nullptr ? bytes_of("N/A") : pin.issuer_value->expose_secret());
    data.add_byte<std::uint8_t>(pin.user_modifiable ? 1 : 0).add_byte(pin.format).add_byte(pin.retry_limit).add_byte(pin.grouping);
    data.add_byte(pin.pattern_restrictions).add_byte(pin.min_length).add_byte(pin.max_length).add_byte(pin.input_method);
  }
}

}  // namespace

MacInput MacInput::byte(std::uint8_t value) {
  static constexpr auto kAll = [] {
    std::array<std::byte, 256> all{};
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::byte>(i);
    return all;
  }();
  return {ByteView(kAll).subspan(value, 1)};
}

SecretBytes derive_session_key(const SecretBytes& z, const SessionParameters& session, ByteView device_certificate,
                               SessionAlgorithm algorithm) {
  Bytes other_info;
  if (algorithm == SessionAlgorithm::kSk2) {
    for (const ByteView part :
         {bytes_of(uri::kSessionKey2), bytes_of(session.issuer_uri), device_certificate, bytes_of(session.client_session_id),
          bytes_of(session.server_session_id), ByteView(session.server_ephemeral_key), ByteView(session.client_ephemeral_key)}) {
      append_bit_string(other_info, part);
    }
    const SecretBytes extracted = crypto::hkdf_extract(bytes_of(kSk2Salt), z.expose_secret());
    return crypto::hkdf_expand(extracted.expose_secret(), other_info);
  }
  append_bit_string(other_info, bytes_of("0000"));                                                 // AlgorithmID
  append_bit_string(other_info, bytes_of(session.issuer_uri));                                     // PartyUInfo
  append_bit_string(other_info, device_certificate);                                               // PartyVInfo
  append_bit_string(other_info, bytes_of(session.client_session_id + session.server_session_id));  // SuppPrivInfo
  return crypto::sha256_key({big_endian(1, 4), z.expose_secret(), other_info});
}

crypto::Sha256Value session_attestation_data(const SessionKey& session_key, const SessionParameters& session) {
  const Bytes client_time = big_endian(static_cast<std::uint64_t>(session.client_time.milliseconds), 8);
  const Bytes life_time = big_endian(session.session_life_time, 4);
  const Bytes key_limit = big_endian(session.session_key_limit, 2);
  const std::array<MacInput, 9> data = {MacInput::text(session.client_session_id),
                                        MacInput::text(session.server_session_id),
                                        MacInput::text(session.issuer_uri),
                                        ByteView(session.server_ephemeral_key),
                                        ByteView(session.client_ephemeral_key),
                                        MacInput::byte(static_cast<std::uint8_t>(session.updatable ? 1 : 0)),
                                        ByteView(client_time),
                                        ByteView(life_time),
                                        ByteView(key_limit)};
  if (is_sk2(session_key)) return hmac_inputs(session_key.algorithm, purpose_key(session_key, "sk2 Session Attestation"), data);
  return hmac_inputs(session_key.algorithm, session_key.key, data);
}

crypto::Sha256Value method_mac(std::string_view method_name, const SessionKey& session_key, std::uint16_t mac_sequence_counter,
                               std::span<const MacInput> data) {
  const Bytes counter = big_endian(mac_sequence_counter, 2);
  if (!is_sk2(session_key)) {
    const SecretBytes key = joined_key({bytes_of(method_name), session_key.key.expose_secret(), counter});
    return hmac_inputs(session_key.algorithm, key, data);
  }
  std::vector<MacInput> bound = {MacInput::text(method_name), ByteView(counter)};
  bound.insert(bound.end(), data.begin(), data.end());
  return hmac_inputs(session_key.algorithm, purpose_key(session_key, "sk2 MAC"), bound);
}

crypto::Sha256Value method_mac(std::string_view method_name, const SessionKey& session_key, std::uint16_t mac_sequence_counter,
                               std::span<const ByteView> data) {
  const std::vector<MacInput> inputs(data.begin(), data.end());
  return method_mac(method_name, session_key, mac_sequence_counter, std::span(inputs));
}

crypto::Sha256Value method_mac(std::string_view method_name, const SessionKey& session_key, std::uint16_t mac_sequence_counter,
                               std::initializer_list<ByteView> data) {
  return method_mac(method_name, session_key, mac_sequence_counter, std::span<const ByteView>(data.begin(), data.size()));
}

crypto::Sha256Value attest(const SessionKey& session_key, std::span<const MacInput> data) {
  if (is_sk2(session_key)) return hmac_inputs(session_key.algorithm, purpose_key(session_key, "sk2 Device Attestation"), data);
  return hmac_inputs(session_key.algorithm, joined_key({bytes_of("Device Attestation"), session_key.key.expose_secret()}), data);
}

crypto::Sha256Value close_attestation(const SessionKey& session_key, std::uint16_t mac_sequence_counter) {
  const Bytes counter = big_endian(mac_sequence_counter, 2);
  const std::array<MacInput, 2> data = {MacInput::text("Success"), ByteView(counter)};
  return attest(session_key, data);
}

SecretBytes external_signature_key(const SessionKey& session_key) {
  if (is_sk2(session_key)) return purpose_key(session_key, "sk2 External Signature");
  return joined_key({bytes_of("External Signature"), session_key.key.expose_secret()});
}

crypto::Sha256Value external_signature(const SessionKey& session_key, ByteView data) {
  return crypto::hmac_sha256(external_signature_key(session_key).expose_secret(), {data});
}

SecretBytes encryption_key(const SessionKey& session_key) {
  if (is_sk2(session_key)) return purpose_key(session_key, "sk2 Encryption");
  return crypto::hmac_sha256_key(session_key.key.expose_secret(), {bytes_of("Encryption Key")});
}

Bytes encrypt(const SessionKey& session_key, const MethodUse& use, ByteView plain, RandomSource& random) {
  const SecretBytes key = encryption_key(session_key);
  if (is_sk2(session_key)) return crypto::seal_gcm(key.expose_secret(), plain, associated_data(use), random);
  return crypto::encrypt_cbc(key.expose_secret(), plain, random);
}

std::optional<SecretBytes> open_under_mac(const SessionKey& session_key, const MethodUse& use, const CoveredData& data,
                                          const crypto::Sha256Value& mac) {
  std::vector<MacInput> inputs(data.before.begin(), data.before.end());
  inputs.emplace_back(ByteView()).length_size = data.length_size;
  inputs.insert(inputs.end(), data.after.begin(), data.after.end());
  const auto has_mac = [&](ByteView value) {
    inputs[data.before.size()].content = value;
    const auto expected = method_mac(use.method, session_key, use.mac_sequence_counter, std::span<const MacInput>(inputs));
    return equal_in_constant_time(expected, mac);
  };
  const SecretBytes key = encryption_key(session_key);
  if (is_sk2(session_key)) {
    auto value = crypto::open_gcm(key.expose_secret(), data.encrypted, associated_data(use));
    if (!value || !declassified(has_mac(value->expose_secret()))) return std::nullopt;
    return std::move(*value);
  }
  SecretBytes padded = crypto::decrypt_cbc_with_padding(key.expose_secret(), data.encrypted);
  if (padded.empty()) return std::nullopt;
  // The time of a MAC shows the length of what it is over, and that shows the padding. So each length that there can be has its MAC.
  const std::uint32_t padding = crypto::padding_size(padded.expose_secret(), crypto::Padding::kPkcs7);
  constant_time::Mask right = 0;
  for (std::uint32_t size = 1; size <= crypto::kAesBlock; ++size) {
    const std::uint32_t equal = has_mac(padded.expose_secret().first(padded.size() - size)) ? 1 : 0;
    right |= constant_time::equal(size, padding) & (0 - equal);
  }
  if (!declassified((right & 1) != 0)) return std::nullopt;
  padded.truncate(padded.size() - declassified(padding));  // an issuer's own, now that the MAC is right
  return padded;
}

Result<SecretBytes> decrypt(const SessionKey& session_key, const MethodUse& use, ByteView encrypted) {
  const SecretBytes key = encryption_key(session_key);
  auto plain = is_sk2(session_key) ? crypto::open_gcm(key.expose_secret(), encrypted, associated_data(use))
                                   : crypto::decrypt_cbc(key.expose_secret(), encrypted);
  if (!plain) return fail(Status::kCrypto, "the encrypted data do not decrypt");
  return plain;
}

Bytes encrypt(const SecretBytes& session_key, ByteView plain, RandomSource& random) {
  return encrypt(SessionKey(session_key), MethodUse{}, plain, random);
}

Result<SecretBytes> decrypt(const SecretBytes& session_key, ByteView encrypted) {
  return decrypt(SessionKey(session_key), MethodUse{}, encrypted);
}

crypto::Sha256Value post_provisioning_mac(const SessionKey& original_session_key, ByteView end_entity_certificate) {
  const MacInput data(end_entity_certificate);
  const SecretBytes key = is_sk2(original_session_key)
                              ? purpose_key(original_session_key, "sk2 Proof Of Issuance")
                              : joined_key({bytes_of("Proof Of Issuance"), original_session_key.key.expose_secret()});
  return hmac_inputs(original_session_key.algorithm, key, std::span(&data, 1));
}

crypto::Sha256Value key_attestation(const SessionKey& session_key, const AttestedKey& key, const PinProtection& pin,
                                    const std::optional<AttestedPuk>& puk) {
  DataList data;
  add_puk(data, pin, puk);
  add_pin(data, pin);
  data.add("Key=").add(key.id).add(key.issuer_seed).add(key.public_key);
  data.add_byte<std::uint8_t>(key.private_key_backup ? 1 : 0).add_byte(key.biometric_protection).add_byte(key.export_policy);
  data.add_byte<std::uint8_t>(key.updatable ? 1 : 0).add_byte(key.delete_policy).add_byte<std::uint8_t>(key.enable_pin_caching ? 1 : 0);
  data.add_byte<std::uint8_t>(key.import_private_key ? 1 : 0).add_byte(key.key_usage).add(key.friendly_name);
  return attest(session_key, data.inputs());
}

}  // namespace airtight::sks
