#include "device/administration.h"

#include <unistd.h>

#include <algorithm>
#include <string_view>
#include <system_error>
#include <utility>

#include "device/internal/administration_messages.h"
#include "device/meeting_place.h"
#include "device/socket_channel.h"
#include "sealing/seal.h"
#include "sks/wire.h"
#include "storage/files.h"

namespace airtight::device {
namespace {

namespace fs = std::filesystem;
using namespace internal;

constexpr std::string_view kCopyPrefix = ".daemon-copy-";  // of the copies in a store's folder that wait to be taken away
constexpr std::size_t kMostFindings = 800;                 // in one response, which has at most 1 MiB
constexpr std::size_t kLongestText = 400;                  // bytes of each of their three texts

std::string seal_of(const fs::path& folder) {
  const auto kind = sealing::seal_kind_of(folder);
  return kind ? std::string(sealing::name_of(*kind)) : "unknown";
}

class OwnStore final : public Administration {
 public:
  OwnStore(sks::KeyStore& key_store, fs::path folder) : key_store_(key_store), folder_(std::move(folder)) {}

  Result<sks::VerifyReport> verify() override { return key_store_.verify(); }
  Result<std::vector<sks::Handle>> find_keys(const crypto::Sha256Value& fingerprint) override { return key_store_.find_keys(fingerprint); }
  Result<> set_device_pin(const SecretBytes& pin, const SecretBytes& puk) override { return key_store_.set_device_pin(pin, puk); }
  Result<> change_device_pin(const SecretBytes& pin, const SecretBytes& new_pin) override {
    return key_store_.change_device_pin(pin, new_pin);
  }
  Result<> unlock_device_pin(const SecretBytes& puk) override { return key_store_.unlock_device_pin(puk); }
  Result<sks::DevicePinStatus> device_pin_status() override { return key_store_.device_pin_status(); }
  Result<> back_up(const fs::path& file) override { return key_store_.back_up(file); }
  Result<ServiceStatus> status() override { return ServiceStatus{.seal = seal_of(folder_), .process = 0, .counts = {}}; }

 private:
  sks::KeyStore& key_store_;
  fs::path folder_;
};

// Everything by the daemon.

Error error_of(const Refusal& refusal) {
  Error error{static_cast<Fault>(refusal.fault), refusal.message, refusal.hint, std::nullopt};
  if (refusal.has_status) error.answer = Answer{Protocol::kSks, refusal.status};
  return error;
}

Failure unreadable() {
  return fail(Fault::kInternal, "the daemon's answer cannot be read", "it may be of another version: start it again");
}

class StoreOfDaemon final : public Administration {
 public:
  explicit StoreOfDaemon(fs::path folder) : folder_(std::move(folder)) {}

  Result<sks::VerifyReport> verify() override {
    auto answer = TRY(ask(VerifyStore{}));
    sks::VerifyReport report{.findings = {}, .sessions = answer.sessions, .keys = answer.keys, .records = answer.records};
    std::vector<std::string>& texts = answer.findings.values;
    for (std::size_t i = 0; i + 2 < texts.size(); i += 3) {
      report.findings.push_back({.id = std::move(texts[i]), .subject = std::move(texts[i + 1]), .text = std::move(texts[i + 2])});
    }
    return report;
  }
  Result<std::vector<sks::Handle>> find_keys(const crypto::Sha256Value& fingerprint) override {
    FindKeys request;
    std::ranges::copy(fingerprint, request.fingerprint.begin());
    const auto answer = TRY(ask(request));
    std::vector<sks::Handle> handles;
    sks::wire::Reader reader(answer.handles);
    while (const auto handle = reader.integer(sizeof(sks::Handle))) handles.push_back(static_cast<sks::Handle>(*handle));
    return handles;
  }
  Result<> set_device_pin(const SecretBytes& pin, const SecretBytes& puk) override {
    TRY(ask(SetDevicePin{.pin = pin.clone(), .puk = puk.clone()}));
    return {};
  }
  Result<> change_device_pin(const SecretBytes& pin, const SecretBytes& new_pin) override {
    TRY(ask(ChangeDevicePin{.pin = pin.clone(), .new_pin = new_pin.clone()}));
    return {};
  }
  Result<> unlock_device_pin(const SecretBytes& puk) override {
    TRY(ask(UnlockDevicePin{.puk = puk.clone()}));
    return {};
  }
  Result<sks::DevicePinStatus> device_pin_status() override {
    const auto answer = TRY(ask(GetDevicePinStatus{}));
    return sks::DevicePinStatus{.is_set = answer.is_set,
                                .pin_errors = answer.pin_errors,
                                .pin_retry_limit = answer.pin_retry_limit,
                                .puk_errors = answer.puk_errors,
                                .puk_retry_limit = answer.puk_retry_limit};
  }
  Result<> back_up(const fs::path& file) override {
    const auto answer = TRY(ask(BackUp{}));
    const fs::path copy = folder_ / fs::path(answer.file).filename();
    Result<> taken = storage::copy_new_file(copy, file);
    std::error_code ignored;
    fs::remove(copy, ignored);
    return taken;
  }
  Result<ServiceStatus> status() override {
    const auto answer = TRY(ask(GetServiceStatus{}));
    return ServiceStatus{.seal = answer.seal,
                         .process = answer.process,
                         .counts = {.connections = answer.connections,
                                    .accepted = answer.accepted,
                                    .refused = answer.refused,
                                    .closed_idle = answer.closed_idle,
                                    .requests = answer.requests}};
  }

 private:
  template <typename Request>
  Result<typename Request::Response> ask(const Request& request) {
    if (std::error_code ignored; fs::is_socket(folder_, ignored)) {
      return fail(Fault::kBadInput, folder_.native() + " is where the key store is called, and not its folder",
                  "give the folder with --store: only its owner can do this");
    }
    if (!channel_) channel_ = TRY(SocketChannel::connect(folder_ / kAdminSocket));
    const SecretBytes answer = TRY(channel_->call(sks::wire::encode(Request::kNumber, request)));
    const ByteView bytes = answer.expose_secret();
    if (bytes.empty()) return unreadable();
    if (bytes[0] == std::byte{kFailed}) {
      const auto refusal = sks::wire::decode<Refusal>(bytes.subspan(1));
      return refusal ? Failure(error_of(*refusal)) : unreadable();
    }
    auto response = sks::wire::decode<typename Request::Response>(bytes.subspan(1));
    if (!response || bytes[0] != std::byte{kDone}) return unreadable();
    return std::move(*response);
  }

  fs::path folder_;
  std::unique_ptr<SocketChannel> channel_;
};

}  // namespace

std::unique_ptr<Administration> administration_of(sks::KeyStore& key_store, const fs::path& folder) {
  return std::make_unique<OwnStore>(key_store, folder);
}

std::unique_ptr<Administration> administration_by_daemon(const fs::path& folder) { return std::make_unique<StoreOfDaemon>(folder); }

// The daemon's side.

namespace {

struct Store {
  sks::KeyStore& key_store;
  const fs::path& folder;
  const std::function<ServerCounts()>& counts;
  std::atomic<unsigned>& copies;
};

Result<VerifyStore::Response> perform(Store& store, const VerifyStore&) {
  const sks::VerifyReport report = TRY(store.key_store.verify());
  VerifyStore::Response response{.sessions = report.sessions, .keys = report.keys, .records = report.records, .findings = {}};
  for (const sks::Finding& finding : report.findings) {
    if (response.findings.values.size() == 3 * kMostFindings) break;
    for (const std::string& text : {finding.id, finding.subject, finding.text}) {
      response.findings.values.push_back(text.substr(0, kLongestText));
    }
  }
  return response;
}

Result<FindKeys::Response> perform(Store& store, const FindKeys& request) {
  crypto::Sha256Value fingerprint{};
  std::ranges::copy(request.fingerprint, fingerprint.begin());
  const std::vector<sks::Handle> handles = TRY(store.key_store.find_keys(fingerprint));
  FindKeys::Response response;
  for (const sks::Handle handle : handles) append(response.handles, big_endian(handle, sizeof handle));
  return response;
}

Result<Nothing> perform(Store& store, const SetDevicePin& request) {
  TRY(store.key_store.set_device_pin(request.pin, request.puk));
  return Nothing{};
}

Result<Nothing> perform(Store& store, const ChangeDevicePin& request) {
  TRY(store.key_store.change_device_pin(request.pin, request.new_pin));
  return Nothing{};
}

Result<Nothing> perform(Store& store, const UnlockDevicePin& request) {
  TRY(store.key_store.unlock_device_pin(request.puk));
  return Nothing{};
}

Result<GetDevicePinStatus::Response> perform(Store& store, const GetDevicePinStatus&) {
  const sks::DevicePinStatus status = TRY(store.key_store.device_pin_status());
  return GetDevicePinStatus::Response{.is_set = status.is_set,
                                      .pin_errors = status.pin_errors,
                                      .pin_retry_limit = status.pin_retry_limit,
                                      .puk_errors = status.puk_errors,
                                      .puk_retry_limit = status.puk_retry_limit};
}

Result<BackUp::Response> perform(Store& store, const BackUp&) {
  const std::string name = std::string(kCopyPrefix) + std::to_string(::getpid()) + "-" + std::to_string(++store.copies);
  TRY(store.key_store.back_up(store.folder / name));
  return BackUp::Response{name};
}

Result<GetServiceStatus::Response> perform(Store& store, const GetServiceStatus&) {
  const ServerCounts counts = store.counts();
  return GetServiceStatus::Response{.seal = seal_of(store.folder),
                                    .process = static_cast<std::uint32_t>(::getpid()),
                                    .connections = counts.connections,
                                    .accepted = counts.accepted,
                                    .refused = counts.refused,
                                    .closed_idle = counts.closed_idle,
                                    .requests = counts.requests};
}

SecretBytes refusal_of(const Error& error) {
  const auto status = error.code_in(Protocol::kSks);
  return sks::wire::encode(kFailed, Refusal{.fault = static_cast<std::uint8_t>(error.fault),
                                            .message = error.message,
                                            .hint = error.hint,
                                            .has_status = status.has_value(),
                                            .status = static_cast<std::uint8_t>(status.value_or(0))});
}

SecretBytes unreadable_request() {
  return refusal_of(
      {Fault::kBadInput, "the daemon cannot read this request", "it may be of another version: start it again", std::nullopt});
}

// Answers if the request is of this type.
template <typename Request>
bool answer_as(Store& store, ByteView request, SecretBytes& answer) {
  if (request.empty() || request[0] != std::byte{Request::kNumber}) return false;
  const auto decoded = sks::wire::decode<Request>(request.subspan(1));
  if (!decoded) return false;
  const auto response = perform(store, *decoded);
  answer = response ? sks::wire::encode(kDone, *response) : refusal_of(response.error());
  return true;
}

template <typename... Requests>
SecretBytes answer_as_one_of(Store& store, ByteView request) {
  SecretBytes answer;
  if ((... || answer_as<Requests>(store, request, answer))) return answer;
  return unreadable_request();
}

// kCopyPrefix, a process, a number; while it is written, with what the key store and SQLite put before and after it.
bool is_copy(std::string_view name) {
  if (name.starts_with("..")) name.remove_prefix(1);
  if (!name.starts_with(kCopyPrefix)) return false;
  name.remove_prefix(kCopyPrefix.size());
  const auto take_digits = [&name] {
    const std::size_t count = std::min(name.find_first_not_of("0123456789"), name.size());
    name.remove_prefix(count);
    return count > 0;
  };
  if (!take_digits() || !name.starts_with('-')) return false;
  name.remove_prefix(1);
  return take_digits() && (name.empty() || name.starts_with('.') || name.starts_with('-'));
}

}  // namespace

AdministrationHandler::AdministrationHandler(sks::KeyStore& key_store, fs::path folder, std::function<ServerCounts()> counts)
    : key_store_(key_store), folder_(std::move(folder)), counts_(std::move(counts)) {
  std::error_code ignored;
  std::vector<fs::path> left;
  for (const auto& entry : fs::directory_iterator(folder_, ignored)) {
    if (is_copy(entry.path().filename().native())) left.push_back(entry.path());
  }
  for (const fs::path& copy : left) fs::remove(copy, ignored);
}

SecretBytes AdministrationHandler::answer(const SecretBytes& request) {
  Store store{key_store_, folder_, counts_, copies_};
  return answer_as_one_of<VerifyStore, FindKeys, SetDevicePin, ChangeDevicePin, UnlockDevicePin, GetDevicePinStatus, BackUp,
                          GetServiceStatus>(store, request.expose_secret());
}

SecretBytes AdministrationHandler::answer_to_too_long() { return unreadable_request(); }

}  // namespace airtight::device
