#include "server/request_watch.h"

#include "base/text.h"
#include "server/log_line.h"

#include <array>
#include <cstdio>
#include <exception>
#include <vector>

namespace cooper::server {

namespace {

constexpr std::size_t kMostPath = 500;

std::string milliseconds(std::chrono::nanoseconds took) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.1f",
                std::chrono::duration<double, std::milli>(took).count());
  return text.data();
}

}  // namespace

RequestWatch::RequestWatch(Metrics& metrics, RequestLines lines, std::string_view method,
                           std::string_view target)
    : metrics_(metrics),
      lines_(lines),
      method_(shorten(method, 20)),
      path_(target.substr(0, std::min(target.find('?'), kMostPath))) {}

void RequestWatch::is_known(const Request& request, const Route* route) {
  id_ = request.id;
  from_ = request.remote;
  who_ = request.principal.name;
  route_ = route;
}

void RequestWatch::is_answered(const Answer& answer) noexcept {
  const bool is_socket = answer.stream && route_ && route_->method == Method::socket;
  status_ = is_socket ? 101 : answer.status;
  is_stream_ = answer.stream != nullptr;
}

RequestWatch::~RequestWatch() {
  const auto took = std::chrono::steady_clock::now() - begin_;
  metrics_.request_ended(
      route_, status_, took,
      is_stream_ ? Metrics::Took::as_long_as_streamed : Metrics::Took::until_answered);
  if (lines_ == RequestLines::none) return;
  try {
    write_line(took);
  } catch (const std::exception&) {  // boundary: a destructor; there is no memory for a line
  }
}

void RequestWatch::write_line(std::chrono::nanoseconds took) const {
  std::vector<std::pair<std::string_view, std::string>> fields = {
      {"id", id_}, {"from", from_}, {"method", method_}, {"path", path_}};
  if (route_) fields.emplace_back("route", std::string(route_->pattern));
  if (!who_.empty()) fields.emplace_back("who", who_);
  fields.emplace_back("status", std::to_string(status_));
  fields.emplace_back("ms", milliseconds(took));
  log_if_room("request", fields);
}

}  // namespace cooper::server
