// Calls as bytes (sks.md section 1 and the document's "Data Types"): byte-exact requests and responses of every method, and what cannot be
// read.
#include "sks/wire.h"

#include <gtest/gtest.h>

#include "base/encoding.h"
#include "tests/sks/device.h"

namespace airtight::sks {
namespace {

using testing::status;
using testing::TestDevice;
using testing::TestIssuer;

template <typename Request>
std::string request_hex(const Request& request) {
  return hex_encode(wire::encode(method_of<Request>().number, request).expose_secret());
}
template <typename T>
std::string response_hex(const T& response) {
  return hex_encode(wire::encode(0, response).expose_secret());
}
Bytes32 filled(unsigned value) {
  Bytes32 out;
  out.fill(static_cast<std::byte>(value));
  return out;
}
const std::string kMacHex = "0020" + std::string(64, 'a');

TEST(Wire, CreateProvisioningSession) {
  CreateProvisioningSession request;
  request.session_key_algorithm = "a";
  request.server_session_id.value = "S-1";
  request.server_ephemeral_key = {std::byte{0xBB}};
  request.issuer_uri = to_bytes("u");
  request.updatable = true;
  request.client_time.milliseconds = 1268911409000;
  request.session_life_time = 50000;
  request.session_key_limit = 25;
  EXPECT_EQ(request_hex(request),
            "01"
            "000161"
            "0003532d31"
            "0001bb"
            "000175"
            "01"
            "00080000012771038768"
            "0000c350"
            "0019");
  EXPECT_EQ(response_hex(CreateProvisioningSession::Response{{"C"}, {std::byte{1}}, {std::byte{2}}, 7}),
            "00"
            "000143"
            "000101"
            "000102"
            "00000007");
}

TEST(Wire, CloseProvisioningSession) {
  EXPECT_EQ(request_hex(CloseProvisioningSession{5, filled(0xAA)}),
            "02"
            "00000005" +
                kMacHex);
  EXPECT_EQ(response_hex(CloseProvisioningSession::Response{filled(0xAA)}), "00" + kMacHex);
}

TEST(Wire, GetProvisioningSession) {
  EXPECT_EQ(request_hex(GetProvisioningSession{{"S"}, {"C"}, to_bytes("u")}),
            "03"
            "000153"
            "000143"
            "000175");
  EXPECT_EQ(response_hex(GetProvisioningSession::Response{1}),
            "00"
            "00000001");
}

TEST(Wire, EnumerateProvisioningSessions) {
  EXPECT_EQ(request_hex(EnumerateProvisioningSessions{}),
            "04"
            "ffffffff");
  EXPECT_EQ(response_hex(EnumerateProvisioningSessions::Response{}),
            "00"
            "ffffffff");
  EnumerateProvisioningSessions::Session session{true, {1}, 2, {"S"}, {"C"}, to_bytes("u")};
  EXPECT_EQ(response_hex(EnumerateProvisioningSessions::Response{9, session}),
            "00"
            "00000009"
            "01"
            "00080000000000000001"
            "00000002"
            "000153"
            "000143"
            "000175");
}

TEST(Wire, AbortProvisioningSession) {
  EXPECT_EQ(request_hex(AbortProvisioningSession{6}),
            "05"
            "00000006");
  EXPECT_EQ(response_hex(Nothing{}), "00");
}

TEST(Wire, SignProvisioningSessionData) {
  EXPECT_EQ(request_hex(SignProvisioningSessionData{6, to_bytes("abc")}),
            "06"
            "00000006"
            "0003616263");
  EXPECT_EQ(response_hex(SignProvisioningSessionData::Response{filled(0xAA)}), "00" + kMacHex);
}

TEST(Wire, CreatePukPolicy) {
  EXPECT_EQ(request_hex(CreatePukPolicy{1, {"P"}, {std::byte{0xEE}}, 2, 3, {}}),
            "07"
            "00000001"
            "000150"
            "0001ee"
            "02"
            "03");
  EXPECT_EQ(response_hex(CreatePukPolicy::Response{4}),
            "00"
            "00000004");
}

TEST(Wire, CreatePinPolicy) {
  EXPECT_EQ(request_hex(CreatePinPolicy{1, {"P"}, 2, true, false, 1, 3, 2, 0x1F, 4, 8, 1, {}}),
            "08"
            "00000001"
            "000150"
            "00000002"
            "01"
            "00"
            "01"
            "03"
            "02"
            "1f"
            "04"
            "08"
            "01");
  EXPECT_EQ(response_hex(CreatePinPolicy::Response{4}),
            "00"
            "00000004");
}

CreateKeyPair sample_key_pair() {
  CreateKeyPair request;
  request.provisioning_handle = 1;
  request.attestation_algorithm = "k";
  request.issuer_seed = filled(0xAA);
  request.id.value = "K";
  request.pin_policy_handle = 2;
  request.pin_value = SecretBytes::copy_of(bytes_of("1"));
  request.biometric_protection = 3;
  request.private_key_backup = true;
  request.export_policy = 2;
  request.updatable = true;
  request.delete_policy = 1;
  request.enable_pin_caching = true;
  request.import_private_key = false;
  request.key_usage = 4;
  request.friendly_name = to_bytes("f");
  return request;
}
const std::string kKeyPairHex =
    "09"
    "00000001"
    "00016b" +
    kMacHex +
    "00014b"
    "00000002"
    "000131"
    "03"
    "01"
    "02"
    "01"
    "01"
    "01"
    "00"
    "04"
    "000166";

TEST(Wire, CreateKeyPairOfRsa) {
  CreateKeyPair request = sample_key_pair();
  request.key_algorithm = RsaKeySpec{2048, 65537};
  EXPECT_EQ(request_hex(request), kKeyPairHex +
                                      "00"
                                      "0800"
                                      "00010001");
}

TEST(Wire, CreateKeyPairOfEcc) {
  CreateKeyPair request = sample_key_pair();
  request.key_algorithm = EccKeySpec{"c"};
  EXPECT_EQ(request_hex(request), kKeyPairHex +
                                      "01"
                                      "000163");
}

TEST(Wire, CreateKeyPairAnswersWithThePrivateKeyOnlyForABackup) {
  CreateKeyPair::Response response{{std::byte{1}}, {std::byte{2}}, std::nullopt, 5};
  EXPECT_EQ(response_hex(response),
            "00"
            "000101"
            "000102"
            "00000005");
  EXPECT_FALSE(wire::decode<CreateKeyPair::Response>(hex_decode("00010100010200000005").value())->private_key.has_value());
  response.private_key = Bytes{std::byte{3}};
  EXPECT_EQ(response_hex(response),
            "00"
            "000101"
            "000102"
            "000103"
            "00000005");
  EXPECT_TRUE(wire::decode<CreateKeyPair::Response>(hex_decode("00010100010200010300000005").value())->private_key.has_value());
}

TEST(Wire, SetCertificatePath) {
  EXPECT_EQ(request_hex(SetCertificatePath{1, 2, {{std::byte{3}}, {std::byte{4}}}, filled(0xAA)}),
            "0a"
            "00000001"
            "00000002"
            "02"
            "000103"
            "000104" +
                kMacHex);
}

TEST(Wire, GetDeviceInfo) {
  EXPECT_EQ(request_hex(GetDeviceInfo{}), "1f");
  GetDeviceInfo::Response info{1, "V", "D", {{std::byte{9}}}, {{"a", "b"}}, true, {1024, 2048}, 65536, false, false};
  EXPECT_EQ(response_hex(info),
            "00"
            "0001"
            "000156"
            "000144"
            "01"
            "000109"
            "0002"
            "000161"
            "000162"
            "01"
            "02"
            "0400"
            "0800"
            "00010000"
            "00"
            "00");
}

TEST(Wire, EnumerateKeys) {
  EXPECT_EQ(request_hex(EnumerateKeys{3}),
            "20"
            "00000003");
  EXPECT_EQ(response_hex(EnumerateKeys::Response{}),
            "00"
            "ffffffff");
  EnumerateKeys::Key key{1, {"K"}, 2, to_bytes("f"), {{std::byte{9}}}, {to_bytes("e")}, {{"x"}}};
  EXPECT_EQ(response_hex(EnumerateKeys::Response{4, key}),
            "00"
            "00000004"
            "00000001"
            "00014b"
            "02"
            "000166"
            "01"
            "000109"
            "01"
            "000165"
            "0001"
            "000178");
}

TEST(Wire, SignHashedData) {
  SignHashedData request{1, "s", SecretBytes::copy_of(bytes_of("12")), {std::byte{7}}};
  EXPECT_EQ(request_hex(request),
            "64"
            "00000001"
            "000173"
            "00023132"
            "000107");
  EXPECT_EQ(response_hex(SignHashedData::Response{{std::byte{8}}}),
            "00"
            "000108");
}

TEST(Wire, GetKeyProtectionInfo) {
  EXPECT_EQ(request_hex(GetKeyProtectionInfo{2}),
            "65"
            "00000002");
  GetKeyProtectionInfo::Response info{3, 4, 5, true, 6, 7, 8, 9, 10, 11, 12, 13, 14, true, 15, false, 16, true, false};
  EXPECT_EQ(response_hex(info),
            "00"
            "03"
            "04"
            "05"
            "01"
            "06"
            "07"
            "08"
            "09"
            "0a"
            "0b"
            "0c"
            "0d"
            "0e"
            "01"
            "0f"
            "00"
            "10"
            "01"
            "00");
}

TEST(Wire, ABlobLengthHasFourBytes) {
  const Bytes encoded = hex_decode("00000002abcd").value();
  wire::Reader reader(encoded);
  EXPECT_EQ(hex_encode(reader.array(4).value()), "abcd");
}

TEST(Wire, AReadThatFailsDoesNotMove) {
  const Bytes encoded = hex_decode("0003abcd").value();
  wire::Reader reader(encoded);
  EXPECT_FALSE(reader.array(2).has_value());
  EXPECT_EQ(reader.remaining(), 4U);
}

// sks.md section 1: a request that cannot be read to exactly its last byte gets ERROR_OPTION and changes nothing.
class Unreadable : public ::testing::Test {
 protected:
  void expect_refused(ByteView request) {
    const Bytes answer = device.exchange(request);
    ASSERT_GE(answer.size(), 3U);
    EXPECT_EQ(answer[0], static_cast<std::byte>(Status::kOption));
    EXPECT_EQ(answer.size(), 3 + std::to_integer<std::size_t>(answer[1]) * 256 + std::to_integer<std::size_t>(answer[2]));
    EXPECT_EQ(status(device.call(SignProvisioningSessionData{issuer.handle(), {}})), Status::kOk) << "the session is gone";
  }
  TestDevice device;
  TestIssuer issuer{device, {.key_limit = 60000}};
};

TEST_F(Unreadable, AnEmptyRequest) { expect_refused({}); }

TEST_F(Unreadable, AnUnknownMethod) {
  for (unsigned number = 0; number < 256; ++number) {
    const bool known = std::apply([&](const auto&... method) { return (... || (method.number == number)); }, kMethods);
    const std::byte request{static_cast<unsigned char>(number)};
    if (!known) expect_refused({&request, 1});
  }
}

TEST_F(Unreadable, ARequestCutAtAnyByteOrWithAByteMore) {
  const auto check = [&](const auto& request) {
    using Request = std::remove_cvref_t<decltype(request)>;
    Bytes bytes = to_bytes(wire::encode(method_of<Request>().number, request).expose_secret());
    for (std::size_t size = 1; size < bytes.size(); ++size) expect_refused(ByteView(bytes).first(size));
    bytes.push_back(std::byte{0});
    expect_refused(bytes);
  };
  check(CloseProvisioningSession{issuer.handle(), {}});
  check(GetProvisioningSession{{"S"}, {"C"}, to_bytes("u")});
  check(EnumerateProvisioningSessions{});
  check(AbortProvisioningSession{issuer.handle()});
  check(SignProvisioningSessionData{issuer.handle(), to_bytes("abc")});
  check(issuer.puk_policy());
  check(issuer.pin_policy());
  check(issuer.key_pair());
  check(SetCertificatePath{issuer.handle(), 1, {to_bytes("x")}, {}});
  check(EnumerateKeys{});
  check(GetKeyProtectionInfo{1});
}

TEST_F(Unreadable, ABoolOtherThanZeroOrOne) {
  Bytes bytes = to_bytes(wire::encode(8, issuer.pin_policy()).expose_secret());
  bytes[bytes.size() - 9] = std::byte{2};  // UserDefined
  expect_refused(bytes);
}

TEST_F(Unreadable, AMacOfAnotherLength) {
  Bytes bytes = to_bytes(wire::encode(2, CloseProvisioningSession{issuer.handle(), {}}).expose_secret());
  bytes[6] = std::byte{31};
  bytes.pop_back();
  expect_refused(bytes);
}

TEST_F(Unreadable, AnUnknownKeyAlgorithmType) {
  Bytes bytes = to_bytes(wire::encode(9, issuer.key_pair()).expose_secret());
  bytes[bytes.size() - 2 - uri::kP256.size() - 1] = std::byte{2};
  expect_refused(bytes);
}

}  // namespace
}  // namespace airtight::sks
