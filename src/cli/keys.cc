// airtight keys: lists the keys of a key store, shows one, signs with one; what else can be done with one is in key_use.cc, key_otp.cc,
// key_care.cc and key_renewal.cc.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "agent/key_list.h"
#include "agent/printable.h"
#include "agent/signing.h"
#include "base/encoding.h"
#include "base/key_attributes.h"
#include "cli/commands.h"
#include "cli/key_options.h"
#include "cli/key_store.h"
#include "crypto/digest_stream.h"
#include "storage/files.h"

namespace airtight::cli {
namespace {

namespace json = boost::json;
using agent::KeyEntry;
using agent::printable;

// The KeyGen2 name of an attribute's SKS byte.
template <typename E>
std::string attribute_name(std::uint8_t byte) {
  const auto value = value_of_byte<E>(byte);
  return value ? std::string(name_of(*value)) : "unknown (" + std::to_string(byte) + ")";
}

std::string algorithm_of(const KeyEntry& key) {
  const Result<crypto::PublicKey> public_key = key.path.front().public_key();
  if (!public_key) return "unknown";
  if (public_key->type() == KeyAlgorithmType::kRsa) return "RSA " + std::to_string(public_key->bits());
  return "EC P-" + std::to_string(public_key->bits());
}

json::object summary_as_json(const KeyEntry& key) {
  json::object object{{"handle", key.handle},
                      {"id", key.key.id.value},
                      {"friendly_name", json_text(text_of(key.key.friendly_name))},
                      {"usage", attribute_name<KeyUsage>(key.key.key_usage)},
                      {"session", key.key.provisioning_handle},
                      {"pin", agent::pin_state(key)}};
  if (!key.is_usable()) return object;
  const crypto::Certificate& certificate = key.path.front();
  object["algorithm"] = algorithm_of(key);
  object["subject"] = certificate.subject();
  object["issuer"] = certificate.issuer();
  object["serial"] = hex_encode(certificate.serial());
  object["not_before"] = format_time(certificate.not_before());
  object["not_after"] = format_time(certificate.not_after());
  object["fingerprint"] = hex_encode(certificate.sha256());
  return object;
}

// keys list

void print_row(const Context& context, const KeyEntry& key) {
  context.out << key.handle << "  " << key.key.id.value;
  if (const std::string name = friendly_name_of(key); !name.empty()) context.out << "  \"" << name << '"';
  context.out << "  " << attribute_name<KeyUsage>(key.key.key_usage) << "  " << agent::pin_state(key) << '\n';
  if (!key.is_usable()) return;
  const crypto::Certificate& certificate = key.path.front();
  context.out << "   subject      " << printable(certificate.subject()) << '\n'
              << "   issuer       " << printable(certificate.issuer()) << '\n'
              << "   valid until  " << format_time(certificate.not_after()) << '\n'
              << "   fingerprint  " << hex_encode(certificate.sha256()) << '\n';
}

Result<> list(const std::string& folder, const Context& context) {
  const auto store = TRY(open_key_store(folder));
  const std::vector<KeyEntry> keys = TRY(agent::list_keys(*store->channel));
  if (context.json) {
    json::array array;
    for (const KeyEntry& key : keys) array.push_back(summary_as_json(key));
    context.print_json(json::object{{"keys", std::move(array)}});
    return {};
  }
  for (const KeyEntry& key : keys) print_row(context, key);
  if (keys.empty()) context.out << "No keys\n";
  return {};
}

void add_list(CLI::App& keys, Context& context) {
  const auto store = std::make_shared<std::string>();
  CLI::App& command = add_command(keys, context, "list", "List keys with their certificates", "airtight keys list --store ./card",
                                  Secrets::kHandled, [store, &context] { return list(*store, context); });
  add_store_option(command, *store);
}

// keys show

// Every attribute of a key's protection, by the names and values that people and machines both read.
json::object attributes_of(const sks::GetKeyProtectionInfo::Response& info) {
  json::object attributes;
  if ((info.protection_status & sks::kPinProtected) != 0) {
    std::string patterns;
    for (const auto& pattern : kNames<PatternRestriction>) {
      if ((info.pattern_restrictions & std::to_underlying(pattern.value)) != 0)
        patterns += (patterns.empty() ? "" : " ") + std::string(pattern.name);
    }
    attributes.insert({{"pin_format", attribute_name<PassphraseFormat>(info.format)},
                       {"pin_min_length", info.min_length},
                       {"pin_max_length", info.max_length},
                       {"pin_retry_limit", info.retry_limit},
                       {"pin_error_count", info.pin_error_count},
                       {"pin_locked", (info.protection_status & sks::kPinLocked) != 0},
                       {"pin_user_modifiable", info.user_modifiable},
                       {"pin_grouping", attribute_name<Grouping>(info.grouping)},
                       {"pin_pattern_restrictions", patterns},
                       {"pin_input_method", attribute_name<InputMethod>(info.input_method)}});
  }
  if ((info.protection_status & sks::kPukProtected) != 0) {
    attributes.emplace("puk_retry_limit", info.puk_retry_limit);
    attributes.emplace("puk_error_count", info.puk_error_count);
    attributes.emplace("puk_locked", (info.protection_status & sks::kPukLocked) != 0);
  }
  attributes.insert({{"device_pin", (info.protection_status & sks::kDevicePinProtected) != 0},
                     {"biometric_protection", attribute_name<BiometricProtection>(info.biometric_protection)},
                     {"private_key_backup", info.private_key_backup},
                     {"export_policy", attribute_name<ExportPolicy>(info.export_policy)},
                     {"updatable", info.updatable},
                     {"delete_policy", attribute_name<DeletePolicy>(info.delete_policy)},
                     {"enable_pin_caching", info.enable_pin_caching},
                     {"import_private_key", info.import_private_key}});
  return attributes;
}

std::string label_of(std::string_view attribute) {
  std::string label(attribute);
  std::ranges::replace(label, '_', ' ');
  label.resize(std::max<std::size_t>(label.size(), 26), ' ');
  return label;
}

void print_key(const Context& context, const KeyEntry& key) {
  print_row(context, key);
  if (key.is_usable()) {
    context.out << "   algorithm    " << algorithm_of(key) << '\n'
                << "   serial       " << hex_encode(key.path.front().serial()) << '\n'
                << "   valid from   " << format_time(key.path.front().not_before()) << '\n';
  }
  if (key.protection) {
    for (const auto& attribute : attributes_of(*key.protection)) {
      const json::value& value = attribute.value();
      context.out << "   " << label_of(attribute.key())
                  << (value.is_string() ? std::string(value.as_string().c_str()) : json::serialize(value)) << '\n';
    }
  }
  for (const Bytes& algorithm : key.key.endorsed_algorithms)
    context.out << "   endorsed algorithm  " << printable(text_of(algorithm)) << '\n';
  for (const std::string& extension : key.key.extension_types.values) context.out << "   extension  " << printable(extension) << '\n';
  for (const crypto::Certificate& certificate : key.path) context.out << crypto::to_pem(certificate);
}

json::object key_as_json(const KeyEntry& key) {
  json::object object = summary_as_json(key);
  if (key.protection) {
    for (const auto& attribute : attributes_of(*key.protection)) object[attribute.key()] = attribute.value();
  }
  json::array endorsed;
  for (const Bytes& algorithm : key.key.endorsed_algorithms) endorsed.emplace_back(json_text(text_of(algorithm)));
  object["endorsed_algorithms"] = std::move(endorsed);
  json::array extensions;
  for (const std::string& extension : key.key.extension_types.values) extensions.emplace_back(extension);
  object["extensions"] = std::move(extensions);
  json::array path;
  for (const crypto::Certificate& certificate : key.path) path.emplace_back(crypto::to_pem(certificate));
  object["certificates"] = std::move(path);
  return object;
}

struct ShowOptions {
  std::string store;
  std::string key;
};

Result<> show(const ShowOptions& options, const Context& context) {
  const auto store = TRY(open_key_store(options.store));
  const KeyEntry key = TRY(agent::find_key(*store->channel, options.key, store->administration.get()));
  if (context.json) {
    context.print_json(key_as_json(key));
  } else {
    print_key(context, key);
  }
  return {};
}

void add_show(CLI::App& keys, Context& context) {
  const auto options = std::make_shared<ShowOptions>();
  CLI::App& command =
      add_command(keys, context, "show", "Show everything about one key, with its certificates in PEM",
                  "airtight keys show --store ./card Key.1", Secrets::kHandled, [options, &context] { return show(*options, context); });
  add_store_option(command, options->store);
  add_key_argument(command, options->key);
}

// keys sign

struct SignOptions {
  std::string store;
  std::string key;
  std::string in;
  std::string out;
  std::string algorithm;
  std::string pin_file;
  agent::EcdsaForm form = agent::EcdsaForm::kDer;
};

Failure read_failure(const std::string& path, int reason) {
  const Fault fault = reason == ENOENT ? Fault::kNotFound : Fault::kRefused;
  return fail(fault, "cannot read " + path + ": " + std::strerror(reason), "name a file that you can read, or - for standard input");
}

// The digest of a file of any size, or of standard input for "-".
Result<Bytes> digest_of_file(const std::string& path, crypto::Digest digest) {
  const int descriptor = path == "-" ? STDIN_FILENO : ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return read_failure(path, errno);
  crypto::DigestStream stream(digest);
  std::array<std::byte, 65536> piece{};
  ssize_t size = 0;
  int reason = 0;
  do {
    size = ::read(descriptor, piece.data(), piece.size());
    reason = errno;
    if (size > 0) stream.add(std::span(piece).first(static_cast<std::size_t>(size)));
  } while (size > 0 || (size < 0 && reason == EINTR));
  if (path != "-") ::close(descriptor);
  if (size < 0) return read_failure(path, reason);
  return stream.finish();
}

Result<> sign(const SignOptions& options, const Context& context) {
  const auto store = TRY(open_key_store(options.store));
  const KeyEntry key = TRY(agent::find_key(*store->channel, options.key, store->administration.get()));
  const agent::SignatureAlgorithm algorithm = TRY(agent::choose_signature_algorithm(key, options.algorithm));
  const Bytes hash = TRY(digest_of_file(options.in, algorithm.digest));
  const SecretBytes pin = TRY(pin_for(key, options.pin_file));
  const Bytes signature = TRY(agent::sign_hash(*store->channel, key, algorithm, hash, pin, options.form));
  if (!options.out.empty()) TRY(storage::write_file(options.out, signature, storage::FileMode::kPublic));
  if (context.json) {
    json::object object{{"key", key.handle}, {"algorithm", json_text(algorithm.name)}, {"signature", base64_encode(signature)}};
    if (!options.out.empty()) object["file"] = options.out;
    context.print_json(object);
  } else if (options.out.empty()) {
    context.out << text_of(signature);
  }
  return {};
}

void add_sign(CLI::App& keys, Context& context) {
  const auto options = std::make_shared<SignOptions>();
  CLI::App& command = add_command(keys, context, "sign", "Sign a file with a key",
                                  "airtight keys sign --store ./card Key.1 --in letter.txt --out letter.sig\n"
                                  "openssl dgst -sha256 -verify key.pem -signature letter.sig letter.txt",
                                  Secrets::kHandled, [options, &context] { return sign(*options, context); });
  add_store_option(command, options->store);
  add_key_argument(command, options->key);
  command.add_option("--in", options->in, "The file to sign; - for standard input")->required()->type_name("FILE");
  command.add_option("--out", options->out, "Where the signature goes (default: standard output)")->type_name("FILE");
  std::string names;
  for (const agent::SignatureAlgorithm& algorithm : agent::signature_algorithms())
    names += (names.empty() ? "" : ", ") + std::string(algorithm.name);
  command.add_option("--algorithm", options->algorithm, names + " (default: SHA-256 in the usual form of the key)")->type_name("NAME");
  add_choice<agent::EcdsaForm>(command, "--format", options->form, {{"der", agent::EcdsaForm::kDer}, {"raw", agent::EcdsaForm::kRaw}},
                               "How an ECDSA signature is written (default der)");
  add_pin_file_option(command, options->pin_file);
}

}  // namespace

void add_keys(CLI::App& root, Context& context) {
  CLI::App& keys = add_group(root, "keys", "List keys, use them, look after them");
  add_list(keys, context);
  add_show(keys, context);
  add_sign(keys, context);
  add_key_use(keys, context);
  add_key_otp(keys, context);
  add_key_care(keys, context);
  add_key_renewal(keys, context);
}

}  // namespace airtight::cli
