// Extensions: addExtensionData, getExtensionObject and setProperty (the SKS document, sks.md section 7).
#include <gtest/gtest.h>

#include "tests/sks/device.h"
#include "tests/support/must.h"

namespace airtight::sks {
namespace {

using testing::CertifiedKey;
using testing::SessionOptions;
using testing::status;
using testing::TestDevice;
using testing::TestIssuer;
using tests::must;

constexpr std::string_view kBag =
    "<PropertyBag xmlns=\"http://xmlns.webpki.org/keygen2/beta/20100402#\" Type=\"urn:hotp\">\n"
    "  <Property Name=\"Counter\" Value=\"0\" Writable=\"true\"></Property>\n"
    "  <Property Name=\"Digits\" Value=\"8\"></Property>\n"
    "</PropertyBag>";

class Extensions : public ::testing::Test {
 protected:
  Status add(ExtensionBaseType base_type, std::string_view type, ByteView data, std::string_view qualifier = "") {
    TestIssuer issuer(device);
    const CertifiedKey key = issuer.certified(issuer.key_pair());
    return status(device.call(issuer.extension(key, base_type, type, data, qualifier)));
  }
  Handle provision_with(ExtensionBaseType base_type, std::string_view type, ByteView data, std::string_view qualifier = "") {
    TestIssuer issuer(device);
    const CertifiedKey key = issuer.certified(issuer.key_pair());
    must(device.call(issuer.extension(key, base_type, type, data, qualifier)));
    must(device.call(issuer.close()));
    return key.handle;
  }
  GetExtensionObject::Response get(Handle key, std::string_view type) { return must(device.call(GetExtensionObject{key, to_bytes(type)})); }
  Status set(Handle key, std::string_view type, std::string_view name, std::string_view value) {
    return status(device.call(SetProperty{key, to_bytes(type), to_bytes(name), to_bytes(value)}));
  }

  TestDevice device;
};

TEST_F(Extensions, ComeBackAsTheyWereAdded) {
  const Handle key = provision_with(ExtensionBaseType::kExtension, "urn:card", bytes_of("card data"));
  const auto extension = get(key, "urn:card");
  EXPECT_EQ(extension.base_type, 0);
  EXPECT_TRUE(extension.qualifier.empty());
  EXPECT_EQ(to_text(extension.extension_data.value.expose_secret()), "card data");
}

TEST_F(Extensions, EncryptedOnesComeBackInClear) {
  const Handle key = provision_with(ExtensionBaseType::kEncryptedExtension, "urn:secret", bytes_of("secret data"));
  const auto extension = get(key, "urn:secret");
  EXPECT_EQ(extension.base_type, 1);
  EXPECT_EQ(to_text(extension.extension_data.value.expose_secret()), "secret data");
}

TEST_F(Extensions, LogotypesHaveAMimeType) {
  const Handle key = provision_with(ExtensionBaseType::kLogotype, "urn:logo", Bytes(100), "image/png");
  EXPECT_EQ(to_text(get(key, "urn:logo").qualifier), "image/png");
  for (const std::string_view wrong : {"", "image", "/png", "image/", "image/png/x", "image/p ng", "image/png;q=1", "im\xC3\xA4ge/png"}) {
    EXPECT_EQ(add(ExtensionBaseType::kLogotype, "urn:logo", Bytes(1), wrong), Status::kOption) << wrong;
  }
}

TEST_F(Extensions, OnlyLogotypesHaveAQualifier) {
  EXPECT_EQ(add(ExtensionBaseType::kExtension, "urn:x", Bytes(1), "image/png"), Status::kOption);
  EXPECT_EQ(add(ExtensionBaseType::kEncryptedExtension, "urn:x", Bytes(1), "image/png"), Status::kOption);
  EXPECT_EQ(add(ExtensionBaseType::kPropertyBag, "urn:hotp", bytes_of(kBag), "image/png"), Status::kOption);
}

TEST_F(Extensions, TypesAreTextAndUniqueWithinAKey) {
  EXPECT_EQ(add(ExtensionBaseType::kExtension, "", Bytes(1)), Status::kOption);
  EXPECT_EQ(add(ExtensionBaseType::kExtension, "\xFF", Bytes(1)), Status::kOption);
  TestIssuer issuer(device);
  const CertifiedKey one = issuer.certified(issuer.key_pair("Key.1"));
  const CertifiedKey two = issuer.certified(issuer.key_pair("Key.2"));
  must(device.call(issuer.extension(one, ExtensionBaseType::kExtension, "urn:x", Bytes(1))));
  must(device.call(issuer.extension(two, ExtensionBaseType::kExtension, "urn:x", Bytes(1))));
  EXPECT_EQ(status(device.call(issuer.extension(one, ExtensionBaseType::kLogotype, "urn:x", Bytes(1), "a/b"))), Status::kOption);
}

TEST_F(Extensions, ABaseTypeIsOneOfFour) {
  TestIssuer issuer(device);
  const CertifiedKey key = issuer.certified(issuer.key_pair());
  EXPECT_EQ(status(device.call(issuer.extension(key, static_cast<ExtensionBaseType>(4), "urn:x", Bytes(1)))), Status::kOption);
}

TEST_F(Extensions, HaveUpTo65536BytesOfPlainData) {
  EXPECT_EQ(add(ExtensionBaseType::kExtension, "urn:x", Bytes(65536)), Status::kOk);
  EXPECT_EQ(add(ExtensionBaseType::kExtension, "urn:x", Bytes(65537)), Status::kOption);
  EXPECT_EQ(add(ExtensionBaseType::kEncryptedExtension, "urn:x", Bytes(65536)), Status::kOk);
  EXPECT_EQ(add(ExtensionBaseType::kEncryptedExtension, "urn:x", Bytes(65537)), Status::kOption);
  EXPECT_EQ(add(ExtensionBaseType::kExtension, "urn:x", {}), Status::kOk);
}

TEST_F(Extensions, KeepTheirOrder) {
  TestIssuer issuer(device);
  const CertifiedKey key = issuer.certified(issuer.key_pair());
  for (const std::string_view type : {"urn:z", "urn:a", "urn:m"}) {
    must(device.call(issuer.extension(key, ExtensionBaseType::kExtension, type, bytes_of(type))));
  }
  EXPECT_TRUE(must(device.call(EnumerateKeys{})).key->extension_types.values.empty()) << "not while the session is open";
  must(device.call(issuer.close()));
  EXPECT_EQ(must(device.call(EnumerateKeys{})).key->extension_types.values, (std::vector<std::string>{"urn:z", "urn:a", "urn:m"}));
  for (const std::string_view type : {"urn:z", "urn:a", "urn:m"}) {
    EXPECT_EQ(to_text(get(key.handle, type).extension_data.value.expose_secret()), type);
  }
}

TEST_F(Extensions, ComeAfterTheCertificate) {
  TestIssuer issuer(device);
  const auto pair = must(device.call(issuer.key_pair()));
  EXPECT_EQ(status(device.call(issuer.extension({"Key.1", pair.key_handle, {}, {}}, ExtensionBaseType::kExtension, "urn:x", Bytes(1)))),
            Status::kNotAllowed);
}

TEST_F(Extensions, WrongPaddingAndWrongMacLookTheSame) {
  for (const int broken : {0, 1, 2}) {
    TestIssuer issuer(device);
    const CertifiedKey key = issuer.certified(issuer.key_pair());
    auto request = issuer.extension(key, ExtensionBaseType::kEncryptedExtension, "urn:x", bytes_of("0123456789"));
    if (broken == 0) request.mac[31] ^= std::byte{1};
    if (broken == 1) request.extension_data.value.back() ^= std::byte{0x55};
    if (broken == 2) request.extension_data.value.resize(20);
    const auto result = device.call(request);
    EXPECT_EQ(status(result), Status::kMac);
    EXPECT_EQ(result.error().message, "addExtensionData: the MAC does not match the data");
  }
}

TEST_F(Extensions, CountOneUseOfTheSessionKeyAndTwoIfEncrypted) {
  const auto with_limit = [&](std::uint16_t limit, ExtensionBaseType base_type) {
    TestIssuer issuer(device, SessionOptions{.key_limit = limit});
    const CertifiedKey key = issuer.certified(issuer.key_pair());  // 1 for its attestation, 1 for its path
    return status(device.call(issuer.extension(key, base_type, "urn:x", Bytes(1))));
  };
  EXPECT_EQ(with_limit(3, ExtensionBaseType::kExtension), Status::kOk);
  EXPECT_EQ(with_limit(2, ExtensionBaseType::kExtension), Status::kNotAllowed);
  EXPECT_EQ(with_limit(4, ExtensionBaseType::kEncryptedExtension), Status::kOk);
  EXPECT_EQ(with_limit(3, ExtensionBaseType::kEncryptedExtension), Status::kNotAllowed);
}

TEST_F(Extensions, OneThatIsNotThereIsAnInvalidOption) {
  const Handle key = provision_with(ExtensionBaseType::kExtension, "urn:x", Bytes(1));
  EXPECT_EQ(status(device.call(GetExtensionObject{key, to_bytes("urn:y")})), Status::kOption);
  EXPECT_EQ(status(device.call(GetExtensionObject{key + 1, to_bytes("urn:x")})), Status::kNoKey);
}

TEST_F(Extensions, AKeyGrowsNoFurtherThanCanBeEnumerated) {
  TestIssuer issuer(device);
  const CertifiedKey key = issuer.certified(issuer.key_pair());
  const std::string filler(65530, 'x');
  Status last = Status::kOk;
  int added = 0;
  for (; last == Status::kOk && added < 20; ++added) {
    last = status(device.call(issuer.extension(key, ExtensionBaseType::kExtension, std::to_string(added) + filler, {})));
  }
  EXPECT_EQ(last, Status::kOption);
  EXPECT_EQ(added, 16) << "fifteen fit into 1 MiB beside the certificates";
}

TEST_F(Extensions, PropertyBagsAreChecked) {
  EXPECT_EQ(add(ExtensionBaseType::kPropertyBag, "urn:hotp", bytes_of(kBag)), Status::kOk);
  EXPECT_EQ(add(ExtensionBaseType::kPropertyBag, "urn:other", bytes_of(kBag)), Status::kOption);
  EXPECT_EQ(add(ExtensionBaseType::kPropertyBag, "urn:hotp", bytes_of("no XML")), Status::kOption);
}

TEST_F(Extensions, SetPropertyChangesAWritableProperty) {
  const Handle key = provision_with(ExtensionBaseType::kPropertyBag, "urn:hotp", bytes_of(kBag));
  EXPECT_EQ(set(key, "urn:hotp", "Counter", "<1>"), Status::kOk);
  std::string expected(kBag);
  expected.replace(expected.find("Value=\"0\""), 9, "Value=\"&lt;1>\"");
  EXPECT_EQ(to_text(get(key, "urn:hotp").extension_data.value.expose_secret()), expected);
  EXPECT_EQ(set(key, "urn:hotp", "Counter", "0"), Status::kOk);
  EXPECT_EQ(to_text(get(key, "urn:hotp").extension_data.value.expose_secret()), kBag);
}

TEST_F(Extensions, SetPropertyChangesNothingElse) {
  const Handle key = provision_with(ExtensionBaseType::kPropertyBag, "urn:hotp", bytes_of(kBag));
  EXPECT_EQ(set(key, "urn:hotp", "Digits", "6"), Status::kNotAllowed);
  EXPECT_EQ(set(key, "urn:hotp", "Other", "6"), Status::kOption);
  EXPECT_EQ(set(key, "urn:other", "Counter", "6"), Status::kOption);
  EXPECT_EQ(set(key, "urn:hotp", "Counter", "\x01"), Status::kOption);
  EXPECT_EQ(set(key, "urn:hotp", "Counter", "\xFF"), Status::kOption);
  EXPECT_EQ(set(key, "urn:hotp", "Counter", std::string(65535, '9')), Status::kOption) << "larger than ExtensionDataSize";
  EXPECT_EQ(set(key + 1, "urn:hotp", "Counter", "6"), Status::kNoKey);
  EXPECT_EQ(to_text(get(key, "urn:hotp").extension_data.value.expose_secret()), kBag);
}

TEST_F(Extensions, SetPropertyWantsAPropertyBag) {
  const Handle key = provision_with(ExtensionBaseType::kExtension, "urn:hotp", bytes_of(kBag));
  EXPECT_EQ(set(key, "urn:hotp", "Counter", "1"), Status::kOption);
}

}  // namespace
}  // namespace airtight::sks
