#pragma once
// The server's own log, on stderr: one line for each thing that happens, whatever it holds.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace cooper::server {

enum class LogFormat : std::uint8_t {
  logfmt,  ///< time level=info msg="..." name=value
  json,    ///< {"time": "...", "level": "info", "msg": "...", "name": "value"}
};

/// Which lines there are, and how they look. To be called before there are threads.
void set_log_format(LogFormat format);

/// Names and values; numbers as text.
using LogFields = std::span<const std::pair<std::string_view, std::string>>;

/// As one line, with its newline.
std::string log_text(LogFormat format, std::string_view time, std::string_view level,
                     std::string_view message, LogFields fields);

/// Lines that are always written.
void log_error(std::string_view message);
/// The same, of what is no fault.
void log_info(std::string_view message, LogFields fields = {});

/// The same, unless stderr takes no more now: then the line is lost, and the next one tells how
/// many were. For lines that anybody can have us write: who reads our log slowly holds up nobody.
void log_if_room(std::string_view message, LogFields fields);

}  // namespace cooper::server
