#include "http/internal/parser.h"

#include <algorithm>
#include <boost/beast/http/basic_parser.hpp>
#include <limits>
#include <string>
#include <utility>

#include "http/internal/text.h"

namespace airtight::http::internal {
namespace {

namespace beast = boost::beast;
using beast::http::error;
using ErrorCode = beast::error_code;

constexpr std::size_t kMaxFields = 100;
constexpr int kMaxInterim = 8;
constexpr std::size_t kLeastChunked = 5;          // the shortest chunked body: "0" and two line ends
constexpr std::size_t kFirstReserve = 64U << 10;  // a body grows beyond this only with what really arrives

Failure refuse(int status, std::string message) {
  return Failure(Error{Fault::kBadInput, std::move(message), {}, Answer{Protocol::kHttp, status}});
}

Failure refuse(const ErrorCode& code) {
  if (code == error::body_limit) return refuse(413, "the HTTP message's body is too large");
  if (code == error::header_limit) return refuse(431, "the HTTP message's header is too large");
  if (code == error::bad_version) return refuse(505, "the HTTP version is neither 1.0 nor 1.1");
  return refuse(400, "the HTTP message is malformed (" + code.message() + ")");
}

// The part of the reading that requests and responses share: fields, body and limits.
template <bool kIsRequest>
class Reader : public beast::http::basic_parser<kIsRequest> {
 public:
  using Base = beast::http::basic_parser<kIsRequest>;

  explicit Reader(const MessageLimits& limits) : limits_(limits) {
    this->body_limit(limits.max_body);
    this->header_limit(static_cast<std::uint32_t>(std::min<std::size_t>(limits.max_header, std::numeric_limits<std::uint32_t>::max())));
  }

  Result<std::size_t> feed(ByteView input) {
    std::size_t consumed = 0;
    while (!this->is_done()) {
      const bool in_header = !this->is_header_done();
      // Beast asserts that it has as many where it reads a last chunk on; one that is the first too may have three by then.
      const ByteView rest = input.subspan(consumed);
      if (!in_header && this->chunked() && !in_chunks_ && rest.size() < kLeastChunked && (rest.empty() || rest[0] == std::byte{'0'})) break;
      ErrorCode code;
      const std::size_t step = this->put(beast::net::const_buffer(rest.data(), rest.size()), code);
      consumed += step;
      if (refusal_) return Failure(*std::exchange(refusal_, std::nullopt));
      if (code && code != error::need_more) return refuse(code);
      const bool starved = code == error::need_more || (step == 0 && consumed == input.size());
      // Beast applies its limit to what it sees at once; a header that comes in pieces is counted here.
      if (in_header) header_size_ += step;
      const std::size_t pending = starved ? input.size() - consumed : 0;
      const bool too_long = in_header ? header_size_ + pending > limits_.max_header : pending > limits_.max_header;
      if (too_long) return refuse(error::header_limit);
      if (starved || consumed == input.size()) break;
    }
    return consumed;
  }

  [[nodiscard]] Bytes& body() { return body_; }
  [[nodiscard]] Headers& headers() { return headers_; }

 protected:
  // Ends the parsing with `status`.
  void stop(int status, std::string message, ErrorCode& code) {
    refusal_ = Error{Fault::kBadInput, std::move(message), {}, Answer{Protocol::kHttp, status}};
    code = error::bad_value;
  }

 private:
  void on_field_impl(beast::http::field, beast::string_view name, beast::string_view value, ErrorCode& code) override {
    if (this->is_header_done()) return;  // a trailer adds nothing to the header
    const std::string_view text(value.data(), value.size());
    const std::string_view field(name.data(), name.size());
    if (headers_.all().size() == kMaxFields) return stop(431, "the HTTP message has more than 100 header fields", code);
    if (equal_ignoring_case(field, "Content-Length")) {
      // RFC 9110 section 8.6 lets a recipient accept a list of equal numbers; one number is enough.
      if (headers_.get(field) || text.find_first_not_of("0123456789") != std::string_view::npos) {
        return stop(400, "the HTTP message has more than one Content-Length", code);
      }
    } else if (equal_ignoring_case(field, "Transfer-Encoding")) {
      if (!equal_ignoring_case(text, "chunked")) return stop(501, "the HTTP message has a transfer coding other than chunked", code);
    }
    headers_.add(field, text);
  }

  void on_body_init_impl(const boost::optional<std::uint64_t>& length, ErrorCode&) override {
    if (length) body_.reserve(static_cast<std::size_t>(std::min<std::uint64_t>(*length, kFirstReserve)));
  }
  std::size_t on_body_impl(beast::string_view data, ErrorCode&) override {
    append(body_, bytes_of(std::string_view(data.data(), data.size())));
    return data.size();
  }
  std::size_t on_chunk_body_impl(std::uint64_t, beast::string_view data, ErrorCode& code) override { return on_body_impl(data, code); }
  void on_chunk_header_impl(std::uint64_t, beast::string_view, ErrorCode&) override { in_chunks_ = true; }
  void on_finish_impl(ErrorCode&) override {}

  MessageLimits limits_;
  std::size_t header_size_ = 0;
  bool in_chunks_ = false;  // the first chunk's line has been read
  std::optional<Error> refusal_;
  Headers headers_;
  Bytes body_;
};

}  // namespace

class RequestParser::Impl final : public Reader<true> {
 public:
  using Reader::Reader;
  Request request;
  bool expects_continue = false;

 private:
  void on_request_impl(beast::http::verb, beast::string_view method, beast::string_view target, int version, ErrorCode& code) override {
    request.method.assign(method.data(), method.size());
    request.target.assign(target.data(), target.size());
    version_ = version;
    if (request.target.starts_with('/')) {
      // The fragment is never sent; what has one was not made by an HTTP client.
      if (request.target.contains('#')) stop(400, "the request target has a fragment", code);
      return;
    }
    // RFC 9112 section 3.2.2: a server accepts the absolute form.
    auto url = Url::parse(request.target);
    if (!url) return stop(400, "the request target is neither a path nor an absolute URL", code);
    request.target = std::move(url->target);
  }

  void on_response_impl(int, beast::string_view, int, ErrorCode&) override {}

  void on_header_impl(ErrorCode& code) override {
    request.headers = std::move(headers());
    const auto hosts = std::ranges::count_if(request.headers.all(), [](const auto& f) { return equal_ignoring_case(f.first, "Host"); });
    if (hosts > 1 || (hosts == 0 && version_ > 10)) return stop(400, "the request does not have one Host field", code);
    if (version_ == 10 && request.headers.get("Transfer-Encoding")) return stop(400, "HTTP/1.0 has no transfer codings", code);
    if (const auto expect = request.headers.get("Expect")) {
      if (!equal_ignoring_case(*expect, "100-continue")) return stop(417, "the request expects something else than 100-continue", code);
      expects_continue = version_ > 10;
    }
  }

  int version_ = 11;
};

RequestParser::RequestParser(const MessageLimits& limits) : impl_(std::make_unique<Impl>(limits)) {}
RequestParser::~RequestParser() = default;

Result<std::size_t> RequestParser::feed(ByteView input) {
  const std::size_t consumed = TRY(impl_->feed(input));
  if (impl_->is_done()) impl_->request.body = std::move(impl_->body());
  return consumed;
}
bool RequestParser::header_done() const { return impl_->is_header_done(); }
bool RequestParser::done() const { return impl_->is_done(); }
bool RequestParser::keep_alive() const { return impl_->keep_alive(); }
bool RequestParser::expects_continue() const { return impl_->expects_continue; }
const Request& RequestParser::request() const { return impl_->request; }
Request& RequestParser::request() { return impl_->request; }

class ResponseParser::Impl final : public Reader<false> {
 public:
  Impl(const MessageLimits& limits, bool to_head) : Reader(limits) { skip(to_head); }
  Response response;

 private:
  void on_request_impl(beast::http::verb, beast::string_view, beast::string_view, int, ErrorCode&) override {}
  void on_response_impl(int status, beast::string_view, int, ErrorCode& code) override {
    response.status = status;
    if (status < 100 || status > 599) stop(502, "the response's status is not between 100 and 599", code);
  }
  void on_header_impl(ErrorCode&) override { response.headers = std::move(headers()); }
};

ResponseParser::ResponseParser(const MessageLimits& limits, bool to_head)
    : limits_(limits), to_head_(to_head), impl_(std::make_unique<Impl>(limits, to_head)) {}
ResponseParser::~ResponseParser() = default;

Result<std::size_t> ResponseParser::feed(ByteView input) {
  std::size_t consumed = 0;
  for (;;) {
    const Result<std::size_t> step = impl_->feed(input.subspan(consumed));
    if (!step) return fail(Fault::kBadInput, step.error().message);  // without the answer, which is for a client of ours
    consumed += *step;
    if (!impl_->is_done() || impl_->response.status >= 200) return consumed;
    // 101 would end HTTP on this connection, and was not asked for.
    if (impl_->response.status == 101 || ++interim_ > kMaxInterim) return fail(Fault::kBadInput, "interim responses that nobody asked for");
    impl_ = std::make_unique<Impl>(limits_, to_head_);
  }
}

bool ResponseParser::end() {
  if (!impl_->is_header_done()) return false;
  ErrorCode code;
  impl_->put_eof(code);
  return !code;
}

bool ResponseParser::done() const { return impl_->is_done(); }
bool ResponseParser::keep_alive() const { return impl_->keep_alive(); }
Response& ResponseParser::response() {
  if (done() && !impl_->body().empty()) impl_->response.body = std::move(impl_->body());
  return impl_->response;
}

}  // namespace airtight::http::internal
