// From text to message: the steps that all messages share.
#include <algorithm>
#include <array>
#include <unordered_set>

#include "embedded/keygen2_schema.h"
#include "keygen2/internal/readers.h"
#include "keygen2/internal/values.h"
#include "keygen2/internal/vocabulary.h"
#include "keygen2/messages.h"

namespace airtight::keygen2 {
namespace {

using namespace internal;

using Ids = std::unordered_set<std::string>;

// "IDs of KeyGen2 elements outside ServerCookie are unique in a message" (keygen2.md section 6). What a Reference can name counts, so
// ds:KeyInfo/@Id takes part.
Result<> check_ids(xml::Element element, Ids& seen) {
  std::optional<std::string> id;
  if (element.namespace_uri() == kNamespace) {
    if (element.name() == "ServerCookie") return {};
    id = TRY(optional(element, "ID", parse_id));
  } else {
    id = element.attribute("Id");
  }
  if (id && !seen.insert(*id).second) return refuse("the ID \"" + *id + "\" occurs twice");
  for (const xml::Element child : element.children()) TRY(check_ids(child, seen));
  return {};
}

Result<Message> read_root(xml::Element root) {
  struct Reader {
    std::string_view name;
    Result<Message> (*read)(xml::Element);
  };
  static constexpr auto kReaders = std::to_array<Reader>({
      {"PlatformNegotiationRequest", read_platform_negotiation_request},
      {"PlatformNegotiationResponse", read_platform_negotiation_response},
      {"ProvisioningSessionRequest", read_provisioning_session_request},
      {"ProvisioningSessionResponse", read_provisioning_session_response},
      {"CredentialDiscoveryRequest", read_credential_discovery_request},
      {"CredentialDiscoveryResponse", read_credential_discovery_response},
      {"KeyInitializationRequest", read_key_initialization_request},
      {"KeyInitializationResponse", read_key_initialization_response},
      {"CredentialDeploymentRequest", read_credential_deployment_request},
      {"CredentialDeploymentResponse", read_credential_deployment_response},
      {"ClientErrorResponse", read_client_error_response},
      {"KeyOperationRequest", read_key_operation_request},
      {"KeyOperationResponse", read_key_operation_response},
  });
  if (root.namespace_uri() == kNamespace) {
    const auto reader = std::ranges::find(kReaders, root.name(), &Reader::name);
    if (reader != kReaders.end()) return reader->read(root);
  }
  return refuse("the top element " + std::string(root.name()) + " is not a KeyGen2 message");
}

Result<Received> parse_and_read(ByteView text, const xml::Schema& schema) {
  xml::Document document = TRY(xml::Document::parse(text));
  TRY(schema.validate(document));
  Ids ids;
  TRY(check_ids(document.root(), ids));
  auto message = read_root(document.root());
  if (!message) return std::unexpected(std::move(message).error().in(document.root().name()));
  return Received{*std::move(message), std::move(document)};
}

}  // namespace

namespace internal {

Error with_answer(Error error) {
  if (!error.code_in(Protocol::kKeyGen2)) {
    const ClientError code = error.fault == Fault::kInternal ? ClientError::kGeneralError : ClientError::kNonMatchingRequests;
    error.answer = Answer{Protocol::kKeyGen2, static_cast<int>(code)};
  }
  if (error.hint.empty()) error.hint = "The message breaks KeyGen2: whoever runs the program that sent it has to look into it.";
  return error;
}

}  // namespace internal

Result<xml::Schema> compile_schema() {
  return xml::Schema::compile(
      {{"keygen2.xsd", embedded::k_keygen2_xsd}, {"xmldsig.xsd", embedded::k_xmldsig_xsd}, {"xmldsig11.xsd", embedded::k_xmldsig11_xsd}});
}

Result<Received> read_message(ByteView text, const xml::Schema& schema) {
  auto received = parse_and_read(text, schema);
  if (!received) return std::unexpected(with_answer(std::move(received).error()));
  return received;
}

bool has_signature(const xml::Document& message) { return message.root().child(kDsUri, "Signature").has_value(); }

}  // namespace airtight::keygen2
