#pragma once
// Asking cooper-fetch, the program that speaks to the network.

#include "source/fetch.h"

#include <chrono>
#include <stop_token>
#include <string>
#include <vector>

namespace cooper::source {

/// What it answers to `request` (lines of a name and a value, on its stdin: a URL may hold a
/// password, which no list of processes shows), after its "ok". `keep`: descriptors that it gets.
/// Throws what it could not do.
std::string ask_fetch(const std::string& verb, const std::string& request, std::vector<int> keep,
                      std::chrono::seconds limit, std::stop_token stop);

/// A line of such a request.
std::string reach_line(Reach reach);

}  // namespace cooper::source
