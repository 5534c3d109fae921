// airtight issuer with the key of its issuing CA in a PKCS #11 token, as a program: SoftHSM.
#include <gmock/gmock.h>

#include <filesystem>

#include "tests/cli/program.h"
#include "tests/support/software_token.h"
#include "tests/support/temporary_folder.h"

namespace airtight::cli::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class IssuerToken : public ::testing::Test {
 protected:
  TerminalOutcome init(const std::string& name, const std::string& pin = "1234") const {
    return run_on_terminal({"issuer", "init", folder / name, "--ca-key", kKey}, {{"PIN of the token card", pin + "\n"}});
  }

  static inline const std::string kKey = "pkcs11:token=card;object=issuing?module-path=" + std::string(tests::kSoftHsm);
  tests::SoftwareToken token;
  tests::TemporaryFolder folder;
  const std::string issuer = folder / "bank";
};

TEST_F(IssuerToken, IsMadeWithThePinAndSignsWithIt) {
  const TerminalOutcome made = init("bank");
  ASSERT_EQ(made.status, 0) << made.screen;
  EXPECT_THAT(made.screen, Not(HasSubstr("1234")));
  EXPECT_THAT(tests::SoftwareToken::tool({"--list-objects"}).output, HasSubstr("issuing"));
  const TerminalOutcome signs = run_on_terminal({"ca", "crl", issuer}, {{"PIN of the token card", "1234\n"}});
  EXPECT_EQ(signs.status, 0) << signs.screen;
  EXPECT_THAT(signs.screen, HasSubstr("issuing  number 1"));
}

TEST_F(IssuerToken, IsNotMadeWithAWrongPinAndLeavesNothing) {
  const TerminalOutcome made = init("bank", "4321");
  EXPECT_EQ(made.status, 1);
  EXPECT_THAT(made.screen, HasSubstr("the PIN of the token 'card' is wrong"));
  EXPECT_FALSE(std::filesystem::exists(issuer));
}

TEST_F(IssuerToken, TakesNoKeyThatIsThereAlready) {
  ASSERT_EQ(init("bank").status, 0);
  const TerminalOutcome second = init("other");
  EXPECT_EQ(second.status, 1);
  EXPECT_THAT(second.screen, HasSubstr("already"));
  EXPECT_FALSE(std::filesystem::exists(folder / "other"));
}

// Nobody can be asked where there is no terminal.
TEST_F(IssuerToken, IsNotMadeWithoutSomebodyToAsk) {
  const Outcome made = run({"issuer", "init", issuer, "--ca-key", kKey});
  EXPECT_EQ(made.status, 1);
  EXPECT_FALSE(std::filesystem::exists(issuer));
}

}  // namespace
}  // namespace airtight::cli::testing
