// What the owner of a KeyStore does with it beside calls: the device PIN, verification, backup, anchor.
#include <filesystem>
#include <system_error>

#include "sks/internal/key_store_impl.h"
#include "sks/internal/verifier.h"
#include "sks/status.h"
#include "storage/files.h"

namespace airtight::sks {
namespace {

constexpr std::uint8_t kDevicePinRetryLimit = 5;
constexpr std::uint8_t kDevicePukRetryLimit = 10;
constexpr std::uint8_t kDevicePinMinLength = 4;
constexpr std::uint8_t kDevicePukMinLength = 8;
constexpr std::uint8_t kMaxLength = 100;
constexpr int kPatience = 1000;

Result<> check_device_puk(const SecretBytes& puk) {
  if (check_user_pin({PassphraseFormat::kString, kDevicePukMinLength, kMaxLength, 0}, puk.expose_secret())) return {};
  return fail(Status::kOption, "the device PUK must have 8 to 100 bytes of UTF-8");
}

PinPolicy device_pin_policy() {
  PinPolicy policy;
  policy.handle = kDevicePinHandle;
  policy.id = "Device";
  policy.puk_policy = kDevicePinHandle;
  policy.user_defined = true;
  policy.user_modifiable = true;
  policy.retry_limit = kDevicePinRetryLimit;
  policy.grouping = Grouping::kShared;
  policy.rules = {PassphraseFormat::kString, kDevicePinMinLength, kMaxLength, 0};
  return policy;
}

// The device's tree, its PIN and its PUK.
struct DeviceProtection {
  Ref<SessionTree> tree;
  const Pin* pin = nullptr;
  const PukPolicy* puk = nullptr;
};

Result<DeviceProtection> find_device_pin(const StateStore& state) {
  DeviceProtection found;
  found.tree = TRY(state.session(kDeviceTree));
  if (!found.tree) return fail(Status::kInternal, "the key store has no device");
  found.puk = found.tree->puk_policy(kDevicePinHandle);
  if (!found.tree->pins.empty()) found.pin = found.tree->pins.front().get();
  return found;
}

Result<DeviceProtection> require_device_pin(const StateStore& state) {
  DeviceProtection found = TRY(find_device_pin(state));
  if (found.pin == nullptr || found.puk == nullptr) return fail(Status::kNotAllowed, "the key store has no device PIN");
  return found;
}

// The file that a backup grows in, beside the one that it is to be. It goes with this object unless it was given its name; so does what an
// earlier backup, cut short, has left there.
class UnfinishedCopy {
 public:
  explicit UnfinishedCopy(const std::filesystem::path& file) : path_(file.parent_path() / ("." + file.filename().native() + kSuffix)) {
    static_cast<void>(storage::remove_sqlite(path_));
  }
  ~UnfinishedCopy() { static_cast<void>(storage::remove_sqlite(path_)); }
  UnfinishedCopy(const UnfinishedCopy&) = delete;
  UnfinishedCopy& operator=(const UnfinishedCopy&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  static constexpr const char* kSuffix = ".unfinished-key-store-backup";
  std::filesystem::path path_;
};

// Proves `wanted`, then lets `change` leave its changes in a call, until nothing came between.
template <typename Wanted, typename Change>
Result<> prove_and_change(StateStore& state, const Platform& platform, Wanted&& wanted, Change&& change) {
  for (int i = 0; i < kPatience; ++i) {
    const DeviceProtection device = TRY(require_device_pin(state));
    const Authorization authorization = wanted(device);
    if (!TRY(state.prove(authorization))) continue;
    Call call(state, platform.clock.now(), platform.random);
    const auto tree = TRY(state.session(kDeviceTree));
    TRY(change(call, tree));
    if (TRY(state.commit(call, &authorization))) return {};
  }
  return fail(Status::kInternal, "the key store is too busy with the same object");
}

}  // namespace

Result<> KeyStore::set_device_pin(const SecretBytes& pin, const SecretBytes& puk) {
  TRY(check_user_pin(device_pin_policy().rules, pin.expose_secret()));
  TRY(check_device_puk(puk));
  StateStore& state = *impl_->state;
  for (int i = 0; i < kPatience; ++i) {
    const DeviceProtection found = TRY(find_device_pin(state));
    if (found.pin != nullptr) return fail(Status::kNotAllowed, "the key store has a device PIN already");
    Call call(state, impl_->platform.clock.now(), impl_->platform.random);
    SessionTree& tree = call.change(found.tree);
    tree.add(PukPolicy{kDevicePinHandle, "Device", PassphraseFormat::kString, kDevicePukRetryLimit, 0, share(puk.clone())});
    tree.add(device_pin_policy());
    const std::uint64_t id = TRY(state.draw_handle(HandleKind::kPin));
    tree.add(Pin{id, kDevicePinHandle, PinHalf::kShared, 0, share(pin.clone())});
    if (TRY(state.commit(call, nullptr))) return {};
  }
  return fail(Status::kInternal, "the key store is too busy with the same object");
}

Result<> KeyStore::change_device_pin(const SecretBytes& pin, const SecretBytes& new_pin) {
  if (pin.empty()) return fail(Status::kAuthorization, "the device PIN is wanted");
  const auto wanted = [&](const DeviceProtection& device) {
    return Authorization{.tree = device.tree, .pin = device.pin, .retry_limit = kDevicePinRetryLimit, .given = &pin, .method = {}};
  };
  return prove_and_change(*impl_->state, impl_->platform, wanted, [&](Call& call, const Ref<SessionTree>& tree) -> Result<> {
    TRY(check_user_pin(device_pin_policy().rules, new_pin.expose_secret()));
    call.change(tree).change_pin(tree->pins.front()->id).value = share(new_pin.clone());
    return {};
  });
}

Result<> KeyStore::unlock_device_pin(const SecretBytes& puk) {
  if (puk.empty()) return fail(Status::kAuthorization, "the device PUK is wanted");
  const auto wanted = [&](const DeviceProtection& device) {
    return Authorization{.tree = device.tree, .puk = device.puk, .retry_limit = device.puk->retry_limit, .given = &puk, .method = {}};
  };
  return prove_and_change(*impl_->state, impl_->platform, wanted, [&](Call& call, const Ref<SessionTree>& tree) -> Result<> {
    static_cast<void>(call.change(tree));  // for the errors
    call.reset_errors(*tree->pins.front());
    return {};
  });
}

Result<DevicePinStatus> KeyStore::device_pin_status() {
  const DeviceProtection found = TRY(find_device_pin(*impl_->state));
  DevicePinStatus status;
  if (found.pin == nullptr || found.puk == nullptr) return status;
  status.is_set = true;
  status.pin_errors = impl_->state->errors_of(*found.pin);
  status.pin_retry_limit = kDevicePinRetryLimit;
  status.puk_errors = impl_->state->errors_of(*found.puk);
  status.puk_retry_limit = found.puk->retry_limit;
  return status;
}

Result<VerifyReport> KeyStore::verify() { return internal::verify(*impl_->state); }

Result<> KeyStore::change_anchor(RollbackAnchor* anchor) { return impl_->state->change_anchor(anchor); }

Result<> KeyStore::back_up(const std::filesystem::path& file) {
  constexpr int kPagesAtOnce = 256;  // 1 MiB, a millisecond or two
  StateStore& state = *impl_->state;
  if (!file.has_filename()) return fail(Fault::kBadInput, "the backup has no file name", "name the file that it shall be");
  std::error_code ignored;
  if (std::filesystem::exists(std::filesystem::symlink_status(file, ignored))) {
    return fail(Fault::kRefused, "there is a file " + file.string() + " already", "name another file, or move this one away");
  }
  const UnfinishedCopy unfinished(file);
  const std::filesystem::path& part = unfinished.path();
  auto copy = TRY(state.with_records([&](Records& records) { return storage::copy_sqlite(records.database(), part); }));
  while (!TRY(state.with_records([&](Records&) { return copy->step(kPagesAtOnce); }))) {
  }
  state.with_records([&](Records&) { copy.reset(); });
  {
    const auto database = TRY(storage::open_sqlite(part, {.exclusive = true}));
    const sealing::MasterKey master_key = state.with_records([](Records& records) { return records.master_key(); });
    TRY(Records::become_backup(*database, master_key, impl_->platform.random));
  }
  return storage::rename_new_file(part, file);
}

}  // namespace airtight::sks
