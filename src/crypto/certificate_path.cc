#include <algorithm>
#include <cstddef>

#include "crypto/certificate.h"

namespace airtight::crypto {
namespace {

constexpr std::size_t kMaxPath = 16;  // bounds the signatures that a hostile list makes us verify
constexpr std::size_t kNone = kMaxPath;

Failure no_path(std::string why) { return fail(Fault::kBadInput, "the certificates form no single path: " + std::move(why)); }

// The index of the one other certificate that issued `certificates[of]`; kNone if there is none. The signature is looked at only where
// several have the issuer's name.
Result<std::size_t> issuer_index(const std::vector<Certificate>& certificates, std::size_t of) {
  std::vector<std::size_t> named;
  for (std::size_t i = 0; i < certificates.size(); ++i) {
    if (i != of && equal(certificates[of].issuer_der(), certificates[i].subject_der())) named.push_back(i);
  }
  if (named.size() > 1) std::erase_if(named, [&](std::size_t i) { return !certificates[of].verify_issued_by(certificates[i]); });
  if (named.size() > 1) return no_path("\"" + certificates[of].subject() + "\" has two issuers among them");
  return named.empty() ? kNone : named.front();
}

}  // namespace

Result<std::vector<Certificate>> order_path(std::vector<Certificate> certificates) {
  const std::size_t count = certificates.size();
  if (count == 0) return no_path("there are none");
  if (count > kMaxPath) return no_path("there are more than " + std::to_string(kMaxPath));
  std::vector<std::size_t> issuer_of(count);
  std::vector<bool> issued_another(count, false);
  for (std::size_t i = 0; i < count; ++i) {
    issuer_of[i] = TRY(issuer_index(certificates, i));
    if (issuer_of[i] != kNone) issued_another[issuer_of[i]] = true;
  }
  const auto first = std::ranges::find(issued_another, false);
  if (first == issued_another.end()) return no_path("they issued one another in a circle");
  std::vector<Certificate> path;
  std::vector<bool> taken(count, false);
  for (auto at = static_cast<std::size_t>(first - issued_another.begin()); at != kNone && !taken[at]; at = issuer_of[at]) {
    path.push_back(certificates[at]);
    taken[at] = true;
  }
  if (path.size() != count) return no_path("\"" + path.back().subject() + "\" was issued by none of the others");
  return path;
}

}  // namespace airtight::crypto
