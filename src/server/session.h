#pragma once
// A connection: requests one after the other, or one stream.

#include "server/loop.h"
#include "server/task.h"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>

#include <string>

namespace cooper::server {

/// Serves a connection until either side ends it. In files of their own: each is a minute's worth
/// of templates.
Task<void> serve_plain(Loop& loop, boost::asio::ip::tcp::socket socket, std::string remote);
/// The same over TLS. `tls` must outlive it.
Task<void> serve_tls(Loop& loop, boost::asio::ip::tcp::socket socket, std::string remote,
                     boost::asio::ssl::context& tls);

}  // namespace cooper::server
