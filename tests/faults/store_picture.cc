#include "tests/faults/store_picture.h"

#include "crypto/random.h"
#include "sealing/seal.h"
#include "sks/internal/places.h"
#include "sks/records.h"
#include "storage/database.h"
#include "tests/support/must.h"

namespace airtight::faults {
namespace {

using tests::must;

std::string line(std::string_view name, std::initializer_list<std::uint64_t> numbers, std::string_view text = {}) {
  std::string out(name);
  for (const std::uint64_t number : numbers) out += " " + std::to_string(number);
  return out + " " + std::string(text) + "\n";
}

std::string text_of(const sks::SharedSecret& value) { return to_text(value->expose_secret()); }

void add(StorePicture& picture, const sks::SessionTree& tree, const sks::internal::Inventory& inventory) {
  const sks::Session& session = tree.session;
  picture.rows += line("session", {session.handle, session.open ? 1U : 0U, session.key_uses, session.mac_counter, session.key_limit},
                       session.server_session_id);
  for (const auto& puk : tree.puk_policies) {
    picture.rows += line("puk policy", {puk->handle, session.handle}, puk->id + " " + text_of(puk->value));
    picture.errors["PUK " + std::to_string(puk->handle)] = puk->error_count;
  }
  for (const auto& policy : tree.pin_policies) {
    picture.rows += line("pin policy", {policy->handle, session.handle, policy->puk_policy}, policy->id);
  }
  for (const auto& pin : tree.pins) {
    picture.rows += line("pin", {pin->id, pin->policy, static_cast<std::uint64_t>(pin->half)}, text_of(pin->value));
    picture.errors["PIN " + std::to_string(pin->id)] = pin->error_count;
  }
  for (const auto& key : tree.keys) {
    picture.rows += line("key", {key->handle, session.handle, key->pin_policy, key->pin, key->extensions.size()}, key->id);
  }
  for (const auto& item : inventory) {
    if (sks::internal::is_bulk(item.record.kind)) {
      picture.rows += line("bulk", {static_cast<std::uint64_t>(item.record.kind), item.record.id, item.record.part});
    }
  }
  if (session.open) picture.has_open_session = true;
}

}  // namespace

std::int64_t StorePicture::errors_of(const std::string& what) const {
  const auto found = errors.find(what);
  return found == errors.end() ? 0 : found->second;
}

std::string StorePicture::shape() const {
  std::string out;
  for (const char c : rows) {
    const bool is_digit = c >= '0' && c <= '9';
    if (!is_digit) out += c;
  }
  for (const auto& [what, count] : errors) out += " " + std::to_string(count);
  return out;
}

StorePicture picture_of(const std::filesystem::path& folder) {
  crypto::SystemRandom random;
  auto database = must(storage::open_sqlite(folder / "sks.db", {.exclusive = true}));
  const auto records = must(sks::Records::open(std::move(database), must(sealing::open_master_key(folder, {})), random, nullptr));
  StorePicture picture;
  for (const std::uint64_t next : records->next_handles()) {
    picture.counters.push_back(static_cast<std::int64_t>(next));
    picture.rows += line("counter", {next});
  }
  for (const sks::Handle session : must(records->all_sessions())) {
    if (session == sks::kDeviceTree) continue;
    const auto loaded = must(records->load(session));
    add(picture, *loaded->tree, loaded->inventory);
  }
  return picture;
}

}  // namespace airtight::faults
