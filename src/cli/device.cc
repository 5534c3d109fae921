// airtight device: makes key stores, shows them, and speaks their byte protocol.
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "agent/key_list.h"
#include "agent/printable.h"
#include "ca/maker.h"
#include "cli/commands.h"
#include "cli/device_commands.h"
#include "cli/hex_lines.h"
#include "cli/key_store.h"
#include "cli/seal_options.h"
#include "cli/terminal.h"
#include "device/store_folder.h"
#include "provenance/verdict.h"
#include "sks/status.h"
#include "storage/files.h"

namespace airtight::cli {
namespace {

namespace json = boost::json;

json::array texts_as_json(const std::vector<std::string>& texts) {
  json::array array;
  for (const std::string& text : texts) array.emplace_back(text);
  return array;
}

// device create

struct CreateOptions {
  std::string store;
  std::string maker;
  std::string vendor = "Airtight";
  std::string model = "Software";
  device::AttestationKeyKind attestation_key = device::AttestationKeyKind::kP256;
  SealOptions seal;
  sks::StoreOptions options;
  std::string anchor = "none";
  std::string anchor_tcti;
};

Result<> create(const CreateOptions& options, const Context& context) {
  const SystemClock clock;
  crypto::SystemRandom random;
  const auto certify = [&](const crypto::PublicKey& key) {
    return ca::certify_device(options.maker, {.vendor = options.vendor, .model = options.model}, key, clock, random);
  };
  const sealing::NewSeal seal = TRY(seal_from(options.seal));
  const sealing::AnchorChoice anchor = TRY(sealing::parse_anchor(options.anchor, options.anchor_tcti));
  const auto path = TRY(device::create_device({.folder = options.store,
                                               .vendor = options.vendor,
                                               .model = options.model,
                                               .attestation_key = options.attestation_key,
                                               .seal = seal,
                                               .options = options.options,
                                               .anchor = anchor},
                                              certify, passphrase_on_terminal("the key store " + options.store), random));
  const std::string device_id = provenance::device_id(path.front());
  if (context.json) {
    context.print_json(json::object{{"store", options.store}, {"device_id", device_id}, {"device", path.front().subject()}});
    return {};
  }
  context.out << "Key store " << options.store << " is ready\n"
              << "  Device ID  " << device_id << '\n'
              << "  Device     " << path.front().subject() << '\n';
  return {};
}

void add_create(CLI::App& device, Context& context) {
  const auto options = std::make_shared<CreateOptions>();
  CLI::App& command = add_command(device, context, "create", "Make a key store, with an attestation key that a maker certifies",
                                  "airtight device create --store ./card --maker ./maker --vendor 'Example Cards' --model 'Card One'",
                                  Secrets::kHandled, [options, &context] { return create(*options, context); });
  add_store_option(command, options->store);
  command.add_option("--maker", options->maker, "The folder of the maker's hierarchy; made on first use")->required()->type_name("DIR");
  command.add_option("--vendor", options->vendor, "The maker's name (default " + options->vendor + ")")->type_name("NAME");
  command.add_option("--model", options->model, "The device class (default " + options->model + ")")->type_name("NAME");
  add_choice<device::AttestationKeyKind>(command, "--attestation-key", options->attestation_key,
                                         {{"p256", device::AttestationKeyKind::kP256}, {"rsa2048", device::AttestationKeyKind::kRsa2048}},
                                         "The kind of the attestation key (default p256)");
  command.add_flag("--p384", options->options.p384, "Offer keys on P-384 too");
  command.add_flag("--p521", options->options.p521, "Offer keys on P-521 too");
  command.add_flag("--sk2", options->options.sk2, "Offer the session algorithm sk2 too, which leaves nothing to interpretation");
  add_seal_options(command, options->seal, "the store");
  add_anchor_options(command, options->anchor, options->anchor_tcti);
}

// device call

// The answer to a line that is no request (sks.md section 1): ERROR_OPTION and an ErrorString.
SecretBytes unreadable_request() { return sks::response_of(sks::error(sks::Status::kOption, "the request is not a line of hex digits")); }

Result<> answer_calls(const std::string& folder, const Context& context) {
  const auto store = TRY(open_key_store(folder));
  HexLines requests(STDIN_FILENO);
  while (auto request = TRY(requests.next())) {
    if (!request->readable)
      context.err << "airtight: a request is one line of hex digits, two for each byte, and at most 1 MiB\n" << std::flush;
    const SecretBytes answer = request->readable ? TRY(store->channel->call(request->bytes)) : unreadable_request();
    write_hex_line(context.out, answer);
    if (!context.out)
      return fail(Fault::kUnavailable, "the answer could not be written", "check that the reader of standard output is still there");
  }
  return {};
}

void add_call(CLI::App& device, Context& context) {
  const auto store = std::make_shared<std::string>();
  CLI::App& command = add_command(device, context, "call", "Answer SKS requests in hex, one a line, on standard input",
                                  "airtight device call --store ./card <<< 1f    # getDeviceInfo", Secrets::kHandled,
                                  [store, &context] { return answer_calls(*store, context); });
  add_store_option(command, *store);
}

// device info

struct InfoArguments {
  std::string store;
  std::string certificate;  // where it is written; empty: nowhere
};

Result<> info(const InfoArguments& arguments, const Context& context) {
  const auto store = TRY(open_key_store(arguments.store));
  const auto device = TRY(sks::call(*store->channel, sks::GetDeviceInfo{}));
  const auto sessions = TRY(agent::list_sessions(*store->channel));
  const auto keys = TRY(agent::list_keys(*store->channel));
  if (device.x509_certificates.empty()) return fail(Fault::kInternal, "the key store has no device certificate");
  const crypto::Certificate certificate = TRY(crypto::Certificate::parse(device.x509_certificates.front()));
  if (!arguments.certificate.empty())
    TRY(storage::write_file(arguments.certificate, bytes_of(crypto::to_pem(certificate)), storage::FileMode::kPublic));
  const std::string device_id = provenance::device_id(certificate);
  const auto open_sessions = std::ranges::count_if(sessions, [](const auto& entry) { return entry.session.is_open; });
  if (context.json) {
    json::array sizes;
    for (const std::uint16_t size : device.rsa_key_sizes) sizes.emplace_back(size);
    context.print_json(json::object{{"vendor", device.vendor_name},
                                    {"model", device.vendor_description},
                                    {"device_id", device_id},
                                    {"device_id_sha1", certificate.sha1_hex()},
                                    {"device", certificate.subject()},
                                    {"device_class", certificate.issuer()},
                                    {"api_level", device.api_level},
                                    {"algorithms", texts_as_json(device.algorithms.values)},
                                    {"rsa_key_sizes", std::move(sizes)},
                                    {"rsa_exponents", device.rsa_exponent_support},
                                    {"extension_data_size", device.extension_data_size},
                                    {"device_pin", device.device_pin_support},
                                    {"biometrics", device.biometric_support},
                                    {"sessions", sessions.size()},
                                    {"open_sessions", open_sessions},
                                    {"keys", keys.size()}});
    return {};
  }
  context.out << "Vendor        " << agent::printable(device.vendor_name) << '\n'
              << "Model         " << agent::printable(device.vendor_description) << '\n'
              << "Device ID     " << device_id << '\n'
              << "Old form      " << certificate.sha1_hex() << "  (SHA-1, never compared)\n"
              << "Device        " << certificate.subject() << '\n'
              << "Device class  " << certificate.issuer() << '\n'
              << "API level     " << device.api_level << '\n'
              << "Sessions      " << sessions.size() << ", " << open_sessions << " open\n"
              << "Keys          " << keys.size() << '\n'
              << "RSA sizes    ";
  for (const std::uint16_t size : device.rsa_key_sizes) context.out << ' ' << size;
  context.out << "\nAlgorithms\n";
  for (const std::string& algorithm : device.algorithms.values) context.out << "  " << algorithm << '\n';
  return {};
}

void add_info(CLI::App& device, Context& context) {
  const auto arguments = std::make_shared<InfoArguments>();
  CLI::App& command = add_command(device, context, "info", "Show what a key store is and what it can do",
                                  "airtight device info --store ./card\nairtight device info --store ./card --certificate card.pem",
                                  Secrets::kHandled, [arguments, &context] { return info(*arguments, context); });
  add_store_option(command, arguments->store);
  command.add_option("--certificate", arguments->certificate, "Write the device's own certificate to this file (PEM)")->type_name("FILE");
}

// device sessions, device abort

// When the caller who made a session says that it did: no clock of this device has anything to do with it.
Instant client_time_of(const sks::EnumerateProvisioningSessions::Session& session) {
  constexpr std::uint64_t kLast = std::numeric_limits<std::int64_t>::max();
  return {static_cast<std::int64_t>(std::min(session.client_time.milliseconds, kLast))};
}

json::object session_as_json(const agent::SessionEntry& entry) {
  const auto& session = entry.session;
  const Instant begun = client_time_of(session);
  const std::string expires = format_time(begun.plus(std::chrono::seconds(session.session_life_time)));
  return json::object{{"handle", entry.handle},
                      {"open", session.is_open},
                      {"issuer", json_text(text_of(session.issuer_uri))},
                      {"client_session_id", session.client_session_id.value},
                      {"server_session_id", session.server_session_id.value},
                      {"client_time", format_time(begun)},
                      {"session_life_time", session.session_life_time},
                      {"expires_by_client_time", session.is_open ? json::value(expires) : json::value(nullptr)}};
}

void print_session(const Context& context, const agent::SessionEntry& entry) {
  const auto& session = entry.session;
  const Instant begun = client_time_of(session);
  context.out << entry.handle << "  " << (session.is_open ? "open" : "closed") << '\n'
              << "   issuer  " << agent::printable(text_of(session.issuer_uri)) << '\n'
              << "   IDs     " << session.client_session_id.value << "  " << session.server_session_id.value << '\n'
              << "   begun   " << format_time(begun) << ", by the clock of whoever began it\n";
  if (!session.is_open) return;
  context.out << "   ends    " << session.session_life_time << " s later, "
              << format_time(begun.plus(std::chrono::seconds(session.session_life_time))) << " by the same clock\n";
}

Result<> show_sessions(const std::string& folder, const Context& context) {
  const auto store = TRY(open_key_store(folder));
  const auto sessions = TRY(agent::list_sessions(*store->channel));
  if (context.json) {
    json::array array;
    for (const agent::SessionEntry& entry : sessions) array.push_back(session_as_json(entry));
    context.print_json(json::object{{"sessions", std::move(array)}});
    return {};
  }
  for (const agent::SessionEntry& entry : sessions) print_session(context, entry);
  if (sessions.empty()) context.out << "No sessions\n";
  return {};
}

void add_sessions(CLI::App& device, Context& context) {
  const auto store = std::make_shared<std::string>();
  CLI::App& command = add_command(device, context, "sessions", "List provisioning sessions: who put keys here, and who has not finished",
                                  "airtight device sessions --store ./card", Secrets::kHandled,
                                  [store, &context] { return show_sessions(*store, context); });
  add_store_option(command, *store);
}

struct AbortOptions {
  std::string store;
  std::uint32_t handle = 0;
};

Result<> abort_session(const AbortOptions& options, const Context& context) {
  const auto store = TRY(open_key_store(options.store));
  const auto aborted = sks::call(*store->channel, sks::AbortProvisioningSession{options.handle});
  if (!aborted && sks::status_of(aborted.error()) == sks::Status::kNoSession) {
    return fail(Fault::kNotFound, "there is no open session " + std::to_string(options.handle),
                "'airtight device sessions --store " + options.store + "' lists what there is; a closed session cannot be aborted");
  }
  if (!aborted) return Failure(aborted.error());
  if (context.json) {
    context.print_json(json::object{{"aborted", options.handle}});
  } else {
    context.out << "Session " << options.handle << " is aborted, and all that it made is gone\n";
  }
  return {};
}

void add_abort(CLI::App& device, Context& context) {
  const auto options = std::make_shared<AbortOptions>();
  CLI::App& command =
      add_command(device, context, "abort", "Abort an open session with all that it made", "airtight device abort --store ./card 3",
                  Secrets::kHandled, [options, &context] { return abort_session(*options, context); });
  add_store_option(command, options->store);
  add_number(command, "HANDLE", options->handle, 0, std::numeric_limits<std::uint32_t>::max(),
             "The session's number in 'airtight device sessions'")
      ->required()
      ->type_name("");
}

}  // namespace

void add_device(CLI::App& root, Context& context) {
  CLI::App& device = add_group(root, "device", "Make key stores, serve them, call them, and look after them");
  add_create(device, context);
  add_device_serve(device, context);
  add_device_care(device, context);
  add_device_pin(device, context);
  add_call(device, context);
  add_info(device, context);
  add_sessions(device, context);
  add_abort(device, context);
  add_device_seal(device, context);
  add_device_anchor(device, context);
}

}  // namespace airtight::cli
