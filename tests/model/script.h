// A script of calls, made up from bytes: run against a store and compared with the model, call by call. Most calls are such as a good
// issuer or program makes; some are a little wrong.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/model/choices.h"
#include "tests/model/model.h"
#include "tests/model/right_mac.h"
#include "tests/model/world.h"

namespace airtight::sks::model {

class Script {
 public:
  explicit Script(ByteView input);
  // To the end of the input. Throws Difference, with all that was called.
  void run();
  // How often each method was answered with each status; calls that compare the whole state not included.
  using Answers = std::map<std::pair<std::string_view, Status>, unsigned>;
  [[nodiscard]] const Answers& answers() const { return answers_; }

 private:
  struct Step {
    Bytes request;
    std::optional<Status> status;  // of the answer
    std::string event;             // instead of a request
  };

  template <typename Request>
  Answer<Request> call(const Request& request);
  void event(std::string text);
  [[nodiscard]] std::string trace() const;
  void step();
  void provisioning_step(unsigned choice);
  void user_step(unsigned choice);
  void compare_all();

  // Choosing.
  [[nodiscard]] std::vector<Handle> open_sessions() const;
  [[nodiscard]] bool has_user_keys() const;
  [[nodiscard]] Handle odd_handle();
  [[nodiscard]] Handle some_session();               // mostly an open one
  [[nodiscard]] Handle some_key_of(Handle session);  // mostly one of it
  // Mostly a provisioned one that `suits`, if there is one.
  using Suits = std::function<bool(const Key&)>;
  [[nodiscard]] Handle some_user_key(const Suits& suits = {});
  [[nodiscard]] const Session* session(Handle handle) const;
  [[nodiscard]] const Key* key(Handle handle) const;
  [[nodiscard]] std::string some_id(std::string_view prefix);
  [[nodiscard]] Bytes some_pin(Handle policy, KeyUsage usage, const Pin* changing, bool by_user);
  [[nodiscard]] SecretBytes pin_for(Handle key);
  [[nodiscard]] SecretBytes puk_for(Handle key);
  [[nodiscard]] SecretBytes authorization_for(Handle key, std::uint8_t policy);
  [[nodiscard]] const PukPolicy* puk_of(const Key& key) const;

  // The issuer's side.
  [[nodiscard]] Bytes encrypted(Handle session, ByteView plain);
  [[nodiscard]] std::optional<MacMistake> some_mistake();  // none: a bit is wrong
  // Calls with the MAC that the request wants, or one that is wrong.
  template <HasMac Request>
  void call_with_mac(Request& request);

  void create_session();
  void get_session();
  void create_puk_policy(Handle session);
  Handle create_pin_policy(Handle session, Handle puk);
  void create_key(Handle session, Handle pin_policy, std::optional<KeyUsage> usage);
  void set_path(Handle session, Handle key);
  void set_symmetric_key(Handle session, Handle key);
  void restore(Handle session, Handle key);
  void add_extension(Handle session, Handle key);
  bool finish_key(Handle session, Handle key);  // one step; false if there is none left
  void complete(Handle session);                // so that it can be closed
  void close(Handle session);
  [[nodiscard]] Handle some_target();  // mostly one that may be updated
  void delete_target(Handle session);
  void update_target(Handle session);

  void sign();
  void decrypt();
  void hmac();
  void encrypt();
  void agree();
  void delete_or_export();
  void unlock();
  void change_pin();
  void set_pin();
  void set_property();
  void get_extension();

  Choices choices_;
  Workshop& workshop_;
  World world_;
  Model model_;
  std::vector<Step> steps_;
  std::map<std::string, std::vector<Bytes>> certificates_;  // made so far, by key
  Answers answers_;
};

template <HasMac Request>
void Script::call_with_mac(Request& request) {
  const auto mistake = some_mistake();
  request.mac = right_mac(model_, request, mistake.value_or(MacMistake{}));
  if (!mistake) request.mac[choices_.below(32)] ^= std::byte{1};
  call(request);
}

template <typename Request>
Answer<Request> Script::call(const Request& request) {
  steps_.push_back({to_bytes(wire::encode(method_of<Request>().number, request).expose_secret()), std::nullopt, {}});
  Answer<Request> answer = world_.call(request);
  steps_.back().status = answer.status;
  model_.check(request, world_.now(), answer);
  const auto waited = world_.waited();
  if (waited != model_.wait()) {
    throw Difference("waited " + std::to_string(waited.count()) + " ms instead of " + std::to_string(model_.wait().count()));
  }
  ++answers_[{method_of<Request>().name, answer.status}];
  return answer;
}

}  // namespace airtight::sks::model
