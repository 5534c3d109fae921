#include "issuer/refusal.h"

#include <boost/json.hpp>

#include "issuer/pages.h"

namespace airtight::issuer {
namespace {

constexpr std::string_view kProblemType = "application/problem+json";

bool wants_problem_json(const http::Request& request) {
  const auto accept = request.headers.get("Accept");
  return accept && accept->find(kProblemType) != std::string_view::npos;
}

}  // namespace

Refusal::Refusal(const Error& error)
    : status(500),
      id("issuer.internal"),
      sentence("The issuer could not do its part because of a fault of its own"),
      detail(error.message) {
  if (error.fault == Fault::kUnavailable || error.fault == Fault::kStorage) {
    status = 503;
    id = "issuer.unavailable";
    sentence = "The issuer cannot do its part at the moment";
  }
}

http::Response refusal_response(const Refusal& refusal, const http::Request& request) {
  if (!wants_problem_json(request)) return page(refusal.status, "The enrolment was refused", refusal.sentence + ".");
  const boost::json::object problem{{"type", "urn:airtight:issuer:" + refusal.id},
                                    {"title", "The enrolment was refused"},
                                    {"status", refusal.status},
                                    {"detail", refusal.sentence}};
  return document(refusal.status, kProblemType, to_bytes(boost::json::serialize(problem)));
}

}  // namespace airtight::issuer
