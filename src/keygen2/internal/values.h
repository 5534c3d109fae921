// What attributes and elements of KeyGen2 say, as values: one parser for each type of schema/keygen2.xsd, with the checks that a schema
// cannot make. A parser takes the text; required(), optional() and or_default() apply one to an attribute and name it in the error.
#pragma once

#include <charconv>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/key_attributes.h"
#include "base/result.h"
#include "base/time.h"
#include "crypto/certificate.h"
#include "crypto/key.h"
#include "keygen2/messages.h"
#include "xml/document.h"

namespace airtight::keygen2::internal {

[[nodiscard]] Failure refuse(std::string message);
// `error` with the ClientError that answers it, and a hint, where it has none yet.
[[nodiscard]] Error with_answer(Error error);

// XML Schema types other than strings allow white space around the value.
[[nodiscard]] std::string_view trimmed(std::string_view text);
[[nodiscard]] std::vector<std::string_view> words_of(std::string_view text);

[[nodiscard]] Result<std::string> parse_text(std::string_view text);
// An id as the key store has it: at most 32 bytes, nothing around it, so that it is what a Reference says.
[[nodiscard]] Result<std::string> parse_id(std::string_view text);
[[nodiscard]] Result<std::string> parse_uri(std::string_view text);
[[nodiscard]] Result<std::string> parse_issuer_uri(std::string_view text);  // at most 1024 bytes
[[nodiscard]] Result<std::vector<std::string>> parse_uris(std::string_view text);
[[nodiscard]] Result<std::string> parse_integer(std::string_view text);  // of any length, without what says nothing: "+07" is "7"
[[nodiscard]] Result<Instant> parse_instant(std::string_view text);
[[nodiscard]] Result<std::string> parse_time_text(std::string_view text);  // checked, and kept as text
[[nodiscard]] Result<bool> parse_boolean(std::string_view text);
[[nodiscard]] Result<Bytes> parse_bytes(std::string_view text);
[[nodiscard]] Result<Bytes> parse_bytes32(std::string_view text);

template <typename T>
[[nodiscard]] Result<T> parse_number(std::string_view text) {
  std::string_view digits = trimmed(text);
  if (digits.starts_with('+')) digits.remove_prefix(1);
  std::uint64_t value = 0;
  const auto [end, fault] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (fault != std::errc{} || end != digits.data() + digits.size() || value > std::numeric_limits<T>::max())
    return refuse("\"" + std::string(text) + "\" is not a number from 0 to " + std::to_string(std::numeric_limits<T>::max()));
  return static_cast<T>(value);
}

template <typename E>
[[nodiscard]] Result<E> parse_named(std::string_view text) {
  const std::optional<E> value = value_named<E>(text);
  if (!value) return refuse("\"" + std::string(text) + "\" is not one of the values that KeyGen2 names");
  return *value;
}

// "attribute NAME of ELEMENT"
[[nodiscard]] std::string place_of(xml::Element element, std::string_view attribute);

template <typename Parser>
using Parsed = typename std::invoke_result_t<Parser, std::string_view>::value_type;

template <typename Parser>
[[nodiscard]] Result<std::optional<Parsed<Parser>>> optional(xml::Element element, std::string_view name, Parser parse) {
  const std::optional<std::string> text = element.attribute(name);
  if (!text) return std::nullopt;
  auto value = parse(*text);
  if (!value) return std::unexpected(std::move(value).error().in(place_of(element, name)));
  return *std::move(value);
}

template <typename Parser>
[[nodiscard]] Result<Parsed<Parser>> required(xml::Element element, std::string_view name, Parser parse) {
  auto value = optional(element, name, parse);
  if (!value) return std::unexpected(std::move(value).error());
  if (!*value) return refuse(place_of(element, name) + " is missing");
  return **std::move(value);
}

template <typename Parser>
[[nodiscard]] Result<Parsed<Parser>> or_default(xml::Element element, std::string_view name, Parser parse, Parsed<Parser> value_if_absent) {
  auto value = optional(element, name, parse);
  if (!value) return std::unexpected(std::move(value).error());
  return (*std::move(value)).value_or(std::move(value_if_absent));
}

// Reads each of `elements`.
template <typename T>
[[nodiscard]] Result<std::vector<T>> read_all(const std::vector<xml::Element>& elements, Result<T> (*read)(xml::Element)) {
  std::vector<T> values;
  values.reserve(elements.size());
  for (const xml::Element element : elements) values.push_back(TRY(read(element)));
  return values;
}

// The attributes that all requests in a session have.
template <typename Request>
[[nodiscard]] Result<> read_session_request(xml::Element root, Request& message) {
  message.id = TRY(required(root, "ID", parse_id));
  message.client_session_id = TRY(required(root, "ClientSessionID", parse_id));
  message.server_time = TRY(required(root, "ServerTime", parse_time_text));
  message.submit_url = TRY(required(root, "SubmitURL", parse_uri));
  return {};
}

// The attributes that all responses in a session have.
template <typename Response>
[[nodiscard]] Result<> read_session_response(xml::Element root, Response& message) {
  message.id = TRY(required(root, "ID", parse_id));
  message.server_session_id = TRY(required(root, "ServerSessionID", parse_id));
  return {};
}

// The element's text as base64.
[[nodiscard]] Result<Bytes> content_bytes(xml::Element element);
// The one child of that name, which the schema requires.
[[nodiscard]] Result<xml::Element> only_child(xml::Element parent, std::string_view namespace_uri, std::string_view name);
// The ds:RSAKeyValue or ds11:ECKeyValue under `parent`.
[[nodiscard]] Result<crypto::PublicKey> public_key_in(xml::Element parent);
// The certificates of the ds:X509Data under `parent`, as written.
[[nodiscard]] Result<std::vector<crypto::Certificate>> certificates_in(xml::Element parent);
// That an extension written as `element` may have `size` bytes of data, encrypted ones or not.
[[nodiscard]] Result<> check_extension_size(xml::Element element, std::size_t size, bool encrypted = false);
// The bytes of a PropertyBag that its MAC covers.
[[nodiscard]] Result<Bytes> canonical_form_of_bag(xml::Element bag);
[[nodiscard]] ServerCookie cookie_in(xml::Element message);

}  // namespace airtight::keygen2::internal
