// What a store promises beyond the answers to its calls: what is kept and what is not, what is written and when, and who waits for whom.
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "base/algorithms.h"
#include "tests/model/stage.h"

namespace airtight::sks::model {
namespace {

SecretBytes secret(std::string_view text) { return SecretBytes::copy_of(bytes_of(text)); }

TEST(Sessions, AreAsManyAsThereIsRoomFor) {
  Stage stage;
  for (int i = 0; i < 300; ++i) ASSERT_EQ(stage.call(stage.valid<CreateProvisioningSession>()).status, Status::kOk) << i;
  stage.compare_all();
}

TEST(Handles, AreNotUsedAgainAfterARestart) {
  Stage stage;
  const auto first = stage.valid<SetCertificatePath>();
  const Handle puk = stage.valid<CreatePinPolicy>().puk_policy_handle;
  const Handle pin = stage.valid<CreateKeyPair>().pin_policy_handle;
  ASSERT_EQ(stage.call(AbortProvisioningSession{first.provisioning_handle}).status, Status::kOk);
  stage.world().reopen();
  const auto second = stage.valid<SetCertificatePath>();
  EXPECT_GT(second.provisioning_handle, first.provisioning_handle);
  EXPECT_GT(second.key_handle, first.key_handle);
  EXPECT_GT(stage.valid<CreatePinPolicy>().puk_policy_handle, puk);
  EXPECT_GT(stage.valid<CreateKeyPair>().pin_policy_handle, pin);
}

TEST(CreateKeyPair, MakesAnotherKeyFromTheSameSeed) {
  Stage stage;
  const auto first = stage.valid<CreateKeyPair>();
  auto second = stage.valid<CreateKeyPair>();
  second.issuer_seed = first.issuer_seed;
  EXPECT_NE(stage.call(first).response->generated_public_key, stage.call(second).response->generated_public_key);
}

// One of 256 shared secrets begins with a zero byte, which belongs to it; each session's attestation is verified with it.
TEST(SessionKeys, ComeFromZWithItsLeadingZeros) {
  Stage stage;
  const crypto::PrivateKey& server = Workshop::instance().server_key();
  for (int i = 0; i < 6000; ++i) {
    const auto answer = stage.call(stage.valid<CreateProvisioningSession>());
    ASSERT_EQ(answer.status, Status::kOk);
    const auto client = crypto::PublicKey::from_spki(answer.response->client_ephemeral_key).value();
    if (server.agree(client)->expose_secret()[0] == std::byte{0}) return;
    ASSERT_EQ(stage.call(AbortProvisioningSession{answer.response->provisioning_handle}).status, Status::kOk);
  }
  FAIL() << "no shared secret began with a zero byte";
}

// Patterns and formats are for PINs that users choose.
TEST(IssuerSetPins, AreHeldToLengthAndGroupingAlone) {
  Stage stage;
  auto policy = stage.valid<CreatePinPolicy>();
  policy.user_defined = false;
  policy.pattern_restrictions = 0x0F;
  policy.grouping = 3;  // unique
  const Handle handle = stage.call(policy).response->pin_policy_handle;
  const auto create = [&](std::string_view pin) {
    auto request = stage.valid<CreateKeyPair>();
    request.pin_policy_handle = handle;
    request.pin_value = SecretBytes::copy_of(encrypted_for(stage.model(), request.provisioning_handle, bytes_of(pin)));
    return stage.call(request).status;
  };
  EXPECT_EQ(create("aaaa"), Status::kOk) << "neither numeric nor without repetition";
  EXPECT_EQ(create("3456"), Status::kOk);
  EXPECT_EQ(create("aaaa"), Status::kOption) << "not unique";
}

TEST(TransportKeys, AreOfNoUseToTheUser) {
  Stage stage;
  const Handle key = stage.provision({.key = [](CreateKeyPair& request) { request.key_usage = 4; }});
  EXPECT_EQ(stage.call(SignHashedData{key, std::string(uri::kEcdsaSha256), secret("1634"), Bytes(32)}).status, Status::kNotAllowed);
  EXPECT_EQ(stage.call(KeyAgreement{key, std::string(uri::kEcdhRaw), secret("1634"), {}}).status, Status::kNotAllowed);
  EXPECT_EQ(stage.call(AsymmetricKeyDecrypt{key, std::string(uri::kRsa15), secret("1634"), {}}).status, Status::kNotAllowed);
  EXPECT_EQ(stage.call(PerformHmac{key, std::string(uri::kHmacSha1), secret("1634"), {}}).status, Status::kNotAllowed);
  EXPECT_EQ(stage.call(SymmetricKeyEncrypt{key, std::string(uri::kAes128Cbc), true, {}, secret("1634"), {}}).status, Status::kNotAllowed);
  EXPECT_EQ(stage.call(ExportKey{key, {}}).status, Status::kNotAllowed);
}

TEST(RightPins, InARowWriteNothing) {
  Stage stage;
  ASSERT_EQ(stage.call(stage.valid<SignHashedData>()).status, Status::kOk);
  const auto before = stage.world().files();
  for (int i = 0; i < 5; ++i) ASSERT_EQ(stage.call(stage.valid<SignHashedData>()).status, Status::kOk);
  EXPECT_TRUE(stage.world().files() == before);
  auto wrong = stage.valid<SignHashedData>();
  wrong.pin = secret("9999");
  ASSERT_EQ(stage.call(wrong).status, Status::kAuthorization);  // disk shows it already: one attempt was charged ahead
  ASSERT_EQ(stage.call(wrong).status, Status::kAuthorization);
  EXPECT_TRUE(stage.world().files() != before) << "the next wrong one is counted on disk";
}

TEST(PinsAndPuks, AreNotInTheDatabaseInClear) {
  constexpr std::string_view kPin = "Q7Z9W3K1";
  constexpr std::string_view kPuk = "PUK-M5X8C2V6";
  Stage stage;
  const Handle key = stage.provision(
      {.puk =
           [&](CreatePukPolicy& request) { request.puk_value = encrypted_for(stage.model(), request.provisioning_handle, bytes_of(kPuk)); },
       .pin = [](CreatePinPolicy& request) { request.format = 1; },
       .key = [&](CreateKeyPair& request) { request.pin_value = secret(kPin); }});
  ASSERT_EQ(stage.call(SignHashedData{key, std::string(uri::kEcdsaSha256), secret(kPin), Bytes(32)}).status, Status::kOk);
  ASSERT_EQ(stage.call(UnlockKey{key, secret(kPuk)}).status, Status::kOk);
  std::size_t size = 0;
  for (const auto& [name, content] : stage.world().files()) {
    size += content.size();
    EXPECT_EQ(content.find(kPin), std::string::npos) << name;
    EXPECT_EQ(content.find(kPuk), std::string::npos) << name;
  }
  EXPECT_GT(size, 4096U);
}

// Waits until it is told to go on, and says that it does.
class HeldPause final : public Pause {
 public:
  void wait(std::chrono::milliseconds span) override {
    std::unique_lock lock(mutex_);
    asked_for_ = span;
    changed_.notify_all();
    changed_.wait(lock, [&] { return released_; });
  }
  [[nodiscard]] bool is_over() const override { return over_; }
  std::chrono::milliseconds wait_until_held() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return asked_for_.count() != 0; });
    return asked_for_;
  }
  void release() {
    const std::lock_guard lock(mutex_);
    released_ = true;
    changed_.notify_all();
  }
  void end() {
    over_ = true;
    release();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::chrono::milliseconds asked_for_{0};
  bool released_ = false;
  std::atomic<bool> over_ = false;
};

unsigned errors_of_puk(Stage& stage, Handle key) { return stage.world().call(GetKeyProtectionInfo{key}).response.value().puk_error_count; }

TEST(APukThatWaits, IsNotComparedWhenTheStoreClosesAndStaysCharged) {
  HeldPause pause;
  Stage stage(&pause);
  const Handle key = stage.provision({.puk = [](CreatePukPolicy& request) { request.retry_limit = 0; }});
  Status first = Status::kOk;
  std::thread caller([&] { first = stage.world().call(UnlockKey{key, secret("12345678")}).status; });
  static_cast<void>(pause.wait_until_held());
  pause.end();
  caller.join();
  EXPECT_EQ(first, Status::kInternal) << "the PUK was right";
  EXPECT_EQ(errors_of_puk(stage, key), 1U);
  EXPECT_EQ(stage.world().call(UnlockKey{key, secret("12345678")}).status, Status::kInternal);
  EXPECT_EQ(stage.world().call(SignHashedData{key, std::string(uri::kEcdsaSha256), secret("1634"), Bytes(32)}).status, Status::kInternal);
  EXPECT_EQ(errors_of_puk(stage, key), 1U) << "nothing was tried";
}

TEST(APukThatWaits, HoldsUpNobody) {
  HeldPause pause;
  Stage stage(&pause);
  const Handle key = stage.provision({.puk = [](CreatePukPolicy& request) { request.retry_limit = 0; }});
  Status unlocked = Status::kInternal;
  std::thread caller([&] { unlocked = stage.world().call(UnlockKey{key, secret("12345678")}).status; });
  EXPECT_GE(pause.wait_until_held(), std::chrono::seconds(1));
  EXPECT_EQ(stage.call(SignHashedData{key, std::string(uri::kEcdsaSha256), secret("1634"), Bytes(32)}).status, Status::kOk)
      << "the same key";
  EXPECT_EQ(stage.call(stage.valid<CreateKeyPair>()).status, Status::kOk);
  stage.compare_all();
  pause.release();
  caller.join();
  EXPECT_EQ(unlocked, Status::kOk);
}

}  // namespace
}  // namespace airtight::sks::model
