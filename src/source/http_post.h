#pragma once
// Telling a server something.

#include "source/fetch.h"

#include <chrono>
#include <stop_token>
#include <string>
#include <vector>

namespace cooper::source {

struct HttpPost {
  std::string url;                   ///< http or https, without credentials
  std::vector<std::string> headers;  ///< "name: value"
  std::string body;
  Reach reach = Reach::internet;
  std::chrono::seconds time{15};
};

/// Posts it, by a process of its own (cooper-fetch), and returns the answer's status, whatever that
/// is. Follows no redirect and reads nothing of the answer's body. With Reach::internet no
/// connection is made but to public addresses, as by fetch. Error{denied} for others; Error if
/// there is no answer.
unsigned post(const HttpPost& wanted, std::stop_token stop);

}  // namespace cooper::source
