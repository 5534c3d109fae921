// What a key store holds, as text that two moments can be compared by.
#pragma once

#include <string>

#include "agent/key_list.h"
#include "base/encoding.h"
#include "tests/support/must.h"

namespace airtight::agent::testing {

[[nodiscard]] inline std::string snapshot(sks::Channel& key_store) {
  std::string text;
  for (const SessionEntry& entry : tests::must(list_sessions(key_store))) {
    text += "session " + std::to_string(entry.handle) + ' ' + entry.session.client_session_id.value +
            (entry.session.is_open ? " open\n" : "\n");
  }
  for (const KeyEntry& key : tests::must(list_keys(key_store))) {
    text += "key " + std::to_string(key.handle) + ' ' + key.key.id.value + " of " + std::to_string(key.key.provisioning_handle) + ' ' +
            pin_state(key);
    if (key.is_usable()) text += ' ' + hex_encode(key.path.front().sha256());
    for (const std::string& type : key.key.extension_types.values) text += ' ' + type;
    text += '\n';
  }
  return text;
}

}  // namespace airtight::agent::testing
