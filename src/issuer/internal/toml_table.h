// A TOML table read strictly: every value is asked for by name with its range, and finish() refuses what nobody asked for.
// Each error says file, line and column, and what is allowed there.
#pragma once

#include <toml++/toml.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/key_attributes.h"
#include "base/result.h"

namespace airtight::issuer {

// Parses a whole document. `file` is its name in errors.
[[nodiscard]] Result<toml::table> parse_toml(std::string_view text, std::string_view file);

class TomlTable {
 public:
  // `table` outlives this. `path` names it for people: "[profiles.default]".
  TomlTable(const toml::table& table, std::string path, std::string file)
      : table_(&table), path_(std::move(path)), file_(std::move(file)) {}

  [[nodiscard]] Result<std::optional<std::string>> text(std::string_view name);
  [[nodiscard]] Result<std::optional<std::int64_t>> integer(std::string_view name, std::int64_t least, std::int64_t most);
  [[nodiscard]] Result<std::optional<bool>> boolean(std::string_view name);
  [[nodiscard]] Result<std::vector<std::string>> texts(std::string_view name);  // empty if absent
  [[nodiscard]] Result<std::optional<TomlTable>> table(std::string_view name);
  [[nodiscard]] Result<std::vector<TomlTable>> tables(std::string_view name);  // an array of tables; empty if absent
  [[nodiscard]] std::vector<std::string> names() const;

  // The same where a value must be there.
  [[nodiscard]] Result<std::string> required_text(std::string_view name);
  [[nodiscard]] Result<std::int64_t> required_integer(std::string_view name, std::int64_t least, std::int64_t most);

  // One of the KeyGen2 names of E.
  template <typename E>
  [[nodiscard]] Result<std::optional<E>> choice(std::string_view name) {
    const std::optional<std::string> word = TRY(text(name));
    if (!word) return std::optional<E>();
    if (const std::optional<E> value = value_named<E>(*word)) return value;
    return Failure(not_one_of(name, *word, names_of<E>()));
  }

  // "a, b, c": the KeyGen2 names of E.
  template <typename E>
  [[nodiscard]] static std::string names_of() {
    std::string all;
    for (const auto& entry : kNames<E>) all.append(all.empty() ? "" : ", ").append(entry.name);
    return all;
  }

  // Refuses every name that was never asked for.
  [[nodiscard]] Result<> finish() const;

  // An error at the value `name`, or at the table where there is none.
  [[nodiscard]] Error error_at(std::string_view name, const std::string& sentence, std::string hint = {}) const;
  [[nodiscard]] Error not_one_of(std::string_view name, std::string_view word, const std::string& allowed) const;

  [[nodiscard]] bool has(std::string_view name) const { return table_->contains(name); }
  [[nodiscard]] const toml::table& raw() const { return *table_; }

 private:
  [[nodiscard]] const toml::node* find(std::string_view name);
  [[nodiscard]] Error missing(std::string_view name) const;

  const toml::table* table_;
  std::string path_;
  std::string file_;
  std::vector<std::string> known_;
};

}  // namespace airtight::issuer
