// Making an issuer: what is in its folder, whom it lets read it, and what happens when a folder is there already or making it was
// interrupted.
#include "issuer/init.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "ca/authority.h"
#include "crypto/certificate_builder.h"
#include "issuer/tls_identity.h"
#include "storage/files.h"
#include "tests/issuer/support.h"

namespace airtight::issuer::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class Init : public ::testing::Test {
 protected:
  Result<> init(const InitOptions& options = {}) { return init_issuer(folder, options, clock, random); }
  crypto::Certificate certificate(const fs::path& file) {
    return must(crypto::certificates_from_pem(to_text(must(storage::read_file(file, 1U << 16))))).at(0);
  }
  // Puts given.pem, a certificate for `key` by itself, and given.key into `scratch`.
  crypto::Certificate give_tls(const crypto::PrivateKey& key) {
    crypto::CertificateContent content;
    content.serial = Bytes(1, std::byte{7});
    content.subject_der = content.issuer_der = must(crypto::name_from_text("CN=issuer.example.com"));
    content.not_before = clock.now();
    content.not_after = clock.now().plus(std::chrono::days(365));
    content.spki = key.public_key().spki();
    content.dns_names = {"issuer.example.com"};
    const crypto::Certificate given = must(crypto::sign_certificate(content, key));
    must(storage::write_file(scratch / "given.pem", bytes_of(crypto::to_pem(given)), storage::FileMode::kPublic));
    must(storage::write_file(scratch / "given.key", must(crypto::to_pem(key)).expose_secret(), storage::FileMode::kPrivate));
    return given;
  }

  tests::TemporaryFolder scratch;
  fs::path folder = scratch / "issuer";
  FakeClock clock;
  crypto::SystemRandom random;
};

TEST_F(Init, MakesAPrivateFolderWithEverythingInIt) {
  must(init());
  EXPECT_EQ(fs::status(folder).permissions(), fs::perms::owner_all);
  for (const char* name : {"issuer.db", "issuer.toml", "seal.key", "ca/root.pem", "tls/ca.pem", "tls/server.pem", "tls/server.key"}) {
    EXPECT_TRUE(fs::exists(folder / name)) << name;
  }
  EXPECT_FALSE(fs::exists(folder / kUnfinishedMark));
}

TEST_F(Init, KeepsItsSecretsToItsOwner) {
  must(init());
  for (const char* name : {"issuer.db", "issuer.toml", "seal.key", "tls/server.key"}) {
    EXPECT_EQ(fs::status(folder / name).permissions() & (fs::perms::group_all | fs::perms::others_all), fs::perms::none) << name;
  }
}

TEST_F(Init, NamesItsAuthorityAfterTheOrganization) {
  must(init({.organization = "Example Bank"}));
  EXPECT_THAT(certificate(folder / "ca/root.pem").subject(), HasSubstr("Example Bank Root CA"));
}

TEST_F(Init, MakesKeysOfTheKindThatIsWished) {
  must(init({.key = ca::KeyKind::kP384}));
  EXPECT_EQ(must(certificate(folder / "ca/root.pem").public_key()).bits(), 384U);
}

TEST_F(Init, KeepsTheIssuingKeyInAFileThatAPassphraseOpens) {
  const auto prompt = [](const auto&...) { return SecretBytes::copy_of(bytes_of("correct horse")); };
  must(init({.prompt = prompt, .issuing_storage = must(ca::parse_key_storage("file:issuing.pem"))}));
  EXPECT_TRUE(fs::exists(folder / "issuing.pem"));
}

TEST_F(Init, SaysInItsCertificatesWhereItPublishes) {
  must(init({.publication_url = "http://pki.example.com"}));
  EXPECT_EQ(must(read_configuration(folder)).publication_url, "http://pki.example.com");
}

TEST_F(Init, RefusesToPublishNowhere) {
  for (const char* url : {"pki.example.com", "http://pki.example.com/", "http://pki.example.com/\"x"}) {
    EXPECT_EQ(init({.publication_url = url}).error().fault, Fault::kBadInput) << url;
    EXPECT_FALSE(fs::exists(folder));
  }
}

TEST_F(Init, MakesATlsCertificateThatItsTrustFileVerifies) {
  must(init());
  must(certificate(folder / "tls/server.pem").verify_issued_by(certificate(folder / "tls/ca.pem")));
}

TEST_F(Init, TrustsItsTlsAndItsCredentialsByDifferentRoots) {
  must(init());
  EXPECT_NE(certificate(folder / "tls/ca.pem"), certificate(folder / "ca/root.pem"));
}

TEST_F(Init, TakesAGivenTlsCertificate) {
  const crypto::Certificate given = give_tls(must(crypto::PrivateKey::generate(crypto::EcSpec{crypto::Curve::kP256})));
  must(init({.tls_certificate = scratch / "given.pem", .tls_key = scratch / "given.key"}));
  EXPECT_EQ(certificate(folder / "tls/server.pem"), given);
  EXPECT_EQ(certificate(folder / "tls/ca.pem"), given);
}

TEST_F(Init, RefusesATlsCertificateThatNoServerCouldShow) {
  give_tls(must(crypto::PrivateKey::generate(crypto::RsaSpec{1024})));
  const Result<> made = init({.tls_certificate = scratch / "given.pem", .tls_key = scratch / "given.key"});
  ASSERT_FALSE(made.has_value());
  EXPECT_EQ(made.error().fault, Fault::kBadInput);
  EXPECT_THAT(made.error().message, HasSubstr("too weak (ee key too small"));
  EXPECT_FALSE(fs::exists(folder));
}

TEST_F(Init, RefusesATlsKeyOfAnotherCertificate) {
  must(init());
  const fs::path first = folder;
  const crypto::PrivateKey other = must(crypto::PrivateKey::generate(crypto::EcSpec{crypto::Curve::kP256}));
  must(storage::write_file(scratch / "other.key", must(crypto::to_pem(other)).expose_secret(), storage::FileMode::kPrivate));
  folder = scratch / "second";
  const Result<> made = init({.tls_certificate = first / "tls/server.pem", .tls_key = scratch / "other.key"});
  ASSERT_FALSE(made.has_value());
  EXPECT_THAT(made.error().message, HasSubstr("does not belong to the certificate"));
}

TEST_F(Init, RefusesATlsCertificateWithoutItsKey) {
  const Result<> made = init({.tls_certificate = scratch / "given.pem"});
  ASSERT_FALSE(made.has_value());
  EXPECT_FALSE(fs::exists(folder));
}

TEST_F(Init, RefusesAHostThatIsNone) { EXPECT_FALSE(init({.hosts = {"not a host"}}).has_value()); }

TEST_F(Init, RefusesAFolderThatIsAnIssuerAlready) {
  must(init());
  const crypto::Certificate before = certificate(folder / "ca/root.pem");
  const Result<> again = init();
  ASSERT_FALSE(again.has_value());
  EXPECT_EQ(again.error().fault, Fault::kRefused);
  EXPECT_THAT(again.error().message, HasSubstr("is an issuer already"));
  EXPECT_EQ(certificate(folder / "ca/root.pem"), before);
}

TEST_F(Init, RefusesAFolderWithSomethingElseInIt) {
  fs::create_directory(folder);
  must(storage::write_file(folder / "diary.txt", bytes_of("mine"), storage::FileMode::kPrivate));
  const Result<> made = init();
  ASSERT_FALSE(made.has_value());
  EXPECT_EQ(made.error().fault, Fault::kRefused);
  EXPECT_TRUE(fs::exists(folder / "diary.txt"));
}

TEST_F(Init, TakesAnEmptyFolder) {
  fs::create_directory(folder);
  must(init());
  EXPECT_EQ(fs::status(folder).permissions(), fs::perms::owner_all);
}

const InitOptions kFailsAtTheEnd = {.accepted = {{"vendor", "/nowhere/root.pem"}}};

TEST_F(Init, LeavesNothingBehindWhenItFails) {
  ASSERT_FALSE(init(kFailsAtTheEnd).has_value());
  EXPECT_FALSE(fs::exists(folder));
  must(init());
}

TEST_F(Init, LeavesAnEmptyFolderEmptyWhenItFails) {
  fs::create_directory(folder);
  ASSERT_FALSE(init(kFailsAtTheEnd).has_value());
  EXPECT_TRUE(fs::exists(folder));
  EXPECT_TRUE(fs::is_empty(folder));
}

TEST_F(Init, WaitsForNobodyWhoIsAtWorkInItsFolder) {
  fs::create_directory(folder);
  {
    const auto other = must(storage::try_lock_folder(folder));
    ASSERT_TRUE(other.has_value());
    must(storage::write_file(folder / kUnfinishedMark, {}, storage::FileMode::kPrivate));
    EXPECT_EQ(init().error().fault, Fault::kUnavailable);
    EXPECT_TRUE(fs::exists(folder / kUnfinishedMark)) << "the other's";
  }
  must(init());
}

TEST_F(Init, TouchesNothingThatItRefuses) {
  must(init());
  ASSERT_FALSE(init(kFailsAtTheEnd).has_value());
  EXPECT_TRUE(Issuer::open(folder, clock, random).has_value());
}

TEST_F(Init, BeginsAgainAfterItWasInterrupted) {
  must(init());
  must(storage::write_file(folder / kUnfinishedMark, bytes_of("interrupted"), storage::FileMode::kPrivate));
  const auto opened = Issuer::open(folder, clock, random);
  ASSERT_FALSE(opened.has_value());
  EXPECT_THAT(opened.error().message, HasSubstr("half made"));
  must(init());
  EXPECT_TRUE(Issuer::open(folder, clock, random).has_value());
}

TEST_F(Init, LeavesAnIssuerToItsMasterKeyAlone) {
  must(init());
  fs::remove(folder / "seal.key");
  const auto issuer = must(Issuer::open(folder, clock, random));
  EXPECT_FALSE(issuer->unseal({}).has_value());
  EXPECT_TRUE(issuer->make_url("default", std::nullopt).has_value());
}

TEST_F(Init, SaysHowToMakeAnIssuerWhereThereIsNone) {
  const auto opened = Issuer::open(folder, clock, random);
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().fault, Fault::kNotFound);
  EXPECT_THAT(opened.error().hint, HasSubstr("airtight issuer init"));
}

TEST_F(Init, MakesWhatIsOpenedOnlyAsLongAsOthersCannotWriteIt) {
  must(init());
  for (const fs::path& path : {folder, folder / "issuer.toml"}) {
    const fs::perms before = fs::status(path).permissions();
    fs::permissions(path, before | fs::perms::others_write);
    const auto refused = Issuer::open(folder, clock, random);
    ASSERT_FALSE(refused) << path;
    EXPECT_EQ(refused.error().fault, Fault::kRefused);
    EXPECT_THAT(refused.error().hint, HasSubstr("chmod go-w"));
    fs::permissions(path, before);
    EXPECT_TRUE(Issuer::open(folder, clock, random));
  }
}

TEST_F(Init, MakesADatabaseThatIsNotFilledAgainByItselfWhenItIsEmptied) {
  must(init());
  for (const char* file : {"issuer.db", "issuer.db-wal", "issuer.db-shm"}) fs::remove(folder / file);
  must(storage::write_file(folder / "issuer.db", {}, storage::FileMode::kPrivate));
  const auto refused = Issuer::open(folder, clock, random);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("holds no issuer"));
  EXPECT_THAT(refused.error().hint, HasSubstr("backup"));
}

TEST_F(Init, WritesTheAcceptedMakersIntoTheConfiguration) {
  const Maker maker;
  must(storage::write_file(scratch / "root.pem", bytes_of(crypto::to_pem(maker.root)), storage::FileMode::kPublic));
  must(init({.accepted = {{"vendor", scratch / "root.pem"}}}));
  const Configuration configuration = must(read_configuration(folder));
  for (const Profile& profile : configuration.profiles) {
    EXPECT_FALSE(profile.devices.accept_any);
    EXPECT_EQ(profile.devices.accepted.at(0).certificate, maker.root);
  }
}

TEST(AcceptedFiles, AreALevelAndAFile) {
  EXPECT_EQ(must(parse_accepted_file("class=a=b.pem")).file, "a=b.pem");
  for (const char* text : {"vendor", "vendor=", "brand=x.pem", "=x.pem"}) EXPECT_FALSE(parse_accepted_file(text).has_value()) << text;
}

TEST(TlsHostNames, AreSortedIntoNamesAndAddresses) {
  const TlsHosts hosts = must(tls_hosts({"issuer.example.com", "192.0.2.7", "2001:db8::1", "localhost"}));
  EXPECT_THAT(hosts.dns_names, ::testing::ElementsAre("localhost", "issuer.example.com"));
  EXPECT_THAT(hosts.ip_addresses, ::testing::ElementsAre("127.0.0.1", "::1", "192.0.2.7", "2001:db8::1"));
}

}  // namespace
}  // namespace airtight::issuer::testing
