// Seals kept by a PKCS #11 token: SoftHSM is the token, and pkcs11-tool is a second opinion on what we put into it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <string>

#include "sealing/seal.h"
#include "tests/support/recording_random.h"
#include "tests/support/seal_text.h"
#include "tests/support/software_token.h"

namespace airtight::sealing {
namespace {

using testing::HasSubstr;
using testing::Not;
using tests::must;
using tests::read_text;
using tests::SoftwareToken;
using tests::write_text;

// SoftHSM with a login that answers as this says; it counts how often it was asked.
const std::string kStubbornToken = std::string(AIRTIGHT_BINARY_DIR) + "/lib/libstubborn_token.so";

PassphrasePrompt answering(std::string_view pin) {
  return [pin](const SecretQuestion&) { return SecretBytes::copy_of(bytes_of(pin)); };
}

class Token : public testing::Test {
 protected:
  MasterKey create(const std::string& uri = SoftwareToken::uri()) { return must(try_create(uri)); }
  Result<MasterKey> try_create(const std::string& uri, std::string_view pin = "1234") {
    return create_master_key(store(), Pkcs11Seal{uri}, answering(pin), random_);
  }
  [[nodiscard]] Result<MasterKey> open(std::string_view pin = "1234") const { return open_master_key(store(), answering(pin)); }
  [[nodiscard]] Error error_of_open(std::string_view pin = "1234") const {
    const auto result = open(pin);
    if (result) throw std::logic_error("it opened");
    return result.error();
  }
  [[nodiscard]] bool same(const MasterKey& a, const MasterKey& b) {
    return b.open("test", {}, a.seal("test", {}, bytes_of("x"), random_)).has_value();
  }
  // Makes the seal name another module or token.
  void rename_in_seal(const std::string& what, const std::string& with) const {
    write_text(seal_file(), tests::with_right_checksum(tests::replaced(read_text(seal_file()), what, with)));
  }

  [[nodiscard]] std::filesystem::path store() const { return folder_ / "store"; }
  [[nodiscard]] std::filesystem::path seal_file() const { return store() / "seal"; }

  tests::TemporaryFolder folder_;
  SoftwareToken token_;
  tests::RecordingRandom random_;
};

class StubbornToken : public Token {
 protected:
  // "locked": the PIN is locked; "final": wrong, and one try is left; "expired"; "keypad": the PIN is typed on the token.
  static void behave(const char* how) { ::setenv("STUBBORN_TOKEN", how, 1); }
  void TearDown() override { ::unsetenv("STUBBORN_TOKEN"); }
  [[nodiscard]] static std::string uri() { return SoftwareToken::uri("card", kStubbornToken); }
};

TEST_F(Token, GivesBackTheSameKeyEachTime) {
  const MasterKey made = create();
  EXPECT_TRUE(same(made, must(open())));
  EXPECT_TRUE(same(made, must(open())));
  EXPECT_EQ(must(seal_kind_of(store())), SealKind::kPkcs11);
}

TEST_F(Token, HoldsAKeyThatNeverLeavesIt) {
  (void)create("pkcs11:token=card;object=store%20key?module-path=/usr/lib/softhsm/libsofthsm2.so");
  const std::string listed = SoftwareToken::tool({"--list-objects", "--type", "privkey"}).output;
  EXPECT_THAT(listed, HasSubstr("store key"));
  EXPECT_THAT(listed, HasSubstr("sensitive, always sensitive, never extractable, local"));
  EXPECT_THAT(listed, HasSubstr("decrypt"));
  EXPECT_THAT(listed, Not(HasSubstr("sign")));
  EXPECT_THAT(listed, Not(HasSubstr("unwrap")));
}

TEST_F(Token, IsAskedForItsPinOnceAndByName) {
  (void)create();
  int asked = 0;
  EXPECT_TRUE(open_master_key(store(), [&](const SecretQuestion& question) {
    ++asked;
    EXPECT_EQ(question.about, SecretQuestion::About::kTokenPin);
    EXPECT_EQ(question.token, "card");
    EXPECT_FALSE(question.is_new);
    return SecretBytes::copy_of(bytes_of("1234"));
  }));
  EXPECT_EQ(asked, 1);
}

TEST_F(Token, IsDescribedWithoutIt) {
  (void)create();
  token_.replace_by("other");
  const auto description = must(describe_seal(store()));
  const std::vector<std::pair<std::string, std::string>> expected = {{"uri", SoftwareToken::uri()}};
  EXPECT_EQ(description.details, expected);
}

TEST_F(Token, ThatIsNotInsertedIsToldSo) {
  (void)create();
  token_.replace_by("other");
  const Error error = error_of_open();
  EXPECT_EQ(error.fault, Fault::kNotFound);
  EXPECT_THAT(error.message, HasSubstr("there is no token here that matches"));
  EXPECT_THAT(error.hint, HasSubstr("insert it"));
}

TEST_F(Token, OfTheSameNameIsToldApart) {
  (void)create();
  token_.replace_by("card");
  const Error error = error_of_open();
  EXPECT_EQ(error.fault, Fault::kNotFound);
  EXPECT_THAT(error.message, HasSubstr("the token 'card' does not hold the key of this seal"));
  EXPECT_THAT(error.hint, HasSubstr("insert the token"));
}

TEST_F(Token, ThatIsOneOfTwoMustBeNamedExactly) {
  SoftwareToken::add("card");
  const auto result = try_create(SoftwareToken::uri());
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().fault, Fault::kRefused);
  EXPECT_THAT(result.error().message, HasSubstr("more than one token matches"));
  EXPECT_THAT(result.error().hint, HasSubstr("serial"));
}

TEST_F(Token, RefusesAWrongPinAndThenTakesTheRightOne) {
  const MasterKey made = create();
  const Error error = error_of_open("4321");
  EXPECT_EQ(error.fault, Fault::kRefused);
  EXPECT_EQ(error.message, "the PIN of the token 'card' is wrong");
  EXPECT_THAT(error.hint, HasSubstr("lock the token"));
  EXPECT_TRUE(same(made, must(open())));
  std::filesystem::remove(seal_file());
  EXPECT_EQ(try_create(SoftwareToken::uri(), "4321").error().fault, Fault::kRefused);
  EXPECT_FALSE(std::filesystem::exists(seal_file()));
}

TEST_F(Token, SaysWhenNobodyCanBeAsked) {
  (void)create();
  const auto result = open_master_key(store(), {});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().fault, Fault::kRefused);
  EXPECT_THAT(result.error().message, HasSubstr("a PIN is needed"));
}

TEST_F(Token, WhoseModuleIsMissingOrIsNoneIsToldSo) {
  (void)create();
  const std::string path = (folder_ / "module.so").native();
  rename_in_seal(std::string(tests::kSoftHsm), path);
  const Error missing = error_of_open();
  EXPECT_EQ(missing.fault, Fault::kNotFound);
  EXPECT_THAT(missing.message, HasSubstr("the PKCS #11 module " + path + " is missing"));
  write_text(path, "no library");
  const Error unreadable = error_of_open();
  EXPECT_EQ(unreadable.fault, Fault::kNotFound);
  EXPECT_THAT(unreadable.message, HasSubstr("cannot be loaded"));
}

TEST_F(Token, WhoseModuleOthersCanChangeIsRefused) {
  (void)create();
  const std::string path = (folder_ / "module.so").native();
  std::filesystem::copy_file(tests::kSoftHsm, path);
  ::chmod(path.c_str(), 0757);
  rename_in_seal(std::string(tests::kSoftHsm), path);
  const Error error = error_of_open();
  EXPECT_EQ(error.fault, Fault::kRefused);
  EXPECT_THAT(error.message, HasSubstr("can be changed by others"));
  EXPECT_THAT(error.hint, HasSubstr("chmod go-w"));
}

TEST_F(Token, IsFoundAmongTheModulesThatTheSystemKnows) {
  const MasterKey made = create("pkcs11:token=card;manufacturer=SoftHSM%20project");
  EXPECT_TRUE(same(made, must(open())));
}

TEST_F(Token, MustBeNamedByAUriWithoutAPin) {
  for (const std::string uri :
       {"", "card", "pkcs11:", "pkcs11:object=key", "pkcs11:token=card?module-path=softhsm.so", "pkcs11:token=card?pin-value=1234",
        "pkcs11:token=card?pin-source=/etc/pin", "pkcs11:token=card;colour=red", "pkcs11:token=%zz", "pkcs11:token=card\nwrapped = 00"}) {
    const auto result = try_create(uri);
    ASSERT_FALSE(result) << uri;
    EXPECT_EQ(result.error().fault, Fault::kBadInput) << uri;
    EXPECT_FALSE(result.error().hint.empty());
    EXPECT_FALSE(std::filesystem::exists(seal_file()));
  }
}

TEST_F(Token, TakesNoSealThatWasChanged) {
  (void)create();
  const std::string text = read_text(seal_file());
  for (const std::string name : {"key-id", "encrypted", "wrapped"}) {
    for (const std::size_t digit : {std::size_t{1}, std::size_t{9}, std::size_t{31}}) {
      write_text(seal_file(), tests::with_changed_hex(text, name, digit));
      const auto result = open();
      ASSERT_FALSE(result) << name << " " << digit;
      EXPECT_EQ(result.error().fault, name == "key-id" ? Fault::kNotFound : Fault::kInternal) << name << " " << digit;
      EXPECT_FALSE(result.error().hint.empty());
    }
  }
  write_text(seal_file(), text);
  EXPECT_TRUE(open());
}

TEST_F(Token, OpensForOtherSoftwareWhatWeSealed) {
  (void)create();
  const std::string text = read_text(seal_file());
  write_text(folder_ / "encrypted", text_of(must(hex_decode(tests::value_in_text(text, "encrypted")))));
  ASSERT_EQ(tests::value_in_text(text, "oaep"), "sha1") << "all that SoftHSM 2.6 knows";
  const std::string key = (folder_ / "key").native();
  const auto decrypted =
      SoftwareToken::tool({"--decrypt", "--mechanism", "RSA-PKCS-OAEP", "--hash-algorithm", "SHA-1", "--mgf", "MGF1-SHA1", "--id",
                           tests::value_in_text(text, "key-id"), "--input-file", (folder_ / "encrypted").native(), "--output-file", key});
  ASSERT_EQ(decrypted.status, 0) << decrypted.output;
  ::chmod(key.c_str(), 0600);
  const std::string found = read_text(key);
  EXPECT_TRUE(std::ranges::any_of(random_.drawn_of(32), [&](const Bytes& each) { return text_of(each) == found; }));
}

TEST_F(StubbornToken, WithALockedPinSaysHowToUnlockIt) {
  (void)create(uri());
  behave("locked");
  const Error error = error_of_open();
  EXPECT_EQ(error.fault, Fault::kRefused);
  EXPECT_EQ(error.message, "the PIN of the token 'card' is locked");
  EXPECT_THAT(error.hint, HasSubstr("PUK"));
}

TEST_F(StubbornToken, ThatLocksAtThisTrySaysSo) {
  (void)create(uri());
  behave("locks-now");
  EXPECT_EQ(error_of_open("4321").message, "the PIN of the token 'card' is locked");
}

TEST_F(StubbornToken, WarnsBeforeTheLastTryAndDoesNotTakeItByItself) {
  (void)create(uri());
  behave("final");
  std::vector<std::string> asked;
  const auto result = open_master_key(store(), [&](const SecretQuestion& question) {
    asked.push_back(question.token);
    return SecretBytes::copy_of(bytes_of("4321"));
  });
  ASSERT_FALSE(result);
  EXPECT_EQ(asked, std::vector<std::string>{"card (the last try before it locks)"});
  EXPECT_THAT(result.error().hint, HasSubstr("the next wrong one locks the token"));
}

TEST_F(StubbornToken, WithAnExpiredPinSaysSo) {
  (void)create(uri());
  behave("expired");
  EXPECT_THAT(error_of_open().message, HasSubstr("has expired"));
}

TEST_F(StubbornToken, WithAKeypadOfItsOwnIsNotAskedForHere) {
  const MasterKey made = create(uri());
  behave("keypad");
  const auto nobody = [](const SecretQuestion&) -> Result<SecretBytes> { throw std::logic_error("a PIN was asked for"); };
  EXPECT_TRUE(same(made, must(open_master_key(store(), nobody))));
}

}  // namespace
}  // namespace airtight::sealing
