#include "build/send_trace.h"

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "build/root_id.h"
#include "build/trace.h"
#include "model/json.h"
#include "source/http_post.h"
#include "source/url.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <optional>
#include <thread>
#include <vector>

namespace cooper::build {

namespace {

using namespace std::chrono_literals;

/// Before each attempt.
constexpr std::array kPauses = {0s, 2s, 6s};
constexpr std::chrono::seconds kEachAttempt{6};
constexpr std::size_t kMostHeaderBytes = std::size_t{16} << 10;
constexpr std::string_view kTracesPath = "/v1/traces";

std::vector<Step> steps_of(const store::FileStore& store, const AppName& app, const BuildId& id) {
  std::vector<Step> steps;
  const Fd folder = store.find_folder(store.layout().builds(app));
  if (!folder) return steps;
  const std::string text = read_file(store.layout().build(app, id).steps).value_or("");
  for (const std::string_view line : split(text, '\n')) {
    if (auto step = parse_step(line)) steps.push_back(std::move(*step));
  }
  return steps;
}

/// Of the app, else of all; nullopt: unset, or of no use.
std::optional<std::string> property(const store::FileStore& store, const AppName& app,
                                    std::string_view key, bool (*accepts)(std::string_view)) {
  const PropertyKey name = PropertyKey::parse(key).value();
  for (const AppName* level : {&app, static_cast<const AppName*>(nullptr)}) {
    auto value = store.find_property(level, name);
    if (value && accepts(*value)) return value;
  }
  return std::nullopt;
}

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  for (const std::string_view line : split(text, '\n')) {
    if (const std::string_view trimmed = trim(line); !trimmed.empty()) lines.emplace_back(trimmed);
  }
  return lines;
}

/// By the protocol: these alone are worth another attempt.
bool may_pass(unsigned status) {
  return status == 429 || status == 502 || status == 503 || status == 504;
}

void send(const source::HttpPost& post) {
  for (const std::chrono::seconds pause : kPauses) {
    std::this_thread::sleep_for(pause);
    try {
      if (!may_pass(source::post(post, {}))) return;
    } catch (const Error& error) {  // adapter: it could not be reached
      if (error.code() != Errc::unavailable) throw;
    }
  }
}

}  // namespace

bool is_otlp_endpoint(std::string_view text) {
  if (text.empty()) return true;
  const auto url = source::parse_source_url(text);
  return url && (url->scheme == "http" || url->scheme == "https") && url->query.empty() &&
         url->user.empty() && url->password.empty();  // everybody may see it
}

bool is_otlp_headers(std::string_view text) {
  const std::vector<std::string> lines = lines_of(text);
  return text.size() <= kMostHeaderBytes && std::ranges::all_of(lines, [](const std::string& line) {
           const std::size_t colon = line.find(':');
           const bool is_name = colon != std::string::npos && colon > 0 &&
                                line.find_first_of(" \t\"(),/;<=>?@[\\]{}") >= colon;
           return is_name && printable(line) == line && !trim(line.substr(colon + 1)).empty();
         });
}

void send_trace(const store::FileStore& store, const AppName& app, const BuildId& id) noexcept {
  try {
    const auto endpoint = property(store, app, "otlp-endpoint", is_otlp_endpoint);
    if (!endpoint || endpoint->empty()) return;
    const auto build = store.find_build(app, id);
    if (!build || !is_terminal(build->status)) return;
    // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody sets variables
    const char* parent = std::getenv("TRACEPARENT");
    source::HttpPost post{
        .url = *endpoint,
        .headers = lines_of(property(store, app, "otlp-headers", is_otlp_headers).value_or("")),
        .body = to_otlp(*build, steps_of(store, app, id), parse_traceparent(parent ? parent : ""),
                        find_root_id(store.layout()).text, COOPER_VERSION),
        .reach = source::Reach::anywhere,  // whoever sets the property runs the host
        .time = kEachAttempt};
    post.headers.emplace_back("Content-Type: application/json");
    while (post.url.ends_with('/')) post.url.pop_back();
    if (!post.url.ends_with(kTracesPath)) post.url += kTracesPath;
    send(post);
  } catch (const std::exception&) {  // boundary: the build has ended; nobody waits for this
  }
}

}  // namespace cooper::build
