#pragma once
// What sessions are made of, of an HTTP library: included by their few files alone.

#include "base/ascii.h"
#include "server/exchange.h"

#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>

#include <chrono>
#include <stop_token>
#include <string>

namespace cooper::server {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;

inline constexpr std::size_t kBlockBytes = std::size_t{256} << 10;
/// For a peer to read the end of what we sent.
inline constexpr std::chrono::seconds kLinger{2};
/// And for so long to who goes on sending what was refused.
inline constexpr std::chrono::seconds kMostLinger{30};
/// Larger ones are sent block by block, each with a deadline of its own.
inline constexpr std::size_t kSendBytes = std::size_t{128} << 10;

/// Takes a body block by block.
using Parser = http::request_parser<http::buffer_body>;

/// Fills a Request with what the parser has found.
inline Request request_of(const Parser& parser, const std::string& remote, std::stop_token stop) {
  Request request;
  for (const auto& field : parser.get().base()) {
    request.headers.add(lowered({field.name_string().data(), field.name_string().size()}),
                        std::string(field.value().data(), field.value().size()));
  }
  request.remote = remote;
  request.id = new_request_id();
  request.stop = std::move(stop);
  return request;
}

}  // namespace cooper::server
