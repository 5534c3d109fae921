#include <mutex>

#include "base/encoding.h"
#include "crypto/digest.h"
#include "sealing/internal/counters.h"
#include "sealing/internal/lines.h"
#include "storage/files.h"

namespace airtight::sealing::internal {
namespace {

constexpr std::size_t kLargestFile = 1024;
constexpr std::string_view kVersionName = "airtight-anchor-count";

std::string text_of_count(std::uint64_t count, const SecretBytes& key) {
  std::string out;
  add_line(out, kVersionName, "1");
  add_line(out, "count", std::to_string(count));
  add_line(out, "mac", hex_encode(crypto::hmac_sha256(key.expose_secret(), {bytes_of(out)})));
  return out;
}

Result<std::uint64_t> count_in(std::string_view text, const SecretBytes& key) {
  Lines lines(text);
  TRY(lines.value(kVersionName));
  const auto count = TRY(lines.number<std::uint64_t>("count"));
  if (!equal_in_constant_time(bytes_of(text_of_count(count, key)), bytes_of(text))) return Lines::damaged();
  return count;
}

// Each counter starts somewhere else, so that a store that is bound to one does not take another for it.
std::uint64_t first_count(const SecretBytes& key) {
  const auto value = crypto::hmac_sha256(key.expose_secret(), {bytes_of("airtight anchor: first count")});
  std::uint64_t out = 1;
  for (const std::byte byte : ByteView(value).first(5)) out = out << 8 | std::to_integer<std::uint64_t>(byte);
  return out;
}

class FileCounter final : public Counter {
 public:
  FileCounter(std::filesystem::path path, SecretBytes key) : path_(std::move(path)), key_(std::move(key)) {}

  Result<std::uint64_t> read() override {
    const std::lock_guard lock(mutex_);
    return read_file();
  }

  Result<std::uint64_t> advance() override {
    const std::lock_guard lock(mutex_);
    const std::uint64_t count = TRY(read_file()) + 1;
    TRY(storage::write_file(path_, bytes_of(text_of_count(count, key_)), storage::FileMode::kPrivate));
    return count;
  }

 private:
  [[nodiscard]] Result<std::uint64_t> read_file() const {
    auto text = storage::read_file(path_, kLargestFile);
    if (!text && text.error().fault == Fault::kNotFound) {
      return fail(
          Fault::kNotFound, "the anchor " + path_.native() + " is missing",
          "mount the disk that holds it; an older copy of it does not help, as it counts what has happened since. If it is gone for "
          "good, 'airtight device restore --lost' puts a backup in place that is bound to no anchor");
    }
    if (!text) return Failure(std::move(text.error()));
    const auto count = count_in(text_of(*text), key_);
    if (count) return count;
    return fail(Fault::kRefused, "the anchor " + path_.native() + " was changed, or belongs to another store",
                "put back the file that belongs to this store");
  }

  const std::filesystem::path path_;
  const SecretBytes key_;
  std::mutex mutex_;
};

}  // namespace

Result<> make_file_counter(const std::filesystem::path& path, const SecretBytes& key) {
  auto made = storage::write_new_file(path, bytes_of(text_of_count(first_count(key), key)), storage::FileMode::kPrivate);
  if (made) return {};
  return Failure(std::move(made.error()).in("the anchor cannot be made"));
}

std::unique_ptr<Counter> file_counter(const std::filesystem::path& path, SecretBytes key) {
  return std::make_unique<FileCounter>(path, std::move(key));
}

Result<> remove_file_counter(const std::filesystem::path& path, SecretBytes key) {
  const auto count = FileCounter(path, std::move(key)).read();
  if (count) return storage::remove_file(path);
  // Another's file stays.
  if (count.error().fault == Fault::kNotFound || count.error().fault == Fault::kRefused) return {};
  return Failure(count.error());
}

}  // namespace airtight::sealing::internal
