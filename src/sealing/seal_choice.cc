// The words in which a seal is asked for.
#include <algorithm>
#include <array>
#include <charconv>

#include "sealing/seal.h"

namespace airtight::sealing {
namespace {

constexpr std::array<std::string_view, 4> kKindNames = {"file", "passphrase", "tpm2", "pkcs11"};  // in the order of SealKind
constexpr unsigned kPcrs = 24;

Failure bad_pcrs(std::string_view text) {
  return fail(Fault::kBadInput, "\"" + std::string(text) + "\" is no list of PCRs",
              "use numbers from 0 to 23 in ascending order, as in 0,7");
}

}  // namespace

Result<SealKind> parse_seal_kind(std::string_view text) {
  const auto found = std::ranges::find(kKindNames, text);
  if (found != kKindNames.end()) return static_cast<SealKind>(found - kKindNames.begin());
  return fail(Fault::kBadInput, "\"" + std::string(text) + "\" is no kind of seal", "use file, passphrase, tpm2 or pkcs11");
}

std::string_view name_of(SealKind kind) { return kKindNames.at(static_cast<std::size_t>(kind)); }

SealKind kind_of(const NewSeal& seal) { return static_cast<SealKind>(seal.index()); }

Result<PcrSet> parse_pcrs(std::string_view text) {
  PcrSet out;
  if (text.empty()) return out;
  std::string_view rest = text;
  while (true) {
    unsigned number = 0;
    const auto [end, code] = std::from_chars(rest.data(), rest.data() + rest.size(), number);
    if (code != std::errc{} || number >= kPcrs || out.bits >> number != 0) return bad_pcrs(text);  // those before are all smaller
    out.bits |= 1U << number;
    rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
    if (rest.empty()) return out;
    if (rest.front() != ',') return bad_pcrs(text);
    rest.remove_prefix(1);
  }
}

std::string name_of(const PcrSet& pcrs) {
  std::string out;
  for (unsigned number = 0; number < kPcrs; ++number) {
    if ((pcrs.bits >> number & 1U) == 0) continue;
    if (!out.empty()) out += ',';
    out += std::to_string(number);
  }
  return out;
}

}  // namespace airtight::sealing
