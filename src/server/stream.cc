#include "server/stream.h"

#include "server/frames.h"

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

SharedText PackedText::of(const SharedText& text) {
  constexpr std::size_t kTooSmall = 128;
  if (!is_made_ && text->size() >= kTooSmall) {
    packed_ = std::make_shared<const std::string>(pack_message(*text));
    if (packed_->size() >= text->size()) packed_.reset();
  }
  is_made_ = true;
  return packed_;
}

Task<void> StreamWriter::write_shared(std::vector<SharedMessage> messages) {
  for (const SharedMessage& message : messages) co_await write(message.text);
}

}  // namespace cooper::server
