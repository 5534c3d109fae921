// An issuing key in a PKCS #11 token: SoftHSM.
#include <gmock/gmock.h>

#include "ca/rollover.h"
#include "sealing/token_key.h"
#include "tests/interop/ca_world.h"
#include "tests/support/software_token.h"

namespace airtight::ca {
namespace {

using testing::HasSubstr;

sealing::PassphrasePrompt pin(const std::string& digits = "1234") {
  return [digits](const sealing::SecretQuestion&) -> Result<SecretBytes> { return SecretBytes::copy_of(bytes_of(digits)); };
}

KeyStorage key(const std::string& label) {
  return {KeyStorage::Kind::kToken, "pkcs11:token=card;object=" + label + "?module-path=" + std::string(tests::kSoftHsm)};
}

class CaToken : public CaWorld {
 protected:
  tests::SoftwareToken token_;
};

TEST_F(CaToken, SignsWithEveryKindOfKey) {
  for (const std::string_view name : key_kind_names()) {
    const KeyStorage storage = key(std::string(name));
    const auto made = tests::must(make_key(storage, key_kind_named(name).value(), {.prompt = pin()}));
    const auto opened = tests::must(open_key(storage, {.prompt = pin()}));
    EXPECT_EQ(made->public_key(), opened->public_key());
    const auto scheme = crypto::x509_scheme(made->public_key().type());
    for (const auto digest : {crypto::Digest::kSha256, crypto::Digest::kSha384}) {
      const Bytes signature = tests::must(opened->sign(scheme, digest, bytes_of("message")));
      EXPECT_TRUE(made->public_key().verify(scheme, digest, bytes_of("message"), signature)) << name;
    }
  }
}

TEST_F(CaToken, IssuesWhatOpensslVerifies) {
  make_authority(KeyKind::kP256, key("issuing"), {.prompt = pin()});
  const std::string leaf = write("leaf.pem", crypto::to_pem(issue(Purpose::kTlsClient, tests::new_p256_key().public_key())));
  EXPECT_THAT(passes({"openssl", "verify", "-x509_strict", "-CAfile", file("root.pem"), "-untrusted", file("issuing.pem"), leaf}),
              HasSubstr("OK"));
  EXPECT_TRUE(Publisher(*authority_).crl(*database_, "issuing"));
}

TEST_F(CaToken, TakesOverByARollover) {
  make_authority(KeyKind::kP256, {}, {.prompt = pin()});
  const AuthorityKey rolled = tests::must(Rollover(*authority_).new_issuing(*database_, {.key = KeyKind::kP384, .storage = key("second")}));
  EXPECT_TRUE(issue(Purpose::kTlsClient, tests::new_p256_key().public_key()).verify_issued_by(rolled.certificate));
}

TEST_F(CaToken, KeepsItsKeyToItself) {
  tests::must(make_key(key("issuing"), KeyKind::kP256, {.prompt = pin()}));
  const tests::Finished objects = tests::SoftwareToken::tool({"--list-objects"});
  EXPECT_THAT(objects.output, HasSubstr("sensitive, always sensitive, never extractable"));
}

TEST_F(CaToken, RefusesASecondKeyOfOneLabel) {
  tests::must(make_key(key("issuing"), KeyKind::kP256, {.prompt = pin()}));
  EXPECT_EQ(make_key(key("issuing"), KeyKind::kP256, {.prompt = pin()}).error().fault, Fault::kRefused);
}

TEST_F(CaToken, SaysWhatIsWrong) {
  EXPECT_EQ(open_key(key("issuing"), {.prompt = pin()}).error().fault, Fault::kNotFound);
  tests::must(make_key(key("issuing"), KeyKind::kP256, {.prompt = pin()}));
  EXPECT_EQ(open_key(key("issuing"), {.prompt = pin("4321")}).error().fault, Fault::kRefused);
  EXPECT_EQ(open_key(key("issuing"), {}).error().fault, Fault::kRefused);
  EXPECT_EQ(sealing::check_token_key_uri("pkcs11:token=card").error().fault, Fault::kBadInput);
}

}  // namespace
}  // namespace airtight::ca
