// Extension objects of CredentialDeploymentRequest: property bags as bytes, and how large extensions may be.
#include <gtest/gtest.h>

#include "base/encoding.h"
#include "sks/property_bag.h"
#include "tests/keygen2/samples.h"
#include "tests/support/must.h"

namespace airtight::keygen2::testing {
namespace {

using tests::must;

constexpr std::string_view kType = "urn:example:bag";
constexpr std::string_view kMac = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
constexpr std::string_view kBagStart = "<PropertyBag xmlns=\"http://xmlns.webpki.org/keygen2/beta/20100402#\" Type=\"urn:example:bag\">";

// The sample deployment whose first key has `extension` alone.
std::string deployment_with(std::string_view extension) {
  const std::string text = compact_sample("CredentialDeploymentRequest");
  return with(text, "</ds:X509Data></CertifiedPublicKey>", "</ds:X509Data>" + std::string(extension) + "</CertifiedPublicKey>");
}

const CertifiedPublicKey& first_key(const Received& received) { return std::get<CredentialDeploymentRequest>(received.message).keys.at(0); }

PropertyBag bag_of(std::string_view text) {
  const Received received = must(read(deployment_with(text)));
  return std::get<PropertyBag>(first_key(received).extensions.at(0));
}

std::string bag_text(std::string_view content) {
  return "<PropertyBag Type=\"" + std::string(kType) + "\" MAC=\"" + std::string(kMac) + "\">" + std::string(content) + "</PropertyBag>";
}

// The canonical form of a bag with `content`, which the key store accepts.
std::string canonical_of(std::string_view content) {
  const PropertyBag bag = bag_of(bag_text(content));
  EXPECT_TRUE(sks::PropertyBag::parse(bag.canonical, bag.type)) << text_of(bag.canonical);
  return to_text(bag.canonical);
}

TEST(PropertyBag, IsCanonicalWithoutTheMac) {
  EXPECT_EQ(canonical_of("<Property Value=\"0\" Name=\"Counter\" Writable=\"true\"/><Property Name=\"Digits\" Value='8'></Property>"),
            std::string(kBagStart) +
                "<Property Name=\"Counter\" Value=\"0\" Writable=\"true\"></Property><Property Name=\"Digits\" Value=\"8\"></Property>"
                "</PropertyBag>");
}

TEST(PropertyBag, OfTheSksDocumentIsCanonicalToTheByte) {
  const auto request = read_sample_as<CredentialDeploymentRequest>("sks-document-CredentialDeploymentRequest");
  const auto& bag = std::get<PropertyBag>(request.keys.at(0).extensions.at(0));
  EXPECT_EQ(to_text(bag.canonical),
            "<PropertyBag xmlns=\"http://xmlns.webpki.org/keygen2/beta/20100402#\" "
            "Type=\"http://xmlns.webpki.org/keygen2/1.0#provider.ietf-hotp\">\n"
            "      <Property Name=\"Counter\" Value=\"0\" Writable=\"true\"></Property>\n"
            "      <Property Name=\"Digits\" Value=\"8\"></Property>\n"
            "    </PropertyBag>");
  EXPECT_TRUE(sks::PropertyBag::parse(bag.canonical, bag.type));
}

TEST(PropertyBag, KeepsWhiteSpaceBetweenProperties) {
  EXPECT_EQ(canonical_of("\n\t <Property Name=\"a\" Value=\"\"/>&#13;\r\n"),
            std::string(kBagStart) + "\n\t <Property Name=\"a\" Value=\"\"></Property>&#xD;\n</PropertyBag>");
}

TEST(PropertyBag, DropsComments) {
  EXPECT_EQ(canonical_of("<!-- a --> <Property Name=\"a\" Value=\"b\"><!-- b --></Property> <!-- c -->"),
            std::string(kBagStart) + " <Property Name=\"a\" Value=\"b\"></Property> </PropertyBag>");
}

TEST(PropertyBag, KeepsWritableAsWritten) {
  EXPECT_EQ(canonical_of("<Property Name=\"a\" Value=\"\" Writable=\"1\"/><Property Name=\"b\" Value=\"\" Writable=\"false\"/>"
                         "<Property Name=\"c\" Value=\"\"/>"),
            std::string(kBagStart) +
                "<Property Name=\"a\" Value=\"\" Writable=\"1\"></Property><Property Name=\"b\" Value=\"\" Writable=\"false\"></Property>"
                "<Property Name=\"c\" Value=\"\"></Property></PropertyBag>");
}

TEST(PropertyBag, IsWithoutPrefixesHoweverItIsWritten) {
  const std::string plain = canonical_of("<Property Name=\"a\" Value=\"b\"/>");
  const std::string mac = " MAC=\"" + std::string(kMac) + "\"";
  for (const std::string& text : std::vector<std::string>{
           "<kg:PropertyBag xmlns:kg=\"http://xmlns.webpki.org/keygen2/beta/20100402#\" Type=\"urn:example:bag\"" + mac +
               "><kg:Property Name=\"a\" Value=\"b\"/></kg:PropertyBag>",
           "<kg:PropertyBag xmlns:kg=\"http://xmlns.webpki.org/keygen2/beta/20100402#\" xmlns=\"urn:other\" Type=\"urn:example:bag\"" +
               mac + "><kg:Property xmlns:kg=\"http://xmlns.webpki.org/keygen2/beta/20100402#\" Name=\"a\" Value=\"b\"/></kg:PropertyBag>",
           "<PropertyBag Type=\"urn:example:bag\"" + mac +
               "><p:Property xmlns:p=\"http://xmlns.webpki.org/keygen2/beta/20100402#\" xmlns:q=\"urn:unused\" Name=\"a\" "
               "Value=\"b\"/></PropertyBag>"}) {
    EXPECT_EQ(to_text(bag_of(text).canonical), plain) << text;
  }
}

TEST(PropertyBag, EscapesAsCanonicalXmlDoes) {
  EXPECT_EQ(canonical_of("<Property Name=\"&lt;&quot;&amp;>'\" Value=\"&#9;&#10;&#13; \xC3\xA5\"/>"),
            std::string(kBagStart) + "<Property Name=\"&lt;&quot;&amp;>'\" Value=\"&#x9;&#xA;&#xD; \xC3\xA5\"></Property></PropertyBag>");
}

TEST(PropertyBag, SaysWhatItsTextSays) {
  const PropertyBag bag = bag_of(bag_text("<Property Name=\"a &amp; b\" Value=\" \"/><Property Name=\"\" Value=\"1\" Writable=\"0\"/>"));
  EXPECT_EQ(bag.type, kType);
  EXPECT_EQ(bag.mac, Bytes(32));
  EXPECT_EQ(bag.properties, (std::vector<Property>{{.name = "a & b", .value = " "}, {.name = "", .value = "1", .writable = false}}));
}

TEST(PropertyBag, IsWrittenAsItsCanonicalFormSays) {
  const std::vector<Property> properties = {{.name = "Counter", .value = "0", .writable = true},
                                            {.name = "<&\">", .value = "\t\r\n \xC3\xA5"},
                                            {.name = "", .value = "", .writable = false}};
  const Bytes canonical = must(canonical_property_bag(kType, properties));
  EXPECT_EQ(to_text(canonical), std::string(kBagStart) +
                                    "<Property Name=\"Counter\" Value=\"0\" Writable=\"true\"></Property>"
                                    "<Property Name=\"&lt;&amp;&quot;>\" Value=\"&#x9;&#xD;&#xA; \xC3\xA5\"></Property>"
                                    "<Property Name=\"\" Value=\"\" Writable=\"false\"></Property></PropertyBag>");
  EXPECT_TRUE(sks::PropertyBag::parse(canonical, kType));

  auto message = read_sample_as<CredentialDeploymentRequest>("CredentialDeploymentRequest");
  message.keys[0].extensions.emplace_back(PropertyBag{.type = std::string(kType), .properties = properties, .mac = Bytes(32)});
  const Received again = must(read_message(must(write_message(Message(std::move(message)))).serialize(), schema()));
  const auto& bag = std::get<PropertyBag>(first_key(again).extensions.at(0));
  EXPECT_EQ(bag.canonical, canonical);
  EXPECT_EQ(bag.properties, properties);
}

TEST(PropertyBag, WithWhatIsNoPropertyIsRefused) {
  expect_refused(deployment_with(bag_text("")));
  expect_refused(deployment_with(bag_text("text<Property Name=\"a\" Value=\"b\"/>")));
  expect_refused(deployment_with(bag_text("<Property Name=\"a\" Value=\"b\">text</Property>")));
  expect_refused(deployment_with(bag_text("<Property Name=\"a\" Value=\"b\"/><Other/>")));
  expect_refused(deployment_with(bag_text("<Property Name=\"a\" Value=\"b\" Writable=\"yes\"/>")));
  expect_refused(deployment_with(bag_text("<Property Name=\"a\"/>")));
  expect_refused(deployment_with(bag_text("<Property Value=\"a\"/>")));
}

// The issuer's MAC covers an instruction, since canonical XML keeps it; that bags have none is the key store's rule.
TEST(PropertyBag, WithAnInstructionIsLeftToTheKeyStore) {
  const PropertyBag bag = bag_of(bag_text("<?any thing?><Property Name=\"a\" Value=\"b\"/>"));
  EXPECT_NE(text_of(bag.canonical).find("<?any thing?>"), std::string_view::npos);
  EXPECT_FALSE(sks::PropertyBag::parse(bag.canonical, bag.type));
}

std::string extension(std::string_view element, std::size_t size) {
  const std::string attributes = " Type=\"urn:x\" MAC=\"" + std::string(kMac) + "\"" + (element == "Logotype" ? " MimeType=\"a/b\"" : "");
  return "<" + std::string(element) + attributes + ">" + base64_encode(Bytes(size)) + "</" + std::string(element) + ">";
}

TEST(Extensions, HaveAtMost65536Bytes) {
  for (const char* element : {"Extension", "Logotype"}) {
    SCOPED_TRACE(element);
    expect_accepted(deployment_with(extension(element, 0)));
    expect_accepted(deployment_with(extension(element, 65536)));
    expect_refused(deployment_with(extension(element, 65537)), ClientError::kUnsupportedFeatureRequested);
  }
}

TEST(Extensions, OfAnEncryptedOneThePlainBytesCount) {
  expect_accepted(deployment_with(extension("EncryptedExtension", 16 + 65552)));  // IV, and 65,536 bytes with their padding
  expect_refused(deployment_with(extension("EncryptedExtension", 16 + 65552 + 1)), ClientError::kUnsupportedFeatureRequested);
}

TEST(Extensions, OfAPropertyBagItsCanonicalFormCounts) {
  const std::string around = std::string(kBagStart) + "<Property Name=\"a\" Value=\"\"></Property></PropertyBag>";
  const auto bag = [&](std::size_t size) {
    return bag_text("<Property Name=\"a\" Value=\"" + std::string(size - around.size(), 'x') + "\"/>");
  };
  EXPECT_EQ(bag_of(bag(65536)).canonical.size(), 65536U);
  expect_refused(deployment_with(bag(65537)), ClientError::kUnsupportedFeatureRequested);
}

TEST(Extensions, ThatAreTooLargeAreNotWritten) {
  const auto written = [](ExtensionObject object) {
    auto message = read_sample_as<CredentialDeploymentRequest>("CredentialDeploymentRequest");
    message.keys[0].extensions.push_back(std::move(object));
    return write_message(Message(std::move(message))).has_value();
  };
  EXPECT_TRUE(written(Extension{.type = "urn:x", .data = Bytes(65536), .mac = Bytes(32)}));
  EXPECT_FALSE(written(Extension{.type = "urn:x", .data = Bytes(65537), .mac = Bytes(32)}));
  EXPECT_TRUE(written(Extension{.type = "urn:x", .data = Bytes(65568), .encrypted = true, .mac = Bytes(32)}));
  EXPECT_FALSE(written(Extension{.type = "urn:x", .data = Bytes(65569), .encrypted = true, .mac = Bytes(32)}));
  EXPECT_FALSE(written(Logotype{.type = "urn:x", .mime_type = "a/b", .image = Bytes(65537), .mac = Bytes(32)}));
  EXPECT_FALSE(written(PropertyBag{.type = "urn:x", .properties = {{.name = "a", .value = std::string(65536, 'x')}}, .mac = Bytes(32)}));
}

}  // namespace
}  // namespace airtight::keygen2::testing
