#include "server/stream.h"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace cooper::server {

Task<bool> Wake::wait(std::chrono::milliseconds most) {
  if (!notified_) {
    timer_.expires_after(most);
    boost::system::error_code canceled;
    co_await timer_.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, canceled));
  }
  const bool news = notified_;
  notified_ = ended_;
  co_return news;
}

}  // namespace cooper::server
