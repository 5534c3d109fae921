// Seeds on their way from a key container into keys: which key gets which, and what is never issued.
#include "issuer/seeds.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/algorithms.h"
#include "base/encoding.h"
#include "storage/files.h"
#include "tests/issuer/support.h"

namespace airtight::issuer::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::string_view kOperator = "jane (1000)";
constexpr std::string_view kSecret = "12345678901234567890";
constexpr std::string_view kPinPolicy = R"([[profiles.default.pin_policies]]
id = "PIN.1"
format = "numeric"
min_length = 6
max_length = 8
retry_limit = 3
)";

struct Pskc {
  std::string id = "T-1";
  std::string algorithm = "hotp";
  std::string suite = {};  // "<Suite>HMAC-SHA256</Suite>"
  std::string data = "<Counter><PlainValue>7</PlainValue></Counter>";
  std::string before_data = {};
  std::string policy = {};
};

std::string key_package(const Pskc& key) {
  return "<KeyPackage><DeviceInfo><Manufacturer>Acme</Manufacturer><SerialNo>S-" + key.id + "</SerialNo></DeviceInfo><Key Id=\"" + key.id +
         "\" Algorithm=\"urn:ietf:params:xml:ns:keyprov:pskc:" + key.algorithm + "\"><Issuer>Acme</Issuer><AlgorithmParameters>" +
         key.suite + "<ResponseFormat Length=\"8\" Encoding=\"DECIMAL\"/></AlgorithmParameters><Data><Secret><PlainValue>" +
         base64_encode(bytes_of(kSecret)) + "</PlainValue></Secret>" + key.data + "</Data>" + key.before_data +
         (key.policy.empty() ? "" : "<Policy>" + key.policy + "</Policy>") + "</Key></KeyPackage>";
}

std::string container(const std::vector<Pskc>& keys) {
  std::string text = R"(<KeyContainer Version="1.0" xmlns="urn:ietf:params:xml:ns:keyprov:pskc">)";
  for (const Pskc& key : keys) text += key_package(key);
  return text + "</KeyContainer>";
}

class Seeds : public ::testing::Test {
 protected:
  void configure(const std::string& more_of_key = "", const std::string& pin = "", const std::string& algorithms = {}) {
    const IssuerSetup setup{.configuration = [=](const crypto::Certificate& root) {
      return "[profiles.default]\nsession_life_time = 600\ndevices.accepted = [{ level = \"vendor\", certificate_pem = \"\"\"" +
             crypto::to_pem(root) + "\"\"\" }]\n" + pin +
             "[[profiles.default.keys]]\nid = \"Key.1\"\nusage = \"symmetric-key\"\nalgorithm = \"p-256\"\nsymmetric_key = { algorithms = "
             "[" +
             (algorithms.empty() ? "\"" + std::string(uri::kHmacSha1) + "\"" : algorithms) + "], seeds = \"tokens\" }\n" +
             (pin.empty() ? "" : "pin_policy = \"PIN.1\"\n") + more_of_key;
    }};
    issuer_ = std::make_unique<TestIssuer>(setup);
    device_ = std::make_unique<Device>(issuer_->maker());
    client_ = std::make_unique<Client>(*issuer_, *device_);
  }
  TestIssuer& issuer() { return *issuer_; }
  Client& client() { return *client_; }
  Result<SeedImport> import(const std::vector<Pskc>& keys, std::string_view pool = "tokens") {
    return import_seeds(issuer().issuer(), pool, bytes_of(container(keys)), {}, kOperator, {});
  }
  std::vector<SeedSummary> seeds() {
    const auto database = must(issuer().issuer().database());
    return must(list_seeds(*database, "tokens"));
  }
  // The refusal of an enrolment; empty if it goes well.
  std::string enroll(std::string_view subject = "CN=Jane Doe,C=SE") {
    const http::Response response = client().run(must(issuer().issuer().make_url("default", std::string(subject))));
    return response.status == 200 ? "" : refusal_id(response);
  }

 private:
  std::unique_ptr<TestIssuer> issuer_;
  std::unique_ptr<Device> device_;
  std::unique_ptr<Client> client_;
};

TEST_F(Seeds, ComeWithTheirPropertyBag) {
  configure();
  EXPECT_THAT(must(import({{}})).names, ElementsAre("T-1"));
  EXPECT_EQ(enroll(), "");
  EXPECT_EQ(text_of(client().imported().expose_secret()), kSecret);
  const std::string& bag = client().extensions().at(std::string(otp::kHotpType));
  EXPECT_THAT(bag, HasSubstr(R"(Name="Counter")"));
  EXPECT_THAT(bag, HasSubstr(R"(Value="7")"));
  EXPECT_THAT(bag, HasSubstr(R"(Writable="true")"));
  EXPECT_THAT(bag, HasSubstr(R"(Value="8")"));
}

TEST_F(Seeds, OfTotpComeWithTheirPeriod) {
  configure();
  must(import({{.algorithm = "totp", .data = "<TimeInterval><PlainValue>60</PlainValue></TimeInterval>"}}));
  EXPECT_EQ(enroll(), "");
  EXPECT_THAT(client().extensions().at(std::string(otp::kTotpType)), HasSubstr(R"(Value="60")"));
}

TEST_F(Seeds, AreIssuedOnceTheOldestFirst) {
  configure(R"(extensions = [{ type = "urn:x:name", text = "{seed.name} {seed.serial}" }])");
  must(import({{.id = "T-1"}, {.id = "T-2"}}));
  EXPECT_EQ(enroll(), "");
  EXPECT_EQ(client().extensions().at("urn:x:name"), "T-1 S-T-1");
  EXPECT_EQ(seeds().at(0).serial, hex_encode(client().certificate("Key.1").serial()));
  EXPECT_EQ(seeds().at(1).serial, "");
  EXPECT_EQ(enroll(), "");
  EXPECT_EQ(enroll(), "key.no-seed");
}

TEST_F(Seeds, OfAnotherHashWaitForAKeyThatEndorsesIt) {
  configure();
  must(import({{.suite = "<Suite>HMAC-SHA256</Suite>"}}));
  EXPECT_EQ(enroll(), "key.no-seed");
}

TEST_F(Seeds, EndorseTheHashThatTheyAreFor) {
  configure("", "", "\"" + std::string(uri::kHmacSha1) + "\", \"" + std::string(uri::kHmacSha256) + "\"");
  must(import({{.suite = "<Suite>HMAC-SHA256</Suite>"}}));
  ASSERT_EQ(client().run(issuer().url(), 3).status, 200);
  const auto& request = client().request<keygen2::CredentialDeploymentRequest>();
  const auto& key = std::get<keygen2::SymmetricKey>(request.keys.at(0).import);
  EXPECT_THAT(key.endorsed_algorithms, ElementsAre(std::string(uri::kHmacSha256)));
}

TEST_F(Seeds, ThatNoKeyStoreCanUseAreNamedAndLeftOut) {
  configure();
  const SeedImport done = must(import({{.id = "Good"}, {.id = "Bad", .suite = "<Suite>HMAC-SHA512</Suite>"}}));
  EXPECT_THAT(done.names, ElementsAre("Good"));
  ASSERT_EQ(done.refused.size(), 1U);
  EXPECT_EQ(done.refused.at(0).id, "Bad");
  EXPECT_THAT(done.refused.at(0).reason, HasSubstr("HMAC that no key store has"));
}

TEST_F(Seeds, AreNotIssuedBeforeTheirDate) {
  configure();  // it is 2010-03-18
  must(import({{.policy = "<StartDate>2010-03-19T00:00:00Z</StartDate>"}}));
  EXPECT_EQ(enroll(), "key.no-seed");
  issuer().clock().pass(std::chrono::hours(48));
  EXPECT_EQ(enroll(), "");
}

TEST_F(Seeds, AreNotIssuedAfterTheirDate) {
  configure();
  must(import({{.policy = "<ExpiryDate>2010-03-19T00:00:00Z</ExpiryDate>"}}));
  issuer().clock().pass(std::chrono::hours(48));
  EXPECT_EQ(enroll(), "key.no-seed");
}

TEST_F(Seeds, EndTheCertificateWhenTheyEnd) {
  configure();
  must(import({{.policy = "<ExpiryDate>2010-06-01T00:00:00Z</ExpiryDate>"}}));
  EXPECT_EQ(enroll(), "");
  EXPECT_EQ(format_time(client().certificate("Key.1").not_after()), "2010-06-01T00:00:00Z");
}

TEST_F(Seeds, GoToTheirUserAlone) {
  configure(R"(extensions = [{ type = "urn:x:name", text = "{seed.name}" }])");
  must(import({{.id = "Hers", .before_data = "<UserId>CN=Jane Doe,C=SE</UserId>"}}));
  EXPECT_EQ(enroll("CN=John Doe,C=SE"), "key.no-seed");
  must(import({{.id = "Anybodys"}}));
  EXPECT_EQ(enroll("CN=John Doe,C=SE"), "");
  EXPECT_EQ(client().extensions().at("urn:x:name"), "Anybodys");
  EXPECT_EQ(enroll("CN=Jane Doe,C=SE"), "");
  EXPECT_EQ(client().extensions().at("urn:x:name"), "Hers");
}

TEST_F(Seeds, ThatWantAPinGoToNoKeyWithoutOne) {
  configure();
  must(import({{.policy = R"(<PINPolicy PINUsageMode="Local" MinLength="4"/>)"}}));
  EXPECT_EQ(enroll(), "key.no-seed");
}

TEST_F(Seeds, ThatWantAPinGoToAKeyWhoseOwnIsAsStrict) {
  configure("", std::string(kPinPolicy));
  must(
      import({{.policy = R"(<PINPolicy PINUsageMode="Local" PINEncoding="DECIMAL" MinLength="4" MaxLength="8" MaxFailedAttempts="3"/>)"}}));
  EXPECT_EQ(enroll(), "");
}

TEST_F(Seeds, ThatWantAStricterPinWait) {
  const std::vector<std::string> stricter = {R"(MinLength="7")", R"(MaxLength="7")", R"(MaxFailedAttempts="2")",
                                             R"(PINEncoding="ALPHANUMERIC")"};
  for (const std::string& attribute : stricter) {
    configure("", std::string(kPinPolicy));
    must(import({{.policy = R"(<PINPolicy PINUsageMode="Local" )" + attribute + "/>"}}));
    EXPECT_EQ(enroll(), "key.no-seed") << attribute;
  }
}

TEST_F(Seeds, OfAContainerWithANameThatIsThereAreNotImportedAtAll) {
  configure();
  must(import({{.id = "T-1"}}));
  const auto again = import({{.id = "T-2"}, {.id = "T-1"}});
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().fault, Fault::kRefused);
  EXPECT_THAT(again.error().message, HasSubstr("T-1"));
  EXPECT_EQ(seeds().size(), 1U);
  EXPECT_TRUE(import({{.id = "T-1"}}, "others")) << "another pool has names of its own";
}

TEST_F(Seeds, AreSealed) {
  configure();
  must(import({{}}));
  const Bytes database = must(storage::read_file(issuer().path() / "issuer.db", 64U << 20));
  EXPECT_THAT(to_text(database), Not(HasSubstr(std::string(kSecret))));
}

TEST_F(Seeds, CanBeRemovedUntilTheyAreIssued) {
  configure();
  must(import({{.id = "T-1"}, {.id = "T-2"}}));
  EXPECT_EQ(enroll(), "");
  const auto both = remove_seeds(issuer().issuer(), "tokens", {"T-2", "T-1"}, kOperator);
  ASSERT_FALSE(both);
  EXPECT_EQ(both.error().fault, Fault::kRefused);
  EXPECT_EQ(seeds().size(), 2U) << "all or none";
  must(remove_seeds(issuer().issuer(), "tokens", {"T-2"}, kOperator));
  EXPECT_EQ(seeds().size(), 1U);
  EXPECT_EQ(remove_seeds(issuer().issuer(), "tokens", {"T-2"}, kOperator).error().fault, Fault::kNotFound);
}

TEST_F(Seeds, CanBeMadeHere) {
  configure();
  const auto names = must(generate_seeds(issuer().issuer(), "tokens", {.count = 3, .parameters = otp::Totp{.digits = 8}}, kOperator, {}));
  EXPECT_EQ(names.size(), 3U);
  EXPECT_EQ(enroll(), "");
  EXPECT_EQ(client().imported().size(), 20U);
  EXPECT_TRUE(client().extensions().contains(std::string(otp::kTotpType)));
  EXPECT_FALSE(generate_seeds(issuer().issuer(), "tokens", {.count = 0}, kOperator, {}));
  EXPECT_FALSE(generate_seeds(issuer().issuer(), "tokens", {.count = 1, .digest = crypto::Digest::kSha512}, kOperator, {}));
}

TEST_F(Seeds, ThatAreExportedNameTheUserWhoGotThem) {
  configure();
  const auto names = must(generate_seeds(issuer().issuer(), "tokens", {.count = 2}, kOperator, {}));
  EXPECT_EQ(enroll("CN=Jane Doe,C=SE"), "");
  const SeedExport done = must(export_seeds(issuer().issuer(), "tokens", {}, {}, kOperator, {}));
  EXPECT_EQ(done.names, names);
  const otp::Container container = must(otp::read_pskc(done.container.expose_secret(), {}, issuer().clock().now()));
  ASSERT_EQ(container.seeds.size(), 2U);
  EXPECT_EQ(container.seeds.at(0).user_id, "CN=Jane Doe,C=SE");
  EXPECT_TRUE(equal(container.seeds.at(0).secret.expose_secret(), client().imported().expose_secret()));
  EXPECT_EQ(container.seeds.at(1).user_id, "") << "it waits";
}

TEST_F(Seeds, KeepWhatTheirMakerSaidThroughAnExport) {
  configure();
  const Pskc key{.suite = "<Suite>HMAC-SHA256</Suite>",
                 .before_data = "<UserId>CN=John</UserId>",
                 .policy =
                     "<StartDate>2010-03-19T00:00:00Z</StartDate><ExpiryDate>2011-03-19T00:00:00Z</ExpiryDate>"
                     "<PINPolicy PINUsageMode=\"Local\" MaxFailedAttempts=\"8\" MinLength=\"4\" PINEncoding=\"ALPHANUMERIC\"/>"};
  must(import({key}));
  const SeedExport done = must(export_seeds(issuer().issuer(), "tokens", {"T-1"}, {}, kOperator, {}));
  must(import_seeds(issuer().issuer(), "copies", done.container.expose_secret(), {}, kOperator, {}));
  const auto database = must(issuer().issuer().database());
  const SeedDescription original = seeds().at(0).description;
  const SeedDescription copy = must(list_seeds(*database, "copies")).at(0).description;
  EXPECT_EQ(copy.name, original.name);
  EXPECT_EQ(copy.properties, original.properties);
  EXPECT_EQ(copy.algorithm, original.algorithm);
  EXPECT_EQ(copy.user, original.user);
  EXPECT_EQ(copy.not_before, original.not_before);
  EXPECT_EQ(copy.not_after, original.not_after);
  ASSERT_TRUE(copy.pin_policy);
  EXPECT_EQ(copy.pin_policy->format, PassphraseFormat::kAlphanumeric);
  EXPECT_EQ(copy.pin_policy->max_failed_attempts, 8U);
  EXPECT_EQ(copy.pin_policy->min_length, 4U);
}

TEST_F(Seeds, AreExportedByNameAllOrNone) {
  configure();
  must(import({{.id = "T-1"}, {.id = "T-2"}, {.id = "T-3"}}));
  EXPECT_THAT(must(export_seeds(issuer().issuer(), "tokens", {"T-3", "T-1"}, {}, kOperator, {})).names, ElementsAre("T-1", "T-3"));
  EXPECT_EQ(export_seeds(issuer().issuer(), "tokens", {"T-1", "T-4"}, {}, kOperator, {}).error().fault, Fault::kNotFound);
  EXPECT_EQ(export_seeds(issuer().issuer(), "others", {}, {}, kOperator, {}).error().fault, Fault::kNotFound);
}

TEST_F(Seeds, NeedAPoolWithAName) {
  configure();
  EXPECT_FALSE(import({{}}, ""));
  EXPECT_FALSE(import({{}}, "two\nlines"));
}

}  // namespace
}  // namespace airtight::issuer::testing
