#include "sealing/internal/tpm.h"

#include <fcntl.h>
#include <malloc.h>
#include <tss2/tss2_rc.h>
#include <tss2/tss2_tctildr.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <mutex>

namespace airtight::sealing::internal {
namespace {

std::atomic<int> g_wipers = 0;
constexpr int kAnyByte = 0x55;  // what freed memory is filled with

constexpr std::string_view kDefaultTcti = "device:/dev/tpmrm0";

// The library writes to standard error what it then returns; who wants that sets the variable.
void keep_library_quiet() {
  static std::once_flag once;
  std::call_once(once, [] { ::setenv("TSS2_LOG", "all+NONE", 0); });
}

// The library opens its device or socket without O_CLOEXEC.
void stay_out_of_children(TSS2_TCTI_CONTEXT* tcti) {
  std::array<TSS2_TCTI_POLL_HANDLE, 4> handles = {};
  std::size_t count = handles.size();
  const auto* functions = reinterpret_cast<const TSS2_TCTI_CONTEXT_COMMON_V1*>(tcti);
  if (functions->getPollHandles == nullptr || functions->getPollHandles(tcti, handles.data(), &count) != TSS2_RC_SUCCESS) return;
  for (const TSS2_TCTI_POLL_HANDLE& handle : std::span(handles).first(std::min(count, handles.size()))) {
    ::fcntl(handle.fd, F_SETFD, FD_CLOEXEC);
  }
}

TPM2B_PUBLIC storage_template() {
  TPM2B_PUBLIC out = {};
  TPMT_PUBLIC& area = out.publicArea;
  area.type = TPM2_ALG_ECC;
  area.nameAlg = TPM2_ALG_SHA256;
  area.objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_SENSITIVEDATAORIGIN | TPMA_OBJECT_USERWITHAUTH |
                          TPMA_OBJECT_NODA | TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT;
  TPMS_ECC_PARMS& ecc = area.parameters.eccDetail;
  ecc.symmetric.algorithm = TPM2_ALG_AES;
  ecc.symmetric.keyBits.aes = 128;
  ecc.symmetric.mode.aes = TPM2_ALG_CFB;
  ecc.scheme.scheme = TPM2_ALG_NULL;
  ecc.curveID = TPM2_ECC_NIST_P256;
  ecc.kdf.scheme = TPM2_ALG_NULL;
  return out;
}

}  // namespace

FreedMemoryWiper::FreedMemoryWiper() {
#ifdef M_PERTURB
  if (g_wipers.fetch_add(1) == 0) ::mallopt(M_PERTURB, kAnyByte);
#endif
}

FreedMemoryWiper::~FreedMemoryWiper() {
#ifdef M_PERTURB
  if (g_wipers.fetch_sub(1) == 1) ::mallopt(M_PERTURB, 0);
#endif
}

std::string tcti_or_default(const std::string& named) {
  if (!named.empty()) return named;
  const char* variable = ::getenv("TPM2TOOLS_TCTI");
  return variable != nullptr && *variable != '\0' ? std::string(variable) : std::string(kDefaultTcti);
}

Result<> check_tcti(const std::string& tcti) {
  const std::string_view name = std::string_view(tcti).substr(0, tcti.find(':'));
  for (const std::string_view known : {"device", "tabrmd", "swtpm", "mssim"}) {
    if (name == known) return {};
  }
  return fail(Fault::kBadInput, "\"" + tcti + "\" is no way to a TPM",
              "use device:PATH, tabrmd, swtpm:... or mssim:..., as in 'device:/dev/tpmrm0'");
}

TSS2_RC tpm_code(TSS2_RC code) {
  const TSS2_RC layer = code & TSS2_RC_LAYER_MASK;
  if (layer != TSS2_TPM_RC_LAYER && layer != TSS2_RESMGR_TPM_RC_LAYER) return 0;
  constexpr TSS2_RC kFormatOne = TPM2_RC_FMT1 | 0x3FU;  // the rest says which handle, parameter or session
  constexpr TSS2_RC kFormatZero = 0xFFFU;
  return code & ((code & TPM2_RC_FMT1) != 0 ? kFormatOne : kFormatZero);
}

Failure tpm_failure(TSS2_RC code, std::string_view doing) {
  std::string message = "the TPM cannot ";
  message += doing;
  message += ": ";
  message += Tss2_RC_Decode(code);
  if (tpm_code(code) == TPM2_RC_INITIALIZE)
    return fail(Fault::kUnavailable, std::move(message), "the firmware has not started the TPM: restart the machine");
  return fail(Fault::kUnavailable, std::move(message), "try again; if it stays so, look at the TPM with 'tpm2_getcap properties-variable'");
}

Result<> check_tpm(TSS2_RC code, std::string_view doing) {
  if (code == TSS2_RC_SUCCESS) return {};
  return tpm_failure(code, doing);
}

TpmHandle::~TpmHandle() {
  if (handle_ == ESYS_TR_NONE) return;
  const TPM2B_AUTH nothing = {};
  Esys_TR_SetAuth(context_, handle_, &nothing);  // the library frees it without wiping
  Esys_FlushContext(context_, handle_);
}

void Tpm::CloseTcti::operator()(TSS2_TCTI_CONTEXT* tcti) const { Tss2_TctiLdr_Finalize(&tcti); }
void Tpm::CloseEsys::operator()(ESYS_CONTEXT* esys) const { Esys_Finalize(&esys); }

Result<Tpm> Tpm::connect(const std::string& tcti) {
  keep_library_quiet();
  TSS2_TCTI_CONTEXT* raw_tcti = nullptr;
  TSS2_RC code = Tss2_TctiLdr_Initialize(tcti.c_str(), &raw_tcti);
  Tcti opened(raw_tcti);
  ESYS_CONTEXT* raw_esys = nullptr;
  if (code == TSS2_RC_SUCCESS) code = Esys_Initialize(&raw_esys, opened.get(), nullptr);
  Esys esys(raw_esys);
  if (code != TSS2_RC_SUCCESS) {
    return fail(Fault::kUnavailable, "there is no TPM at " + tcti + ": " + Tss2_RC_Decode(code),
                "check that it is enabled in the firmware and that you may use it (group tss), or where TPM2TOOLS_TCTI says that it is");
  }
  stay_out_of_children(opened.get());
  return Tpm(std::move(opened), std::move(esys));
}

Result<StoragePrimary> Tpm::storage_primary() const {
  const TPM2B_PUBLIC area = storage_template();
  const TPM2B_SENSITIVE_CREATE no_secret = {};
  const TPM2B_DATA no_data = {};
  const TPML_PCR_SELECTION no_pcrs = {};
  ESYS_TR handle = ESYS_TR_NONE;
  const TSS2_RC code = Esys_CreatePrimary(get(), ESYS_TR_RH_OWNER, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &no_secret, &area,
                                          &no_data, &no_pcrs, &handle, nullptr, nullptr, nullptr, nullptr);
  if (tpm_code(code) == TPM2_RC_BAD_AUTH || tpm_code(code) == TPM2_RC_AUTH_FAIL) {
    return fail(Fault::kRefused, "the TPM's owner hierarchy has a password",
                "remove it with 'tpm2_changeauth -c owner -p PASSWORD', or use another kind of seal");
  }
  if (tpm_code(code) == TPM2_RC_HIERARCHY) {
    return fail(Fault::kRefused, "the TPM's owner hierarchy is switched off", "enable it in the firmware, or use another kind of seal");
  }
  TRY(check_tpm(code, "make its storage primary key"));
  TpmHandle primary(get(), handle);
  TPM2B_NAME* name = nullptr;
  TRY(check_tpm(Esys_TR_GetName(get(), handle, &name), "name its storage primary key"));
  const EsysPointer<TPM2B_NAME> owned(name);
  return StoragePrimary{std::move(primary), to_bytes(std::as_bytes(std::span(name->name, name->size)))};
}

Result<TpmHandle> Tpm::salted_session(const StoragePrimary& primary, TPM2_SE type) const {
  TPMT_SYM_DEF symmetric = {};
  symmetric.algorithm = TPM2_ALG_AES;
  symmetric.keyBits.aes = 128;
  symmetric.mode.aes = TPM2_ALG_CFB;
  ESYS_TR handle = ESYS_TR_NONE;
  TRY(check_tpm(Esys_StartAuthSession(get(), primary.handle.get(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, nullptr, type,
                                      &symmetric, TPM2_ALG_SHA256, &handle),
                "start a session"));
  return TpmHandle(get(), handle);
}

Result<> Tpm::encrypt(const TpmHandle& session, TPMA_SESSION directions) const {
  constexpr TPMA_SESSION kAll = 0xFF;
  return check_tpm(
      Esys_TRSess_SetAttributes(get(), session.get(), static_cast<TPMA_SESSION>(directions | TPMA_SESSION_CONTINUESESSION), kAll),
      "encrypt a session");
}

Result<> Tpm::set_authorization(ESYS_TR object, ByteView value) const {
  Wiped<TPM2B_AUTH> authorization;
  fill(*authorization.operator->(), value);
  return check_tpm(Esys_TR_SetAuth(get(), object, authorization.get()), "take an authorization");
}

}  // namespace airtight::sealing::internal
