#include "provenance/verdict.h"

namespace airtight::provenance {

std::string_view name_of(Level level) {
  switch (level) {
    case Level::kVendor: return "vendor";
    case Level::kDeviceClass: return "class";
    case Level::kDevice: return "device";
  }
  return {};
}

std::string_view name_of(Decision decision) { return decision == Decision::kAllow ? "allow" : "deny"; }

std::string Verdict::to_text() const {
  std::string out;
  const auto line = [&](std::string_view label, std::string_view value) {
    out += label;
    out += ": ";
    out += value.empty() ? "unknown" : value;
    out += "\n";
  };
  line("decision", name_of(decision));
  line("rule", rule);
  line("device", device);
  line("class", device_class);
  line("vendor", vendor);
  line("device id", device_id);
  for (const Finding& finding : findings) {
    out += "finding: " + finding.id;
    if (!finding.subject.empty()) out += " [" + finding.subject + "]";
    out += ": " + finding.sentence + "\n";
  }
  return out;
}

}  // namespace airtight::provenance
