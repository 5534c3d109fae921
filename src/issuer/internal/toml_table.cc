#include "issuer/internal/toml_table.h"

#include <algorithm>
#include <cctype>

namespace airtight::issuer {
namespace {

std::string place(std::string_view file, const toml::source_position& position) {
  return std::string(file) + ":" + std::to_string(position.line) + ":" + std::to_string(position.column) + ": ";
}

}  // namespace

Result<toml::table> parse_toml(std::string_view text, std::string_view file) {
  try {
    return toml::parse(text);
  } catch (const toml::parse_error& fault) {  // how this library says "not TOML"
    std::string sentence(fault.description());
    if (!sentence.empty()) sentence.front() = static_cast<char>(std::tolower(static_cast<unsigned char>(sentence.front())));
    return fail(Fault::kBadInput, place(file, fault.source().begin) + sentence, "the file must be TOML 1.0 (https://toml.io)");
  }
}

const toml::node* TomlTable::find(std::string_view name) {
  known_.emplace_back(name);
  return table_->get(name);
}

Error TomlTable::error_at(std::string_view name, const std::string& sentence, std::string hint) const {
  const toml::node* node = table_->get(name);
  const toml::source_position position = node != nullptr ? node->source().begin : table_->source().begin;
  return {Fault::kBadInput, place(file_, position) + sentence, std::move(hint), std::nullopt};
}

Error TomlTable::not_one_of(std::string_view name, std::string_view word, const std::string& allowed) const {
  return error_at(name, std::string(name) + " cannot be \"" + std::string(word) + "\"", "allowed: " + allowed);
}

Error TomlTable::missing(std::string_view name) const {
  return error_at({}, path_ + " lacks '" + std::string(name) + "'", "add a line '" + std::string(name) + " = ...'");
}

Result<std::optional<std::string>> TomlTable::text(std::string_view name) {
  const toml::node* node = find(name);
  if (node == nullptr) return std::optional<std::string>();
  if (const auto* value = node->as_string()) return std::optional(value->get());
  return Failure(error_at(name, std::string(name) + " must be a text in quotes"));
}

Result<std::optional<std::int64_t>> TomlTable::integer(std::string_view name, std::int64_t least, std::int64_t most) {
  const toml::node* node = find(name);
  if (node == nullptr) return std::optional<std::int64_t>();
  const auto* value = node->as_integer();
  const std::string range = std::to_string(least) + " to " + std::to_string(most);
  if (value == nullptr) return Failure(error_at(name, std::string(name) + " must be an integer", "allowed: " + range));
  if (value->get() < least || value->get() > most) {
    return Failure(error_at(name, std::string(name) + " cannot be " + std::to_string(value->get()), "allowed: " + range));
  }
  return std::optional(value->get());
}

Result<std::optional<bool>> TomlTable::boolean(std::string_view name) {
  const toml::node* node = find(name);
  if (node == nullptr) return std::optional<bool>();
  if (const auto* value = node->as_boolean()) return std::optional(value->get());
  return Failure(error_at(name, std::string(name) + " must be true or false"));
}

Result<std::vector<std::string>> TomlTable::texts(std::string_view name) {
  std::vector<std::string> out;
  const toml::node* node = find(name);
  if (node == nullptr) return out;
  const toml::array* array = node->as_array();
  if (array == nullptr) return Failure(error_at(name, std::string(name) + " must be a list of texts: [\"...\", \"...\"]"));
  for (const toml::node& item : *array) {
    const auto* value = item.as_string();
    if (value == nullptr) return Failure(error_at(name, std::string(name) + " must hold texts alone: [\"...\", \"...\"]"));
    out.push_back(value->get());
  }
  return out;
}

Result<std::optional<TomlTable>> TomlTable::table(std::string_view name) {
  const toml::node* node = find(name);
  if (node == nullptr) return std::optional<TomlTable>();
  const toml::table* inner = node->as_table();
  if (inner == nullptr) return Failure(error_at(name, std::string(name) + " must be a table"));
  const std::string prefix = path_.empty() ? "" : path_.substr(1, path_.size() - 2) + ".";
  return std::optional(TomlTable(*inner, "[" + prefix + std::string(name) + "]", file_));
}

Result<std::vector<TomlTable>> TomlTable::tables(std::string_view name) {
  std::vector<TomlTable> out;
  const toml::node* node = find(name);
  if (node == nullptr) return out;
  const toml::array* array = node->as_array();
  const std::string prefix = path_.empty() ? "" : path_.substr(1, path_.size() - 2) + ".";
  const std::string path = "[" + prefix + std::string(name) + "]";
  if (array == nullptr) return Failure(error_at(name, std::string(name) + " must be written as tables", "begin each with [" + path + "]"));
  for (const toml::node& item : *array) {
    const toml::table* inner = item.as_table();
    if (inner == nullptr) return Failure(error_at(name, std::string(name) + " must hold tables alone", "begin each with [" + path + "]"));
    out.emplace_back(*inner, path, file_);
  }
  return out;
}

std::vector<std::string> TomlTable::names() const {
  std::vector<std::string> out;
  for (const auto& [key, value] : *table_) out.emplace_back(key.str());
  return out;
}

Result<std::string> TomlTable::required_text(std::string_view name) {
  std::optional<std::string> value = TRY(text(name));
  if (!value) return Failure(missing(name));
  return *std::move(value);
}

Result<std::int64_t> TomlTable::required_integer(std::string_view name, std::int64_t least, std::int64_t most) {
  const std::optional<std::int64_t> value = TRY(integer(name, least, most));
  if (!value) return Failure(missing(name));
  return *value;
}

Result<> TomlTable::finish() const {
  for (const auto& [key, value] : *table_) {
    if (std::ranges::find(known_, key.str()) != known_.end()) continue;
    std::string allowed;
    for (const std::string& name : known_) allowed += (allowed.empty() ? "" : ", ") + name;
    const std::string where = path_.empty() ? "at the top" : "in " + path_;
    return fail(Fault::kBadInput, place(file_, key.source().begin) + "unknown name '" + std::string(key.str()) + "' " + where,
                "allowed: " + allowed);
  }
  return {};
}

}  // namespace airtight::issuer
