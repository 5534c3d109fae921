// The road between a device and its issuers, as the agent's HTTP client: it carries messages to the service that answers for a host, keeps
// a copy of each, and lets a scenario's attacks strike them.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "http/client.h"
#include "tests/e2e/scenario.h"
#include "tests/e2e/world.h"

namespace airtight::e2e {

// A message as it arrived.
struct Letter {
  std::string name;  // of the message
  bool to_issuer = false;
  Bytes text;
  std::string target = {};  // of the request
};

// What the issuer said no to, last.
struct SeenRefusal {
  int status = 0;
  std::string id;  // without its prefix
};

// The letters of earlier sessions by the names of these.
using Archive = std::map<std::string, std::vector<Letter>>;

class Road final : public http::Client {
 public:
  // All of these outlive it.
  Road(World& world, const std::vector<Attack>& attacks, const Archive& archive) : world_(world), attacks_(attacks), archive_(archive) {}

  [[nodiscard]] Result<http::Exchange> send(const http::Url& url, http::Request request) override;
  // What the device shows with each GET.
  void set_authorization(std::string text) { authorization_ = std::move(text); }

  [[nodiscard]] const std::vector<Letter>& letters() const { return letters_; }
  // The same as they were sent.
  [[nodiscard]] const std::vector<Letter>& originals() const { return originals_; }
  [[nodiscard]] const std::optional<SeenRefusal>& refusal() const { return refusal_; }
  // The attacks that struck nothing.
  [[nodiscard]] std::vector<std::string> idle_attacks() const;

  // Earlier text of the message `name`: of this session, or "session.name" of an earlier one. Throws if it is not there.
  [[nodiscard]] Bytes earlier(const std::string& name) const { return earlier_letter(name).text; }

 private:
  struct Passage;  // one request and its reply
  [[nodiscard]] Result<http::Exchange> carry(Passage& passage);
  [[nodiscard]] Result<http::Exchange> deliver(const http::Url& url, const http::Request& request);
  [[nodiscard]] bool strikes(std::size_t attack, const std::string& message, const std::string& reply_to);
  [[nodiscard]] Result<> strike_request(Passage& passage);
  [[nodiscard]] Result<> strike_reply(Passage& passage, http::Exchange& exchange);
  [[nodiscard]] const Letter& earlier_letter(const std::string& name) const;
  [[nodiscard]] std::string filled(std::string text) const;
  [[nodiscard]] std::string named(const std::string& name) const;
  void note(const http::Response& response);

  World& world_;
  const std::vector<Attack>& attacks_;
  const Archive& archive_;
  std::string authorization_;
  std::map<std::string, int> counts_;  // of messages, by name
  std::map<std::size_t, int> struck_;  // by attack
  std::vector<Letter> letters_;        // as they arrived
  std::vector<Letter> originals_;      // as they were sent
  std::optional<SeenRefusal> refusal_;
};

}  // namespace airtight::e2e
