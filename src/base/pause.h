#pragma once
// A pause that a stop request ends.

#include <chrono>
#include <stop_token>

namespace cooper {

/// Sleeps for so long. False, at once, on a stop request.
bool pause(std::chrono::milliseconds time, const std::stop_token& stop);

}  // namespace cooper
