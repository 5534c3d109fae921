// Lists of devices (CSV): what is read can be written and is read again as it was, whatever ends the lines, and every entry says where in
// the file it stands.
#include "issuer/device_list.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string>
#include <string_view>

#include "base/text.h"

namespace {

using namespace airtight;
using issuer::DeviceLine;

void require(bool holds, const char* what) {
  if (holds) return;
  std::cerr << "device_list: " << what << '\n';
  std::abort();
}

std::size_t lines_in(std::string_view text) { return static_cast<std::size_t>(std::ranges::count(text, '\n')); }

std::string in_quotes(std::string_view field) {
  std::string out = "\"";
  for (const char c : field) out.append(c == '"' ? 2 : 1, c);
  return out + '"';
}

// With a heading, a comment and an empty line, none of which is an entry.
std::string write(const std::vector<DeviceLine>& lines, std::string_view end) {
  std::string out = "device,subject";
  out.append(end).append("# \"comment").append(end).append(end);
  for (const DeviceLine& line : lines) {
    out += in_quotes(line.device);
    if (!line.subject.empty()) out += ',' + in_quotes(line.subject);
    out += end;
  }
  return out;
}

void check_round_trip(const std::vector<DeviceLine>& lines, std::string_view end) {
  const auto again = issuer::read_device_lines(write(lines, end));
  require(again.has_value(), "what was read cannot be written");
  require(again->size() == lines.size(), "another number of entries");
  std::size_t line = 4;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const DeviceLine& read = (*again)[i];
    require(read.device == lines[i].device && read.subject == lines[i].subject, "another entry");
    require(read.line == line, "an entry at another line than its own");
    line += 1 + lines_in(read.device) + lines_in(read.subject);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView input = std::as_bytes(std::span(data, size));
  const auto lines = issuer::read_device_lines(text_of(input));
  if (!lines) {
    require(lines.error().fault == Fault::kBadInput && !lines.error().message.empty(), "a refusal without a reason");
    return 0;
  }
  require(is_utf8(input), "bytes that are no text");
  std::size_t next = 1;
  for (const DeviceLine& line : *lines) {
    require(!line.device.empty(), "an entry without a device");
    require(line.line >= next, "an entry before the end of another");
    next = line.line + 1 + lines_in(line.device) + lines_in(line.subject);
    require(is_utf8(bytes_of(line.device)) && is_utf8(bytes_of(line.subject)), "a field that is no text");
  }
  require(next <= lines_in(text_of(input)) + 2, "an entry behind the end");
  check_round_trip(*lines, "\n");
  check_round_trip(*lines, "\r\n");
  return 0;
}
