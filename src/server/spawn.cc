#include "server/spawn.h"

#include "server/loop.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/system/system_error.hpp>

#include <exception>
#include <string>

namespace cooper::server {

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
