#include "server/production.h"

#include "server/loop.h"

#include <boost/asio/error.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <fcntl.h>

namespace cooper::server {
namespace asio = boost::asio;

namespace {

constexpr std::size_t kBlockBytes = std::size_t{64} << 10;

}  // namespace

Production::Production(Loop& loop, Producer producer, Quota::Place place) : pipe_(loop.context) {
  Pipe pipe = make_pipe();
  pipe_.assign(pipe.read.release());
  pipe_.non_blocking(true);
  // (Shared, as std::function copies.)
  const auto out = std::make_shared<Fd>(std::move(pipe.write));
  const auto held = std::make_shared<const Quota::Place>(std::move(place));
  const bool taken = loop.services.senders.post(
      [producer = std::move(producer), held, out, stop = stop_.get_token(), result = result_] {
        // boundary: a worker; whoever sends the answer gets it
        const auto failed = [&](Error error) {
          const std::lock_guard lock(result->mutex);
          result->failure = std::move(error);
        };
        try {
          producer(out->get(), stop);
        } catch (const Error& error) {  // boundary: see above
          failed(error);
        } catch (const std::exception& error) {  // boundary: see above
          failed(Error(Errc::internal, error.what()));
        }
        out->reset();
      });
  if (!taken) {
    throw Error(Errc::unavailable, "the server has too much to do", "try again in a moment");
  }
}

void Production::abandon() {
  stop_.request_stop();
  boost::system::error_code ignored;
  pipe_.close(ignored);
}

Task<std::string> Production::next() {
  std::string part(kBlockBytes, '\0');
  boost::system::error_code failure;
  const std::size_t n = co_await pipe_.async_read_some(
      asio::buffer(part), asio::redirect_error(asio::use_awaitable, failure));
  part.resize(n);
  if (failure && failure != asio::error::eof) throw boost::system::system_error(failure);
  if (n > 0) co_return part;
  const std::lock_guard lock(result_->mutex);
  if (result_->failure) throw Error(*result_->failure);
  co_return part;
}

}  // namespace cooper::server
