// A connection to a TPM 2.0 through tpm2-tss's ESAPI: where it is, its storage primary key, sessions salted to that key, and its answers as
// errors. Everything that is loaded into the TPM is flushed by its owner.
#pragma once

#include <tss2/tss2_esys.h>

#include <algorithm>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/bytes.h"
#include "base/c_handle.h"
#include "base/result.h"
#include "base/secret_bytes.h"

namespace airtight::sealing::internal {

template <typename T>
using EsysPointer = CHandle<T, Esys_Free>;

// A structure of the TPM library that holds a secret; zeros at first, and wiped at the end.
template <typename T>
class Wiped {
 public:
  Wiped() = default;
  Wiped(const Wiped&) = delete;
  Wiped& operator=(const Wiped&) = delete;
  ~Wiped() { wipe(std::as_writable_bytes(std::span(&value_, 1))); }
  T* operator->() { return &value_; }
  const T* get() const { return &value_; }

 private:
  T value_ = {};
};

// While there is one of these, memory that is freed is overwritten: the library copies keys and authorizations into its own structures, and
// frees them as they are. Made before a Tpm, so that it outlives it.
class FreedMemoryWiper {
 public:
  FreedMemoryWiper();
  FreedMemoryWiper(const FreedMemoryWiper&) = delete;
  FreedMemoryWiper& operator=(const FreedMemoryWiper&) = delete;
  ~FreedMemoryWiper();
};

// Where a TPM is found: what a seal or anchor names if it does; else the environment's TPM2TOOLS_TCTI, as for the TPM tools; else the
// kernel's resource manager.
[[nodiscard]] std::string tcti_or_default(const std::string& named);

// A TCTI that may be kept in a file: "device", "tabrmd", "swtpm" or "mssim", and what follows a colon. Fault::kBadInput otherwise: other
// names would load a library or start a program of the file's choice.
[[nodiscard]] Result<> check_tcti(const std::string& tcti);

// The TPM's own response code without the place it complains about (TPM2_RC_AUTH_FAIL ...); 0 if `code` comes from elsewhere.
[[nodiscard]] TSS2_RC tpm_code(TSS2_RC code);

// What `code` says, as an error: Fault::kUnavailable.
[[nodiscard]] Failure tpm_failure(TSS2_RC code, std::string_view doing);
[[nodiscard]] Result<> check_tpm(TSS2_RC code, std::string_view doing);

// An object or session in the TPM.
class TpmHandle {
 public:
  TpmHandle(ESYS_CONTEXT* context, ESYS_TR handle) : context_(context), handle_(handle) {}
  TpmHandle(TpmHandle&& other) noexcept : context_(other.context_), handle_(std::exchange(other.handle_, ESYS_TR_NONE)) {}
  TpmHandle& operator=(TpmHandle&&) = delete;
  ~TpmHandle();
  [[nodiscard]] ESYS_TR get() const { return handle_; }

 private:
  ESYS_CONTEXT* context_;
  ESYS_TR handle_;
};

// The TPM's storage primary key: ECC P-256 of the owner hierarchy by the template of the TCG's provisioning guidance (what
// `tpm2_createprimary -C o -G ecc` with noda makes). The TPM derives it anew each time; nothing is stored in it.
struct StoragePrimary {
  TpmHandle handle;
  Bytes name;  // the digest of its public area: tells this TPM, and this owner, from all others
};

class Tpm {
 public:
  // Fault::kUnavailable if there is no TPM there.
  [[nodiscard]] static Result<Tpm> connect(const std::string& tcti);

  [[nodiscard]] ESYS_CONTEXT* get() const { return esys_.get(); }

  [[nodiscard]] Result<StoragePrimary> storage_primary() const;

  // An HMAC, policy or trial session with AES-128-CFB encryption of parameters, its key shared through `primary`, so that whoever listens
  // on the bus sees neither secrets nor which answers are true.
  [[nodiscard]] Result<TpmHandle> salted_session(const StoragePrimary& primary, TPM2_SE type) const;
  // Encrypt the first parameter of the following commands, of their answers, or both (TPMA_SESSION_DECRYPT, TPMA_SESSION_ENCRYPT)?
  [[nodiscard]] Result<> encrypt(const TpmHandle& session, TPMA_SESSION directions) const;

  // Sets the authorization value that this program uses for `object`; empty wipes it.
  [[nodiscard]] Result<> set_authorization(ESYS_TR object, ByteView value) const;

 private:
  struct CloseTcti {
    void operator()(TSS2_TCTI_CONTEXT* tcti) const;
  };
  struct CloseEsys {
    void operator()(ESYS_CONTEXT* esys) const;
  };
  using Tcti = std::unique_ptr<TSS2_TCTI_CONTEXT, CloseTcti>;
  using Esys = std::unique_ptr<ESYS_CONTEXT, CloseEsys>;
  Tpm(Tcti tcti, Esys esys) : tcti_(std::move(tcti)), esys_(std::move(esys)) {}
  Tcti tcti_;
  Esys esys_;
};

// The contents of a sized buffer.
template <typename Sized>
[[nodiscard]] ByteView view_of(const Sized& sized) {
  return std::as_bytes(std::span(sized.buffer, sized.size));
}

// Fills a sized buffer; the caller knows that `bytes` fit.
template <typename Sized>
void fill(Sized& sized, ByteView bytes) {
  sized.size = static_cast<UINT16>(bytes.size());
  std::ranges::copy(bytes, std::as_writable_bytes(std::span(sized.buffer)).begin());
}

}  // namespace airtight::sealing::internal
