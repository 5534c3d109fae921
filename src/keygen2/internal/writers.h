// Writing, for those parts that are large enough to have a file of their own.
#pragma once

#include <span>

#include "base/result.h"
#include "crypto/certificate.h"
#include "crypto/key.h"
#include "keygen2/messages.h"
#include "xml/document.h"

namespace airtight::keygen2::internal {

// Adds ds:RSAKeyValue or ds11:ECKeyValue, whichever `key` is.
void add_public_key(xml::Element parent, const crypto::PublicKey& key);
// Adds ds:X509Data.
void add_certificates(xml::Element parent, std::span<const crypto::Certificate> certificates);

// write_keys.cc: adds CreateObject with `objects`.
void add_objects(xml::Element message, std::span<const CreateObject> objects);

// An attribute that is left out where it says what its absence says.
void set_flag(xml::Element element, std::string_view name, bool value, bool value_if_absent = false);
void set_if_present(xml::Element element, std::string_view name, const std::optional<bool>& value);
void set_bytes(xml::Element element, std::string_view name, ByteView value);

}  // namespace airtight::keygen2::internal
