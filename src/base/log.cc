#include "base/log.h"

#include <fmt/format.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <array>
#include <utility>

#include "base/text.h"

namespace airtight {
namespace {

constexpr std::array<std::pair<std::string_view, spdlog::level::level_enum>, 5> kLevels = {{
    {"debug", spdlog::level::debug},
    {"info", spdlog::level::info},
    {"warning", spdlog::level::warn},
    {"error", spdlog::level::err},
    {"off", spdlog::level::off},
}};

// Control characters are escaped, so that no value starts a new line or speaks to a terminal; so are bytes that are not UTF-8.
void append_quoted(std::string& out, std::string_view text) {
  const bool utf8 = is_utf8(bytes_of(text));
  const auto escape = [&](unsigned code) { fmt::format_to(std::back_inserter(out), "\\u{:04x}", code); };
  out.push_back('"');
  for (std::size_t i = 0; i < text.size(); ++i) {
    const unsigned code = static_cast<unsigned char>(text[i]);
    if (code == '"' || code == '\\') {
      out.push_back('\\');
      out.push_back(text[i]);
    } else if (code < 0x20 || code == 0x7F) {
      escape(code);
    } else if (code >= 0x80 && !utf8) {
      escape(0xFFFD);
    } else if (code == 0xC2 && static_cast<unsigned char>(text[i + 1]) < 0xA0) {  // U+0080 to U+009F
      escape(static_cast<unsigned char>(text[++i]));
    } else {
      out.push_back(text[i]);
    }
  }
  out.push_back('"');
}

bool needs_quotes(std::string_view text) {
  if (text.empty()) return true;
  for (char c : text) {
    const auto code = static_cast<unsigned char>(c);
    if (code <= 0x20 || code >= 0x7F || c == '"' || c == '=' || c == '\\') return true;
  }
  return false;
}

std::string text_line(std::string_view event, std::initializer_list<LogValue> values) {
  std::string out(event);
  for (const LogValue& value : values) {
    fmt::format_to(std::back_inserter(out), " {}=", value.name);
    if (needs_quotes(value.value)) {
      append_quoted(out, value.value);
    } else {
      out += value.value;
    }
  }
  return out;
}

// The members after time and level; the pattern of the sink writes those.
std::string json_line(std::string_view event, std::initializer_list<LogValue> values) {
  std::string out = "\"event\":";
  append_quoted(out, event);
  for (const LogValue& value : values) {
    out.push_back(',');
    append_quoted(out, value.name);
    out.push_back(':');
    append_quoted(out, value.value);
  }
  return out;
}

}  // namespace

struct Log::Sink {
  spdlog::logger logger;
  LogFormat format;
};

Log::Log(LogLevel level, LogFormat format)
    : sink_(std::make_unique<Sink>(Sink{spdlog::logger("airtight", std::make_shared<spdlog::sinks::stderr_sink_mt>()), format})) {
  sink_->logger.set_level(kLevels[static_cast<std::size_t>(level)].second);
  sink_->logger.flush_on(spdlog::level::info);
  const char* pattern = format == LogFormat::kJson ? R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l",%v})" : "%Y-%m-%dT%H:%M:%S.%eZ %l %v";
  sink_->logger.set_pattern(pattern, spdlog::pattern_time_type::utc);
}

Log::~Log() = default;
Log::Log(Log&&) noexcept = default;
Log& Log::operator=(Log&&) noexcept = default;

void Log::debug(std::string_view event, std::initializer_list<LogValue> values) const { write(LogLevel::kDebug, event, values); }
void Log::info(std::string_view event, std::initializer_list<LogValue> values) const { write(LogLevel::kInfo, event, values); }
void Log::warning(std::string_view event, std::initializer_list<LogValue> values) const { write(LogLevel::kWarning, event, values); }
void Log::error(std::string_view event, std::initializer_list<LogValue> values) const { write(LogLevel::kError, event, values); }

void Log::write(LogLevel level, std::string_view event, std::initializer_list<LogValue> values) const {
  const auto mapped = kLevels[static_cast<std::size_t>(level)].second;
  if (!sink_->logger.should_log(mapped)) return;
  sink_->logger.log(mapped, sink_->format == LogFormat::kJson ? json_line(event, values) : text_line(event, values));
}

Result<LogLevel> parse_log_level(std::string_view text) {
  for (std::size_t i = 0; i < kLevels.size(); ++i) {
    if (kLevels[i].first == text) return static_cast<LogLevel>(i);
  }
  return fail(Fault::kBadInput, fmt::format("\"{}\" is no log level", text), "use debug, info, warning, error or off");
}

}  // namespace airtight
