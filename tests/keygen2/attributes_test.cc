// Every attribute of every message: which may be absent, what each may say and what not. The expectations are those of keygen2.md.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "tests/keygen2/samples.h"

namespace airtight::keygen2::testing {
namespace {

// Marked "?" in keygen2.md.
const std::set<std::string> kOptional = {"PlatformNegotiationRequest@AbortURL",
                                         "BasicCapabilities@Algorithms",
                                         "BasicCapabilities@Extensions",
                                         "BasicCapabilities@RSAKeySizes",
                                         "BasicCapabilities@SettableExponent",
                                         "ProvisioningSessionRequest@Updatable",
                                         "ProvisioningSessionResponse@ServerCertificateFingerprint",
                                         "LookupSpecifier@Email",
                                         "LookupSpecifier@Serial",
                                         "LookupSpecifier@IssuedBefore",
                                         "LookupSpecifier@IssuedAfter",
                                         "MatchingCredential@Locked",
                                         "KeyInitializationRequest@KeyAttestationAlgorithm",
                                         "KeyInitializationRequest@DeferredCertification",
                                         "PINPolicy@UserModifiable",
                                         "PINPolicy@Grouping",
                                         "PINPolicy@PatternRestrictions",
                                         "PINPolicy@InputMethod",
                                         "KeyPair@IssuerSeed",
                                         "KeyPair@BiometricProtection",
                                         "KeyPair@PrivateKeyBackup",
                                         "KeyPair@ExportPolicy",
                                         "KeyPair@Updatable",
                                         "KeyPair@DeletePolicy",
                                         "KeyPair@EnablePINCaching",
                                         "KeyPair@ImportPrivateKey",
                                         "KeyPair@FriendlyName",
                                         "RSA@Exponent",
                                         "Property@Writable"};

enum class Type { kId, kUri, kUris, kBytes, kBytes32, kBoolean, kTime, kWholeSeconds, kText, kMimeType, kNumber, kSerial, kNames };

struct Expectation {
  Type type;
  std::uint64_t least = 0;  // kNumber
  std::uint64_t most = 0;
  std::vector<std::string> names = {};  // kNames
};

Expectation named(std::vector<std::string> names) { return {.type = Type::kNames, .names = std::move(names)}; }

// By attribute name; where two elements have the same name for different things, by element and name.
const std::map<std::string, Expectation>& expectations() {
  static const Expectation formats = named({"numeric", "alphanumeric", "string", "binary"});
  static const std::map<std::string, Expectation> all = {
      {"ID", {Type::kId}},
      {"ServerSessionID", {Type::kId}},
      {"ClientSessionID", {Type::kId}},
      {"RequestID", {Type::kId}},
      {"SubmitURL", {Type::kUri}},
      {"AbortURL", {Type::kUri}},
      {"SessionKeyAlgorithm", {Type::kUri}},
      {"IssuerURI", {Type::kUri}},
      {"KeyAttestationAlgorithm", {Type::kUri}},
      {"NamedCurve", {Type::kUri}},
      {"Type", {Type::kUri}},
      {"ds11:NamedCurve@URI", {Type::kUri}},
      {"Algorithms", {Type::kUris}},
      {"Extensions", {Type::kUris}},
      {"EndorsedAlgorithms", {Type::kUris}},
      {"RSAKeySizes", {Type::kNumber, 0, 65535}},
      {"SessionLifeTime", {Type::kNumber, 10, 10000000}},
      {"SessionKeyLimit", {Type::kNumber, 1, 65535}},
      {"RetryLimit", {Type::kNumber, 0, 255}},
      {"MinLength", {Type::kNumber, 0, 255}},
      {"MaxLength", {Type::kNumber, 0, 255}},
      {"KeySize", {Type::kNumber, 0, 65535}},
      {"Exponent", {Type::kNumber, 3, 4294967295}},
      {"Serial", {Type::kSerial}},
      {"SettableExponent", {Type::kBoolean}},
      {"Updatable", {Type::kBoolean}},
      {"Locked", {Type::kBoolean}},
      {"DeferredCertification", {Type::kBoolean}},
      {"UserModifiable", {Type::kBoolean}},
      {"PrivateKeyBackup", {Type::kBoolean}},
      {"EnablePINCaching", {Type::kBoolean}},
      {"ImportPrivateKey", {Type::kBoolean}},
      {"Writable", {Type::kBoolean}},
      {"ServerTime", {Type::kTime}},
      {"IssuedBefore", {Type::kTime}},
      {"IssuedAfter", {Type::kTime}},
      {"ClientTime", {Type::kWholeSeconds}},
      {"MAC", {Type::kBytes32}},
      {"CloseSessionMAC", {Type::kBytes32}},
      {"CloseSessionAttestation", {Type::kBytes32}},
      {"Nonce", {Type::kBytes32}},
      {"CertificateFingerprint", {Type::kBytes32}},
      {"ServerCertificateFingerprint", {Type::kBytes32}},
      {"IssuerSeed", {Type::kBytes32}},
      {"Value", {Type::kBytes}},
      {"SessionAttestation", {Type::kBytes}},
      {"KeyAttestation", {Type::kBytes}},
      {"Email", {Type::kText}},
      {"FriendlyName", {Type::kText}},
      {"Argument", {Type::kText}},
      {"Property@Name", {Type::kText}},
      {"Property@Value", {Type::kText}},
      {"MimeType", {Type::kMimeType}},
      {"Format", formats},
      {"Grouping", named({"none", "shared", "signature+standard", "unique"})},
      {"PatternRestrictions", named({"two-in-a-row", "three-in-a-row", "sequence", "repeated", "missing-group"})},
      {"InputMethod", named({"any", "programmatic", "trusted-gui"})},
      {"KeyUsage", named({"signature", "authentication", "encryption", "universal", "transport", "symmetric-key"})},
      {"BiometricProtection", named({"none", "alternative", "combined", "exclusive"})},
      {"ExportPolicy", named({"non-exportable", "pin", "puk", "none"})},
      {"DeletePolicy", named({"none", "pin", "puk"})},
      {"Error",
       named({"not-implemented", "unexpected-client-exception", "negotiation-failure", "keystore-overflow", "unsupported-feature-requested",
              "non-matching-requests", "no-such-key", "missing-provisioning-data", "user-abort", "general-error"})},
  };
  return all;
}

const Expectation& expectation_of(const AttributePlace& place) {
  const auto specific = expectations().find(place.label());
  if (specific != expectations().end()) return specific->second;
  return expectations().at(place.name);
}

std::vector<std::string> good_values(const Expectation& expected) {
  switch (expected.type) {
    case Type::kId: return {"x", "_", "Z9-.", "a23456789012345678901234567890_2", "\xC3\xA5\xC3\xA4\xC3\xB6"};  // 32 bytes; åäö
    case Type::kUri: return {"https://x.example/?a=1&amp;b=2#c", "urn:oid:1.2.840.10045.3.1.7", " https://x.example "};
    case Type::kUris: return {"urn:a:b", "urn:a:b urn:c:d", " urn:a:b\n  urn:c:d "};
    case Type::kBytes: return {"AA==", "AAA=", "AAAA", "A A\n=\t= "};
    case Type::kBytes32: return {"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "AAAAAAAAAAAAAAAAAAAAAAA\nAAAAAAAAAAAAAAAA\tAAAA ="};
    case Type::kBoolean: return {"true", "false", "1", "0", " true "};
    case Type::kTime: return {"2010-03-18T11:23:29Z", "1970-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2010-03-18T11:23:29.123456Z"};
    case Type::kWholeSeconds: return {"2010-03-18T11:23:29Z", "1970-01-01T00:00:00Z", "9999-12-31T23:59:59Z"};
    case Type::kText: return {"", " any \xF0\x9F\x94\x91 text &lt; &#10; "};
    case Type::kMimeType: return {"image/png", "image/svg+xml", "application/x-a.b_c"};
    case Type::kNumber: return {std::to_string(expected.least), std::to_string(expected.most), "0" + std::to_string(expected.most)};
    case Type::kSerial: return {"0", "123456789012345678901234567890123456789012345678901234567890", "-1", "+7", "007"};
    case Type::kNames: return expected.names;
  }
  return {};
}

std::vector<std::string> bad_values(const Expectation& expected) {
  switch (expected.type) {
    case Type::kId:
      // 33 bytes; 33 bytes in 17 characters; not an NCName; white space.
      return {"",
              "a234567890123456789012345678901_3",
              "a\xC3\xA5\xC3\xA5\xC3\xA5\xC3\xA5\xC3\xA5\xC3\xA5\xC3\xA5\xC3\xA5\xC3\xA5\xC3\xA5\xC3\xA5\xC3\xA5\xC3\xA5\xC3\xA5\xC3\xA5"
              "\xC3\xA5",
              "1a",
              "a:b",
              "-a",
              "a b",
              " a",
              "a ",
              "a&#10;"};
    case Type::kUri: return {"", " "};
    case Type::kUris: return {};
    case Type::kBytes:
      return {"A", "AA", "AAA", "AA=", "AA===", "AA==AA==", "AB==", "AAB=", "A-A=", "A_A=", "AAA=*", "AA.A", "&#160;AAAA", "===="};
    case Type::kBytes32:
      return {"",
              "AAAA",
              "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==",
              "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
              "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB=",
              "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
              "*AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
              "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=."};
    case Type::kBoolean: return {"", "yes", "TRUE", "2", "true false"};
    case Type::kTime:
      return {"",
              "2010-03-18",
              "2010-03-18T11:23:29",
              "2010-03-18T11:23:29+00:00",
              "2010-03-18T11:23:29+01:00",
              "2010-02-30T11:23:29Z",
              "2010-03-18T25:23:29Z",
              "2010-03-18T11:23:29z",
              "10-03-18T11:23:29Z",
              "soon",
              " 2010-03-18T11:23:29Z"};
    case Type::kWholeSeconds: return {"", "2010-03-18T11:23:29.5Z", "2010-03-18T11:23:29.000Z", "2010-03-18T11:23:29+01:00"};
    case Type::kText: return {};
    case Type::kMimeType: return {"", "image", "image/", "/png", "image/png/x", "image /png", "image/png; q=1"};
    case Type::kNumber: {
      std::vector<std::string> bad = {"", "-1", "x", "1.0", "0x10", std::to_string(expected.most + 1), "99999999999999999999999999"};
      if (expected.least > 0) bad.push_back(std::to_string(expected.least - 1));
      return bad;
    }
    case Type::kSerial: return {"", "-", "+", "+-1", "1a", "1.0", "1e3", "1 2"};
    case Type::kNames: return {"x", "None", "any-", "0"};
  }
  return {};
}

// What only some values of a type may be.
bool is_bound_to_its_sample(const AttributePlace& place) {
  return place.label() == "ds11:NamedCurve@URI";  // another curve is another key: see keys_test.cc
}

bool may_be_empty(const AttributePlace& place) {
  return place.name == "Value" || place.name == "Algorithms" || place.name == "Extensions" || place.name == "RSAKeySizes" ||
         place.name == "PatternRestrictions";
}

// Two attributes that say the same: see basic_profile_test.cc.
bool is_bound_to_another(const AttributePlace& place) {
  return place.label() == "GeneratedPublicKey@RequestID" || place.label() == "KeyOperationResponse@RequestID";
}

TEST(Samples, CoverEveryAttributeThatIsExpected) {
  std::set<std::string> seen;
  for (const std::string& name : sample_names()) {
    for (const AttributePlace& place : attributes_in(sample(name))) {
      seen.insert(place.label());
      seen.insert(place.name);
    }
  }
  for (const auto& [name, expected] : expectations()) EXPECT_TRUE(seen.contains(name)) << name;
  for (const std::string& label : kOptional) EXPECT_TRUE(seen.contains(label)) << label;
}

TEST(Attributes, AreMissedUnlessOptional) {
  for (const std::string& name : sample_names()) {
    const std::string text = sample(name);
    for (const AttributePlace& place : attributes_in(text)) {
      SCOPED_TRACE(name + ": " + place.label());
      if (kOptional.contains(place.label())) {
        expect_accepted(without(text, place));
      } else {
        expect_refused(without(text, place));
      }
    }
  }
}

TEST(Attributes, OfOtherNamesAreRefusedOnEveryElement) {
  for (const std::string& name : sample_names()) {
    const std::string text = sample(name);
    std::set<std::string> seen;
    for (const AttributePlace& place : attributes_in(text)) {
      if (!seen.insert(place.element).second) continue;
      SCOPED_TRACE(name + ": " + place.element);
      expect_refused(std::string(text).insert(place.begin, " Extra=\"1\""));
      expect_refused(std::string(text).insert(place.begin, " xmlns:kg=\"" + std::string(kNamespace) + "\" kg:ID=\"x\""));
    }
  }
}

TEST(Attributes, AreRefusedTwice) {
  const std::string text = sample("ClientErrorResponse");
  expect_refused(with(text, " Error=", " Error=\"user-abort\" Error="));
}

TEST(Attributes, AcceptEveryValueOfTheirType) {
  for (const std::string& name : sample_names()) {
    const std::string text = sample(name);
    for (const AttributePlace& place : attributes_in(text)) {
      if (is_bound_to_its_sample(place) || is_bound_to_another(place)) continue;
      const Expectation& expected = expectation_of(place);
      for (const std::string& value : good_values(expected)) {
        SCOPED_TRACE(name + ": " + place.label() + "=" + value);
        expect_accepted(with_value(text, place, value));
      }
    }
  }
}

TEST(Attributes, RefuseEveryOtherValue) {
  for (const std::string& name : sample_names()) {
    const std::string text = sample(name);
    for (const AttributePlace& place : attributes_in(text)) {
      if (is_bound_to_its_sample(place)) continue;
      for (const std::string& value : bad_values(expectation_of(place))) {
        if (value.empty() && may_be_empty(place)) continue;
        SCOPED_TRACE(name + ": " + place.label() + "=" + value);
        expect_refused(with_value(text, place, value));
      }
    }
  }
}

TEST(Attributes, MayHoldNoBytesOnlyWhereTheKeyStoreDecides) {
  const std::string request = sample("KeyInitializationRequest");
  for (const AttributePlace& place : attributes_in(request)) {
    if (place.name == "Value") expect_accepted(with_value(request, place, ""));
  }
  for (const AttributePlace& place : attributes_in(sample("KeyInitializationResponse"))) {
    if (place.name == "KeyAttestation") expect_refused(with_value(sample("KeyInitializationResponse"), place, ""));
  }
}

TEST(Attributes, EndorseAtLeastOneAlgorithm) {
  const std::string text = sample("CredentialDeploymentRequest-everything");
  for (const AttributePlace& place : attributes_in(text)) {
    if (place.name == "EndorsedAlgorithms") expect_refused(with_value(text, place, " "));
  }
}

TEST(Attributes, LimitTheIssuerUriTo1024Bytes) {
  for (const auto& [name, attribute] :
       {std::pair{"ProvisioningSessionRequest", "SubmitURL"}, {"CredentialDeploymentRequest", "IssuerURI"}}) {
    const std::string text = sample(name);
    for (const AttributePlace& place : attributes_in(text)) {
      if (place.name != attribute) continue;
      const std::string start = "https://issuer.example.com/";
      expect_accepted(with_value(text, place, start + std::string(1024 - start.size(), 'x')));
      expect_refused(with_value(text, place, start + std::string(1025 - start.size(), 'x')));
      std::string wide = start;
      while (wide.size() <= 1024) wide += "\xC3\xA5";  // fewer than 1024 characters
      expect_refused(with_value(text, place, wide));
    }
  }
}

}  // namespace
}  // namespace airtight::keygen2::testing
