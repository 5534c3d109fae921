// Distinguished names (RFC 5280, section 4.1.2.4) as lists of attributes, for those who read or write them as DER.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "crypto/der.h"
#include "crypto/internal/object_ids.h"

namespace airtight::crypto {

struct AttributeView {
  std::size_t rdn;     // the place of its RelativeDistinguishedName, from 0
  ByteView type;       // content of the OBJECT IDENTIFIER
  der::Element value;  // well-formed where it is a string type
};

// The attributes of a whole Name, in their order. Fault::kBadInput for an empty or unsorted SET, and for a string that its type does not
// allow.
[[nodiscard]] Result<std::vector<AttributeView>> read_name(ByteView name_der);

// True for the string types whose text attribute_text can give.
[[nodiscard]] bool is_text(der::Tag tag);

// True if a string of type `tag` may hold `content`.
[[nodiscard]] bool allows(der::Tag tag, ByteView content);

// The value in UTF-8; `value` came from read_name and is_text.
[[nodiscard]] std::string attribute_text(const der::Element& value);

// The last attribute of type `id` in a Name that read_name accepts; empty if there is none or it is no text.
[[nodiscard]] std::string last_attribute_text(ByteView name_der, const ObjectId& id);

// An attribute type that has a name in text.
struct AttributeType {
  std::string_view name;
  ObjectId id;
  der::Tag tag;           // in which it is written
  std::size_t max_chars;  // upper bound of RFC 5280, appendix A
};
[[nodiscard]] const AttributeType* attribute_type_named(std::string_view name);  // any case, or dotted; null if unknown
[[nodiscard]] const AttributeType* attribute_type_of(ByteView id);

}  // namespace airtight::crypto
