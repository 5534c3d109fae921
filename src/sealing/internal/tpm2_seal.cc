#include "sealing/internal/tpm2_seal.h"

#include <tss2/tss2_esys.h>
#include <tss2/tss2_mu.h>

#include "sealing/internal/tpm.h"

namespace airtight::sealing::internal {
namespace {

TPML_PCR_SELECTION selection_of(const PcrSet& pcrs) {
  TPML_PCR_SELECTION out = {};
  if (pcrs.empty()) return out;
  out.count = 1;
  TPMS_PCR_SELECTION& bank = out.pcrSelections[0];
  bank.hash = TPM2_ALG_SHA256;
  bank.sizeofSelect = 3;
  for (std::size_t i = 0; i < 3; ++i) bank.pcrSelect[i] = static_cast<BYTE>(pcrs.bits >> (8 * i));
  return out;
}

// A policy on PCRs that the TPM does not have would hold always: it drops them from the selection without a word.
Result<> require_pcrs(const Tpm& tpm, const PcrSet& pcrs) {
  TPMI_YES_NO more = 0;
  TPMS_CAPABILITY_DATA* raw = nullptr;
  TRY(check_tpm(Esys_GetCapability(tpm.get(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, TPM2_CAP_PCRS, 0, 1, &more, &raw),
                "list its PCRs"));
  const EsysPointer<TPMS_CAPABILITY_DATA> owned(raw);
  const TPML_PCR_SELECTION& banks = raw->data.assignedPCR;
  std::uint32_t present = 0;
  for (const TPMS_PCR_SELECTION& bank : std::span(banks.pcrSelections, banks.count)) {
    if (bank.hash != TPM2_ALG_SHA256) continue;
    for (std::size_t i = 0; i < bank.sizeofSelect && i < 3; ++i) present |= static_cast<std::uint32_t>(bank.pcrSelect[i]) << (8 * i);
  }
  if ((pcrs.bits & ~present) == 0) return {};
  return fail(Fault::kRefused, "the TPM has no SHA-256 bank of the PCRs " + name_of(pcrs),
              "enable the SHA-256 bank in the firmware, or seal without PCRs");
}

Result<> assert_policy(const Tpm& tpm, const TpmHandle& session, const Tpm2Conditions& conditions) {
  const TPML_PCR_SELECTION selection = selection_of(conditions.pcrs);
  const TPM2B_DIGEST as_they_are = {};
  TRY(check_tpm(Esys_PolicyPCR(tpm.get(), session.get(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &as_they_are, &selection),
                "look at its PCRs"));
  if (conditions.authorization == nullptr) return {};
  return check_tpm(Esys_PolicyAuthValue(tpm.get(), session.get(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE), "ask for an authorization");
}

Result<TPM2B_DIGEST> policy_digest(const Tpm& tpm, const StoragePrimary& primary, const Tpm2Conditions& conditions) {
  const TpmHandle trial = TRY(tpm.salted_session(primary, TPM2_SE_TRIAL));
  TRY(assert_policy(tpm, trial, conditions));
  TPM2B_DIGEST* raw = nullptr;
  TRY(check_tpm(Esys_PolicyGetDigest(tpm.get(), trial.get(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &raw), "state its policy"));
  const EsysPointer<TPM2B_DIGEST> owned(raw);
  return *raw;
}

Result<TPM2B_PUBLIC> template_of(const Tpm& tpm, const StoragePrimary& primary, const Tpm2Conditions& conditions) {
  TPM2B_PUBLIC out = {};
  TPMT_PUBLIC& area = out.publicArea;
  area.type = TPM2_ALG_KEYEDHASH;
  area.nameAlg = TPM2_ALG_SHA256;
  area.objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT;
  // Without an authorization there is nothing to guess, and no reason to be locked out by the guesses of others.
  if (conditions.authorization == nullptr) area.objectAttributes |= TPMA_OBJECT_NODA;
  if (conditions.pcrs.empty()) {
    area.objectAttributes |= TPMA_OBJECT_USERWITHAUTH;
  } else {
    area.objectAttributes |= TPMA_OBJECT_ADMINWITHPOLICY;
    area.authPolicy = TRY(policy_digest(tpm, primary, conditions));
  }
  area.parameters.keyedHashDetail.scheme.scheme = TPM2_ALG_NULL;
  return out;
}

template <typename T, typename Marshal>
Result<Bytes> marshalled(const T& value, Marshal marshal) {
  std::array<BYTE, sizeof(T)> buffer = {};
  std::size_t size = 0;
  TRY(check_tpm(marshal(&value, buffer.data(), buffer.size(), &size), "write a structure"));
  return to_bytes(std::as_bytes(std::span(buffer)).first(size));
}

template <typename T, typename Unmarshal>
Result<T> unmarshalled(ByteView bytes, Unmarshal unmarshal) {
  const std::vector<BYTE> buffer(reinterpret_cast<const BYTE*>(bytes.data()), reinterpret_cast<const BYTE*>(bytes.data()) + bytes.size());
  T out = {};
  std::size_t read = 0;
  if (unmarshal(buffer.data(), buffer.size(), &read, &out) == TSS2_RC_SUCCESS && read == buffer.size()) return out;
  return fail(Fault::kInternal, "the seal was changed: it holds no object of a TPM", "restore it from a backup");
}

Failure another_tpm() {
  return fail(
      Fault::kRefused, "this is not the TPM that the seal was made with, or it has been cleared since",
      "use the machine and the TPM of the seal; after a clear nothing opens it: restore a copy of the folder that has another seal");
}

Failure unseal_failure(TSS2_RC code, const Tpm2Conditions& conditions) {
  switch (tpm_code(code)) {
    case TPM2_RC_AUTH_FAIL:
    case TPM2_RC_BAD_AUTH:
      return fail(Fault::kRefused, "the passphrase does not open the seal",
                  "try again; the TPM counts wrong ones, and locks itself for a while after too many");
    case TPM2_RC_LOCKOUT:
      return fail(Fault::kRefused, "the TPM has locked itself after too many wrong passphrases",
                  "wait until it forgives one ('tpm2_getcap properties-variable' tells its LOCKOUT_INTERVAL), or reset it with "
                  "'tpm2_dictionarylockout -c'");
    case TPM2_RC_POLICY_FAIL:
      return fail(Fault::kRefused,
                  "the machine is not in the state that the seal asks for: of the PCRs " + name_of(conditions.pcrs) + ", some have changed",
                  "start the system as it was when the seal was made; before a wanted change of firmware or boot, change the seal");
    default: return tpm_failure(code, "unseal the key");
  }
}

Result<TpmHandle> load(const Tpm& tpm, const StoragePrimary& primary, const TpmHandle& session, const Tpm2Blob& blob) {
  const auto public_area = TRY(unmarshalled<TPM2B_PUBLIC>(blob.public_area, Tss2_MU_TPM2B_PUBLIC_Unmarshal));
  const auto private_area = TRY(unmarshalled<TPM2B_PRIVATE>(blob.private_area, Tss2_MU_TPM2B_PRIVATE_Unmarshal));
  ESYS_TR handle = ESYS_TR_NONE;
  TRY(tpm.encrypt(session, TPMA_SESSION_DECRYPT | TPMA_SESSION_ENCRYPT));
  const TSS2_RC code =
      Esys_Load(tpm.get(), primary.handle.get(), session.get(), ESYS_TR_NONE, ESYS_TR_NONE, &private_area, &public_area, &handle);
  if (code == TSS2_RC_SUCCESS) return TpmHandle(tpm.get(), handle);
  if (tpm_code(code) == 0 || (code & TPM2_RC_FMT1) == 0) return tpm_failure(code, "load the sealed key");
  return fail(Fault::kInternal, "the seal was changed: the TPM does not take it back", "restore it from a backup");
}

}  // namespace

Result<Tpm2Blob> tpm2_seal(const std::string& tcti, const SecretBytes& key, const Tpm2Conditions& conditions) {
  const FreedMemoryWiper wiper;
  const Tpm tpm = TRY(Tpm::connect(tcti));
  TRY(require_pcrs(tpm, conditions.pcrs));
  const StoragePrimary primary = TRY(tpm.storage_primary());
  const TPM2B_PUBLIC area = TRY(template_of(tpm, primary, conditions));
  Wiped<TPM2B_SENSITIVE_CREATE> sensitive;
  fill(sensitive->sensitive.data, key.expose_secret());
  if (conditions.authorization != nullptr) fill(sensitive->sensitive.userAuth, conditions.authorization->expose_secret());
  const TpmHandle session = TRY(tpm.salted_session(primary, TPM2_SE_HMAC));
  TRY(tpm.encrypt(session, TPMA_SESSION_DECRYPT | TPMA_SESSION_ENCRYPT));
  const TPM2B_DATA no_data = {};
  const TPML_PCR_SELECTION no_pcrs = {};
  TPM2B_PRIVATE* raw_private = nullptr;
  TPM2B_PUBLIC* raw_public = nullptr;
  const TSS2_RC code = Esys_Create(tpm.get(), primary.handle.get(), session.get(), ESYS_TR_NONE, ESYS_TR_NONE, sensitive.get(), &area,
                                   &no_data, &no_pcrs, &raw_private, &raw_public, nullptr, nullptr, nullptr);
  const EsysPointer<TPM2B_PRIVATE> private_area(raw_private);
  const EsysPointer<TPM2B_PUBLIC> public_area(raw_public);
  TRY(check_tpm(code, "seal the key"));
  Bytes public_bytes = TRY(marshalled(*public_area, Tss2_MU_TPM2B_PUBLIC_Marshal));
  Bytes private_bytes = TRY(marshalled(*private_area, Tss2_MU_TPM2B_PRIVATE_Marshal));
  return Tpm2Blob{primary.name, std::move(public_bytes), std::move(private_bytes)};
}

Result<SecretBytes> tpm2_unseal(const std::string& tcti, const Tpm2Blob& blob, const Tpm2Conditions& conditions) {
  const FreedMemoryWiper wiper;
  const Tpm tpm = TRY(Tpm::connect(tcti));
  const StoragePrimary primary = TRY(tpm.storage_primary());
  if (!equal(primary.name, blob.primary)) return another_tpm();
  const TpmHandle session = TRY(tpm.salted_session(primary, TPM2_SE_HMAC));
  const TpmHandle object = TRY(load(tpm, primary, session, blob));
  if (conditions.authorization != nullptr) TRY(tpm.set_authorization(object.get(), conditions.authorization->expose_secret()));
  std::optional<TpmHandle> policy;
  if (!conditions.pcrs.empty()) {
    policy.emplace(TRY(tpm.salted_session(primary, TPM2_SE_POLICY)));
    TRY(assert_policy(tpm, *policy, conditions));
  }
  const TpmHandle& authorizing = policy ? *policy : session;
  TRY(tpm.encrypt(authorizing, TPMA_SESSION_ENCRYPT));
  TPM2B_SENSITIVE_DATA* raw = nullptr;
  const TSS2_RC code = Esys_Unseal(tpm.get(), object.get(), authorizing.get(), ESYS_TR_NONE, ESYS_TR_NONE, &raw);
  if (code != TSS2_RC_SUCCESS) return unseal_failure(code, conditions);
  const EsysPointer<TPM2B_SENSITIVE_DATA> data(raw);
  SecretBytes key = SecretBytes::copy_of(view_of(*data));
  wipe(std::as_writable_bytes(std::span(data.get(), 1)));
  return key;
}

}  // namespace airtight::sealing::internal
