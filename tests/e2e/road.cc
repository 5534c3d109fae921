#include "tests/e2e/road.h"

#include <algorithm>
#include <boost/json.hpp>
#include <chrono>
#include <stdexcept>

#include "base/algorithms.h"
#include "base/encoding.h"
#include "crypto/digest.h"
#include "keygen2/messages.h"
#include "sks/client.h"
#include "sks/methods.h"
#include "tests/e2e/edits.h"
#include "tests/e2e/forge.h"
#include "tests/support/must.h"

namespace airtight::e2e {
namespace {

using tests::must;

Failure cut() { return fail(Fault::kUnavailable, "the connection was cut"); }

bool is_message(std::string_view media_type) { return media_type == keygen2::kMediaType; }

// The identifier in a problem report; empty if it is none.
std::string problem_id(const http::Response& response) {
  if (response.media_type() != "application/problem+json") return {};
  const std::string type(boost::json::parse(to_text(response.body)).at("type").as_string());
  return type.substr(type.rfind("issuer:") + 7);
}

}  // namespace

struct Road::Passage {
  http::Url url;
  http::Request request;
  std::string name;  // of the message that is posted; "GET"
  bool lose_reply = false;
  bool repeat = false;
  bool repeat_unseen = false;  // the agent sees the first reply
};

Result<http::Exchange> Road::send(const http::Url& url, http::Request request) {
  Passage passage{.url = url, .request = std::move(request), .name = "GET"};
  if (passage.request.method == "GET" && !authorization_.empty()) passage.request.headers.set("Authorization", authorization_);
  if (passage.request.method == "POST") passage.name = top_element(passage.request.body);
  ++counts_[passage.name];
  originals_.push_back({passage.name, true, passage.request.body, passage.request.target});
  if (const Result<> passed = strike_request(passage); !passed) return Failure(passed.error());
  return carry(passage);
}

Result<http::Exchange> Road::carry(Passage& passage) {
  Result<http::Exchange> exchange = deliver(passage.url, passage.request);
  if (passage.repeat) {
    Result<http::Exchange> again = deliver(passage.url, passage.request);
    if (!passage.repeat_unseen) exchange = std::move(again);
  }
  if (!exchange) return exchange;
  if (passage.lose_reply) return cut();
  const bool message = is_message(exchange->response.media_type());
  const std::string name = message ? top_element(exchange->response.body) : std::string();
  if (message) {
    ++counts_[name];
    originals_.push_back({name, false, exchange->response.body, {}});
  }
  if (const Result<> passed = strike_reply(passage, *exchange); !passed) return Failure(passed.error());
  if (message) letters_.push_back({name, false, exchange->response.body, {}});
  return exchange;
}

Result<http::Exchange> Road::deliver(const http::Url& url, const http::Request& request) {
  Site* site = world_.site_at(url.host);
  if (site == nullptr) return fail(Fault::kUnavailable, "there is no host " + url.host);
  letters_.push_back({request.method == "POST" ? top_element(request.body) : "GET", true, request.body, request.target});
  http::Exchange exchange;
  exchange.response = site->service->handle(request);
  if (url.scheme == "https" && site->tls_certificate) exchange.server_certificate = site->tls_certificate->der();
  note(exchange.response);
  return exchange;
}

void Road::note(const http::Response& response) {
  if (response.status >= 400) refusal_ = {response.status, problem_id(response)};
}

bool Road::strikes(std::size_t attack, const std::string& message, const std::string& reply_to) {
  const Attack& a = attacks_[attack];
  const std::string& wanted = a.message.empty() ? a.reply_to : a.message;
  const std::string& there = a.message.empty() ? reply_to : message;
  if (there.empty() || wanted != there || counts_[there] != a.number) return false;
  ++struck_[attack];
  return true;
}

Result<> Road::strike_request(Passage& passage) {
  for (std::size_t i = 0; i < attacks_.size(); ++i) {
    if (!strikes(i, passage.name, "")) continue;
    Attack attack = attacks_[i];
    attack.value = filled(attack.value);
    attack.xml = filled(attack.xml);
    http::Request& request = passage.request;
    if (attack.action == "lose") return cut();
    if (attack.action == "lose-reply") {
      passage.lose_reply = true;
    } else if (attack.action == "repeat") {
      passage.repeat = true;
    } else if (attack.action == "repeat-unseen") {
      passage.repeat = passage.repeat_unseen = true;
    } else if (attack.action == "send-first") {
      http::Request first = request;
      first.body = earlier(attack.from);
      static_cast<void>(deliver(passage.url, first));
    } else if (attack.action == "header") {
      request.headers.set(attack.attribute, attack.value);
    } else if (attack.action == "path") {
      request.target = attack.value;
    } else if (attack.action == "host") {
      passage.url.host = attack.value;
    } else if (attack.action == "method") {
      request.method = attack.value;
    } else if (attack.action == "wait") {
      world_.clock().pass(std::chrono::seconds(attack.amount));
    } else if (attack.action == "restart") {
      world_.restart(*world_.site_at(passage.url.host));
    } else if (attack.action == "sign-again") {
      request.body = sign_again(world_, request.body);
    } else if (attack.action == "wrong-pin") {
      static_cast<void>(
          sks::call(world_.store(), sks::SignHashedData{static_cast<std::uint32_t>(attack.amount), std::string(uri::kEcdsaSha256),
                                                        SecretBytes::copy_of(bytes_of("9876")), Bytes(32)}));
    } else if (!edit(request.body, attack, [this](const std::string& name) { return earlier(name); })) {
      throw std::runtime_error("'" + attack.action + "' cannot be done to " + passage.name);
    }
  }
  return {};
}

Result<> Road::strike_reply(Passage& passage, http::Exchange& exchange) {
  const bool message = is_message(exchange.response.media_type());
  const std::string name = message ? top_element(exchange.response.body) : std::string();
  for (std::size_t i = 0; i < attacks_.size(); ++i) {
    if (!strikes(i, name, passage.name)) continue;
    Attack attack = attacks_[i];
    attack.value = filled(attack.value);
    attack.xml = filled(attack.xml);
    http::Response& response = exchange.response;
    if (attack.action == "lose") return cut();
    if (attack.action == "header") {
      response.headers.set(attack.attribute, attack.value);
    } else if (attack.action == "status") {
      response.status = static_cast<int>(attack.amount);
    } else if (attack.action == "page") {
      response = http::text_response(static_cast<int>(attack.amount), attack.value, "text/html; charset=utf-8");
    } else if (attack.action == "redirect") {
      response = http::text_response(static_cast<int>(attack.amount), "elsewhere");
      response.headers.set("Location", attack.value);
    } else if (attack.action == "certificate") {
      exchange.server_certificate = world_.site(attack.value).tls_certificate->der();
    } else if (attack.action == "wait") {
      world_.clock().pass(std::chrono::seconds(attack.amount));
    } else if (attack.action == "mac-again") {
      const auto made = std::ranges::find(letters_, "KeyInitializationResponse", &Letter::name);
      response.body = mac_again(world_, *world_.site_at(passage.url.host), response.body, made == letters_.end() ? Bytes() : made->text);
    } else if (attack.action == "sign-by-stranger") {
      response.body = sign_by_stranger(response.body);
    } else if (attack.action == "sign-lookups-by-namesake") {
      response.body = sign_lookups_by_namesake(response.body, world_.site(attack.value));
    } else if (!edit(response.body, attack, [this](const std::string& earlier_name) { return earlier(earlier_name); })) {
      throw std::runtime_error("'" + attack.action + "' cannot be done to a reply");
    }
  }
  return {};
}

std::vector<std::string> Road::idle_attacks() const {
  std::vector<std::string> idle;
  for (std::size_t i = 0; i < attacks_.size(); ++i) {
    if (!struck_.contains(i)) idle.push_back(attacks_[i].action + " " + attacks_[i].message + attacks_[i].reply_to);
  }
  return idle;
}

const Letter& Road::earlier_letter(const std::string& name) const {
  const std::size_t dot = name.find('.');
  const std::vector<Letter>& letters = dot == std::string::npos ? originals_ : archive_.at(name.substr(0, dot));
  const std::string message = dot == std::string::npos ? name : name.substr(dot + 1);
  const auto found = std::ranges::find(letters, message, &Letter::name);
  if (found == letters.end()) throw std::runtime_error("no " + name + " has passed");
  return *found;
}

// What "{...}" stands for in a value.
std::string Road::named(const std::string& name) const {
  constexpr std::string_view kZeros = "zeros ";
  constexpr std::string_view kFingerprint = "fingerprint ";
  constexpr std::string_view kTarget = "target ";
  if (name.starts_with(kTarget)) return earlier_letter(name.substr(kTarget.size())).target;
  if (name.starts_with(kZeros)) return base64_encode(Bytes(static_cast<std::size_t>(std::stoul(name.substr(kZeros.size())))));
  const bool fingerprint = name.starts_with(kFingerprint);
  const std::string rest = fingerprint ? name.substr(kFingerprint.size()) : name;
  const std::size_t at = rest.rfind('@');
  const std::size_t slash = rest.find('/');
  const xml::Document document = must(xml::Document::parse(earlier(rest.substr(0, std::min(at, slash)))));
  std::string path = slash == std::string::npos ? std::string() : rest.substr(slash, at == std::string::npos ? at : at - slash);
  if (path.starts_with('/') && !path.starts_with("//")) path.erase(0, 1);
  const xml::Element element = element_at(document.root(), path);
  if (fingerprint) return base64_encode(crypto::sha256(must(base64_decode(element.text(), Whitespace::kXml))));
  const auto value = element.attribute(rest.substr(at + 1));
  if (!value) throw std::runtime_error("there is no " + name);
  return *value;
}

std::string Road::filled(std::string text) const {
  for (std::size_t open = text.find('{'); open != std::string::npos; open = text.find('{', open)) {
    const std::size_t close = text.find('}', open);
    const std::string value = named(text.substr(open + 1, close - open - 1));
    text.replace(open, close - open + 1, value);
    open += value.size();
  }
  return text;
}

}  // namespace airtight::e2e
