#include "tests/model/script.h"

#include <algorithm>

#include "tests/model/describe.h"

namespace airtight::sks::model {

namespace {
constexpr std::array<std::string_view, 11> kPins = {
    "1234", "4711", "0000", "1212", "9876", "A1B2", "AB12", "aB1#", "135674", "12345678", "\x01\xff\x80\x7f"};
}  // namespace

Script::Script(ByteView input) : choices_(input), workshop_(Workshop::instance()), model_(workshop_.device(), workshop_.known_keys()) {}

void Script::run() try {
  unsigned steps = 0;
  while (!choices_.done()) {
    step();
    if (++steps % 16 == 0) compare_all();
  }
  compare_all();
  for (const Finding& finding : world_.findings()) throw Difference("verify: " + finding.id + ", " + finding.subject + ": " + finding.text);
} catch (const Difference& difference) {
  throw Difference(difference.what() + std::string("\n") + trace());
}

void Script::event(std::string text) { steps_.push_back({{}, std::nullopt, std::move(text)}); }

std::string Script::trace() const {
  std::string out;
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    const Step& step = steps_[i];
    out += "  " + std::to_string(i) + ": ";
    if (!step.event.empty()) {
      out += step.event;
    } else {
      out +=
          describe(step.request) + " -> " + (step.status ? *step.status == Status::kOk ? "ok" : std::string(name_of(*step.status)) : "?");
    }
    out += "\n";
  }
  return out;
}

void Script::step() {
  const unsigned choice = choices_.next();
  if (choice < 3) {
    const unsigned seconds = 1 + choices_.next();
    event("the clock goes on by " + std::to_string(seconds) + " s");
    world_.pass(std::chrono::seconds(seconds));
    model_.expire(world_.now());
  } else if (choice < 5) {
    event("stopped and opened again");
    world_.reopen();
  } else if (choice < 7) {
    event("killed and opened again");
    world_.kill();
    model_.killed();
    compare_all();
  } else if (choice < 140 || !(has_user_keys() || choices_.rarely())) {
    provisioning_step(choice % 133);
  } else {
    user_step(choice - 140);
  }
}

// All that can be seen from outside.
void Script::compare_all() {
  const std::size_t steps_before = steps_.size();
  const Answers answers_before = answers_;
  EnumerateProvisioningSessions sessions;
  do {
    sessions.provisioning_handle = call(sessions).response->provisioning_handle;
  } while (sessions.provisioning_handle != kNoHandle);
  EnumerateKeys keys;
  while (true) {
    const auto answer = call(keys);
    keys.key_handle = answer.response->key_handle;
    if (keys.key_handle == kNoHandle) break;
    call(GetKeyProtectionInfo{keys.key_handle});
    for (const std::string& type : answer.response->key->extension_types.values) call(GetExtensionObject{keys.key_handle, to_bytes(type)});
  }
  steps_.resize(steps_before);  // nothing happened in there
  answers_ = answers_before;
}

bool Script::has_user_keys() const {
  return std::ranges::any_of(model_.keys(), [&](const auto& entry) { return !model_.is_open(entry.second.session); });
}

std::vector<Handle> Script::open_sessions() const {
  std::vector<Handle> handles;
  for (const auto& [handle, session] : model_.sessions()) {
    if (session.open) handles.push_back(handle);
  }
  return handles;
}

Handle Script::odd_handle() {
  const unsigned choice = choices_.below(4);
  if (choice == 0) return 0;
  if (choice == 1) return kNoHandle;
  if (choice == 2) return 1000000;
  return 1 + choices_.below(20);  // gone, or of another session, or fine
}

Handle Script::some_session() {
  const auto handles = open_sessions();
  if (handles.empty() || choices_.rarely()) return odd_handle();
  return choices_.of(handles);
}

Handle Script::some_key_of(Handle session) {
  std::vector<Handle> handles;
  for (const auto& [handle, key] : model_.keys()) {
    if (key.session == session) handles.push_back(handle);
  }
  if (handles.empty() || choices_.rarely()) return odd_handle();
  return choices_.of(handles);
}

Handle Script::some_user_key(const Suits& suits) {
  std::vector<Handle> all;
  std::vector<Handle> suitable;
  for (const auto& [handle, key] : model_.keys()) {
    if (model_.is_open(key.session)) continue;
    all.push_back(handle);
    if (!suits || suits(key)) suitable.push_back(handle);
  }
  if (all.empty() || choices_.rarely()) return odd_handle();
  return choices_.of(suitable.empty() || choices_.rarely() ? all : suitable);
}

const Session* Script::session(Handle handle) const {
  const auto found = model_.sessions().find(handle);
  return found == model_.sessions().end() ? nullptr : &found->second;
}

const Key* Script::key(Handle handle) const {
  const auto found = model_.keys().find(handle);
  return found == model_.keys().end() ? nullptr : &found->second;
}

std::string Script::some_id(std::string_view prefix) {
  static const std::array<std::string, 6> kOdd = {"", "1st", "a b", "Device", std::string(33, 'a'), "\xff\xfe"};
  if (choices_.rarely()) return choices_.of(kOdd);
  return std::string(prefix) + std::to_string(choices_.next());
}

// One that fits, if there is one among the usual.
Bytes Script::some_pin(Handle policy, KeyUsage usage, const Pin* changing, bool by_user) {
  const std::size_t start = choices_.below(kPins.size());
  const auto found = model_.pin_policies().find(policy);
  if (found == model_.pin_policies().end() || choices_.rarely()) return to_bytes(kPins[start]);
  const CreatePinPolicy& asked = found->second.asked;
  if (changing == nullptr) {
    if (const auto shared = model_.shared_pin(policy, usage)) return shared->value;
  }
  for (std::size_t i = 0; i < kPins.size(); ++i) {
    const ByteView pin = bytes_of(kPins[(start + i) % kPins.size()]);
    const bool fits = by_user ? Model::fits_rules(asked, pin) : pin.size() >= asked.min_length && pin.size() <= asked.max_length;
    if (fits && model_.fits_group(policy, usage, pin, changing)) return to_bytes(pin);
  }
  return to_bytes(kPins[start]);
}

SecretBytes Script::pin_for(Handle handle) {
  const Key* const found = key(handle);
  const unsigned choice = choices_.next();
  if (choice >= 250) return SecretBytes();
  if (choice >= 200) return SecretBytes::copy_of(bytes_of(choices_.of(kPins)));
  return found != nullptr && found->pin ? SecretBytes::copy_of(found->pin->value) : SecretBytes();
}

const PukPolicy* Script::puk_of(const Key& key) const {
  if (key.pin_policy == 0) return nullptr;
  const Handle puk = model_.pin_policies().at(key.pin_policy).asked.puk_policy_handle;
  return puk == 0 ? nullptr : &model_.puk_policies().at(puk);
}

SecretBytes Script::puk_for(Handle handle) {
  const Key* const found = key(handle);
  const PukPolicy* const puk = found == nullptr ? nullptr : puk_of(*found);
  const unsigned choice = choices_.next();
  if (choice >= 250) return SecretBytes();
  if (choice >= 200 || puk == nullptr) return SecretBytes::copy_of(bytes_of(choices_.of(kPins)));
  return SecretBytes::copy_of(puk->value);
}

SecretBytes Script::authorization_for(Handle handle, std::uint8_t policy) {
  if (policy == 1) return pin_for(handle);
  if (policy == 2) return puk_for(handle);
  return choices_.rarely() ? SecretBytes::copy_of(bytes_of("1234")) : SecretBytes();
}

Bytes Script::encrypted(Handle handle, ByteView plain) {
  Bytes out = encrypted_for(model_, handle, plain);
  if (choices_.rarely()) {
    const unsigned choice = choices_.below(4);
    if (choice == 0) out.back() ^= std::byte{1};
    if (choice == 1) out.pop_back();
    if (choice == 2) out.clear();
    if (choice == 3) out.resize(16);
  }
  return out;
}

// Nothing wrong with it, mostly.
std::optional<MacMistake> Script::some_mistake() {
  if (!choices_.rarely()) return MacMistake{};
  const unsigned how = choices_.below(3);
  if (how == 0) return MacMistake{1, {}};
  if (how == 1) return MacMistake{0, "setCertificateP"};
  return std::nullopt;
}

}  // namespace airtight::sks::model
