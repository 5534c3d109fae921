#include "issuer/verdict_record.h"

#include <array>
#include <boost/json.hpp>
#include <utility>

namespace airtight::issuer {
namespace {

namespace json = boost::json;
using provenance::Finding;
using provenance::Verdict;

// The texts of a verdict and of a finding, each with its name.
constexpr std::array kVerdictTexts = {std::pair{"rule", &Verdict::rule}, std::pair{"device", &Verdict::device},
                                      std::pair{"device_class", &Verdict::device_class}, std::pair{"vendor", &Verdict::vendor},
                                      std::pair{"device_id", &Verdict::device_id}};
constexpr std::array kFindingTexts = {std::pair{"id", &Finding::id}, std::pair{"subject", &Finding::subject},
                                      std::pair{"sentence", &Finding::sentence}};

template <typename T, typename Table>
json::object write_texts(const T& value, const Table& table) {
  json::object out;
  for (const auto& [name, member] : table) out[name] = value.*member;
  return out;
}

template <typename T, typename Table>
bool read_texts(const json::value& from, const Table& table, T& value) {
  const json::object* object = from.if_object();
  if (object == nullptr) return false;
  for (const auto& [name, member] : table) {
    const json::value* text = object->if_contains(name);
    if (text == nullptr || !text->is_string()) return false;
    value.*member = std::string(text->get_string());
  }
  return true;
}

bool read_verdict(const json::value& from, Verdict& verdict) {
  if (!read_texts(from, kVerdictTexts, verdict)) return false;
  const json::value* decision = from.get_object().if_contains("decision");
  const json::value* findings = from.get_object().if_contains("findings");
  if (decision == nullptr || !decision->is_string() || findings == nullptr || !findings->is_array()) return false;
  const std::string_view word(decision->get_string().data(), decision->get_string().size());
  verdict.decision = word == name_of(provenance::Decision::kAllow) ? provenance::Decision::kAllow : provenance::Decision::kDeny;
  for (const json::value& item : findings->get_array()) {
    if (!read_texts(item, kFindingTexts, verdict.findings.emplace_back())) return false;
  }
  return true;
}

}  // namespace

std::string verdict_to_json(const Verdict& verdict) {
  json::object out = write_texts(verdict, kVerdictTexts);
  out["decision"] = std::string(name_of(verdict.decision));
  json::array& findings = out["findings"].emplace_array();
  for (const Finding& finding : verdict.findings) findings.push_back(write_texts(finding, kFindingTexts));
  return json::serialize(out);
}

Result<Verdict> verdict_from_json(std::string_view text) {
  boost::system::error_code fault;
  const json::value value = json::parse({text.data(), text.size()}, fault);
  Verdict verdict;
  if (fault || !read_verdict(value, verdict)) return fail(Fault::kInternal, "a stored verdict cannot be read");
  return verdict;
}

}  // namespace airtight::issuer
