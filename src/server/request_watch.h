#pragma once
// A request from its first line to the end of its answer: for the log, and for metrics.

#include "server/metrics.h"
#include "server/request.h"

#include <chrono>
#include <string>
#include <string_view>

namespace cooper::server {

enum class RequestLines : std::uint8_t { each, none };

/// Lives as long as its Request; then it counts it, and writes its line.
class RequestWatch {
 public:
  RequestWatch(Metrics& metrics, RequestLines lines, std::string_view method,
               std::string_view target);
  RequestWatch(const RequestWatch&) = delete;
  RequestWatch& operator=(const RequestWatch&) = delete;
  ~RequestWatch();

  /// What is known of it once its headers have been looked at.
  void is_known(const Request& request, const Route* route);
  /// It was answered, or its stream begins.
  void is_answered(const Answer& answer) noexcept;

 private:
  void write_line(std::chrono::nanoseconds took) const;

  Metrics& metrics_;
  const RequestLines lines_;
  const std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  std::string method_;
  std::string path_;  ///< without the query, which may hold anything
  std::string id_, from_, who_;
  const Route* route_ = nullptr;
  unsigned status_ = 0;
  bool is_stream_ = false;
};

}  // namespace cooper::server
