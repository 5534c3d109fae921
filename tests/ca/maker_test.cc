#include "ca/maker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <thread>

#include "crypto/random.h"
#include "provenance/verdict.h"
#include "storage/files.h"
#include "tests/ca/test_authority.h"
#include "tests/support/temporary_folder.h"

namespace airtight::ca {
namespace {

namespace fs = std::filesystem;
using crypto::Certificate;
using tests::must;
using tests::TemporaryFolder;

struct Maker : testing::Test {
  Result<std::vector<Certificate>> certify(const DeviceIdentity& identity, const crypto::PrivateKey& key = tests::new_p256_key()) {
    return certify_device(folder / "maker", identity, key.public_key(), clock, random);
  }
  Certificate certificate_in(const fs::path& file) {
    return must(crypto::certificates_from_pem(text_of(must(storage::read_file(folder / "maker" / file, 10000))))).front();
  }
  static fs::perms mode_of(const fs::path& file) { return fs::status(file).permissions(); }

  TemporaryFolder folder;
  FixedClock clock{tests::kStart};
  crypto::SystemRandom random;
  const DeviceIdentity token{.vendor = "Airtight", .model = "Token 1"};
};

TEST_F(Maker, GivesThePathFromTheDeviceUpToTheRoot) {
  const auto key = tests::new_p256_key();
  const std::vector<Certificate> path = must(certify(token, key));
  const Certificate root = certificate_in("root.pem");
  ASSERT_EQ(path.size(), 2U);
  EXPECT_EQ(must(path[0].public_key()), key.public_key());
  EXPECT_TRUE(path[0].verify_issued_by(path[1]));
  EXPECT_TRUE(path[1].verify_issued_by(root));
  EXPECT_TRUE(root.verify_issued_by(root));
}

TEST_F(Maker, NamesVendorModelAndSerialNumber) {
  const std::vector<Certificate> path = must(certify(token));
  EXPECT_EQ(certificate_in("root.pem").subject(), "CN=Airtight Device Root,O=Airtight");
  EXPECT_EQ(path[1].subject(), "CN=Token 1,O=Airtight");
  EXPECT_THAT(path[0].subject(), testing::MatchesRegex("serialNumber=[0-9a-f]{16},CN=Token 1 [0-9a-f]{16},O=Airtight"));
  const std::string subject = path[0].subject();
  EXPECT_EQ(subject.substr(13, 16), path[0].common_name().substr(8));
}

TEST_F(Maker, LetsDevicesSignAndCasCertify) {
  const std::vector<Certificate> path = must(certify(token));
  EXPECT_FALSE(path[0].is_ca());
  EXPECT_EQ(path[0].key_usage(), 0x8000);
  EXPECT_EQ(path[1].path_length(), 0U);
  EXPECT_EQ(certificate_in("root.pem").path_length(), 1U);
}

TEST_F(Maker, MakesPathsThatProvenanceAccepts) {
  const std::vector<Certificate> path = must(certify(token));
  provenance::DevicePolicy policy;
  policy.accepted = {{provenance::Level::kVendor, "Airtight", certificate_in("root.pem")}};
  EXPECT_EQ(provenance::appraise_device(path, policy, clock.now()).decision, provenance::Decision::kAllow);
}

TEST_F(Maker, GivesDevicesTwentyYears) {
  const Certificate device = must(certify(token)).front();
  EXPECT_EQ(device.not_after(), device.not_before().plus(std::chrono::days(20 * 365)));
}

TEST_F(Maker, KeepsDevicesWithinTheirClass) {
  const Certificate device_class = must(certify(token)).back();
  clock.set(device_class.not_after().plus(-std::chrono::days(1)));
  EXPECT_EQ(must(certify(token)).front().not_after(), device_class.not_after());
  clock.set(device_class.not_after());
  EXPECT_EQ(certify(token).error().fault, Fault::kRefused);
}

TEST_F(Maker, KeepsItsRootAndClasses) {
  const std::vector<Certificate> first = must(certify(token));
  const Certificate root = certificate_in("root.pem");
  const std::vector<Certificate> second = must(certify(token));
  EXPECT_EQ(first[1], second[1]);
  EXPECT_NE(first[0].subject(), second[0].subject());
  const std::vector<Certificate> other = must(certify({.vendor = "Airtight", .model = "Token 2"}));
  EXPECT_FALSE(equal(other[1].spki(), first[1].spki()));
  EXPECT_EQ(certificate_in("root.pem"), root);
}

TEST_F(Maker, KeepsKeysToItsOwner) {
  must(certify(token));
  const auto own = fs::perms::owner_read | fs::perms::owner_write;
  EXPECT_EQ(mode_of(folder / "maker/root.key"), own);
  EXPECT_EQ(mode_of(folder / "maker/classes/Token%201.key"), own);
  EXPECT_EQ(mode_of(folder / "maker"), fs::perms::owner_all);
  EXPECT_TRUE(fs::exists(folder / "maker/classes/Token%201.pem"));
}

TEST_F(Maker, RefusesKeysThatOthersCanRead) {
  must(certify(token));
  fs::permissions(folder / "maker/root.key", fs::perms::others_read, fs::perm_options::add);
  EXPECT_EQ(certify(token).error().fault, Fault::kRefused);
}

TEST_F(Maker, StaysInItsFolderWhateverTheModelIsCalled) {
  for (const char* model : {"../../evil", "/etc/passwd", "..", ".", "a/b", "a\\b"}) must(certify({.vendor = "Airtight", .model = model}));
  std::set<std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder.path())) {
    if (entry.path().extension() == ".pem") files.insert(fs::relative(entry.path(), folder / "maker"));
  }
  EXPECT_THAT(files, testing::UnorderedElementsAre("root.pem", "classes/%2e%2e%2f%2e%2e%2fevil.pem", "classes/%2fetc%2fpasswd.pem",
                                                   "classes/%2e%2e.pem", "classes/%2e.pem", "classes/a%2fb.pem", "classes/a%5cb.pem"));
}

TEST_F(Maker, RefusesNamesThatDoNotFit) {
  for (const DeviceIdentity& identity :
       {DeviceIdentity{"Airtight", ""}, DeviceIdentity{"", "Token"}, DeviceIdentity{"Airtight", std::string(48, 'x')},
        DeviceIdentity{std::string(65, 'x'), "Token"}, DeviceIdentity{"Airtight", "\xFF"}}) {
    EXPECT_EQ(certify(identity).error().fault, Fault::kBadInput);
  }
  EXPECT_FALSE(fs::exists(folder / "maker")) << "nothing is made for a device that cannot be";
}

TEST_F(Maker, SaysWhoseFolderItIs) {
  must(certify(token));
  const auto refused = certify({.vendor = "Someone Else", .model = "Token 1"});
  EXPECT_EQ(refused.error().fault, Fault::kRefused);
  EXPECT_THAT(refused.error().message, testing::HasSubstr("belongs to the vendor \"Airtight\", not to \"Someone Else\""));
}

TEST_F(Maker, TakesP256AndRsaAttestationKeys) {
  EXPECT_TRUE(certify(token, must(crypto::PrivateKey::generate(crypto::RsaSpec{2048}))));
  EXPECT_EQ(certify(token, must(crypto::PrivateKey::generate(crypto::RsaSpec{1024}))).error().fault, Fault::kRefused);
  EXPECT_EQ(certify(token, must(crypto::PrivateKey::generate(crypto::EcSpec{crypto::Curve::kP384}))).error().fault, Fault::kRefused);
}

TEST_F(Maker, GoesOnAfterACrashBetweenKeyAndCertificate) {
  must(certify(token));
  fs::remove(folder / "maker/classes/Token%201.pem");
  EXPECT_TRUE(certify(token));
}

TEST_F(Maker, RefusesAKeyOfAnotherCertificate) {
  must(certify(token));
  must(certify({.vendor = "Airtight", .model = "Token 2"}));
  fs::copy_file(folder / "maker/classes/Token%202.key", folder / "maker/classes/Token%201.key", fs::copy_options::overwrite_existing);
  EXPECT_EQ(certify(token).error().fault, Fault::kBadInput);
}

TEST_F(Maker, RefusesAClassOfAnotherRoot) {
  must(certify(token));
  for (const char* file : {"root.pem", "root.key"}) fs::remove(folder / "maker" / file);
  EXPECT_EQ(certify(token).error().fault, Fault::kRefused);
}

TEST_F(Maker, RefusesAFileThatIsNoCertificate) {
  must(certify(token));
  must(storage::write_file(folder / "maker/root.pem", bytes_of("nothing"), storage::FileMode::kPublic));
  EXPECT_EQ(certify(token).error().fault, Fault::kBadInput);
}

TEST_F(Maker, MakesSeveralDevicesAtOnceUnderOneRootAndClass) {
  std::vector<std::vector<Certificate>> paths(4);
  std::vector<std::thread> threads;
  for (auto& path : paths) {
    threads.emplace_back([&] { path = must(certify(token)); });
  }
  for (std::thread& thread : threads) thread.join();
  const Certificate root = certificate_in("root.pem");
  for (const auto& path : paths) {
    EXPECT_EQ(path[1], paths[0][1]);
    EXPECT_TRUE(path[0].verify_issued_by(path[1]));
    EXPECT_TRUE(path[1].verify_issued_by(root));
  }
}

}  // namespace
}  // namespace airtight::ca
