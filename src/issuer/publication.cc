#include "issuer/publication.h"

#include <string>

#include "issuer/pages.h"

namespace airtight::issuer {
namespace {

http::Response response_of(ca::Published published) {
  http::Response response = document(200, published.media_type, std::move(published.body));
  if (published.max_age.count() > 0) {
    // RFC 5019, section 6.2: those who ask again may be answered by a cache on the way.
    response.headers.set("Cache-Control", "public, no-transform, max-age=" + std::to_string(published.max_age.count()));
  }
  return response;
}

http::Response refused(int status, std::string_view title, std::string_view sentence) { return page(status, title, sentence); }

}  // namespace

bool is_publication(const http::Request& request) {
  const std::string_view path = request.path();
  return path.starts_with("/ca/") || path.starts_with("/crl/") || path == ca::kOcspPath ||
         path.starts_with(std::string(ca::kOcspPath) + "/");
}

http::Response publish(const ca::Publisher& publisher, storage::Database& database, const http::Request& request) {
  if (request.method == "POST" && request.path() == ca::kOcspPath) {
    if (request.media_type() != ca::kOcspRequestType) {
      return refused(415, "Not an OCSP request", "This address takes " + std::string(ca::kOcspRequestType) + ".");
    }
    ca::Published answer = publisher.answer_ocsp(database, request.body);
    answer.max_age = {};  // nobody on the way keeps what was answered to a POST
    return response_of(std::move(answer));
  }
  // RFC 9110, section 9.1: whoever answers GET answers HEAD; the server leaves the body out.
  const bool takes_post_alone = request.path() == ca::kOcspPath;
  if (takes_post_alone || (request.method != "GET" && request.method != "HEAD")) {
    http::Response response =
        refused(405, "Method not allowed", takes_post_alone ? "This address takes POST." : "This address is fetched with GET.");
    response.headers.set("Allow", takes_post_alone ? "POST" : "GET, HEAD");
    return response;
  }
  Result<std::optional<ca::Published>> found = publisher.get(database, request.path());
  if (found && *found) return response_of(*std::move(*found));
  if (found || found.error().fault == Fault::kNotFound) return refused(404, "Not found", "There is nothing at this address.");
  return refused(503, "Not available now", "This cannot be had at the moment; try again later.");
}

}  // namespace airtight::issuer
