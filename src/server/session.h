#pragma once
// A connection: requests one after the other, or one stream.

#include "server/loop.h"
#include "server/task.h"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>

#include <string>

namespace cooper::server {

/// Serves a connection until either side ends it. `tls` null: without TLS; else it must outlive
/// the connection.
Task<void> serve_connection(Loop& loop, boost::asio::ip::tcp::socket socket, std::string remote,
                            boost::asio::ssl::context* tls);

}  // namespace cooper::server
