// Reading what this version takes up no further than its addressing, with the checks that everything gets.
#include <array>

#include "keygen2/internal/readers.h"
#include "keygen2/internal/values.h"
#include "keygen2/internal/vocabulary.h"

namespace airtight::keygen2::internal {
namespace {

// Throughout the vocabulary an attribute's name tells its type, and so does the name of an element that has text.
constexpr auto kIdAttributes = std::to_array<std::string_view>({"ClientSessionID", "ServerSessionID", "RequestID"});
constexpr auto kTimeAttributes = std::to_array<std::string_view>({"ServerTime", "IssuedBefore", "IssuedAfter"});
constexpr auto kBytes32Attributes = std::to_array<std::string_view>({"MAC", "Nonce", "CertificateFingerprint"});
constexpr auto kBinaryElements =
    std::to_array<std::string_view>({"SymmetricKey", "PrivateKey", "Logotype", "Extension", "EncryptedExtension"});

Result<> check_own_values(xml::Element element) {
  for (const std::string_view name : kIdAttributes) TRY(optional(element, name, parse_id));
  for (const std::string_view name : kTimeAttributes) TRY(optional(element, name, parse_instant));
  for (const std::string_view name : kBytes32Attributes) TRY(optional(element, name, parse_bytes32));
  for (const std::string_view name : kBinaryElements) {
    if (element.name() == name) TRY(content_bytes(element));
  }
  if (element.child(kDsUri, "X509Data")) TRY(certificates_in(element));
  return {};
}

bool is_request(MessageKind kind) { return name_of(kind).ends_with("Request"); }

}  // namespace

Result<> check_values(xml::Element element) {
  if (element.namespace_uri() != kNamespace || element.name() == "ServerCookie") return {};
  TRY(check_own_values(element));
  for (const xml::Element child : element.children()) TRY(check_values(child));
  return {};
}

Result<Message> read_other(MessageKind kind, xml::Element root) {
  TRY(check_values(root));
  OtherMessage message{.kind = kind};
  message.submit_url = TRY(optional(root, "SubmitURL", parse_uri));
  for (const std::string_view name : {"RequestID", "ServerSessionID"}) {
    if (!message.server_session_id) message.server_session_id = root.attribute(name);
  }
  if (is_request(kind) && !message.server_session_id) message.server_session_id = root.attribute("ID");
  return message;
}

}  // namespace airtight::keygen2::internal
