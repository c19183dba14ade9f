#include "build/push.h"

#include "base/error.h"
#include "base/text.h"
#include "build/registry.h"
#include "engine/registry_auth.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <thread>

namespace cooper::build {

namespace {

using engine::PushResult;

/// Before the second, third, ... attempt.
constexpr std::array kDelays = {std::chrono::milliseconds{500}, std::chrono::milliseconds{2000},
                                std::chrono::milliseconds{5000}};
/// Engines try again by themselves, a Docker Engine for nearly a minute: whoever took so
/// long to fail is not asked once more.
constexpr std::chrono::seconds kPatience{30};

constexpr std::size_t kAttempts = kDelays.size() + 1;

std::string hint_for(const std::string& reason, const std::string& reference) {
  const bool is_login = reason.find("unauthorized") != std::string::npos ||
                        reason.find("no basic auth credentials") != std::string::npos;
  if (!is_login) return "";
  return " (log in: cooper registries add " + engine::registry_of(reference) + " -u USER)";
}

}  // namespace

bool ImagePusher::has_work(const Plan& plan, const ImagesResult& made,
                           const std::string& repository) {
  if (!repository.empty()) return !plan.images.empty();
  return std::ranges::any_of(made.images,
                             [](const MadeImage& image) { return image.result.holds_cache; });
}

ImagePusher::ImagePusher(Parts parts) : parts_(parts), prefixes_(line_prefixes(parts.plan)) {}

PushesResult ImagePusher::run(std::stop_token stop) {
  const std::stop_callback forward(stop, [this] { stop_.request_stop(); });
  {
    std::vector<std::jthread> workers;
    const std::size_t threads = std::min<std::size_t>(parts_.jobs, parts_.plan.images.size());
    for (std::size_t i = 0; i < threads; ++i) {
      workers.emplace_back([this] { work(); });
    }
  }
  if (stop.stop_requested() && result_.end == PushesResult::End::pushed) {
    result_.end = PushesResult::End::canceled;
  }
  return std::move(result_);
}

void ImagePusher::work() {
  const std::size_t count = parts_.plan.images.size();
  for (std::size_t index = next_++; index < count; index = next_++) {
    if (stop_.stop_requested()) return;
    try {
      push_image(index);
    } catch (const std::exception& error) {  // boundary: background task
      fail("service " + parts_.plan.images[index].service + ": " + error.what());
    }
  }
}

void ImagePusher::push_image(std::size_t index) {
  const engine::ImageRequest& image = parts_.plan.images[index];
  log::Channel channel(parts_.log, prefixes_[index], &parts_.redactor);
  ImageProgress progress(image.service, channel, parts_.steps, parts_.redactor, parts_.clock,
                         parts_.made.images[index].steps);
  for (const PlannedService& service : parts_.plan.services) {
    if (service.image != index || parts_.repository.empty()) continue;
    const std::string reference = pushed_reference(parts_.repository, service.name, parts_.id);
    const PushResult pushed = push(image, reference, kAttempts, channel, progress);
    if (pushed.end == PushResult::End::canceled) break;
    if (pushed.end == PushResult::End::failed) {
      fail("service " + service.name.str() + ": push to " + reference + ": " + pushed.reason +
           hint_for(pushed.reason, reference));
      break;
    }
    channel.message("Pushed " + reference + "@" + pushed.digest);
    const std::lock_guard lock(mutex_);
    result_.pushed[service.name.str()] = reference + "@" + pushed.digest;
  }
  if (parts_.made.images[index].result.holds_cache && !stop_.stop_requested()) {
    const std::string reference = image.cache->reference();
    // Not worth the time of more attempts.
    const PushResult pushed = push(image, reference, 1, channel, progress);
    if (pushed.end == PushResult::End::failed) {
      channel.message("warning: the layers can't be kept in " + reference + ": " + pushed.reason);
    }
  }
  progress.finish();
}

PushResult ImagePusher::push(const engine::ImageRequest& image, const std::string& reference,
                             std::size_t attempts, log::Channel& channel, ImageProgress& progress) {
  const auto began = std::chrono::steady_clock::now();
  const std::string text = "PUSH " + reference;
  channel.message(text);
  progress.step_started(text);
  for (std::size_t attempt = 0;; ++attempt) {
    const PushResult result = parts_.engine.push(image, reference, progress, stop_.get_token());
    if (result.end != PushResult::End::failed) {
      const bool pushed = result.end == PushResult::End::pushed;
      progress.step_finished(pushed ? std::optional(0) : std::nullopt);
      return result;
    }
    const bool has_time = std::chrono::steady_clock::now() - began < kPatience;
    if (!result.may_pass || attempt + 1 == attempts || !has_time) {
      progress.step_finished(1);
      return result;
    }
    channel.message("push failed: " + result.reason + "; trying again in " +
                    seconds_text(kDelays[attempt]));
    if (!wait(kDelays[attempt])) {
      progress.step_finished(std::nullopt);
      return {.end = PushResult::End::canceled, .reason = "canceled"};
    }
  }
}

/// False if it was cut short by a stop request.
bool ImagePusher::wait(std::chrono::milliseconds delay) {
  const std::stop_token stop = stop_.get_token();
  std::unique_lock lock(mutex_);
  ended_.wait_for(lock, stop, delay, [] { return false; });
  return !stop.stop_requested();
}

/// What fails after the first fails because it is canceled.
void ImagePusher::fail(std::string reason) {
  const std::lock_guard lock(mutex_);
  if (stop_.stop_requested()) return;
  result_.end = PushesResult::End::failed;
  result_.reason = std::move(reason);
  stop_.request_stop();
}

}  // namespace cooper::build
