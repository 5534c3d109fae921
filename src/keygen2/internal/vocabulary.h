// The namespaces of KeyGen2 documents with the prefixes that they are written with.
#pragma once

#include <string_view>

#include "keygen2/messages.h"
#include "xml/document.h"
#include "xml/key_value.h"
#include "xml/signature.h"

namespace airtight::keygen2::internal {

inline constexpr std::string_view kDsUri = xml::kSignatureNamespace;
inline constexpr std::string_view kDs11Uri = xml::kSignature11Namespace;

inline constexpr xml::Namespace kKeyGen2 = {"", kNamespace};
inline constexpr xml::Namespace kDs = {"ds", kDsUri};
inline constexpr xml::Namespace kDs11 = {"ds11", kDs11Uri};

}  // namespace airtight::keygen2::internal
