// PINs and PUKs through whole calls: nothing shows but whether they are right, and whether a new one may stand beside the others.
#include "tests/constant_time/unsealed_store.h"

namespace airtight::sks {
namespace {

using airtight::testing::hidden;
using testing::status;

using Pin = testing::SecretsOfAStore;
using Puk = testing::SecretsOfAStore;

TEST_F(Pin, ShowsOnlyWhetherItIsRight) {
  const Handle key = provision("2580").key_handle;
  EXPECT_EQ(sign(key, "x580"), Status::kAuthorization);
  EXPECT_EQ(sign(key, "258x"), Status::kAuthorization);
  EXPECT_EQ(sign(key, "25800"), Status::kAuthorization);
  EXPECT_EQ(sign(key, "2580"), Status::kOk);
}

TEST_F(Pin, ThatIsLockedShowsNothing) {
  const Handle key = provision("2580", 1).key_handle;
  EXPECT_EQ(sign(key, "0000"), Status::kAuthorization);
  EXPECT_EQ(sign(key, "2580"), Status::kAuthorization);
}

TEST_F(Pin, OfAnIssuerIsNotShownByItsDecryption) {
  auto policy = issuer_.pin_policy("PIN.1");
  policy.user_defined = false;
  const Handle handle = call(store_, policy).value().pin_policy_handle;
  auto key = issuer_.key_pair("Key.1", handle);
  key.pin_value = SecretBytes::copy_of(issuer_.encrypt("2580"));
  EXPECT_EQ(sign(issuer_.provision(key).key_handle, "2580"), Status::kOk);
}

TEST_F(Pin, ThatDeletesAKeyShowsOnlyWhetherItIsRight) {
  auto key = issuer_.key_pair("Key.1", call(store_, issuer_.pin_policy()).value().pin_policy_handle, "2580");
  key.delete_policy = static_cast<std::uint8_t>(DeletePolicy::kPin);
  DeleteKey request;
  request.key_handle = issuer_.provision(key).key_handle;
  request.optional_authorization = hidden("2581");
  EXPECT_EQ(status(call(store_, request)), Status::kAuthorization);
  request.optional_authorization = hidden("2580");
  EXPECT_EQ(status(call(store_, request)), Status::kOk);
}

TEST_F(Pin, ThatIsChangedShowsOnlyWhetherOldAndNewOneFit) {
  const Handle key = provision("2580").key_handle;
  EXPECT_EQ(change_pin(key, "2581", "1234"), Status::kAuthorization);
  EXPECT_EQ(change_pin(key, "2580", "12x4"), Status::kOption);
  EXPECT_EQ(change_pin(key, "2580", "1234"), Status::kOk);
  EXPECT_EQ(sign(key, "1234"), Status::kOk);
}

TEST_F(Puk, ShowsOnlyWhetherItIsRight) {
  UnlockKey request;
  request.key_handle = provision("2580").key_handle;
  for (const auto& [puk, expected] :
       {std::pair("x123456789", Status::kAuthorization), {"012345678x", Status::kAuthorization}, {"0123456789", Status::kOk}}) {
    request.authorization = hidden(puk);
    EXPECT_EQ(status(call(store_, request)), expected);
  }
}

TEST_F(Puk, ThatNeverLocksShowsOnlyWhetherItIsRight) {
  UnlockKey request;
  auto puk = issuer_.puk_policy();
  puk.retry_limit = 0;
  const auto policy = issuer_.pin_policy("PIN.1", call(store_, puk).value().puk_policy_handle);
  request.key_handle = issuer_.provision(issuer_.key_pair("Key.1", call(store_, policy).value().pin_policy_handle, "2580")).key_handle;
  request.authorization = hidden("x123456789");
  EXPECT_EQ(status(call(store_, request)), Status::kAuthorization);
  request.authorization = hidden("0123456789");
  EXPECT_EQ(status(call(store_, request)), Status::kOk);
}

TEST_F(Puk, ThatSetsAPinShowsOnlyWhetherItIsRight) {
  SetPin request;
  request.key_handle = provision("2580").key_handle;
  request.puk = hidden("0123456780");
  request.new_pin = hidden("1234");
  EXPECT_EQ(status(call(store_, request)), Status::kAuthorization);
  request.puk = hidden("0123456789");
  EXPECT_EQ(status(call(store_, request)), Status::kOk);
  EXPECT_EQ(sign(request.key_handle, "1234"), Status::kOk);
}

TEST_F(Puk, ThatDoesNotDecryptShowsThatAndNoMore) {
  auto puk = issuer_.puk_policy();
  puk.puk_value[puk.puk_value.size() - 17] ^= std::byte{1};  // turns the last byte of the padding around
  EXPECT_EQ(status(call(store_, puk)), Status::kCrypto);
}

TEST_F(Pin, OfTheDeviceShowsOnlyWhetherItIsRight) {
  ASSERT_TRUE(store_.device().store().set_device_pin(hidden("device pin"), hidden("device puk")).has_value());
  const Handle key = issuer_.provision(issuer_.key_pair("Key.1", kDevicePinHandle)).key_handle;
  EXPECT_EQ(sign(key, "xevice pin"), Status::kAuthorization);
  EXPECT_EQ(sign(key, "device pin"), Status::kOk);
  EXPECT_EQ(status(store_.device().store().change_device_pin(hidden("device pix"), hidden("1234"))), Status::kAuthorization);
  EXPECT_EQ(status(store_.device().store().change_device_pin(hidden("device pin"), hidden("1234"))), Status::kOk);
  store_.device().reopen();
  EXPECT_EQ(status(store_.device().store().unlock_device_pin(hidden("xevice puk"))), Status::kAuthorization);
  EXPECT_EQ(status(store_.device().store().unlock_device_pin(hidden("device puk"))), Status::kOk);
}

// The PINs of the other keys of a group: nothing but whether the new one goes with them.
class GroupOfKeys : public testing::SecretsOfAStore {
 protected:
  Handle policy(Grouping grouping) {
    auto request = issuer_.pin_policy();
    request.grouping = static_cast<std::uint8_t>(grouping);
    return call(store_, request).value().pin_policy_handle;
  }
  Result<CreateKeyPair::Response> add(Handle policy, std::string id, KeyUsage usage, std::string_view pin) {
    auto request = issuer_.key_pair(std::move(id), policy, pin);
    request.key_usage = static_cast<std::uint8_t>(usage);
    classify(request.pin_value.expose_secret());
    auto made = call(store_, request);
    if (made) {
      EXPECT_EQ(status(call(store_, issuer_.certificate_path(request.id.value, *made))), Status::kOk);
    }
    return made;
  }
};

TEST_F(GroupOfKeys, WithUniquePinsShowsNoneOfThem) {
  const Handle pins = policy(Grouping::kUnique);
  const Handle key = add(pins, "Key.1", KeyUsage::kAuthentication, "2580").value().key_handle;
  EXPECT_TRUE(add(pins, "Key.2", KeyUsage::kAuthentication, "2581").has_value());
  EXPECT_TRUE(add(pins, "Key.3", KeyUsage::kAuthentication, "2582").has_value());
  ASSERT_EQ(status(call(store_, issuer_.close())), Status::kOk);
  EXPECT_EQ(change_pin(key, "2580", "2581"), Status::kOption);
  EXPECT_EQ(change_pin(key, "2580", "2583"), Status::kOk);
}

TEST_F(GroupOfKeys, WithOnePinForSignaturesShowsNoneOfThem) {
  const Handle pins = policy(Grouping::kSignatureStandard);
  const Handle key = add(pins, "Key.1", KeyUsage::kSignature, "2580").value().key_handle;
  EXPECT_TRUE(add(pins, "Key.2", KeyUsage::kAuthentication, "2581").has_value());
  EXPECT_TRUE(add(pins, "Key.3", KeyUsage::kSignature, "2580").has_value());
  ASSERT_EQ(status(call(store_, issuer_.close())), Status::kOk);
  EXPECT_EQ(change_pin(key, "2580", "2581"), Status::kOption);
  EXPECT_EQ(change_pin(key, "2580", "2583"), Status::kOk);
}

TEST_F(GroupOfKeys, WithOnePinShowsOnlyWhetherItIsThat) {
  const Handle pins = policy(Grouping::kShared);
  const Handle key = add(pins, "Key.1", KeyUsage::kSignature, "2580").value().key_handle;
  EXPECT_TRUE(add(pins, "Key.2", KeyUsage::kAuthentication, "2580").has_value());
  ASSERT_EQ(status(call(store_, issuer_.close())), Status::kOk);
  EXPECT_EQ(change_pin(key, "2580", "1234"), Status::kOk);
}

TEST_F(GroupOfKeys, WithOnePinRefusesAnotherWithoutShowingIt) {
  const Handle pins = policy(Grouping::kShared);
  EXPECT_TRUE(add(pins, "Key.1", KeyUsage::kSignature, "2580").has_value());
  EXPECT_EQ(status(add(pins, "Key.2", KeyUsage::kAuthentication, "2581")), Status::kOption);
}

}  // namespace
}  // namespace airtight::sks
