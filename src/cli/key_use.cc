// airtight keys decrypt, agree, hmac, encrypt: what keys do besides signing.
#include <array>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "agent/refusals.h"
#include "base/algorithms.h"
#include "base/encoding.h"
#include "cli/key_options.h"
#include "cli/key_store.h"
#include "crypto/certificate.h"
#include "crypto/key.h"
#include "storage/files.h"

namespace airtight::cli {
namespace {

namespace json = boost::json;

constexpr std::size_t kLargestPublicKey = 1U << 16;

// An algorithm by the name that people type. The first of a table is the usual one.
struct NamedAlgorithm {
  std::string_view name;
  std::string_view uri;
};
constexpr std::array kDecryption = {NamedAlgorithm{"rsa-oaep", uri::kRsaOaep}, NamedAlgorithm{"rsa-1_5", uri::kRsa15}};
constexpr std::array kHmac = {NamedAlgorithm{"hmac-sha256", uri::kHmacSha256}, NamedAlgorithm{"hmac-sha1", uri::kHmacSha1}};
constexpr std::array kEncryption = {NamedAlgorithm{"aes256-cbc", uri::kAes256Cbc}, NamedAlgorithm{"aes192-cbc", uri::kAes192Cbc},
                                    NamedAlgorithm{"aes128-cbc", uri::kAes128Cbc}, NamedAlgorithm{"aes-ecb-pkcs5", uri::kAesEcbPkcs5},
                                    NamedAlgorithm{"aes-ecb-nopad", uri::kAesEcbNoPad}};

struct UseOptions {
  std::string store;
  std::string key;
  std::string in;
  std::string out;
  std::string pin_file;
  std::string algorithm;  // a URI
  std::string peer;       // agree
  std::string iv;         // encrypt, in hex
  bool decrypt = false;   // encrypt
};

void add_algorithm_option(CLI::App& command, std::string& uri, std::span<const NamedAlgorithm> algorithms) {
  std::vector<std::pair<std::string, std::string>> choices;
  for (const NamedAlgorithm& algorithm : algorithms) choices.emplace_back(algorithm.name, algorithm.uri);
  uri = choices.front().second;
  add_choice<std::string>(command, "--algorithm", uri, choices, "The algorithm (default " + choices.front().first + ")");
}

void add_in_and_out(CLI::App& command, UseOptions& options, const std::string& in, const std::string& out) {
  command.add_option("--in", options.in, in + "; - for standard input")->required()->type_name("FILE");
  command.add_option("--out", options.out, "Where " + out + " goes (default: standard output)")->type_name("FILE");
}

// Opens the store and finds the key; then `use` asks the key store with the key's PIN, and what it returns is written.
template <typename Use>
Result<> with_key(const UseOptions& options, const Context& context, const Output& output, Use&& use) {
  const auto store = TRY(open_key_store(options.store));
  const agent::KeyEntry key = TRY(agent::find_key(*store->channel, options.key, store->administration.get()));
  SecretBytes pin = TRY(pin_for(key, options.pin_file));
  auto made = use(*store->channel, key, std::move(pin));
  if (!made) return Failure(agent::explain_pin_refusal(*store->channel, key, std::move(made.error())));
  return write_output(context, output, made->expose_secret(), json::object{{"key", key.handle}, {"algorithm", options.algorithm}});
}

Result<> decrypt(const UseOptions& options, const Context& context) {
  const SecretBytes input = TRY(read_input(options.in));
  return with_key(options, context, {.path = options.out, .member = "data", .secrecy = Secrecy::kSecret},
                  [&](sks::Channel& channel, const agent::KeyEntry& key, SecretBytes pin) -> Result<SecretBytes> {
                    sks::AsymmetricKeyDecrypt call{.key_handle = key.handle,
                                                   .algorithm = options.algorithm,
                                                   .pin = std::move(pin),
                                                   .encrypted_data = to_bytes(input.expose_secret())};
                    return std::move(TRY(sks::call(channel, call)).data);
                  });
}

// A public key as DER: out of a PEM file with it, or with a certificate of it.
Result<Bytes> peer_key(const std::string& path) {
  constexpr std::string_view kBegin = "-----BEGIN PUBLIC KEY-----";
  constexpr std::string_view kEnd = "-----END PUBLIC KEY-----";
  const Bytes file = TRY(storage::read_file(path, kLargestPublicKey));
  const std::string_view pem = text_of(file);
  const std::size_t begin = pem.find(kBegin);
  const std::size_t end = pem.find(kEnd);
  if (begin != std::string_view::npos && end != std::string_view::npos && begin < end) {
    const std::size_t body = begin + kBegin.size();
    const Bytes spki = TRY(base64_decode(pem.substr(body, end - body), Whitespace::kXml));
    return to_bytes(TRY(crypto::PublicKey::from_spki(spki)).spki());
  }
  const auto certificates = crypto::certificates_from_pem(pem);
  if (!certificates || certificates->empty()) {
    return fail(Fault::kBadInput, path + " is neither a public key nor a certificate in PEM",
                "make one with 'openssl pkey -pubout' or 'airtight keys show'");
  }
  return to_bytes(TRY(certificates->front().public_key()).spki());
}

Result<> agree(const UseOptions& options, const Context& context) {
  const Bytes peer = TRY(peer_key(options.peer));
  return with_key(options, context, {.path = options.out, .member = "shared_secret", .secrecy = Secrecy::kSecret},
                  [&](sks::Channel& channel, const agent::KeyEntry& key, SecretBytes pin) -> Result<SecretBytes> {
                    sks::KeyAgreement call{
                        .key_handle = key.handle, .algorithm = options.algorithm, .pin = std::move(pin), .public_key = peer};
                    return std::move(TRY(sks::call(channel, call)).shared_secret);
                  });
}

Result<> hmac(const UseOptions& options, const Context& context) {
  SecretBytes input = TRY(read_input(options.in));
  return with_key(options, context, {.path = options.out, .member = "hmac"},
                  [&](sks::Channel& channel, const agent::KeyEntry& key, SecretBytes pin) -> Result<SecretBytes> {
                    sks::PerformHmac call{
                        .key_handle = key.handle, .algorithm = options.algorithm, .pin = std::move(pin), .data = {std::move(input)}};
                    return SecretBytes::copy_of(TRY(sks::call(channel, call)).hmac);
                  });
}

Result<> encrypt(const UseOptions& options, const Context& context) {
  SecretBytes input = TRY(read_input(options.in));
  const Bytes iv = TRY(hex_decode(options.iv));
  const Secrecy secrecy = options.decrypt ? Secrecy::kSecret : Secrecy::kPublic;
  return with_key(options, context, {.path = options.out, .member = "data", .secrecy = secrecy},
                  [&](sks::Channel& channel, const agent::KeyEntry& key, SecretBytes pin) -> Result<SecretBytes> {
                    sks::SymmetricKeyEncrypt call{.key_handle = key.handle,
                                                  .algorithm = options.algorithm,
                                                  .encrypt = !options.decrypt,
                                                  .iv = iv,
                                                  .pin = std::move(pin),
                                                  .data = {std::move(input)}};
                    return std::move(TRY(sks::call(channel, call)).data.value);
                  });
}

// A verb on one key.
CLI::App& add_use(CLI::App& keys, Context& context, const std::string& name, const std::string& description, const std::string& example,
                  const std::shared_ptr<UseOptions>& options, Result<> (*action)(const UseOptions&, const Context&)) {
  CLI::App& command = add_command(keys, context, name, description, example, Secrets::kHandled,
                                  [options, &context, action] { return action(*options, context); });
  add_store_option(command, options->store);
  add_key_argument(command, options->key);
  add_pin_file_option(command, options->pin_file);
  return command;
}

}  // namespace

void add_key_use(CLI::App& keys, Context& context) {
  const auto to_decrypt = std::make_shared<UseOptions>();
  CLI::App& decrypt_command = add_use(keys, context, "decrypt", "Decrypt what was encrypted to an RSA key",
                                      "airtight keys decrypt --store ./card Key.1 --in secret.bin", to_decrypt, decrypt);
  add_in_and_out(decrypt_command, *to_decrypt, "The encrypted data", "the decrypted data");
  add_algorithm_option(decrypt_command, to_decrypt->algorithm, kDecryption);

  const auto to_agree = std::make_shared<UseOptions>();
  to_agree->algorithm = uri::kEcdhRaw;
  CLI::App& agree_command = add_use(keys, context, "agree", "Agree on a secret with the owner of another EC key (ECDH)",
                                    "airtight keys agree --store ./card Key.1 --peer other.pem --out shared.bin", to_agree, agree);
  agree_command.add_option("--peer", to_agree->peer, "The other's public key or certificate (PEM)")->required()->type_name("PEM");
  agree_command.add_option("--out", to_agree->out, "Where the secret goes (default: standard output)")->type_name("FILE");

  const auto to_hmac = std::make_shared<UseOptions>();
  CLI::App& hmac_command = add_use(keys, context, "hmac", "Authenticate data with a symmetric key",
                                   "airtight keys hmac --store ./card Key.1 --in letter.txt | xxd -p", to_hmac, hmac);
  add_in_and_out(hmac_command, *to_hmac, "The data", "the HMAC");
  add_algorithm_option(hmac_command, to_hmac->algorithm, kHmac);

  const auto to_encrypt = std::make_shared<UseOptions>();
  CLI::App& encrypt_command = add_use(keys, context, "encrypt", "Encrypt or decrypt data with a symmetric key",
                                      "airtight keys encrypt --store ./card Key.1 --in letter.txt --out letter.bin\n"
                                      "airtight keys encrypt --store ./card Key.1 --decrypt --in letter.bin",
                                      to_encrypt, encrypt);
  add_in_and_out(encrypt_command, *to_encrypt, "The data", "the result");
  encrypt_command.add_flag("--decrypt", to_encrypt->decrypt, "The other way round");
  encrypt_command.add_option("--iv", to_encrypt->iv, "CBC: 16 bytes in hex (default: a random one that stands before the encrypted data)")
      ->type_name("HEX");
  add_algorithm_option(encrypt_command, to_encrypt->algorithm, kEncryption);
}

}  // namespace airtight::cli
