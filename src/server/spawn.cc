#include "server/spawn.h"

#include "base/fd.h"
#include "base/text.h"
#include "base/time.h"
#include "server/loop.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/system/system_error.hpp>

#include <exception>
#include <string>
#include <unistd.h>

namespace cooper::server {

namespace {

void log_line(std::string_view level, std::string_view message) {
  const std::string line =
      to_rfc3339({.at = std::chrono::floor<std::chrono::milliseconds>(now())}) +
      " level=" + std::string(level) + " msg=" + go_quoted(message) + "\n";
  [[maybe_unused]] const ssize_t n = ::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace

void log_error(std::string_view message) { log_line("error", message); }
void log_info(std::string_view message) { log_line("info", message); }

void spawn(Loop& loop, Task<void> task, std::string_view doing) {
  const auto ended = [what = std::string(doing)](const std::exception_ptr& failure) {
    if (!failure) return;
    try {
      std::rethrow_exception(failure);
    } catch (const boost::system::system_error&) {  // boundary: the peer has gone, or the loop ends
    } catch (const std::exception& error) {         // boundary: a background task
      log_error(what + ": " + error.what());
    }
  };
  boost::asio::co_spawn(loop.context, std::move(task), ended);
}

}  // namespace cooper::server
