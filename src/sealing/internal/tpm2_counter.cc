#include <mutex>

#include "base/encoding.h"
#include "sealing/internal/counters.h"
#include "sealing/internal/tpm.h"

namespace airtight::sealing::internal {
namespace {

constexpr UINT16 kCountSize = 8;

std::string name_of_index(std::uint32_t index) { return "0x" + hex_encode(big_endian(index, 4)); }

// This program's knowledge of an NV index; the index itself stays.
class NvIndex {
 public:
  NvIndex(ESYS_CONTEXT* context, ESYS_TR handle) : context_(context), handle_(handle) {}
  NvIndex(NvIndex&& other) noexcept : context_(other.context_), handle_(std::exchange(other.handle_, ESYS_TR_NONE)) {}
  NvIndex& operator=(NvIndex&&) = delete;
  ~NvIndex() {
    if (handle_ == ESYS_TR_NONE) return;
    const TPM2B_AUTH nothing = {};
    Esys_TR_SetAuth(context_, handle_, &nothing);  // the library frees it without wiping
    Esys_TR_Close(context_, &handle_);
  }
  [[nodiscard]] ESYS_TR get() const { return handle_; }

 private:
  ESYS_CONTEXT* context_;
  ESYS_TR handle_;
};

Result<NvIndex> find(const Tpm& tpm, std::uint32_t index) {
  ESYS_TR handle = ESYS_TR_NONE;
  const TSS2_RC code = Esys_TR_FromTPMPublic(tpm.get(), index, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &handle);
  if (code == TSS2_RC_SUCCESS) return NvIndex(tpm.get(), handle);
  if (tpm_code(code) != TPM2_RC_HANDLE) return tpm_failure(code, "look for its counter " + name_of_index(index));
  return fail(
      Fault::kNotFound, "the TPM has no counter " + name_of_index(index) + ": it is another TPM, or the counter was removed",
      "use the machine and the TPM of the store; if they are gone for good, 'airtight device restore --lost' puts a backup in place "
      "that is bound to no anchor");
}

// The TCTIs of simulators keep no connection from one command to the next.
bool connects_each_time(std::string_view tcti) { return !tcti.starts_with("device") && !tcti.starts_with("tabrmd"); }

// A TPM takes no zeros at the end of an authorization.
SecretBytes authorization_of(const SecretBytes& key) {
  SecretBytes out = key.clone();
  out.expose_secret_for_writing().back() |= std::byte{1};
  return out;
}

// A session that proves knowledge of the index's authorization, and that the answers come from who knows it too. The authorization has
// 256 bits, so nothing needs to be shared through a key of the TPM's.
Result<TpmHandle> counter_session(const Tpm& tpm) {
  TPMT_SYM_DEF none = {};
  none.algorithm = TPM2_ALG_NULL;
  ESYS_TR handle = ESYS_TR_NONE;
  TRY(check_tpm(Esys_StartAuthSession(tpm.get(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, nullptr,
                                      TPM2_SE_HMAC, &none, TPM2_ALG_SHA256, &handle),
                "start a session"));
  TpmHandle session(tpm.get(), handle);
  TRY(tpm.encrypt(session, 0));
  return session;
}

class Tpm2Counter final : public Counter {
 public:
  Tpm2Counter(Tpm tpm, NvIndex nv, std::uint32_t index, SecretBytes authorization, bool makes_connections)
      : tpm_(std::move(tpm)),
        nv_(std::move(nv)),
        index_(index),
        authorization_(std::move(authorization)),
        makes_connections_(makes_connections) {}

  [[nodiscard]] bool makes_connections() const override { return makes_connections_; }

  Result<std::uint64_t> read() override {
    const std::lock_guard lock(mutex_);
    const FreedMemoryWiper wiper;
    const Authorized authorized(*this);
    TRY(authorized.set());
    const TpmHandle session = TRY(counter_session(tpm_));
    return read_with(session);
  }

  Result<std::uint64_t> advance() override {
    const std::lock_guard lock(mutex_);
    const FreedMemoryWiper wiper;
    const Authorized authorized(*this);
    TRY(authorized.set());
    const TpmHandle session = TRY(counter_session(tpm_));
    TRY(check(Esys_NV_Increment(tpm_.get(), nv_.get(), nv_.get(), session.get(), ESYS_TR_NONE, ESYS_TR_NONE), "advance"));
    return read_with(session);
  }

 private:
  // Keeps the authorization in the library's memory, which core dumps show, as long as it is needed there.
  class Authorized {
   public:
    explicit Authorized(const Tpm2Counter& counter)
        : counter_(counter), set_(counter.tpm_.set_authorization(counter.nv_.get(), counter.authorization_.expose_secret())) {}
    Authorized(const Authorized&) = delete;
    Authorized& operator=(const Authorized&) = delete;
    ~Authorized() { (void)counter_.tpm_.set_authorization(counter_.nv_.get(), {}); }
    [[nodiscard]] const Result<>& set() const { return set_; }

   private:
    const Tpm2Counter& counter_;
    Result<> set_;
  };

  [[nodiscard]] Result<std::uint64_t> read_with(const TpmHandle& session) const {
    TPM2B_MAX_NV_BUFFER* raw = nullptr;
    TRY(check(Esys_NV_Read(tpm_.get(), nv_.get(), nv_.get(), session.get(), ESYS_TR_NONE, ESYS_TR_NONE, kCountSize, 0, &raw), "read"));
    const EsysPointer<TPM2B_MAX_NV_BUFFER> count(raw);
    if (count->size != kCountSize) return fail(Fault::kRefused, "the TPM's index " + name_of_index(index_) + " is no counter");
    std::uint64_t value = 0;
    for (const std::byte byte : view_of(*count)) value = value << 8 | std::to_integer<std::uint64_t>(byte);
    return value;
  }

  [[nodiscard]] Result<> check(TSS2_RC code, std::string_view doing) const {
    switch (tpm_code(code)) {
      case TPM2_RC_BAD_AUTH:
      case TPM2_RC_AUTH_FAIL:
        return fail(Fault::kRefused, "the TPM's counter " + name_of_index(index_) + " belongs to another store, or was replaced",
                    "use the TPM of this store; a counter that somebody removed cannot be made again");
      case TPM2_RC_NV_UNINITIALIZED:
      case TPM2_RC_ATTRIBUTES:
        return fail(Fault::kRefused, "the TPM's counter " + name_of_index(index_) + " was replaced by another index",
                    "use the TPM of this store; a counter that somebody removed cannot be made again");
      default: return check_tpm(code, std::string(doing) + " its counter " + name_of_index(index_));
    }
  }

  const Tpm tpm_;
  const NvIndex nv_;  // goes before the connection
  const std::uint32_t index_;
  const SecretBytes authorization_;
  const bool makes_connections_;
  std::mutex mutex_;
};

Result<> define(const Tpm& tpm, std::uint32_t index, const SecretBytes& key) {
  TPM2B_NV_PUBLIC area = {};
  area.nvPublic.nvIndex = index;
  area.nvPublic.nameAlg = TPM2_ALG_SHA256;
  area.nvPublic.attributes = TPMA_NV_AUTHREAD | TPMA_NV_AUTHWRITE | TPMA_NV_NO_DA | (TPMA_NV{TPM2_NT_COUNTER} << TPMA_NV_TPM2_NT_SHIFT);
  area.nvPublic.dataSize = kCountSize;
  Wiped<TPM2B_AUTH> authorization;
  const SecretBytes value = authorization_of(key);
  fill(*authorization.operator->(), value.expose_secret());
  const StoragePrimary primary = TRY(tpm.storage_primary());
  const TpmHandle session = TRY(tpm.salted_session(primary, TPM2_SE_HMAC));
  TRY(tpm.encrypt(session, TPMA_SESSION_DECRYPT));
  ESYS_TR handle = ESYS_TR_NONE;
  const TSS2_RC code =
      Esys_NV_DefineSpace(tpm.get(), ESYS_TR_RH_OWNER, ESYS_TR_PASSWORD, session.get(), ESYS_TR_NONE, authorization.get(), &area, &handle);
  const NvIndex made(tpm.get(), handle);  // wipes and closes
  switch (tpm_code(code)) {
    case TPM2_RC_NV_DEFINED:
      return fail(Fault::kRefused, "the TPM's index " + name_of_index(index) + " is in use",
                  "name another, or none: then a free one is taken");
    case TPM2_RC_NV_SPACE:
      return fail(Fault::kStorage, "the TPM has no room for a counter",
                  "'tpm2_getcap handles-nv-index' lists what is in it, 'tpm2_nvundefine' removes one");
    default: return check_tpm(code, "make a counter");
  }
}

}  // namespace

Result<> make_tpm2_counter(const std::string& tcti, std::uint32_t index, const SecretBytes& key) {
  {
    const FreedMemoryWiper wiper;
    const Tpm tpm = TRY(Tpm::connect(tcti));
    TRY(define(tpm, index, key));
  }
  const auto counter = TRY(tpm2_counter(tcti, index, key.clone()));
  TRY(counter->advance());  // until then it has no value
  return {};
}

Result<std::unique_ptr<Counter>> tpm2_counter(const std::string& tcti, std::uint32_t index, SecretBytes key) {
  Tpm tpm = TRY(Tpm::connect(tcti));
  NvIndex nv = TRY(find(tpm, index));
  return std::make_unique<Tpm2Counter>(std::move(tpm), std::move(nv), index, authorization_of(key), connects_each_time(tcti));
}

Result<> remove_tpm2_counter(const std::string& tcti, std::uint32_t index, SecretBytes key) {
  {
    const auto counter = tpm2_counter(tcti, index, std::move(key));
    const auto count = counter ? (*counter)->read() : Result<std::uint64_t>(Failure(counter.error()));
    // Another's index stays.
    if (!count && (count.error().fault == Fault::kNotFound || count.error().fault == Fault::kRefused)) return {};
    if (!count) return Failure(count.error());
  }
  const Tpm tpm = TRY(Tpm::connect(tcti));
  const NvIndex nv = TRY(find(tpm, index));
  return check_tpm(Esys_NV_UndefineSpace(tpm.get(), ESYS_TR_RH_OWNER, nv.get(), ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE),
                   "remove its counter " + name_of_index(index));
}

}  // namespace airtight::sealing::internal
