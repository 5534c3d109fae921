// HTTP messages: whatever pieces they come in they are the same message or the same refusal; what was read can be written, and then says
// the same. The first byte chooses requests or responses, and the size of the pieces.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "http/internal/parser.h"
#include "http/internal/text.h"
#include "http/internal/wire.h"

namespace {

using namespace airtight;
using namespace airtight::http;
using namespace airtight::http::internal;

constexpr MessageLimits kLimits{.max_header = 4096, .max_body = 8192};

void require(bool holds, const char* what) {
  if (holds) return;
  std::cerr << "http_messages: " << what << '\n';
  std::abort();
}

template <typename Message>
struct Reading {
  std::optional<Message> message = {};  // if it is complete
  std::optional<Error> error = {};
  bool keep_alive = false;
  std::size_t consumed = 0;
};

Request message_of(RequestParser& parser) { return parser.request(); }
Response message_of(ResponseParser& parser) { return parser.response(); }

// Gives `bytes` to the parser in pieces of `piece`, as a socket does; keeps what it does not consume.
template <typename Message, typename Parser>
Reading<Message> read(Parser& parser, ByteView bytes, std::size_t piece) {
  Reading<Message> reading;
  Bytes waiting;
  while (!parser.done() && !bytes.empty()) {
    const ByteView next = bytes.first(std::min(piece, bytes.size()));
    append(waiting, next);
    bytes = bytes.subspan(next.size());
    const Result<std::size_t> consumed = parser.feed(waiting);
    if (!consumed) {
      reading.error = consumed.error();
      return reading;
    }
    require(*consumed <= waiting.size(), "more consumed than there was");
    reading.consumed += *consumed;
    waiting.erase(waiting.begin(), waiting.begin() + static_cast<std::ptrdiff_t>(*consumed));
  }
  if (!parser.done()) return reading;
  reading.message = message_of(parser);
  reading.keep_alive = parser.keep_alive();
  require(reading.message->body.size() <= kLimits.max_body, "a body beyond the limit");
  return reading;
}

Reading<Request> read_request(ByteView bytes, std::size_t piece) {
  RequestParser parser(kLimits);
  return read<Request>(parser, bytes, piece);
}

Reading<Response> read_response(ByteView bytes, std::size_t piece) {
  ResponseParser parser(kLimits, false);
  return read<Response>(parser, bytes, piece);
}

bool same(const Request& a, const Request& b) {
  return a.method == b.method && a.target == b.target && a.headers.all() == b.headers.all() && equal(a.body, b.body);
}
bool same(const Response& a, const Response& b) {
  return a.status == b.status && a.headers.all() == b.headers.all() && equal(a.body, b.body);
}

template <typename Message>
void require_same(const Reading<Message>& whole, const Reading<Message>& pieces) {
  require(whole.message.has_value() == pieces.message.has_value(), "a message in one piece, and none in several");
  // What comes in pieces may be waited for a little longer before it is refused; it is never taken.
  require(!(whole.error || pieces.error) || (!whole.message && !pieces.message), "a refusal in one piece, and none in several");
  if (!whole.message) return;
  require(same(*whole.message, *pieces.message), "another message in pieces");
  require(whole.keep_alive == pieces.keep_alive && whole.consumed == pieces.consumed, "another end in pieces");
}

// Every field of `a` that is not the writer's own is in `b`, in its order.
void require_fields(const Headers& a, const Headers& b) {
  constexpr std::string_view kWritten[] = {"Host", "Date", "Content-Length", "Transfer-Encoding", "Connection", "User-Agent"};
  auto next = b.all().begin();
  for (const auto& field : a.all()) {
    if (std::ranges::any_of(kWritten, [&](std::string_view name) { return equal_ignoring_case(field.first, name); })) continue;
    next = std::find(next, b.all().end(), field);
    require(next != b.all().end(), "a field was lost");
    ++next;
  }
}

void check(const Request& request) {
  Result<Url> url = Url::parse("http://example.com" + request.target);
  if (!url || url->target != request.target) return;  // another form of target, which this program never sends
  const Result<Bytes> written = write_request(request, *url);
  require(written.has_value(), "a request that was read cannot be written");
  const Reading<Request> again = read_request(*written, written->size());
  require(again.message.has_value() && again.consumed == written->size(), "a request that was written cannot be read");
  require(again.message->method == request.method && again.message->target == request.target, "another request line");
  require(equal(again.message->body, request.body), "another body of the request");
  require_fields(request.headers, again.message->headers);
}

void check(const Response& response) {
  const Result<Bytes> written = write_response(response, Persistence::kKeepAlive, BodyPart::kSent, Instant{1268911409000});
  if (!written) {
    require(response.status < 200 || response.status > 599, "a response that was read cannot be written");
    return;
  }
  const Reading<Response> again = read_response(*written, written->size());
  require(again.message.has_value() && again.consumed == written->size(), "a response that was written cannot be read");
  require(again.message->status == response.status, "another status");
  require(equal(again.message->body, response.body), "another body of the response");
  require_fields(response.headers, again.message->headers);
}

void check_status(const Error& error) {
  constexpr int kStatuses[] = {400, 413, 417, 431, 501, 505};
  const auto status = error.code_in(Protocol::kHttp);
  require(status && std::ranges::find(kStatuses, *status) != std::end(kStatuses), "a refusal without its status");
}

template <typename Message>
void run(const Reading<Message>& whole, const Reading<Message>& pieces) {
  require_same(whole, pieces);
  if (whole.error) require(!whole.error->message.empty(), "a refusal without a reason");
  if (whole.message) check(*whole.message);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const ByteView bytes = std::as_bytes(std::span(data, size)).subspan(1);
  const std::size_t piece = 1 + (data[0] >> 1U) % 32U;
  if (data[0] % 2 == 0) {
    const Reading<Request> whole = read_request(bytes, std::max<std::size_t>(bytes.size(), 1));
    if (whole.error) check_status(*whole.error);
    run(whole, read_request(bytes, piece));
  } else {
    run(read_response(bytes, std::max<std::size_t>(bytes.size(), 1)), read_response(bytes, piece));
  }
  return 0;
}
