// Seal files as text, for tests that read and change them.
#pragma once

#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

#include "base/encoding.h"
#include "crypto/digest.h"
#include "storage/files.h"
#include "tests/support/must.h"

namespace airtight::tests {

[[nodiscard]] inline std::string read_text(const std::filesystem::path& path) { return to_text(must(storage::read_file(path, 100000))); }

inline void write_text(const std::filesystem::path& path, std::string_view text) {
  std::ofstream(path, std::ios::binary) << text;  // not storage::write_file: waiting for the disk is not what is tested
  ::chmod(path.c_str(), 0600);
}

// `text` with the checksum that belongs to all but its last line, as one who tampers would put it.
[[nodiscard]] inline std::string with_right_checksum(const std::string& text) {
  const std::string body = text.substr(0, text.rfind("checksum"));
  return body + "checksum = " + hex_encode(crypto::sha256(bytes_of(body))) + "\n";
}

[[nodiscard]] inline std::string replaced(std::string text, const std::string& what, const std::string& with) {
  const std::size_t at = text.find(what);
  if (at == std::string::npos) throw std::logic_error(what + " is not in the text");
  return text.replace(at, what.size(), with);
}

// The value of the line `name = value`.
[[nodiscard]] inline std::string value_in_text(const std::string& text, const std::string& name) {
  const std::string start = "\n" + name + " = ";
  const std::size_t at = text.find(start);
  if (at == std::string::npos) throw std::logic_error(name + " is not in the text");
  const std::size_t begin = at + start.size();
  return text.substr(begin, text.find('\n', begin) - begin);
}

// `text` with a digit of the hex value of `name` changed, and the checksum made to fit.
[[nodiscard]] inline std::string with_changed_hex(const std::string& text, const std::string& name, std::size_t digit) {
  const std::string value = value_in_text(text, name);
  std::string changed = value;
  changed.at(digit) = changed.at(digit) == '0' ? '1' : '0';
  return with_right_checksum(replaced(text, name + " = " + value, name + " = " + changed));
}

}  // namespace airtight::tests
