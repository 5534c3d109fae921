// What the verbs of `airtight keys` share: how a key is named, where its PIN comes from, how data go in and out.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "agent/key_list.h"
#include "base/bytes.h"
#include "base/result.h"
#include "base/secret_bytes.h"
#include "cli/command.h"

namespace airtight::cli {

void add_key_use(CLI::App& keys, Context& context);      // key_use.cc: decrypt, agree, hmac, encrypt
void add_key_otp(CLI::App& keys, Context& context);      // key_otp.cc: otp
void add_key_care(CLI::App& keys, Context& context);     // key_care.cc: unlock, change-pin, set-pin, set-property, export, delete
void add_key_renewal(CLI::App& keys, Context& context);  // key_renewal.cc: renew

void add_key_argument(CLI::App& command, std::string& key);
void add_pin_file_option(CLI::App& command, std::string& pin_file);

[[nodiscard]] std::string friendly_name_of(const agent::KeyEntry& key);  // printable
[[nodiscard]] std::string name_for_people(const agent::KeyEntry& key);   // its friendly name, or else its ID

// The format of a key's PIN.
[[nodiscard]] PassphraseFormat pin_format_of(const agent::KeyEntry& key);

// The PIN of `key`: out of the file, or typed; the device's where the key has no other. Empty, without a question, for a key that has none,
// or whose PIN is locked: the key store says so.
[[nodiscard]] Result<SecretBytes> pin_for(const agent::KeyEntry& key, const std::string& pin_file);

// All of a file, or of standard input for "-". At most 1 MiB.
[[nodiscard]] Result<SecretBytes> read_input(const std::string& path);

// What a command has made: to the file `path` (0600 if it is secret), or, if that is empty, to standard output. With --json it is the
// member `member` of `result`, in base64, unless it went to a file, which `result` then names.
enum class Secrecy : std::uint8_t { kPublic, kSecret };
struct Output {
  std::string path;
  std::string member;
  Secrecy secrecy = Secrecy::kPublic;
};
[[nodiscard]] Result<> write_output(const Context& context, const Output& output, ByteView content, boost::json::object result);

}  // namespace airtight::cli
