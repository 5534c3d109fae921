#include "sks/state.h"

#include <algorithm>

namespace airtight::sks {
namespace {

std::uint64_t name_in_tree(const PukPolicy& policy) { return policy.handle; }
std::uint64_t name_in_tree(const PinPolicy& policy) { return policy.handle; }
std::uint64_t name_in_tree(const Pin& pin) { return pin.id; }
std::uint64_t name_in_tree(const Key& key) { return key.handle; }

// Where the element with this name is, or would be.
template <typename List>
auto place_of(List& list, std::uint64_t name) {
  return std::ranges::lower_bound(list, name, {}, [](const auto& element) { return name_in_tree(*element); });
}

template <typename T>
const T* find(const std::vector<Ref<T>>& list, std::uint64_t name) {
  const auto at = place_of(list, name);
  return at != list.end() && name_in_tree(**at) == name ? at->get() : nullptr;
}

template <typename T>
T& renew(std::vector<Ref<T>>& list, std::uint64_t name) {
  const auto at = place_of(list, name);
  auto copy = std::make_shared<T>(**at);
  *at = copy;
  return *copy;
}

template <typename T>
void insert(std::vector<Ref<T>>& list, T element) {
  const auto at = place_of(list, name_in_tree(element));
  list.insert(at, std::make_shared<const T>(std::move(element)));
}

// The elements of `from` go over to `to` as they are.
template <typename T>
void take_all(std::vector<Ref<T>>& to, const std::vector<Ref<T>>& from) {
  std::vector<Ref<T>> all;
  all.reserve(to.size() + from.size());
  std::ranges::merge(
      to, from, std::back_inserter(all), {}, [](const Ref<T>& element) { return name_in_tree(*element); },
      [](const Ref<T>& element) { return name_in_tree(*element); });
  to = std::move(all);
}

}  // namespace

const PukPolicy* SessionTree::puk_policy(Handle handle) const { return find(puk_policies, handle); }
const PinPolicy* SessionTree::pin_policy(Handle handle) const { return find(pin_policies, handle); }
const Pin* SessionTree::pin(std::uint64_t id) const { return find(pins, id); }
const Key* SessionTree::key(Handle handle) const { return find(keys, handle); }

Key& SessionTree::change_key(Handle handle) { return renew(keys, handle); }
Pin& SessionTree::change_pin(std::uint64_t id) { return renew(pins, id); }
PukPolicy& SessionTree::change_puk_policy(Handle handle) { return renew(puk_policies, handle); }

void SessionTree::add(PukPolicy policy) { insert(puk_policies, std::move(policy)); }
void SessionTree::add(PinPolicy policy) { insert(pin_policies, std::move(policy)); }
void SessionTree::add(Pin pin) { insert(pins, std::move(pin)); }
void SessionTree::add(Key key) { insert(keys, std::move(key)); }

void SessionTree::remove_key(Handle handle) {
  const Key* const key = find(keys, handle);
  if (key == nullptr) return;
  const std::uint64_t pin_id = key->pin;
  keys.erase(place_of(keys, handle));
  if (pin_id == 0 || std::ranges::any_of(keys, [&](const Ref<Key>& other) { return other->pin == pin_id; })) return;
  if (const auto at = place_of(pins, pin_id); at != pins.end() && (*at)->id == pin_id) pins.erase(at);
}

void SessionTree::take_objects_of(const SessionTree& other) {
  take_all(puk_policies, other.puk_policies);
  take_all(pin_policies, other.pin_policies);
  take_all(pins, other.pins);
  take_all(keys, other.keys);
}

}  // namespace airtight::sks
