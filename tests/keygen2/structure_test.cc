// Elements: which stand where, how many of them, and in what order.
#include <gtest/gtest.h>

#include <algorithm>
#include <regex>

#include "tests/keygen2/samples.h"

namespace airtight::keygen2::testing {
namespace {

// A part of a text: "A" is the first A, "A...B" is from there to the next B, "A....B" to the last B.
struct Part {
  std::size_t begin;
  std::size_t end;
};

Part find_part(const std::string& text, const std::string& pattern, std::size_t from = 0) {
  const std::size_t dots = std::min(pattern.find("..."), pattern.size());
  const bool to_last = pattern.compare(dots, 4, "....") == 0;
  const std::string first = pattern.substr(0, dots);
  const std::string last = pattern.substr(std::min(dots + (to_last ? 4 : 3), pattern.size()));
  const std::size_t begin = text.find(first, from);
  const std::size_t end = to_last ? text.rfind(last) : text.find(last, begin + first.size());
  if (begin == std::string::npos || end == std::string::npos || end < begin) throw std::runtime_error("no " + pattern);
  return {begin, end + last.size()};
}

std::string part(const std::string& text, const std::string& pattern) {
  const Part found = find_part(text, pattern);
  return text.substr(found.begin, found.end - found.begin);
}

std::string repeated(std::string text, const std::string& pattern) {
  const Part found = find_part(text, pattern);
  return text.insert(found.end, text.substr(found.begin, found.end - found.begin));
}

std::string removed(std::string text, const std::string& pattern) {
  const Part found = find_part(text, pattern);
  return text.erase(found.begin, found.end - found.begin);
}

// Exchanges two neighbours.
std::string swapped(const std::string& text, const std::string& first, const std::string& second) {
  const Part a = find_part(text, first);
  const Part b = find_part(text, second, a.end);
  if (a.end != b.begin) throw std::runtime_error(first + " is not beside " + second);
  return text.substr(0, a.begin) + text.substr(b.begin, b.end - b.begin) + text.substr(a.begin, a.end - a.begin) + text.substr(b.end);
}

constexpr auto kCookie = "<ServerCookie...</ServerCookie>";
constexpr auto kSignature = "<ds:Signature....</ds:Signature>";

TEST(Messages, OfEverySampleAreAccepted) {
  const auto names = sample_names();
  EXPECT_EQ(names.size(), 22U);
  for (const std::string& name : names) {
    SCOPED_TRACE(name);
    expect_accepted(sample(name));
    expect_accepted(compact_sample(name));
  }
}

TEST(Messages, OfAnotherNamespaceAreRefused) {
  for (const std::string& name : sample_names()) {
    SCOPED_TRACE(name);
    const std::string text = sample(name);
    expect_refused(with(text, "keygen2/beta/20100402#", "keygen2/beta/20100401#"));
    expect_refused(with(text, "keygen2/beta/20100402#", "keygen2/1.0#"));
    expect_refused(with(text, " xmlns=\"" + std::string(kNamespace) + "\"", ""));
  }
}

TEST(Messages, MayUseAnyPrefix) {
  std::string text = removed(compact_sample("PlatformNegotiationResponse"), kCookie);
  text = std::regex_replace(text, std::regex("<(/?)([A-Z])"), "<$1k:$2");
  expect_accepted(with(text, "xmlns=", "xmlns:k="));
}

TEST(Messages, HaveOneTopElement) {
  const std::string text = sample("ClientErrorResponse");
  expect_refused(text + text.substr(text.find("?>") + 2));
  expect_refused(text + "<x/>");
  expect_refused("");
  expect_refused("KeyGen2");
}

TEST(Messages, AreNotWhatElseTheSchemasKnow) {
  expect_refused(part(sample("PlatformNegotiationRequest"), kSignature));
  expect_refused("<CreateObject xmlns=\"" + std::string(kNamespace) +
                 "\"><KeyPair ID=\"a\" KeyUsage=\"signature\"><RSA KeySize=\"2048\"/>"
                 "</KeyPair></CreateObject>");
}

TEST(Messages, HaveNoUnknownElements) {
  for (const std::string& name : sample_names()) {
    SCOPED_TRACE(name);
    const std::string text = sample(name);
    const Part start = find_part(text, "<...>", text.find("?>"));
    const std::string start_tag = text.substr(start.begin, start.end - start.begin);
    const std::string root = start_tag.substr(1, start_tag.find(' ') - 1);
    if (!start_tag.ends_with("/>")) expect_refused(with(text, start_tag, start_tag + "<Unknown/>"));
    if (text.find("</" + root) != std::string::npos) {
      expect_refused(with(text, "</" + root, "<Unknown/></" + root));
      expect_refused(with(text, "</" + root, "text</" + root));
      expect_refused(with(text, "</" + root, "<x xmlns=\"urn:x\"/></" + root));
    } else {
      expect_refused(with(text, "/>", "><Unknown/></" + root + ">"));
    }
  }
}

TEST(Messages, HaveNoDocumentType) {
  expect_refused(with(sample("ClientErrorResponse"), "<ClientError", "<!DOCTYPE ClientErrorResponse><ClientError"));
  expect_refused(
      with(with(sample("ClientErrorResponse"), "<ClientError", "<!DOCTYPE x [<!ENTITY e \"no\">]><ClientError"), "Twice", "&e;"));
}

TEST(Messages, AreAtMost64LevelsDeep) {
  const auto nested = [](unsigned levels) {
    std::string text = "<ServerCookie>";
    for (unsigned level = 0; level < levels; ++level) text += "<a>";
    for (unsigned level = 0; level < levels; ++level) text += "</a>";
    return text + "</ServerCookie>";
  };
  const std::string text = compact_sample("PlatformNegotiationResponse");
  expect_accepted(with(text, part(text, kCookie), nested(62)));  // the top element is level 1, the cookie 2
  expect_refused(with(text, part(text, kCookie), nested(63)));
}

TEST(Messages, AreAtMost4Mebibytes) {
  const std::string text = compact_sample("PlatformNegotiationResponse");
  const std::size_t room = (std::size_t{4} << 20U) - text.size();
  expect_accepted(with(text, "text <?any", "text " + std::string(room, 'x') + "<?any"));
  expect_refused(with(text, "text <?any", "text " + std::string(room + 1, 'x') + "<?any"));
}

TEST(Messages, HaveNoSchemaInstanceTricks) {
  const std::string text = sample("PlatformNegotiationRequest");
  const std::string xsi = " xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"";
  expect_refused(with(text, "<BasicCapabilities ", "<BasicCapabilities" + xsi + " xsi:type=\"PINPolicy\" "));
  expect_refused(with(text, "<BasicCapabilities ", "<BasicCapabilities" + xsi + " xsi:nil=\"true\" "));
}

TEST(Elements, KeepTheirOrder) {
  const auto expect_order = [](const std::string& name, const std::string& first, const std::string& second) {
    SCOPED_TRACE(name + ": " + first);
    expect_refused(swapped(compact_sample(name), first, second));
  };
  expect_order("PlatformNegotiationRequest", "<IssuerLogotype MimeType=\"image/svg...</IssuerLogotype>", "<BasicCapabilities...>");
  expect_order("PlatformNegotiationRequest", "<BasicCapabilities...>", kCookie);
  expect_order("PlatformNegotiationRequest", kCookie, kSignature);
  expect_order("ProvisioningSessionRequest", "<ServerEphemeralKey....</ServerEphemeralKey>", kCookie);
  expect_order("ProvisioningSessionRequest", kCookie, kSignature);
  expect_order("ProvisioningSessionResponse", "<ClientEphemeralKey....</ClientEphemeralKey>",
               "<DeviceCertificate>....</DeviceCertificate>");
  expect_order("ProvisioningSessionResponse", "<DeviceCertificate>....</DeviceCertificate>", kCookie);
  expect_order("ProvisioningSessionResponse", kCookie, kSignature);
  expect_order("KeyInitializationRequest", "<CreateObject>....</CreateObject>", kCookie);
  expect_order("KeyInitializationRequest", kCookie, kSignature);
  expect_order("KeyInitializationResponse", "<ds:RSAKeyValue>....</ds:RSAKeyValue>", "<PrivateKey>....</PrivateKey>");
  expect_order("KeyInitializationResponse", "<GeneratedPublicKey ID=\"Key.2....</GeneratedPublicKey>", kCookie);
  expect_order("CredentialDeploymentRequest-everything", "<ds:X509Data>...</ds:X509Data>", "<SymmetricKey....</SymmetricKey>");
  expect_order("CredentialDeploymentRequest-everything", "<SymmetricKey....</SymmetricKey>", "<PropertyBag...</PropertyBag>");
  expect_order("CredentialDeploymentRequest-everything", "<PropertyBag Type=\"urn:example:bag...</PropertyBag>", "<UpdateKey...>");
  expect_order("CredentialDeploymentRequest-everything", "<CertifiedPublicKey ID=\"Key.2....</CertifiedPublicKey>", "<DeleteKey...>");
  expect_order("CredentialDeploymentRequest", "<CertifiedPublicKey ID=\"Key.2....</CertifiedPublicKey>", kCookie);
  expect_order("CredentialDeploymentRequest", kCookie, kSignature);
  expect_order("CredentialDiscoveryResponse", "<LookupResult ID=\"Lookup.2\"/>", kCookie);
}

TEST(Elements, StandOnceWhereOneIsDue) {
  const auto expect_once = [](const std::string& name, const std::string& pattern) {
    SCOPED_TRACE(name + ": " + pattern);
    expect_refused(repeated(compact_sample(name), pattern));
  };
  for (const char* name : {"PlatformNegotiationRequest", "ProvisioningSessionRequest", "ProvisioningSessionResponse",
                           "KeyInitializationRequest", "CredentialDeploymentRequest"}) {
    expect_once(name, kSignature);
    expect_once(name, kCookie);
  }
  for (const char* name : {"PlatformNegotiationResponse", "KeyInitializationResponse", "CredentialDeploymentResponse",
                           "CredentialDiscoveryRequest", "CredentialDiscoveryResponse"})
    expect_once(name, kCookie);
  expect_once("PlatformNegotiationRequest", "<BasicCapabilities...>");
  expect_once("ProvisioningSessionRequest", "<ServerEphemeralKey....</ServerEphemeralKey>");
  expect_once("ProvisioningSessionRequest", "<ds11:ECKeyValue....</ds11:ECKeyValue>");
  expect_once("ProvisioningSessionResponse", "<DeviceCertificate>....</DeviceCertificate>");
  expect_once("ProvisioningSessionResponse", "<ds:X509Data>....</ds:X509Data>");
  expect_once("KeyInitializationRequest", "<CreateObject>....</CreateObject>");
  expect_once("KeyInitializationRequest", "<RSA KeySize=\"2048\"...>");
  expect_once("KeyInitializationResponse", "<ds:RSAKeyValue>....</ds:RSAKeyValue>");
  expect_once("CredentialDeploymentRequest-everything", "<SymmetricKey....</SymmetricKey>");
  expect_once("CredentialDeploymentRequest-everything", "<UpdateKey...>");
}

TEST(Elements, AreMissedUnlessOptional) {
  const auto expect_missed = [](const std::string& name, const std::string& pattern) {
    SCOPED_TRACE(name + ": " + pattern);
    expect_refused(removed(compact_sample(name), pattern));
  };
  expect_missed("PlatformNegotiationRequest", "<BasicCapabilities...>");
  expect_missed("PlatformNegotiationResponse", "<BasicCapabilities...>");
  expect_missed("ProvisioningSessionRequest", "<ServerEphemeralKey....</ServerEphemeralKey>");
  expect_missed("ProvisioningSessionRequest", "<ds11:ECKeyValue....</ds11:ECKeyValue>");
  expect_missed("ProvisioningSessionRequest", "<ds11:NamedCurve...>");
  expect_missed("ProvisioningSessionResponse", "<ClientEphemeralKey....</ClientEphemeralKey>");
  expect_missed("ProvisioningSessionResponse", "<DeviceCertificate>....</DeviceCertificate>");
  expect_missed("ProvisioningSessionResponse", "<ds:X509Certificate>....</ds:X509Certificate>");
  expect_missed("ProvisioningSessionResponse", "<ds:Signature....</ds:Signature>");
  expect_missed("KeyInitializationRequest", "<CreateObject>....</CreateObject>");
  expect_missed("KeyInitializationRequest", "<KeyPair ID=\"Key.3...</KeyPair>");
  expect_missed("KeyInitializationRequest", "<KeyPair ID=\"Key.7...</KeyPair>");
  expect_missed("KeyInitializationRequest", "<EC ...>");
  expect_missed("KeyInitializationResponse", "<ds:RSAKeyValue>....</ds:RSAKeyValue>");
  expect_missed("KeyInitializationResponse", "<GeneratedPublicKey....</GeneratedPublicKey>");
  expect_missed("CredentialDeploymentRequest", "<CertifiedPublicKey....</CertifiedPublicKey>");
  expect_missed("CredentialDeploymentRequest", "<ds:X509Data>...</ds:X509Data>");
  expect_missed("CredentialDeploymentRequest-everything", "<Property Name=\"\"...>");
  expect_missed("CredentialDiscoveryRequest", "<LookupSpecifier....</LookupSpecifier>");
  expect_missed("CredentialDiscoveryRequest", "<ds:Signature...</ds:Signature>");
  expect_missed("CredentialDiscoveryResponse", "<LookupResult....<LookupResult ID=\"Lookup.2\"/>");
  expect_missed("KeyOperationRequest", "<KeyPair....</KeyPair>");
  expect_missed("KeyOperationResponse", "<GeneratedPublicKey....</GeneratedPublicKey>");
  expect_missed("KeyOperationResponse", "<ds:Signature...</ds:Signature>");
}

TEST(Elements, ThatAreOptionalMayBeAbsent) {
  const auto expect_optional = [](const std::string& name, const std::string& pattern) {
    SCOPED_TRACE(name + ": " + pattern);
    expect_accepted(removed(compact_sample(name), pattern));
  };
  for (const char* name :
       {"PlatformNegotiationRequest", "PlatformNegotiationResponse", "ProvisioningSessionRequest", "ProvisioningSessionResponse",
        "KeyInitializationRequest", "KeyInitializationResponse", "CredentialDeploymentRequest", "CredentialDeploymentResponse",
        "CredentialDiscoveryRequest", "CredentialDiscoveryResponse"})
    expect_optional(name, kCookie);
  for (const char* name :
       {"PlatformNegotiationRequest", "ProvisioningSessionRequest", "KeyInitializationRequest", "CredentialDeploymentRequest"})
    expect_optional(name, "<ds:Signature....</ds:Signature>");
  expect_optional("PlatformNegotiationRequest", "<IssuerLogotype....</IssuerLogotype>");
  expect_optional("KeyInitializationResponse", "<PrivateKey>....</PrivateKey>");
  expect_optional("CredentialDeploymentRequest-everything", "<SymmetricKey....</SymmetricKey>");
  expect_optional("CredentialDeploymentRequest-everything", "<UpdateKey...>");
  expect_optional("CredentialDeploymentRequest-everything", "<DeleteKey...>");
  expect_optional("CredentialDeploymentRequest-everything", "<CertifiedPublicKey....</CertifiedPublicKey>");
  expect_optional("CredentialDiscoveryResponse", "<MatchingCredential.../>");
}

TEST(Elements, OfAPinPolicyAreAllKeyPairsOrAllPresetPins) {
  const std::string text = compact_sample("KeyInitializationRequest");
  expect_refused(with(text, "<PresetPIN ", "<KeyPair ID=\"Key.9\" KeyUsage=\"signature\"><RSA KeySize=\"2048\"/></KeyPair><PresetPIN "));
}

TEST(Elements, OfACertifiedKeyAreNotBothSymmetricAndPrivateKey) {
  const std::string text = compact_sample("CredentialDeploymentRequest-everything");
  expect_refused(with(text, "</SymmetricKey>", "</SymmetricKey>" + part(text, "<PrivateKey...</PrivateKey>")));
}

TEST(Elements, OfBasicCapabilitiesThereAreNone) {
  const std::string text = sample("PlatformNegotiationResponse");
  expect_refused(with(text, "\"false\"/>", "\"false\"><Algorithm/></BasicCapabilities>"));
}

TEST(Elements, OfAResponseHaveNoSignatureButInTheSession) {
  const std::string signature = part(compact_sample("PlatformNegotiationRequest"), kSignature);
  for (const char* name :
       {"PlatformNegotiationResponse", "KeyInitializationResponse", "CredentialDeploymentResponse", "CredentialDiscoveryResponse"}) {
    SCOPED_TRACE(name);
    expect_refused(with(compact_sample(name), std::string("</") + name, signature + "</" + name));
  }
}

TEST(Cookie, HoldsAnything) {
  const std::string text = compact_sample("PlatformNegotiationResponse");
  for (const std::string content :
       {"", "text", "<a/>", "<a xmlns=\"\"/>", "<PlatformNegotiationRequest/>", "<ServerCookie/>", "<b xmlns=\"urn:b\" ID=\"not an id\"/>",
        "<ds:Signature xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"/>"}) {
    SCOPED_TRACE(content);
    expect_accepted(with(text, part(text, kCookie), "<ServerCookie>" + content + "</ServerCookie>"));
  }
}

TEST(Ids, AreUniqueInAMessage) {
  const auto expect_clash = [](const std::string& name, const std::string& id, const std::string& other) {
    SCOPED_TRACE(name + ": " + id + " = " + other);
    expect_refused(with(sample(name), " ID=\"" + id + "\"", " ID=\"" + other + "\""));
  };
  const std::string session = "S-20100318112329";
  expect_clash("KeyInitializationRequest", "Key.1", session);
  for (const char* id : {"PUK.1", "PIN.1", "PIN.2", "PIN.3", "Key.2", "Key.3", "Key.4", "Key.5", "Key.6", "Key.7"})
    expect_clash("KeyInitializationRequest", id, "Key.1");
  expect_clash("KeyInitializationRequest", "PIN.1", "PUK.1");
  expect_clash("KeyInitializationResponse", "Key.2", "Key.1");
  expect_clash("KeyInitializationResponse", "Key.2", "C-0123456789abcdef0123456789abcd");
  expect_clash("CredentialDeploymentRequest", "Key.2", "Key.1");
  expect_clash("CredentialDeploymentRequest", "Key.2", session);
  expect_clash("CredentialDiscoveryRequest", "Lookup.2", "Lookup.1");
  expect_clash("CredentialDiscoveryRequest", "Lookup.2", session);
  expect_clash("CredentialDiscoveryResponse", "Lookup.2", "Lookup.1");
  expect_clash("KeyOperationRequest", "Key.2", "Key.1");
  expect_clash("KeyOperationResponse", "Key.2", "Key.1");
}

TEST(Ids, DifferFromThoseOfKeyInfo) {
  expect_refused(with(sample("KeyOperationResponse"), "Id=\"Key.1.KeyInfo\"", "Id=\"Key.1\""));
  expect_refused(with(sample("KeyOperationResponse"), "Id=\"Key.1.KeyInfo\"", "Id=\"Key.2\""));
}

TEST(Ids, InACookieAreItsOwnBusiness) {
  EXPECT_NE(sample("KeyInitializationRequest").find("ID=\"Key.1\"/></state></ServerCookie>"), std::string::npos);
  expect_accepted(sample("KeyInitializationRequest"));
}

TEST(BasicProfile, HasAllOfASessionsAttributesOrNone) {
  for (const char* name : {"ClientSessionID", "IssuerURI", "CloseSessionMAC"}) {
    SCOPED_TRACE(name);
    const std::string value = std::string(name) == "CloseSessionMAC" ? "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=" : "x";
    expect_refused(
        with(sample("CredentialDeploymentRequest-basic"), " ServerTime=", " " + std::string(name) + "=\"" + value + "\" ServerTime="));
  }
  expect_refused(with(sample("CredentialDeploymentResponse-basic"), " ServerSessionID=", " ID=\"C-1\" ServerSessionID="));
}

TEST(BasicProfile, DeploysCertificatesAndNothingElse) {
  const std::string text = compact_sample("CredentialDeploymentRequest-basic");
  const std::string mac = "MAC=\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"";
  expect_refused(with(text, "ID=\"Key.1\"", "ID=\"Key.1\" " + mac));
  expect_refused(with(text, "</CertifiedPublicKey>", "<Extension Type=\"urn:x\" " + mac + ">AAAA</Extension></CertifiedPublicKey>"));
  expect_refused(with(text, "</CertifiedPublicKey>",
                      "</CertifiedPublicKey><DeleteKey ClientSessionID=\"C\" ServerSessionID=\"S\" "
                      "CertificateFingerprint=\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\" " +
                          mac + "/>"));
  expect_refused(with(text, "</CertifiedPublicKey>", "</CertifiedPublicKey><ServerCookie/>"));
}

}  // namespace
}  // namespace airtight::keygen2::testing
