#include <gtest/gtest.h>

#include <algorithm>

#include "provenance/verdict.h"
#include "tests/support/certificates.h"

namespace airtight::provenance {
namespace {

using crypto::Certificate;
using crypto::CertificateContent;
using tests::certify;
using tests::Entity;
using tests::kStart;
using tests::must;
using tests::new_ca;
using tests::new_leaf;
using tests::new_root;

constexpr Instant kNow{1798761600000};  // 2027-01-01T00:00:00Z

// A vendor's hierarchy and one device of it.
struct Vendor {
  Entity root = certify(tests::new_p256_key(), "CN=Example Device Root,O=Example", nullptr, [](CertificateContent& content) {
    tests::as_ca(content);
    content.path_length = 1;
  });
  Entity model = certify(tests::new_p256_key(), "CN=Token 1,O=Example", &root, [](CertificateContent& content) {
    tests::as_ca(content);
    content.path_length = 0;
  });
  Entity device = new_leaf("CN=Token 1 0011,O=Example", model, [](CertificateContent& content) { content.key_usage = 0x8000; });

  [[nodiscard]] std::vector<Certificate> path() const { return {device.certificate, model.certificate}; }
};

DevicePolicy accepting(Level level, const Certificate& certificate) {
  DevicePolicy policy;
  policy.accepted.push_back({level, "entry", certificate});
  return policy;
}

DevicePolicy accepting_any() {
  DevicePolicy policy;
  policy.accept_any = true;
  return policy;
}

std::vector<std::string> ids_of(const Verdict& verdict) {
  std::vector<std::string> ids;
  for (const Finding& finding : verdict.findings) ids.push_back(finding.id);
  return ids;
}

// A path that is wrong is denied whatever the policy accepts, for the reasons `ids`, and gives no device ID to compare.
void expect_path_refused(const std::vector<Certificate>& path, const std::vector<std::string>& ids, Instant now = kNow) {
  const Verdict verdict = appraise_device(path, accepting_any(), now);
  EXPECT_EQ(verdict.decision, Decision::kDeny);
  EXPECT_EQ(ids_of(verdict), ids);
  EXPECT_EQ(verdict.rule, "device path");
  EXPECT_EQ(verdict.device_id, "");
}

void expect_allowed(const Verdict& verdict, std::string_view rule) {
  EXPECT_EQ(verdict.decision, Decision::kAllow);
  EXPECT_EQ(verdict.rule, rule);
  EXPECT_EQ(ids_of(verdict), std::vector<std::string>{"policy.entry"});
}

void expect_no_entry(const Verdict& verdict) {
  EXPECT_EQ(verdict.decision, Decision::kDeny);
  EXPECT_EQ(ids_of(verdict), std::vector<std::string>{"policy.no-entry"});
}

TEST(DevicePath, ThatIsGoodNamesDeviceAndClass) {
  const Vendor vendor;
  const Verdict verdict = appraise_device(vendor.path(), accepting(Level::kVendor, vendor.root.certificate), kNow);
  EXPECT_EQ(verdict.device, "CN=Token 1 0011,O=Example");
  EXPECT_EQ(verdict.device_class, "CN=Token 1,O=Example");
  EXPECT_EQ(verdict.vendor, "CN=Example Device Root,O=Example");
  EXPECT_EQ(verdict.device_id, device_id(vendor.device.certificate));
}

TEST(DevicePath, MayEndWithTheRoot) {
  const Vendor vendor;
  const std::vector<Certificate> path = {vendor.device.certificate, vendor.model.certificate, vendor.root.certificate};
  expect_allowed(appraise_device(path, accepting(Level::kVendor, vendor.root.certificate), kNow), "accepted vendor \"entry\"");
}

TEST(DevicePath, RefusesNothing) { expect_path_refused({}, {"device-path.empty"}); }

TEST(DevicePath, RefusesMoreThanEightCertificates) {
  const Vendor vendor;
  expect_path_refused(std::vector<Certificate>(9, vendor.device.certificate), {"device-path.too-long"});
}

TEST(DevicePath, TakesEightCertificates) {
  std::vector<Entity> entities = {new_root("CN=0")};
  for (int i = 1; i < 7; ++i) entities.push_back(new_ca("CN=" + std::to_string(i), entities.back()));
  entities.push_back(new_leaf("CN=Device", entities.back()));
  std::vector<Certificate> path;
  for (const Entity& entity : entities) path.insert(path.begin(), entity.certificate);
  EXPECT_EQ(appraise_device(path, accepting_any(), kNow).decision, Decision::kAllow);
}

TEST(DevicePath, RefusesAForgedSignature) {
  const Vendor vendor;
  // The right names, and the key of someone else.
  const Entity forged_model = certify(tests::new_p256_key(), "CN=Token 1,O=Example", nullptr, tests::as_ca);
  const Entity forged = new_leaf("CN=Token 1 0011,O=Example", forged_model);
  expect_path_refused({forged.certificate, vendor.model.certificate}, {"device-path.signature"});
}

TEST(DevicePath, RefusesAHole) {
  const Vendor vendor;
  expect_path_refused({vendor.device.certificate, vendor.root.certificate}, {"device-path.name"});
}

TEST(DevicePath, RefusesTheWrongOrder) {
  const Vendor vendor;
  expect_path_refused(
      {vendor.model.certificate, vendor.device.certificate},
      {"device-path.device-is-ca", "device-path.key-usage", "device-path.name", "device-path.not-ca", "device-path.key-usage"});
}

TEST(DevicePath, RefusesAnIssuerThatIsNoCa) {
  const Vendor vendor;
  const Entity no_ca = new_leaf("CN=Token 2,O=Example", vendor.root);
  expect_path_refused({new_leaf("CN=Device", no_ca).certificate, no_ca.certificate}, {"device-path.not-ca"});
}

TEST(DevicePath, RefusesAnIssuerOfVersion1) {
  // What has no basicConstraints is no CA; here by leaving them out of a certificate made elsewhere.
  const Vendor vendor;
  const Entity plain = new_leaf("CN=Plain", vendor.root);
  ASSERT_FALSE(plain.certificate.is_ca());
  expect_path_refused({new_leaf("CN=Device", plain).certificate, plain.certificate}, {"device-path.not-ca"});
}

TEST(DevicePath, IsNeverExtendedByAnAttestedKey) {
  // The device's key attests a key, whose owner then certifies a "device" of his own.
  const Vendor vendor;
  const Entity attested = new_leaf("CN=Attested", vendor.device, tests::as_ca);
  const Entity fake = new_leaf("CN=Fake", attested);
  expect_path_refused({fake.certificate, attested.certificate, vendor.device.certificate, vendor.model.certificate},
                      {"device-path.not-ca", "device-path.key-usage", "device-path.path-length"});
}

TEST(DevicePath, RefusesADeviceThatIsACa) {
  const Vendor vendor;
  expect_path_refused({new_ca("CN=Device", vendor.model).certificate, vendor.model.certificate},
                      {"device-path.device-is-ca", "device-path.key-usage"});
}

TEST(DevicePath, RefusesADeviceThatMayNotSign) {
  const Vendor vendor;
  const Entity device = new_leaf("CN=Device", vendor.model, [](CertificateContent& content) { content.key_usage = 0x2000; });
  expect_path_refused({device.certificate, vendor.model.certificate}, {"device-path.key-usage"});
}

TEST(DevicePath, RefusesACaThatMayNotCertify) {
  const Vendor vendor;
  const Entity model = certify(tests::new_p256_key(), "CN=Token 3", &vendor.root, [](CertificateContent& content) {
    content.ca = true;
    content.key_usage = 0x8000;
  });
  expect_path_refused({new_leaf("CN=Device", model).certificate, model.certificate}, {"device-path.key-usage"});
}

TEST(DevicePath, HoldsPathLengths) {
  const Vendor vendor;
  const Entity below = new_ca("CN=Below", vendor.model);
  expect_path_refused({new_leaf("CN=Device", below).certificate, below.certificate, vendor.model.certificate}, {"device-path.path-length"});
}

TEST(DevicePath, IsValidFromItsFirstToItsLastMillisecond) {
  const Vendor vendor;
  const DevicePolicy policy = accepting(Level::kVendor, vendor.root.certificate);
  EXPECT_EQ(appraise_device(vendor.path(), policy, kStart).decision, Decision::kAllow);
  EXPECT_EQ(appraise_device(vendor.path(), policy, tests::kEnd).decision, Decision::kAllow);
  expect_path_refused(vendor.path(), {"device-path.not-yet-valid", "device-path.not-yet-valid"}, Instant{kStart.milliseconds - 1});
  expect_path_refused(vendor.path(), {"device-path.expired", "device-path.expired"}, Instant{tests::kEnd.milliseconds + 1});
}

TEST(DevicePath, RefusesAnExpiredClass) {
  const Vendor vendor;
  const Entity model = certify(vendor.model.key, "CN=Token 1,O=Example", &vendor.root, [](CertificateContent& content) {
    tests::as_ca(content);
    content.not_after = Instant{kNow.milliseconds - 1000};
  });
  expect_path_refused({vendor.device.certificate, model.certificate}, {"device-path.expired"});
}

TEST(DevicePath, RefusesTheSameCertificateTwice) {
  const Vendor vendor;
  expect_path_refused({vendor.device.certificate, vendor.model.certificate, vendor.root.certificate, vendor.root.certificate},
                      {"device-path.duplicate", "device-path.path-length"});
}

TEST(DevicePath, RefusesTheSameKeyTwice) {
  const Vendor vendor;
  const Entity device = certify(vendor.model.key, "CN=Device", &vendor.model);
  expect_path_refused({device.certificate, vendor.model.certificate}, {"device-path.duplicate-key"});
}

TEST(DevicePath, RefusesWeakKeys) {
  const Vendor vendor;
  const Entity device = certify(must(crypto::PrivateKey::generate(crypto::RsaSpec{1024})), "CN=Device", &vendor.model);
  expect_path_refused({device.certificate, vendor.model.certificate}, {"device-path.weak-key"});
}

TEST(DevicePath, TakesRsaDevices) {
  const Vendor vendor;
  const Entity device = certify(must(crypto::PrivateKey::generate(crypto::RsaSpec{2048})), "CN=Device", &vendor.model);
  EXPECT_EQ(appraise_device({device.certificate, vendor.model.certificate}, accepting_any(), kNow).decision, Decision::kAllow);
}

TEST(DevicePath, RefusesCriticalExtensionsWithoutMeaningHere) {
  const Vendor vendor;
  // Without a subject, the alternative names are critical.
  const Entity device = new_leaf("", vendor.model, [](CertificateContent& content) { content.emails = {"a@example.com"}; });
  expect_path_refused({device.certificate, vendor.model.certificate}, {"device-path.critical-extension"});
}

TEST(DevicePolicy, AcceptsAVendorByItsRoot) {
  const Vendor vendor;
  expect_allowed(appraise_device(vendor.path(), accepting(Level::kVendor, vendor.root.certificate), kNow), "accepted vendor \"entry\"");
}

TEST(DevicePolicy, AcceptsAClassByItsCertificate) {
  const Vendor vendor;
  const Verdict verdict = appraise_device(vendor.path(), accepting(Level::kDeviceClass, vendor.model.certificate), kNow);
  expect_allowed(verdict, "accepted class \"entry\"");
  EXPECT_EQ(verdict.vendor, "");
}

TEST(DevicePolicy, AcceptsOneDevice) {
  const Vendor vendor;
  expect_allowed(appraise_device(vendor.path(), accepting(Level::kDevice, vendor.device.certificate), kNow), "accepted device \"entry\"");
  const Entity other = new_leaf("CN=Token 1 0012,O=Example", vendor.model);
  expect_no_entry(
      appraise_device({other.certificate, vendor.model.certificate}, accepting(Level::kDevice, vendor.device.certificate), kNow));
}

TEST(DevicePolicy, MatchesByKeyNotByCertificate) {
  const Vendor vendor;
  const Entity renewed = certify(vendor.model.key, "CN=Token 1,O=Example", &vendor.root, [](CertificateContent& content) {
    tests::as_ca(content);
    content.serial = Bytes{std::byte{7}};
  });
  expect_allowed(appraise_device(vendor.path(), accepting(Level::kDeviceClass, renewed.certificate), kNow), "accepted class \"entry\"");
}

TEST(DevicePolicy, DoesNotMatchTheSameNameWithAnotherKey) {
  const Vendor vendor;
  const Vendor twin;
  expect_no_entry(appraise_device(vendor.path(), accepting(Level::kVendor, twin.root.certificate), kNow));
  expect_no_entry(appraise_device(vendor.path(), accepting(Level::kDeviceClass, twin.model.certificate), kNow));
  expect_no_entry(appraise_device(vendor.path(), accepting(Level::kDevice, twin.device.certificate), kNow));
}

TEST(DevicePolicy, DoesNotAcceptAForeignRoot) {
  const Vendor vendor;
  expect_no_entry(appraise_device(vendor.path(), accepting(Level::kVendor, new_root("CN=Foreign").certificate), kNow));
}

TEST(DevicePolicy, TakesEachEntryAtItsOwnLevelAlone) {
  const Vendor vendor;
  expect_no_entry(appraise_device(vendor.path(), accepting(Level::kDevice, vendor.model.certificate), kNow));
  expect_no_entry(appraise_device(vendor.path(), accepting(Level::kDeviceClass, vendor.device.certificate), kNow));
  expect_no_entry(appraise_device(vendor.path(), accepting(Level::kVendor, vendor.device.certificate), kNow));
  expect_no_entry(appraise_device(vendor.path(), accepting(Level::kDeviceClass, vendor.root.certificate), kNow));
}

TEST(DevicePolicy, DoesNotAcceptARootThatIsNoCa) {
  const Vendor vendor;
  const Entity no_ca = certify(vendor.root.key, "CN=Example Device Root,O=Example", nullptr);
  expect_no_entry(appraise_device(vendor.path(), accepting(Level::kVendor, no_ca.certificate), kNow));
}

TEST(DevicePolicy, DoesNotAcceptAnExpiredRoot) {
  const Vendor vendor;
  const Entity expired = certify(vendor.root.key, "CN=Example Device Root,O=Example", nullptr, [](CertificateContent& content) {
    tests::as_ca(content);
    content.not_after = Instant{kNow.milliseconds - 1000};
  });
  expect_no_entry(appraise_device(vendor.path(), accepting(Level::kVendor, expired.certificate), kNow));
}

TEST(DevicePolicy, HoldsTheRootsPathLength) {
  const Vendor vendor;
  const Entity short_root = certify(vendor.root.key, "CN=Example Device Root,O=Example", nullptr, [](CertificateContent& content) {
    tests::as_ca(content);
    content.path_length = 0;
  });
  expect_no_entry(appraise_device(vendor.path(), accepting(Level::kVendor, short_root.certificate), kNow));
}

TEST(DevicePolicy, LetsTheMostSpecificEntryDecide) {
  const Vendor vendor;
  DevicePolicy policy;
  policy.accept_any = true;
  policy.accepted = {{Level::kVendor, "the vendor", vendor.root.certificate},
                     {Level::kDevice, "the device", vendor.device.certificate},
                     {Level::kDeviceClass, "the class", vendor.model.certificate}};
  const Verdict verdict = appraise_device(vendor.path(), policy, kNow);
  expect_allowed(verdict, "accepted device \"the device\"");
  EXPECT_EQ(verdict.vendor, "CN=Example Device Root,O=Example");
}

TEST(DevicePolicy, DeniesWhereNothingIsAccepted) { expect_no_entry(appraise_device(Vendor().path(), DevicePolicy{}, kNow)); }

TEST(DevicePolicy, LabelsADeviceThatIsAcceptedAsAny) {
  const Verdict verdict = appraise_device(Vendor().path(), accepting_any(), kNow);
  EXPECT_EQ(verdict.decision, Decision::kAllow);
  EXPECT_EQ(verdict.rule, "any device (unknown vendor)");
  EXPECT_EQ(verdict.vendor, "");
  EXPECT_EQ(ids_of(verdict), std::vector<std::string>{"policy.any-device"});
}

TEST(DevicePolicy, AcceptsASingleCertificateAsAnyDevice) {
  const Entity device = new_root("CN=Home made");
  expect_path_refused({device.certificate}, {"device-path.device-is-ca", "device-path.key-usage"});
  const Entity plain = certify(tests::new_p256_key(), "CN=Home made", nullptr);
  EXPECT_EQ(appraise_device({plain.certificate}, accepting_any(), kNow).decision, Decision::kAllow);
}

}  // namespace
}  // namespace airtight::provenance
