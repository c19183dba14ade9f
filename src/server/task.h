#pragma once
// Coroutines on a loop.
//
// Rules for GCC 12 and for ourselves: coroutines are named functions with parameters by value (or
// references to what outlives them); no lambda that captures is one; nothing is made inside a
// co_await expression that has a destructor.

#include <boost/asio/awaitable.hpp>

namespace cooper::server {

template <class T>
using Task = boost::asio::awaitable<T>;

}  // namespace cooper::server
