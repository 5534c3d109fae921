#include "ca/profile.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "crypto/certificate_builder.h"
#include "tests/support/must.h"

namespace airtight::ca {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using tests::must;

constexpr KeyAlgorithmType kRsa = KeyAlgorithmType::kRsa;
constexpr KeyAlgorithmType kEcc = KeyAlgorithmType::kEcc;

CertificateProfile of(Purpose purpose) {
  CertificateProfile profile;
  profile.name = "test";
  profile.purpose = purpose;
  return profile;
}

struct Expected {
  const char* purpose;
  std::uint16_t rsa;
  std::uint16_t ec;
  std::vector<std::string> extended;
};

TEST(Profile, SaysWhatEachPurposeWantsOfEachKindOfKey) {
  const std::vector<Expected> all = {
      {"general", 0, 0, {}},
      {"tls-client", 0x8000, 0x8000, {"1.3.6.1.5.5.7.3.2"}},
      {"email-signing", 0xC000, 0xC000, {"1.3.6.1.5.5.7.3.4"}},
      {"email-encryption", 0x2000, 0x0800, {"1.3.6.1.5.5.7.3.4"}},
      {"email", 0xA000, 0x8800, {"1.3.6.1.5.5.7.3.4"}},
      {"smart-card-logon", 0x8000, 0x8000, {"1.3.6.1.5.5.7.3.2", "1.3.6.1.4.1.311.20.2.2"}},
      {"code-signing", 0x8000, 0x8000, {"1.3.6.1.5.5.7.3.3"}},
      {"tls-server", 0xA000, 0x8000, {"1.3.6.1.5.5.7.3.1"}},
      {"document-signing", 0xC000, 0xC000, {"1.3.6.1.5.5.7.3.36"}},
  };
  ASSERT_EQ(all.size(), purpose_names().size());
  for (const Expected& row : all) {
    const Purpose purpose = purpose_named(row.purpose).value();
    EXPECT_EQ(name_of(purpose), row.purpose);
    EXPECT_EQ(must(key_usage_of(of(purpose), kRsa)), row.rsa) << row.purpose;
    EXPECT_EQ(must(key_usage_of(of(purpose), kEcc)), row.ec) << row.purpose;
    EXPECT_EQ(extended_key_usage_of(of(purpose)), row.extended) << row.purpose;
    EXPECT_TRUE(check_profile(of(purpose))) << row.purpose;
  }
  EXPECT_EQ(purpose_named("logon"), std::nullopt);
}

TEST(Profile, RefusesAlternativeNamesThatNoCertificateCanHold) {
  using Kind = AlternativeName::Kind;
  for (const auto& [kind, text] : {std::pair(Kind::kEmail, "not an address"), std::pair(Kind::kIp, "1.2.3"), std::pair(Kind::kDns, "a..b"),
                                   std::pair(Kind::kUri, "relative"), std::pair(Kind::kUpn, "jane")}) {
    CertificateProfile profile = of(Purpose::kGeneral);
    profile.alternative_names.push_back({kind, must(Template::parse(text))});
    EXPECT_EQ(check_profile(profile).error().fault, Fault::kBadInput) << text;
  }
  CertificateProfile later = of(Purpose::kGeneral);
  later.alternative_names.push_back({Kind::kEmail, must(Template::parse("{email}"))});
  EXPECT_TRUE(check_profile(later));
}

TEST(Profile, TakesItsOwnKeyUsageBeforeThatOfThePurpose) {
  CertificateProfile profile = of(Purpose::kTlsClient);
  profile.key_usage = 0xC000;
  EXPECT_EQ(must(key_usage_of(profile, kEcc)), 0xC000);
}

TEST(Profile, RefusesAUsageThatTheAlgorithmCannotServe) {
  CertificateProfile profile = of(Purpose::kGeneral);
  for (const std::uint16_t usage : std::initializer_list<std::uint16_t>{0x2000, 0x1000}) {
    profile.key_usage = usage;
    EXPECT_EQ(key_usage_of(profile, kEcc).error().fault, Fault::kBadInput);
    EXPECT_TRUE(key_usage_of(profile, kRsa));
  }
  profile.key_usage = 0x0800;
  EXPECT_EQ(key_usage_of(profile, kRsa).error().fault, Fault::kBadInput);
}

TEST(Profile, AddsExtendedKeyUsagesOnce) {
  CertificateProfile profile = of(Purpose::kTlsClient);
  profile.extended_key_usage = {"1.2.3", "1.3.6.1.5.5.7.3.2", "1.2.3"};
  EXPECT_THAT(extended_key_usage_of(profile), ElementsAre("1.3.6.1.5.5.7.3.2", "1.2.3"));
}

TEST(Profile, RefusesWhatWouldSpeakForTheAuthority) {
  for (const std::uint16_t usage : std::initializer_list<std::uint16_t>{0x0400, 0x0200, 0x8600}) {
    CertificateProfile profile = of(Purpose::kGeneral);
    profile.key_usage = usage;
    EXPECT_EQ(check_profile(profile).error().fault, Fault::kBadInput);
  }
  for (const char* id : {"1.3.6.1.5.5.7.3.9", "1.3.6.1.5.5.7.3.8"}) {
    CertificateProfile profile = of(Purpose::kGeneral);
    profile.extended_key_usage = {id};
    EXPECT_EQ(check_profile(profile).error().fault, Fault::kBadInput) << id;
  }
}

TEST(Profile, RefusesWhatIsNoObjectIdentifier) {
  for (const char* id : {"", "1", "1.2.", "1..2", "3.1", "1.40", "a.b", "1.02"}) {
    CertificateProfile purposes = of(Purpose::kGeneral);
    purposes.extended_key_usage = {id};
    EXPECT_EQ(check_profile(purposes).error().fault, Fault::kBadInput) << id;
    CertificateProfile policies = of(Purpose::kGeneral);
    policies.policies = {id};
    EXPECT_EQ(check_profile(policies).error().fault, Fault::kBadInput) << id;
  }
  CertificateProfile twice = of(Purpose::kGeneral);
  twice.policies = {"1.2.3", "1.2.3"};
  EXPECT_EQ(check_profile(twice).error().fault, Fault::kBadInput);
}

TEST(Profile, HoldsTlsServersToWhatClientsAccept) {
  CertificateProfile profile = of(Purpose::kTlsServer);
  profile.validity_days = 397;
  EXPECT_TRUE(check_profile(profile));
  profile.validity_days = 398;
  EXPECT_EQ(check_profile(profile).error().fault, Fault::kBadInput);
  profile.purpose = Purpose::kTlsClient;
  EXPECT_TRUE(check_profile(profile));
}

TEST(ProfileSubject, HasTheNamesOfItsTemplates) {
  CertificateProfile profile = of(Purpose::kSmartCardLogon);
  using Kind = AlternativeName::Kind;
  for (const auto& [kind, text] : std::vector<std::pair<Kind, const char*>>{{Kind::kUpn, "{upn}"},
                                                                            {Kind::kEmail, "{email}"},
                                                                            {Kind::kDns, "{dns}"},
                                                                            {Kind::kIp, "{ip}"},
                                                                            {Kind::kUri, "urn:uuid:{user_id}"}}) {
    profile.alternative_names.push_back({kind, must(Template::parse(text))});
  }
  Facts facts;
  for (const auto& [name, value] : std::vector<std::pair<const char*, const char*>>{{"upn", "jane@ad.example"},
                                                                                    {"email", "jane@example.com"},
                                                                                    {"dns", "a.example"},
                                                                                    {"dns", "b.example"},
                                                                                    {"ip", "::1"},
                                                                                    {"user_id", "7"}}) {
    must(facts.add(name, value));
  }
  const Subject subject = must(make_subject(profile, facts));
  EXPECT_THAT(subject.upns, ElementsAre("jane@ad.example"));
  EXPECT_THAT(subject.emails, ElementsAre("jane@example.com"));
  EXPECT_THAT(subject.dns_names, ElementsAre("a.example", "b.example"));
  EXPECT_THAT(subject.ip_addresses, ElementsAre("::1"));
  EXPECT_THAT(subject.uris, ElementsAre("urn:uuid:7"));
}

TEST(ProfileSubject, KeepsWhatTheEnrolmentGave) {
  CertificateProfile profile = of(Purpose::kEmail);
  profile.alternative_names = {{AlternativeName::Kind::kEmail, must(Template::parse("a@example.com"))}};
  const Subject given{.name_der = must(crypto::name_from_text("CN=Jane")), .emails = {"b@example.com", "a@example.com"}};
  const Subject subject = must(make_subject(profile, {}, given));
  EXPECT_EQ(subject.name_der, given.name_der);
  EXPECT_THAT(subject.emails, ElementsAre("b@example.com", "a@example.com"));
}

TEST(ProfileSubject, LacksNoNameThatItsPurposeWants) {
  for (const Purpose purpose :
       {Purpose::kEmailSigning, Purpose::kEmailEncryption, Purpose::kEmail, Purpose::kSmartCardLogon, Purpose::kTlsServer}) {
    const auto refused = make_subject(of(purpose), {}, {.name_der = must(crypto::name_from_text("CN=Jane"))});
    EXPECT_EQ(refused.error().fault, Fault::kRefused);
    EXPECT_THAT(refused.error().message, HasSubstr(std::string(name_of(purpose))));
  }
  EXPECT_TRUE(make_subject(of(Purpose::kTlsServer), {}, {.name_der = {}, .ip_addresses = {"127.0.0.1"}}));
  EXPECT_TRUE(make_subject(of(Purpose::kCodeSigning), {}, {.name_der = must(crypto::name_from_text("CN=Jane"))}));
}

}  // namespace
}  // namespace airtight::ca
