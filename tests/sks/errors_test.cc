// What an error does, what it says, and which of several comes first (sks.md sections 1 and 4).
#include <gtest/gtest.h>

#include <functional>

#include "base/algorithms.h"
#include "base/text.h"
#include "tests/model/stage.h"

namespace airtight::sks::model {
namespace {

SecretBytes secret(std::string_view text) { return SecretBytes::copy_of(bytes_of(text)); }

template <typename Request>
Bytes answer_to(Stage& stage, const Request& request) {
  return stage.world().exchange(wire::encode(method_of<Request>().number, request).expose_secret());
}

// A status, an array that is English text in UTF-8, and nothing more.
void expect_error(ByteView answer, Status status) {
  wire::Reader reader(answer);
  EXPECT_EQ(reader.integer(1), static_cast<std::uint64_t>(status));
  const auto text = reader.array(2);
  ASSERT_TRUE(text.has_value());
  EXPECT_TRUE(is_utf8(*text));
  EXPECT_FALSE(text->empty());
  EXPECT_EQ(reader.remaining(), 0U);
}

TEST(ErrorStrings, AreAllThatFollowsAStatus) {
  Stage stage;
  expect_error(stage.world().exchange({}), Status::kOption);
  expect_error(answer_to(stage, AbortProvisioningSession{77}), Status::kNoSession);
  expect_error(answer_to(stage, GetKeyProtectionInfo{77}), Status::kNoKey);
  auto wrong_pin = stage.valid<SignHashedData>();
  wrong_pin.pin = secret("9999");
  expect_error(answer_to(stage, wrong_pin), Status::kAuthorization);
  auto wrong_mac = stage.valid<CloseProvisioningSession>();
  wrong_mac.mac[0] ^= std::byte{1};
  expect_error(answer_to(stage, wrong_mac), Status::kMac);
}

TEST(ErrorStrings, HoldNoSecret) {
  constexpr std::string_view kSecret = "73190428";
  Stage stage;
  const auto expect_silence = [&](const Bytes& answer) {
    EXPECT_NE(answer.at(0), std::byte{0});
    EXPECT_EQ(to_text(answer).find(kSecret), std::string::npos);
  };
  auto forbidden = stage.valid<CreateKeyPair>();
  forbidden.pin_value = secret(std::string(kSecret) + "1");
  expect_silence(answer_to(stage, forbidden));
  Stage user;
  auto sign = user.valid<SignHashedData>();
  sign.pin = secret(kSecret);
  expect_silence(answer_to(user, sign));
  expect_silence(answer_to(user, DeleteKey{user.valid<DeleteKey>().key_handle, secret(kSecret)}));
  expect_silence(answer_to(user, ExportKey{sign.key_handle, secret(kSecret)}));
  expect_silence(answer_to(user, UnlockKey{sign.key_handle, secret(kSecret)}));
  expect_silence(answer_to(user, ChangePin{sign.key_handle, secret("1634"), secret(std::string(kSecret) + "1")}));
  expect_silence(answer_to(user, SetPin{sign.key_handle, secret(kSecret), secret("1634")}));
}

// A request of an open session, spoiled by `spoil`, ends that session and leaves nothing of it.
template <typename Request>
void expect_end(const std::function<void(Request&)>& spoil) {
  SCOPED_TRACE(std::string(method_of<Request>().name));
  Stage stage;
  (void)stage.valid<GetExtensionObject>();  // closed sessions stay as they are
  const std::size_t keys = stage.model().keys().size();
  auto request = stage.valid<Request>();
  const Handle session = request.provisioning_handle;
  ASSERT_TRUE(stage.model().is_open(session));
  spoil(request);
  EXPECT_NE(stage.call(request).status, Status::kOk);
  EXPECT_EQ(stage.world().call(AbortProvisioningSession{session}).status, Status::kNoSession);
  std::size_t left = 0;
  for (Handle at = kNoHandle;; ++left) {
    at = stage.world().call(EnumerateKeys{at}).response->key_handle;
    if (at == kNoHandle) break;
  }
  EXPECT_EQ(left, keys);
}

TEST(IncorrectCalls, EndTheSessionThatTheyNameWithAllThatItMade) {
  const auto spoil_mac = [](auto& request) { request.mac[31] ^= std::byte{0x80}; };
  expect_end<CloseProvisioningSession>(spoil_mac);
  expect_end<CreatePukPolicy>([](auto& request) { request.format = 4; });
  expect_end<CreatePinPolicy>([](auto& request) { request.puk_policy_handle += 100; });
  expect_end<CreateKeyPair>([](auto& request) { request.pin_policy_handle += 100; });
  expect_end<SetCertificatePath>([](auto& request) { request.key_handle += 100; });
  expect_end<SetSymmetricKey>(spoil_mac);
  expect_end<AddExtensionData>(spoil_mac);
  expect_end<RestorePrivateKey>(spoil_mac);
  expect_end<PostProvisioningDeleteKey>(spoil_mac);
  expect_end<PostProvisioningUpdateKey>([](auto& request) { request.key_handle_original += 100; });
}

TEST(IncorrectCalls, OfUsersEndNoSession) {
  Stage stage;
  auto sign = stage.valid<SignHashedData>();
  const Handle session = stage.valid<SignProvisioningSessionData>().provisioning_handle;
  sign.pin = secret("9999");
  EXPECT_EQ(stage.call(sign).status, Status::kAuthorization);
  EXPECT_EQ(stage.call(GetKeyProtectionInfo{77}).status, Status::kNoKey);
  EXPECT_EQ(stage.call(SetProperty{sign.key_handle, {}, {}, {}}).status, Status::kOption);
  EXPECT_EQ(stage.call(EnumerateKeys{77}).status, Status::kOk);
  EXPECT_EQ(stage.call(EnumerateProvisioningSessions{77}).status, Status::kOk);
  auto names = stage.valid<GetProvisioningSession>();
  names.issuer_uri.push_back(std::byte{'x'});
  EXPECT_EQ(stage.call(names).status, Status::kNoSession);
  EXPECT_EQ(stage.call(SignProvisioningSessionData{session, {}}).status, Status::kOk) << "it is still open";
}

// "Provisioning: handles and state, SessionKeyLimit, MAC, then what the MAC covers."
TEST(ErrorOrder, InProvisioning) {
  const auto everything_wrong = [](Stage& stage) {
    auto session = stage.valid<CreateProvisioningSession>();
    session.session_key_limit = 1;  // createKeyPair is the use that there is
    auto key = stage.valid<CreateKeyPair>();
    key.provisioning_handle = stage.call(session).response->provisioning_handle;
    key.pin_policy_handle = 0;
    key.pin_value = {};
    SetCertificatePath path;
    path.provisioning_handle = key.provisioning_handle;
    path.key_handle = stage.call(key).response->key_handle;
    path.x509_certificates = {to_bytes("no certificate")};
    return path;
  };
  {
    Stage stage;
    auto request = everything_wrong(stage);
    request.key_handle += 100;
    EXPECT_EQ(stage.call(request).status, Status::kNoKey);
  }
  {
    Stage stage;
    EXPECT_EQ(stage.call(everything_wrong(stage)).status, Status::kNotAllowed) << "SessionKeyLimit";
  }
  Stage stage;
  auto request = stage.valid<SetCertificatePath>();
  request.x509_certificates = {to_bytes("no certificate")};
  EXPECT_EQ(stage.call(request).status, Status::kMac);
  request = stage.valid<SetCertificatePath>();
  request.x509_certificates = {to_bytes("no certificate")};
  request.mac = right_mac(stage.model(), request);
  EXPECT_EQ(stage.call(request).status, Status::kCrypto);
}

// "User API: key, usage, algorithm, lengths, PIN."
TEST(ErrorOrder, InTheUserApi) {
  Stage stage;
  const Handle encrypting = stage.valid<KeyAgreement>().key_handle;
  const Handle signing = stage.valid<SignHashedData>().key_handle;
  const auto sign = [&](Handle key, std::string_view algorithm, std::size_t length) {
    return stage.call(SignHashedData{key, std::string(algorithm), secret("9999"), Bytes(length)}).status;
  };
  EXPECT_EQ(sign(1000, "urn:none", 1), Status::kNoKey);
  EXPECT_EQ(sign(encrypting, "urn:none", 1), Status::kNotAllowed);
  EXPECT_EQ(sign(signing, "urn:none", 1), Status::kAlgorithm);
  EXPECT_EQ(sign(signing, uri::kEcdsaSha256, 1), Status::kOption);
  EXPECT_EQ(stage.call(ChangePin{signing, secret("9999"), secret("1")}).status, Status::kOption) << "a length, too";
  EXPECT_EQ(stage.call(SetPin{signing, secret("9999"), secret("1")}).status, Status::kOption);
  EXPECT_EQ(stage.call(GetKeyProtectionInfo{signing}).response->pin_error_count, 0) << "no PIN was looked at";
  EXPECT_EQ(stage.call(GetKeyProtectionInfo{signing}).response->puk_error_count, 0);
  EXPECT_EQ(sign(signing, uri::kEcdsaSha256, 32), Status::kAuthorization);
}

}  // namespace
}  // namespace airtight::sks::model
