// What is in a key store, as text: facts of each key by name, for a scenario's expectations, and a picture of the whole store, which is
// equal exactly if nothing has changed that the user API shows.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "agent/key_list.h"
#include "sks/client.h"

namespace airtight::e2e {

using Facts = std::map<std::string, std::string>;

// Of a key that can be used. README.md lists their names.
[[nodiscard]] Facts facts_of(sks::Channel& store, const agent::KeyEntry& key);

// Sessions, keys, attributes, protection with its error counts, and extension objects, a line each.
[[nodiscard]] std::string picture_of(sks::Channel& store);

}  // namespace airtight::e2e
