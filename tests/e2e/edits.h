// What can be done to a KeyGen2 message on its way: changes of its XML, found by simple paths, and of its bytes.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "tests/e2e/scenario.h"
#include "xml/document.h"

namespace airtight::e2e {

// The element at `path` below `root`: local names with optional [n] from 1, "A/B[2]/C"; "//A" is the first A in document order, "" is the
// root. Throws if there is none: a scenario that strikes nothing shows nothing.
[[nodiscard]] xml::Element element_at(xml::Element root, std::string_view path);
[[nodiscard]] std::optional<xml::Element> find_element(xml::Element root, std::string_view path);

// The message's text under this name, as it passed earlier: "KeyInitializationRequest", "alice.CredentialDeploymentRequest".
using EarlierMessage = std::function<Bytes(const std::string& name)>;

// Applies `attack` to the text of a message. False if the action is not one on a message's text.
[[nodiscard]] bool edit(Bytes& text, const Attack& attack, const EarlierMessage& earlier);

// The local name of the top element; empty if `text` is no XML.
[[nodiscard]] std::string top_element(ByteView text);

}  // namespace airtight::e2e
