#include "keygen2/internal/values.h"

#include <algorithm>

#include "base/encoding.h"
#include "base/text.h"
#include "keygen2/internal/vocabulary.h"
#include "xml/key_value.h"

namespace airtight::keygen2::internal {
namespace {

constexpr std::string_view kWhiteSpace = " \t\r\n";
constexpr std::size_t kIssuerUriLimit = 1024;  // bytes; SKS createProvisioningSession

}  // namespace

Failure refuse(std::string message) { return fail(Fault::kBadInput, std::move(message)); }

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(kWhiteSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kWhiteSpace) - first + 1);
}

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  std::size_t start = text.find_first_not_of(kWhiteSpace);
  while (start != std::string_view::npos) {
    const std::size_t end = text.find_first_of(kWhiteSpace, start);
    words.push_back(text.substr(start, end - start));
    start = text.find_first_not_of(kWhiteSpace, end);
  }
  return words;
}

Result<std::string> parse_text(std::string_view text) { return std::string(text); }

Result<std::string> parse_id(std::string_view text) {
  if (!is_sks_id(text)) return refuse("\"" + std::string(text) + "\" is not an NCName of 1 to 32 bytes");
  return std::string(text);
}

Result<std::string> parse_uri(std::string_view text) { return std::string(trimmed(text)); }

Result<std::string> parse_issuer_uri(std::string_view text) {
  const std::string_view uri = trimmed(text);
  if (uri.size() > kIssuerUriLimit) return refuse("a URL of " + std::to_string(uri.size()) + " bytes is longer than 1024");
  return std::string(uri);
}

Result<std::vector<std::string>> parse_uris(std::string_view text) {
  const auto words = words_of(text);
  return std::vector<std::string>(words.begin(), words.end());
}

Result<std::string> parse_integer(std::string_view text) {
  std::string_view digits = trimmed(text);
  const bool negative = digits.starts_with('-');
  if (negative || digits.starts_with('+')) digits.remove_prefix(1);
  if (digits.empty() || digits.find_first_not_of("0123456789") != std::string_view::npos)
    return refuse("\"" + std::string(text) + "\" is not a decimal number");
  digits.remove_prefix(std::min(digits.find_first_not_of('0'), digits.size() - 1));
  return (negative && digits != "0" ? "-" : "") + std::string(digits);
}

Result<Instant> parse_instant(std::string_view text) { return parse_time(text); }

Result<std::string> parse_time_text(std::string_view text) {
  TRY(parse_time(text));
  return std::string(text);
}

Result<bool> parse_boolean(std::string_view text) {
  const std::string_view word = trimmed(text);
  if (word == "true" || word == "1") return true;
  if (word == "false" || word == "0") return false;
  return refuse("\"" + std::string(text) + "\" is neither true nor false");
}

Result<Bytes> parse_bytes(std::string_view text) { return base64_decode(text, Whitespace::kXml); }

Result<Bytes> parse_bytes32(std::string_view text) {
  Bytes value = TRY(parse_bytes(text));
  if (value.size() != 32) return refuse(std::to_string(value.size()) + " bytes where 32 are due");
  return value;
}

std::string place_of(xml::Element element, std::string_view attribute) {
  return "attribute " + std::string(attribute) + " of " + std::string(element.name());
}

Result<Bytes> content_bytes(xml::Element element) {
  auto value = parse_bytes(element.text());
  if (!value) return std::unexpected(std::move(value).error().in(element.name()));
  return value;
}

Result<xml::Element> only_child(xml::Element parent, std::string_view namespace_uri, std::string_view name) {
  const auto child = parent.child(namespace_uri, name);
  if (!child) return refuse(std::string(name) + " is missing in " + std::string(parent.name()));
  return *child;
}

Result<crypto::PublicKey> public_key_in(xml::Element parent) {
  auto key = xml::read_key_value(parent);
  if (key) return key;
  Error error = std::move(key).error().in("the public key in " + std::string(parent.name()));
  if (error.fault == Fault::kNotFound) {  // the elliptic curve is not known here
    error.fault = Fault::kBadInput;
    error.answer = Answer{Protocol::kKeyGen2, static_cast<int>(ClientError::kUnsupportedFeatureRequested)};
  }
  return std::unexpected(std::move(error));
}

Result<std::vector<crypto::Certificate>> certificates_in(xml::Element parent) {
  const xml::Element data = TRY(only_child(parent, kDsUri, "X509Data"));
  std::vector<crypto::Certificate> certificates;
  for (const xml::Element element : data.children(kDsUri, "X509Certificate")) {
    const Bytes der = TRY(content_bytes(element));
    auto certificate = crypto::Certificate::parse(der);
    if (!certificate) return std::unexpected(std::move(certificate).error().in("a certificate in " + std::string(parent.name())));
    certificates.push_back(*std::move(certificate));
  }
  return certificates;
}

// "up to 65,536 bytes of (decrypted) data" (sks.md section 7): of what is encrypted the key store alone can tell exactly.
Result<> check_extension_size(xml::Element element, std::size_t size, bool encrypted) {
  if (size <= (encrypted ? kEncryptedExtensionDataLimit : kExtensionDataLimit)) return {};
  return Failure(Error{Fault::kBadInput, std::string(element.name()) + " has more than " + std::to_string(kExtensionDataLimit) + " bytes",
                       "The issuer has to make it smaller: key stores take no more.",
                       Answer{Protocol::kKeyGen2, static_cast<int>(ClientError::kUnsupportedFeatureRequested)}});
}

// "the exclusive canonical XML of its element without the MAC attribute, written without prefixes" (sks.md section 7)
Result<Bytes> canonical_form_of_bag(xml::Element bag) {
  const xml::Document document = xml::Document::unprefixed_copy_of(bag);
  document.root().remove_attribute("MAC");
  return xml::canonicalize(document.root());
}

ServerCookie cookie_in(xml::Element message) {
  const auto cookie = message.child(kNamespace, "ServerCookie");
  if (!cookie) return std::nullopt;
  return xml::Document::copy_of(*cookie);
}

}  // namespace airtight::keygen2::internal
