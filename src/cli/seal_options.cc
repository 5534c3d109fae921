#include "cli/seal_options.h"

#include "cli/command.h"
#include "sealing/anchor.h"

namespace airtight::cli {
namespace {

Failure does_not_fit(std::string_view option, sealing::SealKind kind) {
  return fail(Fault::kBadInput, std::string(option) + " is for --seal " + std::string(sealing::name_of(kind)),
              "leave it out, or add --seal " + std::string(sealing::name_of(kind)));
}

// What is wrong with a value of the command line is wrong usage.
template <typename T>
std::string fault_in(const Result<T>& result) {
  if (result) return {};
  const Error& error = result.error();
  return error.hint.empty() ? error.message : error.message + ": " + error.hint;
}

std::string fault_in_anchor(const std::string& word) { return fault_in(sealing::parse_anchor(word)); }
std::string fault_in_tcti(const std::string& word) { return fault_in(sealing::parse_anchor("tpm2", word)); }

}  // namespace

void add_seal_options(CLI::App& command, SealOptions& options, const std::string& what) {
  const auto choose = [&options](const std::string& word) {
    const auto kind = sealing::parse_seal_kind(word);
    if (!kind) throw CLI::ValidationError("--seal", "'" + word + "' is none of file, passphrase, tpm2, pkcs11");
    options.kind = *kind;
  };
  CLI::Option* seal =
      command
          .add_option_function<std::string>("--seal", choose, "What opens " + what + ": file (its own), passphrase, tpm2, pkcs11 (a token)")
          ->type_name("WORD");
  command.add_option("--tpm2-pcrs", options.tpm2_pcrs, "Opens only while these registers of the TPM are as they are now, as in 7 or 0,7")
      ->type_name("LIST")
      ->needs(seal);
  command.add_flag("--tpm2-passphrase", options.tpm2_passphrase, "Opens only with a passphrase, whose guesses the TPM counts")->needs(seal);
  command.add_option("--tpm2-tcti", options.tpm2_tcti, "Where the TPM is (default: TPM2TOOLS_TCTI, or device:/dev/tpmrm0)")
      ->type_name("TCTI")
      ->needs(seal);
  command
      .add_option("--pkcs11-uri", options.pkcs11_uri, "The token, as in 'pkcs11:token=NAME?module-path=/usr/lib/softhsm/libsofthsm2.so'")
      ->type_name("URI")
      ->needs(seal);
  command.parse_complete_callback([&options] {
    if (const auto wanted = seal_from(options); !wanted) throw CLI::ValidationError(fault_in(wanted));
  });
}

void add_anchor_options(CLI::App& command, std::string& anchor, std::string& tcti) {
  CLI::Option* option =
      command
          .add_option("--anchor", anchor, "What shows that the store is not an old copy: none, file:PATH (on another disk), tpm2[:INDEX]")
          ->check(fault_in_anchor)
          ->type_name("KIND");
  command.add_option("--anchor-tcti", tcti, "Where the anchor's TPM is (default: TPM2TOOLS_TCTI, or device:/dev/tpmrm0)")
      ->check(fault_in_tcti)
      ->type_name("TCTI")
      ->needs(option);
}

Result<sealing::NewSeal> seal_from(const SealOptions& options) {
  using sealing::SealKind;
  const SealKind kind = options.kind.value_or(SealKind::kFile);
  if (kind != SealKind::kTpm2) {
    if (!options.tpm2_pcrs.empty()) return does_not_fit("--tpm2-pcrs", SealKind::kTpm2);
    if (!options.tpm2_tcti.empty()) return does_not_fit("--tpm2-tcti", SealKind::kTpm2);
    if (options.tpm2_passphrase) return does_not_fit("--tpm2-passphrase", SealKind::kTpm2);
  }
  if (kind != SealKind::kPkcs11 && !options.pkcs11_uri.empty()) return does_not_fit("--pkcs11-uri", SealKind::kPkcs11);
  switch (kind) {
    case SealKind::kFile: return sealing::KeyFileSeal{};
    case SealKind::kPassphrase: return sealing::PassphraseSeal{};
    case SealKind::kTpm2: {
      sealing::Tpm2Seal seal;
      seal.tcti = options.tpm2_tcti;
      seal.pcrs = TRY(sealing::parse_pcrs(options.tpm2_pcrs));
      seal.with_passphrase = options.tpm2_passphrase;
      return seal;
    }
    case SealKind::kPkcs11:
      if (options.pkcs11_uri.empty()) {
        return fail(Fault::kBadInput, "--seal pkcs11 does not say which token",
                    "add --pkcs11-uri, as in 'pkcs11:token=NAME?module-path=/usr/lib/softhsm/libsofthsm2.so'");
      }
      return sealing::Pkcs11Seal{options.pkcs11_uri};
  }
  return fail(Fault::kInternal, "there is no such kind of seal");
}

}  // namespace airtight::cli
