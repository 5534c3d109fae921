// Structured logs: one event a line with a message and named values, as text for people or JSON for machines, on standard error.
// Nothing secret is ever a value; SecretBytes cannot be one.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace airtight {

enum class LogLevel : std::uint8_t { kDebug, kInfo, kWarning, kError, kOff };
enum class LogFormat : std::uint8_t { kText, kJson };

// Reads "debug", "info", "warning", "error" or "off".
[[nodiscard]] Result<LogLevel> parse_log_level(std::string_view text);

struct LogValue {
  std::string_view name;
  std::string value;
};

class Log {
 public:
  Log(LogLevel level, LogFormat format);
  ~Log();
  Log(Log&&) noexcept;
  Log& operator=(Log&&) noexcept;

  // A log that keeps nothing.
  [[nodiscard]] static Log silent() { return {LogLevel::kOff, LogFormat::kText}; }

  void debug(std::string_view event, std::initializer_list<LogValue> values = {}) const;
  void info(std::string_view event, std::initializer_list<LogValue> values = {}) const;
  void warning(std::string_view event, std::initializer_list<LogValue> values = {}) const;
  void error(std::string_view event, std::initializer_list<LogValue> values = {}) const;

 private:
  void write(LogLevel level, std::string_view event, std::initializer_list<LogValue> values) const;
  struct Sink;
  std::unique_ptr<Sink> sink_;
};

}  // namespace airtight
