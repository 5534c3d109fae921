// airtight keys, as a program, on keys of every kind: what it makes is checked by computing it another way.
#include <gmock/gmock.h>

#include <cstdlib>

#include "base/algorithms.h"
#include "base/encoding.h"
#include "base/key_attributes.h"
#include "crypto/digest.h"
#include "crypto/random.h"
#include "device/store_folder.h"
#include "storage/files.h"
#include "tests/cli/program.h"
#include "tests/sks/device.h"
#include "tests/support/must.h"
#include "tests/support/temporary_folder.h"

namespace airtight::cli::testing {
namespace {

using ::testing::HasSubstr;
using tests::must;

constexpr std::string_view kBag =
    "<PropertyBag xmlns=\"http://xmlns.webpki.org/keygen2/beta/20100402#\" Type=\"https://example.com/settings\">"
    "<Property Name=\"colour\" Value=\"red\" Writable=\"true\"></Property></PropertyBag>";
constexpr std::string_view kSymmetricKey = "0123456789abcdef0123456789abcdef";

// A store with four keys: 1 "Pin" signs under a PIN with a PUK, 2 "Rsa" decrypts and may be exported, 3 "Ec" agrees, 4 "Sym" is symmetric.
class KeysProgram : public ::testing::Test {
 protected:
  void SetUp() override {
    const sks::testing::TestCa maker;
    must(device::create_device(
        {.folder = store, .vendor = "Vendor", .model = "Model"},
        [&](const crypto::PublicKey& key) -> Result<std::vector<crypto::Certificate>> { return std::vector{maker.certify(key, "Device")}; },
        {}, random));
    const auto opened = must(device::open_device(store, {}, {clock, random, pause}));
    provision(*opened);
  }

  struct Made {
    sks::Handle handle;
    Bytes certificate;
  };
  static void provision(sks::Channel& channel) {
    const auto info = must(sks::call(channel, sks::GetDeviceInfo{}));
    sks::testing::TestIssuer issuer(channel, must(crypto::Certificate::parse(info.x509_certificates.front())));
    const sks::Handle puk = must(sks::call(channel, issuer.puk_policy())).puk_policy_handle;
    const sks::Handle pin = must(sks::call(channel, issuer.pin_policy("PIN.1", puk))).pin_policy_handle;
    const auto make = [&](sks::CreateKeyPair request) {
      const auto key = must(sks::call(channel, request));
      const sks::SetCertificatePath path = issuer.certificate_path(request.id.value, key);
      must(sks::call(channel, path));
      return Made{key.key_handle, path.x509_certificates.front()};
    };
    const auto signing = make(issuer.key_pair("Pin", pin, "7391"));
    sks::CreateKeyPair rsa = issuer.key_pair("Rsa");
    rsa.key_usage = static_cast<std::uint8_t>(KeyUsage::kEncryption);
    rsa.export_policy = static_cast<std::uint8_t>(ExportPolicy::kNone);
    rsa.key_algorithm = sks::RsaKeySpec{2048, 0};
    make(std::move(rsa));
    sks::CreateKeyPair ec = issuer.key_pair("Ec");
    ec.key_usage = static_cast<std::uint8_t>(KeyUsage::kEncryption);
    make(std::move(ec));
    sks::CreateKeyPair symmetric = issuer.key_pair("Sym");
    symmetric.key_usage = static_cast<std::uint8_t>(KeyUsage::kSymmetricKey);
    const auto holder = make(std::move(symmetric));

    sks::SetSymmetricKey set{.provisioning_handle = issuer.handle(),
                             .key_handle = holder.handle,
                             .symmetric_key = issuer.encrypt(kSymmetricKey),
                             .endorsed_algorithms = {to_bytes(uri::kHmacSha256), to_bytes(uri::kAes256Cbc)}};
    set.mac = issuer.mac("setSymmetricKey",
                         {holder.certificate, bytes_of(kSymmetricKey), set.endorsed_algorithms[0], set.endorsed_algorithms[1]});
    must(sks::call(channel, set));
    sks::AddExtensionData bag{.provisioning_handle = issuer.handle(),
                              .key_handle = signing.handle,
                              .base_type = static_cast<std::uint8_t>(ExtensionBaseType::kPropertyBag),
                              .qualifier = {},
                              .extension_data = {to_bytes(kBag)},
                              .extension_type = to_bytes("https://example.com/settings")};
    bag.mac = issuer.mac("addExtensionData",
                         {signing.certificate, big_endian(bag.base_type, 1), {}, bag.extension_data.value, bag.extension_type});
    must(sks::call(channel, bag));
    must(sks::call(channel, issuer.close()));
  }
  [[nodiscard]] Outcome keys(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), "keys");
    arguments.insert(arguments.end(), {"--store", store});
    return run(arguments);
  }
  [[nodiscard]] std::string file_with(const std::string& name, std::string_view content) const {
    must(storage::write_file(folder / name, bytes_of(content), storage::FileMode::kPrivate));
    return folder / name;
  }
  [[nodiscard]] std::string content_of(const std::string& name) const { return to_text(must(storage::read_file(folder / name, 1U << 20))); }
  // The public key of a key, in a PEM file.
  [[nodiscard]] std::string certificate_file(const std::string& key) const {
    const boost::json::object shown = keys({"show", key, "--json"}).json();
    return file_with(key + ".pem", std::string(shown.at("certificates").as_array().at(0).as_string()));
  }
  [[nodiscard]] static int openssl(const std::string& arguments) { return std::system(("openssl " + arguments + " 2>/dev/null").c_str()); }

  tests::TemporaryFolder folder;
  std::string store = folder / "card";
  SystemClock clock;
  crypto::SystemRandom random;
  sks::SleepingPause pause;
};

TEST_F(KeysProgram, DecryptsWhatOpensslEncrypted) {
  const std::string certificate = certificate_file("Rsa");
  ASSERT_EQ(openssl("pkeyutl -encrypt -certin -inkey " + certificate + " -pkeyopt rsa_padding_mode:oaep -in " +
                    file_with("plain", "a secret") + " -out " + (folder / "encrypted").native()),
            0);
  const Outcome outcome = keys({"decrypt", "Rsa", "--in", folder / "encrypted"});
  EXPECT_EQ(outcome.out, "a secret") << outcome.err;
  EXPECT_EQ(keys({"decrypt", "Rsa", "--in", folder / "encrypted", "--json"}).json()["data"],
            boost::json::string(base64_encode(bytes_of("a secret"))));
}

TEST_F(KeysProgram, AgreesOnASecretAsOpensslDoes) {
  const std::string peer = (folder / "peer.key").native();
  const std::string certificate = certificate_file("Ec");
  ASSERT_EQ(openssl("ecparam -name prime256v1 -genkey -noout -out " + peer), 0);
  ASSERT_EQ(openssl("pkey -in " + peer + " -pubout -out " + (folder / "peer.pem").native()), 0);
  ASSERT_EQ(openssl("x509 -in " + certificate + " -pubkey -noout -out " + (folder / "ours.pem").native()), 0);
  ASSERT_EQ(
      openssl("pkeyutl -derive -inkey " + peer + " -peerkey " + (folder / "ours.pem").native() + " -out " + (folder / "theirs").native()),
      0);
  const Outcome outcome = keys({"agree", "Ec", "--peer", folder / "peer.pem", "--out", folder / "ours"});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(content_of("ours"), content_of("theirs"));
}

TEST_F(KeysProgram, AuthenticatesWithASymmetricKey) {
  const Outcome outcome = keys({"hmac", "Sym", "--in", file_with("letter", "a letter")});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_TRUE(equal(bytes_of(outcome.out), crypto::hmac_sha256(bytes_of(kSymmetricKey), {bytes_of("a letter")})));
}

TEST_F(KeysProgram, EncryptsAndDecryptsWithASymmetricKey) {
  ASSERT_EQ(keys({"encrypt", "Sym", "--in", file_with("letter", "a letter"), "--out", folder / "encrypted"}).status, 0);
  EXPECT_EQ(content_of("encrypted").size(), 32U) << "IV and one block";
  EXPECT_EQ(keys({"encrypt", "Sym", "--decrypt", "--in", folder / "encrypted"}).out, "a letter");
}

TEST_F(KeysProgram, RefusesAnAlgorithmThatTheIssuerDidNotEndorse) {
  const Outcome outcome = keys({"hmac", "Sym", "--algorithm", "hmac-sha1", "--in", file_with("letter", "a letter")});
  EXPECT_EQ(outcome.status, 1);
}

TEST_F(KeysProgram, ChangesAPin) {
  const std::string old_pin = file_with("old", "7391\n");
  const std::string new_pin = file_with("new", "2846\n");
  ASSERT_EQ(keys({"change-pin", "Pin", "--pin-file", old_pin, "--new-pin-file", new_pin}).status, 0);
  const std::string letter = file_with("letter", "a letter");
  EXPECT_EQ(keys({"sign", "Pin", "--in", letter, "--out", folder / "sig", "--pin-file", new_pin}).status, 0);
  EXPECT_THAT(keys({"change-pin", "Pin", "--pin-file", old_pin, "--new-pin-file", new_pin}).err, HasSubstr("the PIN is wrong"));
}

TEST_F(KeysProgram, UnlocksAPinByItsPuk) {
  const std::string wrong = file_with("wrong", "0000\n");
  const std::string letter = file_with("letter", "a letter");
  while (keys({"show", "Pin", "--json"}).json()["pin_locked"] != true) {
    ASSERT_EQ(keys({"sign", "Pin", "--in", letter, "--pin-file", wrong}).status, 1);
  }
  EXPECT_THAT(keys({"unlock", "Pin", "--puk-file", wrong}).err, HasSubstr("the PUK is wrong"));
  EXPECT_EQ(keys({"unlock", "Pin", "--puk-file", file_with("puk", "0123456789\n")}).status, 0);
  EXPECT_EQ(keys({"show", "Pin", "--json"}).json()["pin_error_count"], 0);
}

TEST_F(KeysProgram, GivesANewPinByThePuk) {
  const std::string new_pin = file_with("new", "2846\n");
  ASSERT_EQ(keys({"set-pin", "Pin", "--puk-file", file_with("puk", "0123456789\n"), "--new-pin-file", new_pin}).status, 0);
  EXPECT_EQ(keys({"sign", "Pin", "--in", file_with("letter", "a"), "--out", folder / "sig", "--pin-file", new_pin}).status, 0);
}

TEST_F(KeysProgram, SetsAPropertyThatIsWritable) {
  const std::vector<std::string> set = {"set-property", "Pin", "--type", "https://example.com/settings", "--name", "colour"};
  std::vector<std::string> to_blue = set;
  to_blue.insert(to_blue.end(), {"--value", "blue"});
  EXPECT_EQ(keys(to_blue).status, 0);
  EXPECT_EQ(keys({"set-property", "Pin", "--type", "https://example.com/settings", "--name", "size", "--value", "1"}).status, 1);
}

TEST_F(KeysProgram, ExportsAKeyThatMayBeExportedToAPrivateFile) {
  ASSERT_EQ(keys({"export", "Rsa", "--out", folder / "key.der", "--yes"}).status, 0);
  EXPECT_EQ(std::filesystem::status(folder / "key.der").permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  EXPECT_EQ(openssl("pkey -inform DER -in " + (folder / "key.der").native() + " -noout"), 0);
  EXPECT_EQ(keys({"export", "Ec", "--out", folder / "no.der", "--yes"}).status, 1);
  EXPECT_FALSE(std::filesystem::exists(folder / "no.der"));
}

TEST_F(KeysProgram, DeletesAKeyAfterAYes) {
  EXPECT_THAT(keys({"delete", "Ec"}).err, HasSubstr("--yes"));
  EXPECT_EQ(run_on_terminal({"keys", "delete", "Ec", "--store", store}, {{"Delete key 3 (Ec) for good? [y/n] ", "n\n"}}).status, 1);
  EXPECT_EQ(keys({"show", "Ec"}).status, 0);
  EXPECT_EQ(run_on_terminal({"keys", "delete", "Ec", "--store", store}, {{"Delete key 3 (Ec) for good? [y/n] ", "y\n"}}).status, 0);
  EXPECT_EQ(keys({"show", "Ec"}).status, 1);
}

TEST_F(KeysProgram, AreNamedByHandleIdOrFingerprint) {
  const std::string fingerprint(keys({"show", "Ec", "--json"}).json()["fingerprint"].as_string());
  for (const std::string& name : {std::string("3"), std::string("Ec"), fingerprint, fingerprint.substr(0, 12)}) {
    EXPECT_EQ(keys({"show", name, "--json"}).json()["handle"], 3) << name;
  }
  for (const std::string& name :
       {std::string("0"), std::string("5"), std::string("4294967295"), std::string(64, '0'), std::string("Nobody")}) {
    EXPECT_EQ(keys({"show", name}).status, 1) << name;
  }
}

TEST_F(KeysProgram, ReportsAsJson) {
  const boost::json::object done = keys({"delete", "Ec", "--yes", "--json"}).json();
  EXPECT_EQ(done.at("key"), 3);
  EXPECT_EQ(done.at("done"), "delete");
}

TEST_F(KeysProgram, WorksThroughADaemonToo) {
  const BackgroundProgram daemon({"device", "serve", "--store", store});
  EXPECT_EQ(keys({"hmac", "Sym", "--in", file_with("letter", "a letter")}).status, 0);
  EXPECT_EQ(
      keys({"sign", "Pin", "--in", file_with("letter", "a"), "--out", folder / "sig", "--pin-file", file_with("pin", "7391\n")}).status, 0);
}

}  // namespace
}  // namespace airtight::cli::testing
