// What a KeyGen2 message can consist of, as items: "KeyPair/RSA" for an element in its parent, "KeyPair@ExportPolicy" for an attribute,
// "KeyPair@ExportPolicy=puk" for each value of an enumeration. The schema says which there are, messages show which occur.
#pragma once

#include <set>
#include <string>

#include "base/bytes.h"

namespace airtight::e2e {

// Adds the items of the message `text`.
void add_items_of(ByteView text, std::set<std::string>& items);

// Every item of schema/keygen2.xsd, whose text this is. Of XML Signature's elements, those that the messages have for children.
[[nodiscard]] std::set<std::string> items_of_schema(ByteView schema);

}  // namespace airtight::e2e
