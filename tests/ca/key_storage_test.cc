#include "ca/key_storage.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "ca/rollover.h"
#include "storage/files.h"
#include "tests/ca/issuing.h"
#include "tests/support/temporary_folder.h"

namespace airtight::ca {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using tests::must;

sealing::PassphrasePrompt answering(const std::string& passphrase) {
  return [passphrase](const sealing::SecretQuestion&) -> Result<SecretBytes> { return SecretBytes::copy_of(bytes_of(passphrase)); };
}

class KeyInAFile : public testing::Test {
 protected:
  [[nodiscard]] KeyAccess access(const std::string& passphrase = "correct horse") const {
    return {.folder = folder_.path(), .prompt = answering(passphrase)};
  }
  tests::TemporaryFolder folder_;
  KeyStorage storage_ = must(parse_key_storage("file:keys/issuing.pem"));
};

TEST_F(KeyInAFile, OpensWithItsPassphrase) {
  for (const KeyKind kind : {KeyKind::kP256, KeyKind::kP384, KeyKind::kRsa3072}) {
    const KeyStorage storage{KeyStorage::Kind::kFile, std::string(name_of(kind)) + ".pem"};
    const auto made = must(make_key(storage, kind, access()));
    const auto opened = must(open_key(storage, access()));
    EXPECT_EQ(made->public_key(), opened->public_key());
    const auto scheme = crypto::x509_scheme(opened->public_key().type());
    const Bytes signature = must(opened->sign(scheme, crypto::Digest::kSha256, bytes_of("message")));
    EXPECT_TRUE(made->public_key().verify(scheme, crypto::Digest::kSha256, bytes_of("message"), signature));
  }
}

TEST_F(KeyInAFile, IsEncryptedAndPrivate) {
  must(make_key(storage_, KeyKind::kP256, access()));
  const fs::path file = folder_.path() / "keys/issuing.pem";
  EXPECT_THAT(std::string(text_of(must(storage::read_file(file, 10000)))), HasSubstr("-----BEGIN ENCRYPTED PRIVATE KEY-----"));
  EXPECT_EQ(fs::status(file).permissions(), fs::perms::owner_read | fs::perms::owner_write);
  fs::permissions(file, fs::perms::group_read, fs::perm_options::add);
  EXPECT_EQ(open_key(storage_, access()).error().fault, Fault::kRefused);
}

TEST_F(KeyInAFile, DoesNotOpenWithAnotherPassphrase) {
  must(make_key(storage_, KeyKind::kP256, access()));
  EXPECT_EQ(open_key(storage_, access("wrong horse")).error().fault, Fault::kRefused);
  EXPECT_EQ(open_key(storage_, {.folder = folder_.path(), .prompt = {}}).error().fault, Fault::kRefused);
}

TEST_F(KeyInAFile, IsNeverReplaced) {
  must(make_key(storage_, KeyKind::kP256, access()));
  EXPECT_EQ(make_key(storage_, KeyKind::kP256, access()).error().fault, Fault::kRefused);
}

TEST_F(KeyInAFile, WantsALongPassphrase) {
  EXPECT_EQ(make_key(storage_, KeyKind::kP256, access("1234567")).error().fault, Fault::kBadInput);
  EXPECT_FALSE(fs::exists(folder_.path() / "keys/issuing.pem"));
}

TEST_F(KeyInAFile, ThatIsNotThereIsNotFound) { EXPECT_EQ(open_key(storage_, access()).error().fault, Fault::kNotFound); }

TEST_F(KeyInAFile, SignsForTheAuthority) {
  TestAuthority world;
  world.options.issuing_storage = storage_;
  world.options.access = access();
  must(world.create());
  const Authority authority = must(world.open({.access = access()}));
  EXPECT_TRUE(must(issue(world, authority)).verify_issued_by(authority.issuing()));
  EXPECT_EQ(must(list_keys(*world.database))[1].storage.location, "keys/issuing.pem");
}

TEST_F(KeyInAFile, StaysClosedWhereNobodyCanBeAsked) {
  TestAuthority world;
  world.options.issuing_storage = storage_;
  world.options.access = access();
  must(world.create());
  const Authority authority = must(world.open());
  const auto refused = issue(world, authority);
  EXPECT_EQ(refused.error().fault, Fault::kUnavailable);
  EXPECT_THAT(refused.error().message, HasSubstr("file:keys/issuing.pem"));
}

TEST_F(KeyInAFile, OfARootIsAskedForOnlyWhereItIsNeeded) {
  TestAuthority world;
  world.options.root_storage = storage_;
  world.options.access = access();
  must(world.create());
  const Authority serving = must(world.open({.access = access()}));
  EXPECT_TRUE(issue(world, serving));
  EXPECT_EQ(Rollover(serving).new_issuing(*world.database, {}).error().fault, Fault::kUnavailable);
  const Authority rolling = must(world.open({.access = access(), .keys = WhichKeys::kAll}));
  EXPECT_TRUE(Rollover(rolling).new_issuing(*world.database, {}));
}

TEST_F(KeyInAFile, OfAnotherAuthorityIsNoticed) {
  TestAuthority world;
  world.options.issuing_storage = storage_;
  world.options.access = access();
  must(world.create());
  fs::remove(folder_.path() / "keys/issuing.pem");
  must(make_key(storage_, KeyKind::kP256, access()));
  EXPECT_EQ(world.open({.access = access()}).error().fault, Fault::kInternal);
}

TEST(KeyStorage, IsWrittenAsItIsRead) {
  for (const char* text : {"database", "file:a/b.pem", "pkcs11:token=ca;object=issuing"}) {
    EXPECT_EQ(to_text(must(parse_key_storage(text))), text);
  }
  for (const char* text :
       {"", "file:", "tape", "pkcs11:", "pkcs11:token=ca", "pkcs11:token=ca;object=a?pin-value=1", "file:../key", "file:keys/../../key"}) {
    EXPECT_EQ(parse_key_storage(text).error().fault, Fault::kBadInput) << text;
  }
}

}  // namespace
}  // namespace airtight::ca
