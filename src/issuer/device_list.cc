#include "issuer/device_list.h"

#include <algorithm>

#include "base/text.h"
#include "provenance/verdict.h"

namespace airtight::issuer {
namespace {

using storage::Database;
using storage::Row;
using storage::Value;

constexpr std::size_t kGroup = 4;

ListedDevice device_from(const Row& row) {
  return {.profile = row.text(0),
          .device_id = row.text(1),
          .fingerprint = row.is_null(2) ? Bytes() : row.blob(2),
          .subject = row.text(3),
          .added_at = {row.integer(4)}};
}

Failure at_line(std::size_t line, std::string sentence) {
  return fail(Fault::kBadInput, "line " + std::to_string(line) + ": " + std::move(sentence), "write: DEVICE,\"SUBJECT\"");
}

// Reads CSV one record after the other.
class CsvReader {
 public:
  explicit CsvReader(std::string_view text) : rest_(text) {}

  [[nodiscard]] bool at_end() const { return rest_.empty(); }
  [[nodiscard]] std::size_t line() const { return line_; }

  // Skips what is a comment or empty; whether it did.
  bool skip_line() {
    if (rest_.front() != '#' && rest_.front() != '\n' && !rest_.starts_with("\r\n")) return false;
    const std::size_t end = rest_.find('\n');
    rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 1);
    ++line_;
    return true;
  }

  Result<std::vector<std::string>> record() {
    std::vector<std::string> fields;
    for (;;) {
      fields.push_back(TRY(field()));
      if (rest_.starts_with(',')) {
        rest_.remove_prefix(1);
        continue;
      }
      if (rest_.starts_with("\r\n")) rest_.remove_prefix(1);
      if (!rest_.empty()) rest_.remove_prefix(1);
      ++line_;
      return fields;
    }
  }

 private:
  Result<std::string> field() {
    std::string out;
    if (!rest_.starts_with('"')) {
      out = rest_.substr(0, rest_.find_first_of(",\n\""));
      if (out.ends_with('\r') && rest_.substr(out.size()).starts_with('\n')) out.pop_back();
      rest_.remove_prefix(out.size());
      if (rest_.starts_with('"')) return at_line(line_, "a quote stands inside a field that does not begin with one");
      return out;
    }
    const std::size_t begin = line_;
    for (rest_.remove_prefix(1);;) {
      const std::size_t quote = rest_.find('"');
      if (quote == std::string_view::npos) return at_line(begin, "a field in quotes does not end");
      out += rest_.substr(0, quote);
      line_ += static_cast<std::size_t>(std::ranges::count(rest_.substr(0, quote), '\n'));
      rest_.remove_prefix(quote + 1);
      if (!rest_.starts_with('"')) break;
      out += '"';
      rest_.remove_prefix(1);
    }
    if (rest_.empty() || rest_.starts_with(',') || rest_.starts_with('\n') || rest_.starts_with("\r\n")) return out;
    return at_line(line_, "something follows a field in quotes");
  }

  std::string_view rest_;
  std::size_t line_ = 1;
};

}  // namespace

Result<bool> insert_device(Database& database, const ListedDevice& device) {
  return TRY(database.execute("INSERT INTO issuer_devices (profile, device_id, fingerprint, subject, added_at) VALUES (?, ?, ?, ?, ?) "
                              "ON CONFLICT (profile, device_id) DO NOTHING",
                              {std::string_view(device.profile), std::string_view(device.device_id),
                               device.fingerprint.empty() ? Value(std::monostate()) : Value(ByteView(device.fingerprint)),
                               std::string_view(device.subject), device.added_at.milliseconds})) == 1;
}

Result<bool> remove_device(Database& database, std::string_view profile, std::string_view device_id) {
  return TRY(database.execute("DELETE FROM issuer_devices WHERE profile = ? AND device_id = ?", {profile, device_id})) == 1;
}

Result<std::vector<ListedDevice>> list_devices(Database& database) {
  return storage::query_all(database,
                            "SELECT profile, device_id, fingerprint, subject, added_at FROM issuer_devices ORDER BY profile, device_id", {},
                            device_from);
}

Result<std::optional<ListedDevice>> find_device(Database& database, std::string_view profile, std::string_view device_id,
                                                const crypto::Sha256Value& fingerprint) {
  return storage::query_one(database,
                            "SELECT profile, device_id, fingerprint, subject, added_at FROM issuer_devices WHERE profile = ? AND "
                            "device_id = ? AND (fingerprint IS NULL OR fingerprint = ?)",
                            {profile, device_id, ByteView(fingerprint)}, device_from);
}

Result<std::string> read_device_id(std::string_view text) {
  if (!provenance::is_device_id(text))
    return fail(Fault::kBadInput, "this is no device ID: its check character does not fit, or it has not 17 characters",
                "read it again where the device shows it: 'airtight device info'");
  std::string out;
  for (const char c : text) {
    if (c == '-' || c == ' ') continue;
    if (out.size() % (kGroup + 1) == kGroup) out.push_back('-');
    out.push_back(c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c);
  }
  return out;
}

Result<std::vector<DeviceLine>> read_device_lines(std::string_view text) {
  if (!is_utf8(bytes_of(text))) return fail(Fault::kBadInput, "the file is not UTF-8");
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);  // what spreadsheets put in front
  CsvReader reader(text);
  std::vector<DeviceLine> out;
  for (bool first = true; !reader.at_end();) {
    if (reader.skip_line()) continue;
    const std::size_t line = reader.line();
    std::vector<std::string> fields = TRY(reader.record());
    const bool is_heading = first && fields.front() == "device";
    first = false;
    if (is_heading) continue;
    if (fields.size() > 2) return at_line(line, "there are " + std::to_string(fields.size()) + " fields, and at most 2 are known");
    if (fields.front().empty()) return at_line(line, "the device is missing");
    out.push_back({line, std::move(fields[0]), fields.size() > 1 ? std::move(fields[1]) : std::string()});
  }
  return out;
}

}  // namespace airtight::issuer
