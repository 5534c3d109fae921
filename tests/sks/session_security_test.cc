// The vectors of SKS session security: every one of tests/vectors/sks/session_security.txt, and no fewer.
#include "sks/session_security.h"

#include <gtest/gtest.h>

#include <fstream>
#include <map>

#include "base/encoding.h"
#include "crypto/random.h"
#include "sks/status.h"

namespace airtight::sks {
namespace {

Bytes unhex(std::string_view text) { return hex_decode(text).value(); }

// The file's `name = value` lines.
std::map<std::string, std::string> read_vectors() {
  std::ifstream file(AIRTIGHT_SOURCE_DIR "/tests/vectors/sks/session_security.txt");
  std::map<std::string, std::string> out;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line[0] == '#') continue;
    const auto at = line.find(" = ");
    out[line.substr(0, at)] = line.substr(at + 3);
  }
  return out;
}

class SessionSecurity : public testing::Test {
 protected:
  std::map<std::string, std::string> vectors = read_vectors();
  SecretBytes z = SecretBytes::copy_of(unhex(vectors.at("Z")));
  Bytes device_certificate = unhex(vectors.at("DeviceCertificate"));
  SessionParameters session{.client_session_id = vectors.at("ClientSessionID"),
                            .server_session_id = vectors.at("ServerSessionID"),
                            .issuer_uri = vectors.at("IssuerURI"),
                            .server_ephemeral_key = unhex(vectors.at("ServerEphemeralKey")),
                            .client_ephemeral_key = unhex(vectors.at("ClientEphemeralKey")),
                            .updatable = true,
                            .client_time = Instant{1268911409000},
                            .session_life_time = 50000,
                            .session_key_limit = 25};
  SecretBytes key = derive_session_key(z, session, device_certificate);
};

TEST_F(SessionSecurity, TheFileHasEveryVector) { EXPECT_EQ(vectors.size(), 14U); }

TEST_F(SessionSecurity, DerivesTheSessionKey) { EXPECT_EQ(hex_encode(key.expose_secret()), vectors.at("SessionKey")); }

TEST_F(SessionSecurity, ComputesWhatSessionAttestationSigns) {
  EXPECT_EQ(hex_encode(session_attestation_data(key, session)), vectors.at("SessionHMAC"));
}

TEST_F(SessionSecurity, DerivesTheEncryptionKey) {
  EXPECT_EQ(hex_encode(encryption_key(key).expose_secret()), vectors.at("EncryptionKey"));
}

TEST_F(SessionSecurity, MacsClosing) {
  const auto mac = method_mac("closeProvisioningSession", key, 0,
                              {bytes_of(session.client_session_id), bytes_of(session.server_session_id), bytes_of(session.issuer_uri)});
  EXPECT_EQ(hex_encode(mac), vectors.at("CloseMAC"));
}

TEST_F(SessionSecurity, AttestsTheClose) { EXPECT_EQ(hex_encode(close_attestation(key, 1)), vectors.at("AttestedResponse")); }

TEST_F(SessionSecurity, SignsForMiddleware) {
  EXPECT_EQ(hex_encode(external_signature(key, bytes_of("abc"))), vectors.at("ExternalSignatureOfAbc"));
}

TEST_F(SessionSecurity, ProvesIssuance) {
  EXPECT_EQ(hex_encode(post_provisioning_mac(key, device_certificate)), vectors.at("PostProvisioningMAC"));
}

TEST_F(SessionSecurity, DecryptsWhatItEncrypted) {
  crypto::SystemRandom random;
  for (std::size_t size : {0U, 1U, 15U, 16U, 17U, 100U}) {
    const Bytes plain(size, std::byte{0x10});
    const auto decrypted = decrypt(key, encrypt(key, plain, random));
    ASSERT_TRUE(decrypted.has_value());
    EXPECT_TRUE(equal(decrypted->expose_secret(), plain));
  }
}

TEST_F(SessionSecurity, RefusesCipherTextThatIsCutOrHasBadPadding) {
  crypto::SystemRandom random;
  const Bytes good = encrypt(key, to_bytes("1234"), random);
  for (std::size_t size = 0; size < good.size(); ++size) {
    const auto cut = decrypt(key, ByteView(good).first(size));
    ASSERT_FALSE(cut.has_value()) << size;
    EXPECT_EQ(status_of(cut.error()), Status::kCrypto);
  }
  // Changing the IV's last byte changes the padding's last byte: of the 255 changes only a value of 1 reads as padding.
  unsigned refused = 0;
  for (unsigned change = 1; change < 256; ++change) {
    Bytes bad = good;
    bad[15] ^= static_cast<std::byte>(change);
    refused += decrypt(key, bad).has_value() ? 0 : 1;
  }
  EXPECT_EQ(refused, 254U);
}

}  // namespace
}  // namespace airtight::sks
