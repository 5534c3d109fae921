#include <algorithm>
#include <array>
#include <optional>

#include "crypto/certificate_builder.h"
#include "provenance/verdict.h"

namespace airtight::provenance {
namespace {

using crypto::Certificate;
using crypto::KeyUsageBit;

constexpr std::size_t kMaxPath = 8;
constexpr unsigned kMinRsaBits = 2048;
// What a path validator has to know of critical extensions (RFC 5280, section 4.2); the profile below judges them.
constexpr std::array<std::string_view, 2> kKnownExtensions = {"2.5.29.15", "2.5.29.19"};

std::string quoted(std::string_view text) { return "\"" + std::string(text) + "\""; }

// Judges one path and collects what is wrong with it.
class PathCheck {
 public:
  PathCheck(const std::vector<Certificate>& path, Instant now) : path_(path), now_(now) {}

  std::vector<Finding> run() {
    if (path_.empty()) {
      findings_.push_back({"device-path.empty", "", "there is no device certificate"});
    } else if (path_.size() > kMaxPath) {
      findings_.push_back({"device-path.too-long", "", "the path has more than " + std::to_string(kMaxPath) + " certificates"});
    } else {
      for (std::size_t i = 0; i < path_.size(); ++i) check_certificate(i);
    }
    return std::move(findings_);
  }

 private:
  void add(std::string_view id, const Certificate& certificate, std::string sentence) {
    findings_.push_back({"device-path." + std::string(id), certificate.subject(), std::move(sentence)});
  }

  void check_certificate(std::size_t at) {
    const Certificate& certificate = path_[at];
    check_unique(at);
    check_key(certificate);
    check_validity(certificate);
    for (const std::string& id : certificate.critical_extensions()) {
      if (std::ranges::find(kKnownExtensions, id) == kKnownExtensions.end()) {
        add("critical-extension", certificate, "has the critical extension " + id + ", which has no meaning in a device path");
      }
    }
    if (at == 0) {
      check_device(certificate);
    } else {
      check_authority(at);
    }
    if (at + 1 < path_.size()) check_issuer(certificate, path_[at + 1]);
  }

  void check_unique(std::size_t at) {
    for (std::size_t other = 0; other < at; ++other) {
      if (path_[other] == path_[at]) return add("duplicate", path_[at], "is in the path twice");
      if (equal(path_[other].spki(), path_[at].spki()))
        return add("duplicate-key", path_[at], "has the same key as " + quoted(path_[other].subject()));
    }
  }

  void check_key(const Certificate& certificate) {
    const auto key = certificate.public_key();
    if (!key) return add("key", certificate, "has a key that cannot be used: " + key.error().message);
    if (key->type() == KeyAlgorithmType::kRsa && key->bits() < kMinRsaBits) {
      add("weak-key", certificate, "has an RSA key of " + std::to_string(key->bits()) + " bits, fewer than " + std::to_string(kMinRsaBits));
    }
  }

  void check_validity(const Certificate& certificate) {
    if (now_ < certificate.not_before()) add("not-yet-valid", certificate, "is valid only from " + format_time(certificate.not_before()));
    if (now_ > certificate.not_after()) add("expired", certificate, "expired at " + format_time(certificate.not_after()));
  }

  void check_usage(const Certificate& certificate, KeyUsageBit bit, std::string_view purpose) {
    const auto usage = certificate.key_usage();
    if (usage && (*usage & static_cast<unsigned>(bit)) == 0)
      add("key-usage", certificate, "has a key usage that does not allow " + std::string(purpose));
  }

  void check_device(const Certificate& device) {
    if (device.is_ca()) add("device-is-ca", device, "stands in the place of the device and is a CA");
    check_usage(device, KeyUsageBit::kDigitalSignature, "signing attestations");
  }

  // `at` is at least 1: between it and the device stand at - 1 CAs (RFC 5280, section 4.2.1.9).
  void check_authority(std::size_t at) {
    const Certificate& authority = path_[at];
    if (!authority.is_ca()) add("not-ca", authority, "stands in the place of an issuer and is no CA");
    if (authority.path_length() && at - 1 > *authority.path_length()) {
      add("path-length", authority,
          "allows " + std::to_string(*authority.path_length()) + " CAs below it, and there are " + std::to_string(at - 1));
    }
    check_usage(authority, KeyUsageBit::kKeyCertSign, "signing certificates");
  }

  void check_issuer(const Certificate& certificate, const Certificate& issuer) {
    if (!equal(certificate.issuer_der(), issuer.subject_der())) {
      return add("name", certificate,
                 "names " + quoted(certificate.issuer()) + " as its issuer, and " + quoted(issuer.subject()) + " is next");
    }
    if (const auto issued = certificate.verify_issued_by(issuer); !issued) add("signature", certificate, issued.error().message);
  }

  const std::vector<Certificate>& path_;
  Instant now_;
  std::vector<Finding> findings_;
};

bool same_key(const Certificate& a, const Certificate& b) { return a.spki_sha256() == b.spki_sha256(); }

// Whether `root` may stand above the whole of `path`: what check_authority asks of those in the path.
bool issued_whole_path(const Certificate& root, const std::vector<Certificate>& path, Instant now) {
  const auto usage = root.key_usage();
  const bool may_issue = root.is_ca() && (!usage || (*usage & static_cast<unsigned>(KeyUsageBit::kKeyCertSign)) != 0);
  const bool long_enough = !root.path_length() || path.size() - 1 <= *root.path_length();
  const bool valid = root.not_before() <= now && now <= root.not_after();
  return may_issue && long_enough && valid && path.back().verify_issued_by(root).has_value();
}

bool matches(const AcceptedEntry& entry, const std::vector<Certificate>& path, Instant now) {
  const auto in_authorities = [&] {
    return std::any_of(path.begin() + 1, path.end(), [&](const Certificate& authority) { return same_key(authority, entry.certificate); });
  };
  switch (entry.level) {
    case Level::kDevice: return same_key(path.front(), entry.certificate);
    case Level::kDeviceClass: return in_authorities();
    case Level::kVendor: return in_authorities() || issued_whole_path(entry.certificate, path, now);
  }
  return false;
}

void judge_by_policy(Verdict& verdict, const std::vector<Certificate>& path, const DevicePolicy& policy, Instant now) {
  // The most specific level wins, and within it the order of the policy.
  for (const Level level : {Level::kDevice, Level::kDeviceClass, Level::kVendor}) {
    const auto entry = std::ranges::find_if(
        policy.accepted, [&](const AcceptedEntry& candidate) { return candidate.level == level && matches(candidate, path, now); });
    if (entry == policy.accepted.end()) continue;
    if (level == Level::kVendor) verdict.vendor = entry->certificate.subject();
    if (verdict.decision == Decision::kAllow) continue;
    verdict.decision = Decision::kAllow;
    verdict.rule = "accepted " + std::string(name_of(level)) + " " + quoted(entry->name);
    verdict.findings.push_back({"policy.entry", entry->certificate.subject(), "is an accepted " + std::string(name_of(level))});
  }
  if (verdict.decision == Decision::kAllow) return;
  if (policy.accept_any) {
    verdict.decision = Decision::kAllow;
    verdict.rule = "any device (unknown vendor)";
    verdict.findings.push_back(
        {"policy.any-device", verdict.device,
         "is from an unknown vendor, and the policy accepts any device: nothing is known of what protects its keys"});
    return;
  }
  verdict.rule = "no accepted entry";
  verdict.findings.push_back({"policy.no-entry", verdict.device, "is neither an accepted device nor of an accepted class or vendor"});
}

}  // namespace

Verdict appraise_device(const std::vector<Certificate>& path, const DevicePolicy& policy, Instant now) {
  Verdict verdict;
  if (!path.empty()) verdict.device = path[0].subject();
  if (path.size() > 1) verdict.device_class = path[1].subject();
  verdict.findings = PathCheck(path, now).run();
  if (!verdict.findings.empty()) {
    verdict.rule = "device path";
    return verdict;
  }
  verdict.device_id = device_id(path[0]);
  judge_by_policy(verdict, path, policy, now);
  return verdict;
}

}  // namespace airtight::provenance
