#include "sks/session_security.h"

#include <algorithm>
#include <array>
#include <vector>

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

// Collects attestation data: text and bytes by view, single values as one byte of their own.
class DataList {
 public:
  DataList& add(ByteView bytes) {
    views_.push_back(bytes);
    return *this;
  }
  DataList& add(std::string_view text) { return add(bytes_of(text)); }
  DataList& add_byte(std::uint8_t value) {
    static constexpr auto kAll = [] {
      std::array<std::byte, 256> all{};
      for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::byte>(i);
      return all;
    }();
    return add(ByteView(kAll).subspan(value, 1));
  }
  template <typename E>
    requires std::is_enum_v<E>
  DataList& add_byte(E value) {
    return add_byte(static_cast<std::uint8_t>(value));
  }
  [[nodiscard]] std::span<const ByteView> views() const { return views_; }

 private:
  std::vector<ByteView> views_;
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
    data.add(pin.id).add_byte(pin.issuer_value == nullptr ? 1 : 0);
    data.add(pin.issuer_value == nullptr ? bytes_of("N/A") : pin.issuer_value->expose_secret());
    data.add_byte(pin.user_modifiable ? 1 : 0).add_byte(pin.format).add_byte(pin.retry_limit).add_byte(pin.grouping);
    data.add_byte(pin.pattern_restrictions).add_byte(pin.min_length).add_byte(pin.max_length).add_byte(pin.input_method);
  }
}

}  // namespace

SecretBytes derive_session_key(const SecretBytes& z, const SessionParameters& session, ByteView device_certificate) {
  const Bytes counter = big_endian(1, 4);
  const auto length_of = [](std::size_t size) { return big_endian(size, 2); };
  const std::string session_ids = session.client_session_id + session.server_session_id;
  const std::string_view algorithm_id = "0000";
  return crypto::sha256_key({counter, z.expose_secret(),                                          //
                             length_of(algorithm_id.size()), bytes_of(algorithm_id),              // AlgorithmID
                             length_of(session.issuer_uri.size()), bytes_of(session.issuer_uri),  // PartyUInfo
                             length_of(device_certificate.size()), device_certificate,            // PartyVInfo
                             length_of(session_ids.size()), bytes_of(session_ids)});              // SuppPrivInfo
}

crypto::Sha256Value session_attestation_data(const SecretBytes& session_key, const SessionParameters& session) {
  const Bytes tail =
      concat({big_endian(session.updatable ? 1 : 0, 1), big_endian(static_cast<std::uint64_t>(session.client_time.milliseconds), 8),
              big_endian(session.session_life_time, 4), big_endian(session.session_key_limit, 2)});
  return crypto::hmac_sha256(session_key.expose_secret(),
                             {bytes_of(session.client_session_id), bytes_of(session.server_session_id), bytes_of(session.issuer_uri),
                              session.server_ephemeral_key, session.client_ephemeral_key, tail});
}

crypto::Sha256Value method_mac(std::string_view method_name, const SecretBytes& session_key, std::uint16_t mac_sequence_counter,
                               std::span<const ByteView> data) {
  const SecretBytes key = joined_key({bytes_of(method_name), session_key.expose_secret(), big_endian(mac_sequence_counter, 2)});
  return crypto::hmac_sha256(key.expose_secret(), data);
}

crypto::Sha256Value method_mac(std::string_view method_name, const SecretBytes& session_key, std::uint16_t mac_sequence_counter,
                               std::initializer_list<ByteView> data) {
  return method_mac(method_name, session_key, mac_sequence_counter, std::span(data.begin(), data.size()));
}

crypto::Sha256Value attest(const SecretBytes& session_key, std::span<const ByteView> data) {
  const SecretBytes key = joined_key({bytes_of("Device Attestation"), session_key.expose_secret()});
  return crypto::hmac_sha256(key.expose_secret(), data);
}

crypto::Sha256Value close_attestation(const SecretBytes& session_key, std::uint16_t mac_sequence_counter) {
  const Bytes counter = big_endian(mac_sequence_counter, 2);
  const std::array<ByteView, 2> data = {bytes_of("Success"), counter};
  return attest(session_key, data);
}

SecretBytes external_signature_key(const SecretBytes& session_key) {
  return joined_key({bytes_of("External Signature"), session_key.expose_secret()});
}

crypto::Sha256Value external_signature(const SecretBytes& session_key, ByteView data) {
  return crypto::hmac_sha256(external_signature_key(session_key).expose_secret(), {data});
}

SecretBytes encryption_key(const SecretBytes& session_key) {
  return crypto::hmac_sha256_key(session_key.expose_secret(), {bytes_of("Encryption Key")});
}

Bytes encrypt(const SecretBytes& session_key, ByteView plain, RandomSource& random) {
  return crypto::encrypt_cbc(encryption_key(session_key).expose_secret(), plain, random);
}

Result<SecretBytes> decrypt(const SecretBytes& session_key, ByteView encrypted) {
  auto plain = crypto::decrypt_cbc(encryption_key(session_key).expose_secret(), encrypted);
  if (!plain) return fail(Status::kCrypto, plain.error().message);
  return plain;
}

crypto::Sha256Value post_provisioning_mac(const SecretBytes& original_session_key, ByteView end_entity_certificate) {
  const SecretBytes key = joined_key({bytes_of("Proof Of Issuance"), original_session_key.expose_secret()});
  return crypto::hmac_sha256(key.expose_secret(), {end_entity_certificate});
}

crypto::Sha256Value key_attestation(const SecretBytes& session_key, const AttestedKey& key, const PinProtection& pin,
                                    const std::optional<AttestedPuk>& puk) {
  DataList data;
  add_puk(data, pin, puk);
  add_pin(data, pin);
  data.add("Key=").add(key.id).add(key.issuer_seed).add(key.public_key);
  data.add_byte(key.private_key_backup ? 1 : 0).add_byte(key.biometric_protection).add_byte(key.export_policy);
  data.add_byte(key.updatable ? 1 : 0).add_byte(key.delete_policy).add_byte(key.enable_pin_caching ? 1 : 0);
  data.add_byte(key.import_private_key ? 1 : 0).add_byte(key.key_usage).add(key.friendly_name);
  return attest(session_key, data.views());
}

}  // namespace airtight::sks
