// What is written is what was read, and what is read is what was written.
#include <gtest/gtest.h>

#include "tests/keygen2/samples.h"
#include "tests/support/must.h"
#include "xml/signature.h"

namespace airtight::keygen2::testing {
namespace {

using tests::must;

// Samples of everything; their contents are maximal.
const std::vector<std::string> kWritten = {"PlatformNegotiationRequest",
                                           "PlatformNegotiationResponse",
                                           "ProvisioningSessionRequest",
                                           "ProvisioningSessionResponse",
                                           "CredentialDiscoveryRequest",
                                           "CredentialDiscoveryResponse",
                                           "KeyInitializationRequest",
                                           "KeyInitializationResponse",
                                           "CredentialDeploymentRequest",
                                           "CredentialDeploymentRequest-everything",
                                           "CredentialDeploymentResponse",
                                           "ClientErrorResponse",
                                           "KeyOperationRequest",
                                           "KeyOperationResponse",
                                           "CredentialDeploymentRequest-basic",
                                           "CredentialDeploymentResponse-basic"};

// Whose schema wants a signature, which write_message does not make.
bool is_valid_only_signed(std::string_view name) {
  return name == "ProvisioningSessionResponse" || name == "CredentialDiscoveryRequest" || name == "KeyOperationResponse";
}

std::string canonical(const xml::Document& document) { return to_text(must(xml::canonicalize(document.root()))); }

// Takes away the signature of `element`, but leaves that of a generated key the KeyInfo that says which key it is.
void unsign(xml::Element element) {
  auto signature = element.child(xml::kSignatureNamespace, "Signature");
  if (!signature) return;
  if (element.name() != "GeneratedPublicKey") return signature->remove();
  for (xml::Element part : signature->children()) {
    if (part.name() != "KeyInfo") {
      part.remove();
    } else {
      part.remove_attribute("Id");
    }
  }
}

// The sample without signatures, as canonical XML.
std::string unsigned_canonical(std::string_view name) {
  const xml::Document document = must(xml::Document::parse(bytes_of(compact_sample(name))));
  unsign(document.root());
  for (const xml::Element child : document.root().children()) {
    if (child.is(kNamespace, "LookupSpecifier") || child.is(kNamespace, "GeneratedPublicKey")) unsign(child);
  }
  return canonical(document);
}

crypto::PublicKey sample_key() { return read_sample_as<ProvisioningSessionRequest>("ProvisioningSessionRequest").server_ephemeral_key; }

// Through text and back.
template <typename T>
T through_text(T message) {
  const xml::Document document = must(write_message(Message(std::move(message))));
  return std::get<T>(must(read_message(document.serialize(), schema())).message);
}

TEST(Writing, ReproducesEverySampleToTheLastAttribute) {
  for (const std::string& name : kWritten) {
    SCOPED_TRACE(name);
    const Received received = must(read(compact_sample(name)));
    EXPECT_EQ(canonical(must(write_message(received.message))), unsigned_canonical(name));
  }
}

TEST(Writing, MakesValidMessages) {
  for (const std::string& name : kWritten) {
    if (is_valid_only_signed(name)) continue;
    SCOPED_TRACE(name);
    const xml::Document document = must(write_message(read_sample(name)));
    const auto again = read_message(document.serialize(), schema());
    ASSERT_TRUE(again.has_value()) << again.error().message;
    EXPECT_EQ(must(write_message(again->message)).serialize(), document.serialize());
  }
}

TEST(Writing, LeavesOutDefaults) {
  KeyInitializationRequest message{.id = "S", .client_session_id = "C", .server_time = "2010-03-18T11:23:29Z", .submit_url = "https://x/"};
  message.objects.push_back(
      PinPolicyRequest{.id = "PIN",
                       .retry_limit = 3,
                       .min_length = 4,
                       .max_length = 8,
                       .keys = std::vector{KeyPairRequest{.id = "Key", .algorithm = KeyPairRequest::Rsa{.key_size = 2048}}}});
  EXPECT_EQ(canonical(must(write_message(Message(std::move(message))))),
            "<KeyInitializationRequest xmlns=\"http://xmlns.webpki.org/keygen2/beta/20100402#\" ClientSessionID=\"C\" ID=\"S\" "
            "ServerTime=\"2010-03-18T11:23:29Z\" SubmitURL=\"https://x/\"><CreateObject>"
            "<PINPolicy Format=\"numeric\" ID=\"PIN\" MaxLength=\"8\" MinLength=\"4\" RetryLimit=\"3\">"
            "<KeyPair ID=\"Key\" KeyUsage=\"signature\"><RSA KeySize=\"2048\"></RSA></KeyPair></PINPolicy></CreateObject>"
            "</KeyInitializationRequest>");
}

TEST(Writing, LeavesOutEmptyCapabilities) {
  EXPECT_EQ(canonical(must(write_message(PlatformNegotiationResponse{.server_session_id = "S"}))),
            "<PlatformNegotiationResponse xmlns=\"http://xmlns.webpki.org/keygen2/beta/20100402#\" ServerSessionID=\"S\">"
            "<BasicCapabilities></BasicCapabilities></PlatformNegotiationResponse>");
}

TEST(Writing, HasWholeSecondsInClientTime) {
  ProvisioningSessionResponse message{.id = "C",
                                      .server_session_id = "S",
                                      .server_time = "2010-03-18T11:23:29Z",
                                      .client_time = Instant{1268911409789},
                                      .session_attestation = Bytes(64),
                                      .client_ephemeral_key = sample_key(),
                                      .device_certificate_path = {}};
  const std::string text = canonical(must(write_message(Message(std::move(message)))));
  EXPECT_NE(text.find("ClientTime=\"2010-03-18T11:23:29Z\""), std::string::npos) << text;
}

TEST(Writing, WritesRsaKeysWithoutALeadingZero) {
  const std::string text = canonical(must(write_message(read_sample("KeyInitializationResponse"))));
  const std::string sample_text = sample("KeyInitializationResponse");
  const std::size_t begin = sample_text.find("<ds:Modulus>");
  EXPECT_NE(text.find(sample_text.substr(begin, sample_text.find("</ds:Modulus>") - begin)), std::string::npos);
}

TEST(Writing, PutsTheCookieLastAsItCame) {
  const Received received = must(read(sample("PlatformNegotiationRequest")));
  const auto& request = std::get<PlatformNegotiationRequest>(received.message);
  PlatformNegotiationResponse response{.server_session_id = request.id};
  response.server_cookie = xml::Document::copy_of(request.server_cookie->root());
  const xml::Document document = must(write_message(Message(std::move(response))));
  const auto children = document.root().children();
  EXPECT_EQ(children.back().name(), "ServerCookie");
  EXPECT_EQ(to_text(must(xml::canonicalize(children.back()))),
            to_text(must(xml::canonicalize(received.document.root().child(kNamespace, "ServerCookie").value()))));
  EXPECT_NE(text_of(document.serialize()).find("<?any thing?><!-- kept -->"), std::string_view::npos);
}

TEST(Writing, RefusesACookieThatIsNone) {
  PlatformNegotiationResponse response{.server_session_id = "S"};
  response.server_cookie = xml::Document::create({"", "urn:x"}, "ServerCookie");
  const auto written = write_message(Message(std::move(response)));
  ASSERT_FALSE(written.has_value());
  EXPECT_EQ(written.error().fault, Fault::kInternal);
}

TEST(Writing, EscapesWhatMarkupWouldMisread) {
  const std::string argument = "<&>\"' \t\r\n end \xF0\x9F\x94\x91";
  EXPECT_EQ(through_text(ClientErrorResponse{.server_session_id = "S", .argument = argument}).argument, argument);
}

TEST(Writing, KeepsErrorTextReadableWhateverIsInIt) {
  const auto message = through_text(ClientErrorResponse{.server_session_id = "S", .argument = "a\x01z\xFF"});
  EXPECT_EQ(message.argument.front(), 'a');
  EXPECT_NE(message.argument.find('z'), std::string::npos);
}

template <typename T>
class EveryName : public ::testing::Test {};
using Enumerations = ::testing::Types<KeyUsage, BiometricProtection, ExportPolicy, DeletePolicy, PassphraseFormat, Grouping, InputMethod>;
TYPED_TEST_SUITE(EveryName, Enumerations);

// A policy with a key under it in which the attribute of type E is `value`.
template <typename E>
PinPolicyRequest policy_with(E value) {
  KeyPairRequest key{.id = "Key", .algorithm = KeyPairRequest::Ec{"urn:oid:1.2.840.10045.3.1.7"}};
  PinPolicyRequest policy{.id = "PIN", .retry_limit = 3, .min_length = 4, .max_length = 8};
  if constexpr (std::is_same_v<E, KeyUsage>) key.key_usage = value;
  if constexpr (std::is_same_v<E, BiometricProtection>) key.biometric_protection = value;
  if constexpr (std::is_same_v<E, ExportPolicy>) key.export_policy = value;
  if constexpr (std::is_same_v<E, DeletePolicy>) key.delete_policy = value;
  if constexpr (std::is_same_v<E, PassphraseFormat>) policy.format = value;
  if constexpr (std::is_same_v<E, Grouping>) policy.grouping = value;
  if constexpr (std::is_same_v<E, InputMethod>) policy.input_method = value;
  policy.keys = std::vector{key};
  return policy;
}

KeyInitializationRequest request_for(CreateObject object) {
  KeyInitializationRequest message{.id = "S", .client_session_id = "C", .server_time = "2010-03-18T11:23:29Z", .submit_url = "https://x/"};
  message.objects.push_back(std::move(object));
  return message;
}

TYPED_TEST(EveryName, SurvivesTheRoundTrip) {
  for (const auto& [value, name] : kNames<TypeParam>) {
    const PinPolicyRequest policy = policy_with(value);
    const auto message = through_text(request_for(policy));
    EXPECT_EQ(std::get<PinPolicyRequest>(message.objects.at(0)), policy) << name;
  }
}

TEST(RoundTrip, KeepsEverySetOfPatternRestrictions) {
  for (unsigned restrictions = 0; restrictions <= kAllPatternRestrictions; ++restrictions) {
    PinPolicyRequest policy = policy_with(Grouping::kNone);
    policy.pattern_restrictions = static_cast<std::uint8_t>(restrictions);
    const auto message = through_text(request_for(policy));
    EXPECT_EQ(std::get<PinPolicyRequest>(message.objects.at(0)), policy) << restrictions;
  }
}

TEST(RoundTrip, TellsAbsentFromFalse) {
  for (const std::optional<bool> updatable : {std::optional<bool>(), std::optional(false), std::optional(true)}) {
    KeyPairRequest key{.id = "Key", .updatable = updatable, .algorithm = KeyPairRequest::Rsa{.key_size = 2048}};
    PinPolicyRequest policy = policy_with(Grouping::kNone);
    policy.user_modifiable = updatable;
    policy.keys = std::vector{PresetPin{.encrypted_value = Bytes(32), .key = key}};
    const auto message = through_text(request_for(policy));
    EXPECT_EQ(std::get<PinPolicyRequest>(message.objects.at(0)), policy);
  }
}

TEST(RoundTrip, KeepsLimits) {
  PukPolicyRequest puk{.id = "a2345678901234567890123456789012", .encrypted_value = Bytes(400), .retry_limit = 255};
  PinPolicyRequest policy = policy_with(Grouping::kNone);
  policy.retry_limit = policy.min_length = policy.max_length = 255;
  policy.keys = std::vector{KeyPairRequest{.id = "Key",
                                           .issuer_seed = Bytes(32, std::byte{255}),
                                           .friendly_name = std::string(100, 'x'),
                                           .algorithm = KeyPairRequest::Rsa{.key_size = 65535, .exponent = 4294967295U}}};
  puk.pin_policies.push_back(policy);
  const auto message = through_text(request_for(puk));
  EXPECT_EQ(std::get<PukPolicyRequest>(message.objects.at(0)), puk);
}

TEST(RoundTrip, KeepsSessionLimits) {
  for (const auto& [life_time, key_limit] : {std::pair<std::uint32_t, std::uint16_t>{10, 1}, {10000000, 65535}}) {
    const auto message = through_text(ProvisioningSessionRequest{.id = "S",
                                                                 .server_time = "2010-03-18T11:23:29Z",
                                                                 .session_life_time = life_time,
                                                                 .session_key_limit = key_limit,
                                                                 .session_key_algorithm = std::string(uri::kSessionKey1),
                                                                 .submit_url = "https://x/",
                                                                 .server_ephemeral_key = sample_key()});
    EXPECT_EQ(message.session_life_time, life_time);
    EXPECT_EQ(message.session_key_limit, key_limit);
    EXPECT_FALSE(message.updatable);
    EXPECT_EQ(message.server_ephemeral_key, sample_key());
    EXPECT_FALSE(message.server_cookie.has_value());
  }
}

}  // namespace
}  // namespace airtight::keygen2::testing
