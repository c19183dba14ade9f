#include "server/log_line.h"

#include "base/ascii.h"
#include "base/text.h"
#include "base/time.h"

#include <boost/json.hpp>

#include <algorithm>
#include <atomic>
#include <poll.h>
#include <unistd.h>
#include <vector>

namespace cooper::server {
namespace json = boost::json;

namespace {

/// What poll(2) promises that a pipe takes without a wait (PIPE_BUF).
constexpr std::size_t kLongestLine = 4096;

// The program's log is the one thing that everything may reach.
LogFormat log_format = LogFormat::logfmt;
std::atomic<std::uint64_t> lost_lines = 0;

bool is_bare(std::string_view text) {
  return !text.empty() && is_made_of_letters(text, "-._/:{}*@+");
}

std::string line_of(std::string_view level, std::string_view message, LogFields fields) {
  return log_text(log_format,
                  to_rfc3339({.at = std::chrono::floor<std::chrono::milliseconds>(now())}), level,
                  message, fields);
}

void write_line(const std::string& line) {
  [[maybe_unused]] const ssize_t n = ::write(STDERR_FILENO, line.data(), line.size());
}

bool has_room() {
  pollfd poll_stderr{.fd = STDERR_FILENO, .events = POLLOUT, .revents = 0};
  return ::poll(&poll_stderr, 1, 0) == 1 && (poll_stderr.revents & POLLOUT) != 0;
}

}  // namespace

void set_log_format(LogFormat format) { log_format = format; }

std::string log_text(LogFormat format, std::string_view time, std::string_view level,
                     std::string_view message, LogFields fields) {
  if (format == LogFormat::json) {
    json::object object{{"time", time}, {"level", level}, {"msg", valid_utf8(message)}};
    for (const auto& [name, value] : fields) object[name] = valid_utf8(value);
    return json::serialize(object) + "\n";
  }
  std::string line(time);
  line.append(" level=").append(level).append(" msg=").append(go_quoted(message));
  for (const auto& [name, value] : fields) {
    line.append(" ").append(name).append("=").append(is_bare(value) ? value : go_quoted(value));
  }
  return line + "\n";
}

void log_error(std::string_view message) { write_line(line_of("error", message, {})); }
void log_info(std::string_view message, LogFields fields) {
  write_line(line_of("info", message, fields));
}

void log_if_room(std::string_view message, LogFields fields) {
  if (!has_room()) {
    ++lost_lines;
    return;
  }
  const std::uint64_t lost = lost_lines.exchange(0);
  std::vector<std::pair<std::string_view, std::string>> all(fields.begin(), fields.end());
  if (lost > 0) all.emplace_back("lost", std::to_string(lost));
  std::string line = line_of("info", message, all);
  if (line.size() <= kLongestLine) {
    write_line(line);
    return;
  }
  for (auto& [name, value] : all) value = shorten(printable(value), 200);
  write_line(line_of("info", message, all));
}

}  // namespace cooper::server
