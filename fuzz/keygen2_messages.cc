// The KeyGen2 message reader: whatever it accepts has a kind and a name, and what is written of it, signed where it has to be, is read
// again and then written the same. Its inner signatures can be verified, whatever they are, and its property bags are what a key store
// takes.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <set>
#include <string>

#include "crypto/certificate_builder.h"
#include "keygen2/messages.h"
#include "sks/property_bag.h"

namespace {

using namespace airtight;

void require(bool holds, const char* what) {
  if (holds) return;
  std::cerr << "keygen2_messages: " << what << '\n';
  std::abort();
}

const xml::Schema& schema() {
  static const xml::Schema compiled = [] {
    auto made = keygen2::compile_schema();
    require(made.has_value(), "the schema does not compile");
    return *std::move(made);
  }();
  return compiled;
}

// A copied cookie declares every namespace in its scope, which may take it beyond the limit on these.
bool has_many_namespaces(std::string_view text) {
  std::size_t count = 0;
  for (std::size_t at = text.find("xmlns"); at != std::string_view::npos; at = text.find("xmlns", at + 1)) ++count;
  return count > 20;
}

// What a signature would be; nobody verifies it here.
Result<Bytes> sign_blindly(ByteView /*signed_info*/) { return Bytes(64, std::byte{1}); }

const crypto::Certificate& certificate() {
  static const crypto::Certificate made = [] {
    const auto key = crypto::PrivateKey::generate(crypto::EcSpec{crypto::Curve::kP256});
    const auto name = crypto::name_from_text("CN=Fuzz");
    require(key && name, "no key and name for a certificate");
    auto signed_one = crypto::sign_certificate({.serial = {std::byte{1}},
                                                .subject_der = *name,
                                                .issuer_der = *name,
                                                .not_before = Instant{1577836800000},
                                                .not_after = Instant{2493072000000},
                                                .spki = key->public_key().spki()},
                                               *key);
    require(signed_one.has_value(), "no certificate");
    return *std::move(signed_one);
  }();
  return made;
}

// Signs what is valid only with a signature.
void sign_where_due(xml::Document& document, const keygen2::Message& message) {
  if (std::holds_alternative<keygen2::ProvisioningSessionResponse>(message)) {
    require(xml::sign_enveloped(document.root(), uri::kHmacSha256, {.key_name = "key"}, sign_blindly).has_value(),
            "what was written is not signed");
  }
  if (std::holds_alternative<keygen2::CredentialDiscoveryRequest>(message))
    require(keygen2::sign_lookups(document, uri::kEcdsaSha256, certificate(), sign_blindly).has_value(), "lookups are not signed");
  if (const auto* response = std::get_if<keygen2::KeyOperationResponse>(&message)) {
    for (const auto& key : response->keys)
      require(keygen2::sign_generated_key(document, key.id, uri::kEcdsaSha256, sign_blindly).has_value(), "a key is not signed");
  }
}

// What is in a bag that can be written is what a key store takes, but for two properties of one name.
void check_bag(const keygen2::PropertyBag& bag) {
  const auto canonical = keygen2::canonical_property_bag(bag.type, bag.properties);
  require(canonical.has_value(), "a property bag without a canonical form");
  std::set<std::string> names;
  for (const auto& property : bag.properties) names.insert(property.name);
  if (names.size() == bag.properties.size())
    require(sks::PropertyBag::parse(*canonical, bag.type).has_value(), "a written property bag that no key store takes");
  // As it came it may hold instructions too, which are for the key store to refuse.
  if (const auto taken = sks::PropertyBag::parse(bag.canonical, bag.type))
    require(taken->properties().size() == bag.properties.size(), "a property bag of which the key store reads something else");
}

void check_parts(const keygen2::Received& received) {
  if (const auto* request = std::get_if<keygen2::CredentialDeploymentRequest>(&received.message)) {
    for (const auto& key : request->keys) {
      for (const auto& extension : key.extensions) {
        if (const auto* bag = std::get_if<keygen2::PropertyBag>(&extension)) check_bag(*bag);
      }
    }
  }
  if (std::holds_alternative<keygen2::CredentialDiscoveryRequest>(received.message)) {
    const auto verified = keygen2::verify_lookups(received.document);
    require(verified || verified.error().code_in(Protocol::kKeyGen2), "a refused lookup without an answer");
  }
  if (std::holds_alternative<keygen2::KeyOperationResponse>(received.message)) {
    const auto verified = keygen2::verify_generated_keys(received.document);
    require(verified || verified.error().code_in(Protocol::kKeyGen2), "a refused key without an answer");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView input(reinterpret_cast<const std::byte*>(data), size);
  const auto received = keygen2::read_message(input, schema());
  if (!received) {
    require(!received.error().message.empty(), "a refusal without a reason");
    require(received.error().code_in(Protocol::kKeyGen2).has_value(), "a refusal without an answer");
    return 0;
  }
  require(name_of(received->message) == received->document.root().name(), "a message under another name");
  check_parts(*received);
  auto written = keygen2::write_message(received->message);
  require(written.has_value(), "what was read is not written");
  sign_where_due(*written, received->message);
  const auto again = keygen2::read_message(written->serialize(), schema());
  if (!again && has_many_namespaces(text_of(input))) return 0;
  require(again.has_value(), "what was written is refused");
  auto written_again = keygen2::write_message(again->message);
  require(written_again.has_value(), "what was written and read is not written again");
  sign_where_due(*written_again, again->message);
  // A copied cookie may declare namespaces that nothing uses, of which the canonical form says nothing.
  const auto canonical = xml::canonicalize(written->root());
  const auto canonical_again = xml::canonicalize(written_again->root());
  require(canonical && canonical_again && *canonical == *canonical_again, "what was written and read is written differently");
  return 0;
}
