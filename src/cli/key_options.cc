#include "cli/key_options.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include "agent/printable.h"
#include "base/descriptor.h"
#include "base/encoding.h"
#include "base/key_attributes.h"
#include "cli/pin_file.h"
#include "storage/files.h"

namespace airtight::cli {
namespace {

constexpr std::size_t kMostInput = 1U << 20;

}  // namespace

void add_key_argument(CLI::App& command, std::string& key) {
  command.add_option("KEY", key, "A handle, a key ID, or the start of the certificate's SHA-256 fingerprint")->required()->type_name("");
}

void add_pin_file_option(CLI::App& command, std::string& pin_file) {
  command.add_option("--pin-file", pin_file, "A file (0600) with the PIN, instead of asking for it")->type_name("FILE");
}

std::string friendly_name_of(const agent::KeyEntry& key) { return agent::printable(text_of(key.key.friendly_name)); }

std::string name_for_people(const agent::KeyEntry& key) {
  const std::string name = friendly_name_of(key);
  return name.empty() ? key.key.id.value : name;
}

PassphraseFormat pin_format_of(const agent::KeyEntry& key) {
  if (!key.protection) return PassphraseFormat::kString;
  return value_of_byte<PassphraseFormat>(key.protection->format).value_or(PassphraseFormat::kString);
}

Result<SecretBytes> pin_for(const agent::KeyEntry& key, const std::string& pin_file) {
  const bool has_device_pin = key.protection && (key.protection->protection_status & sks::kDevicePinProtected) != 0;
  if (has_device_pin) return take_pin({.file = pin_file, .option = "--pin-file", .question = "PIN of the device"});
  const std::optional<unsigned> attempts = agent::pin_attempts_left(key);
  if (!attempts || *attempts == 0) return SecretBytes();
  return take_pin({.file = pin_file, .option = "--pin-file", .question = "PIN of " + name_for_people(key), .format = pin_format_of(key)});
}

Result<SecretBytes> read_input(const std::string& path) {
  const Descriptor opened(path == "-" ? ::dup(STDIN_FILENO) : ::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  const auto failure = [&path](int reason) {
    return fail(reason == ENOENT ? Fault::kNotFound : Fault::kRefused, "cannot read " + path + ": " + std::strerror(reason),
                "name a file that you can read, or - for standard input");
  };
  if (!opened.is_open()) return failure(errno);
  SecretBytes content(4096);
  std::size_t size = 0;
  while (true) {
    if (size == content.size()) {
      if (size > kMostInput) return fail(Fault::kBadInput, path + " is larger than 1 MiB", "a key store takes no more in one call");
      SecretBytes larger(2 * content.size());
      std::ranges::copy(content.expose_secret(), larger.expose_secret_for_writing().begin());
      content = std::move(larger);
    }
    const std::span<std::byte> room = content.expose_secret_for_writing().subspan(size);
    const ssize_t count = ::read(opened.number(), room.data(), room.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return failure(errno);
    if (count == 0) break;
    size += static_cast<std::size_t>(count);
  }
  content.truncate(size);
  return content;
}

Result<> write_output(const Context& context, const Output& output, ByteView content, boost::json::object result) {
  if (!output.path.empty()) {
    const auto mode = output.secrecy == Secrecy::kSecret ? storage::FileMode::kPrivate : storage::FileMode::kPublic;
    TRY(storage::write_file(output.path, content, mode));
  }
  if (context.json) {
    if (output.path.empty()) {
      result[output.member] = base64_encode(content);
    } else {
      result["file"] = output.path;
    }
    context.print_json(result);
  } else if (output.path.empty()) {
    context.out << text_of(content);
  }
  return {};
}

}  // namespace airtight::cli
