#include "build/images.h"

#include "base/error.h"
#include "base/time.h"

#include <algorithm>
#include <thread>

namespace cooper::build {

namespace {

/// The services of an image, in the plan's order: "web, worker".
std::string services_of(const Plan& plan, std::size_t image) {
  std::string names;
  for (const PlannedService& service : plan.services) {
    if (service.image != image) continue;
    if (!names.empty()) names += ", ";
    names += service.name.str();
  }
  return names;
}

}  // namespace

std::vector<std::string> line_prefixes(const Plan& plan) {
  const std::size_t count = plan.images.size();
  std::vector<std::string> prefixes(count);
  if (count < 2) return prefixes;
  std::size_t width = 0;
  for (const engine::ImageRequest& image : plan.images) {
    width = std::max(width, image.service.size());
  }
  for (std::size_t i = 0; i < count; ++i) {
    std::string name = plan.images[i].service;
    name.resize(width, ' ');
    prefixes[i] = name + " | ";
  }
  return prefixes;
}

ImageMaker::ImageMaker(Parts parts) : parts_(parts), prefixes_(line_prefixes(parts.plan)) {
  result_.images.resize(parts_.plan.images.size());
}

ImagesResult ImageMaker::run(std::stop_token stop) {
  const std::stop_callback forward(stop, [this] { stop_.request_stop(); });
  {
    std::vector<std::jthread> workers;
    const std::size_t threads = std::min<std::size_t>(parts_.jobs, parts_.plan.images.size());
    for (std::size_t i = 0; i < threads; ++i) {
      workers.emplace_back([this] { work(); });
    }
  }
  return std::move(result_);
}

void ImageMaker::work() {
  using End = engine::ImageResult::End;
  for (std::size_t index = next_++; index < parts_.plan.images.size(); index = next_++) {
    MadeImage made;
    try {
      made = make(index);
    } catch (const std::exception& error) {  // boundary: background task
      made.result = {.end = End::failed, .exit_code = 1, .reason = error.what()};
    }
    const std::lock_guard lock(mutex_);
    if (made.result.end == End::failed && !result_.failed) {
      // What fails after that fails because we cancel it.
      if (!stop_.stop_requested()) result_.failed = index;
      stop_.request_stop();
    }
    result_.images[index] = std::move(made);
  }
}

MadeImage ImageMaker::make(std::size_t index) {
  if (stop_.stop_requested()) return {.result = {.end = engine::ImageResult::End::canceled}};
  const engine::ImageRequest& request = parts_.plan.images[index];
  log::Channel channel(parts_.log, prefixes_[index], &parts_.redactor);
  ImageProgress progress(request.service, channel, parts_.steps, parts_.redactor, parts_.clock);
  const Time start = now();
  MadeImage made{.origin = parts_.earlier.origin(request, stop_.get_token())};
  if (const auto earlier = find_earlier(index, made.origin, progress, channel)) {
    made.result = {.end = engine::ImageResult::End::made, .digest = earlier->digest};
    made.unchanged_since = earlier->made_by;
    made.steps = progress.last_number();
    return made;
  }
  made.result = parts_.engine.make(request, progress, stop_.get_token());
  progress.finish();
  made.steps = progress.last_number();
  if (made.result.end == engine::ImageResult::End::made) {
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(now() - start);
    const std::string what =
        "the image of " + services_of(parts_.plan, index) + " in " + seconds_text(took);
    if (!request.archive.empty()) {
      channel.message("Loaded " + what);
      return made;
    }
    channel.message("Made " + what + ", " + std::to_string(progress.cached_steps()) + " of " +
                    std::to_string(progress.cacheable_steps()) + " steps cached");
    // A base that had to be pulled is known by now; whether it was just this that the
    // engine began with is not, so no later build may count on it.
    if (!made.origin) {
      made.origin = parts_.earlier.origin(request, {});
      if (made.origin) made.origin->key.clear();
    }
  }
  return made;
}

std::optional<EarlierImage> ImageMaker::find_earlier(std::size_t index,
                                                     const std::optional<ImageOrigin>& origin,
                                                     ImageProgress& progress,
                                                     log::Channel& channel) {
  if (!origin) return std::nullopt;
  auto earlier = parts_.earlier.use(origin->key, parts_.plan.images[index], stop_.get_token());
  if (!earlier) return std::nullopt;
  progress.step_started("unchanged since build " + earlier->made_by);
  progress.step_cached();
  progress.step_finished(0);
  progress.finish();
  channel.message("Unchanged since build " + earlier->made_by + ": its image serves " +
                  services_of(parts_.plan, index) + " again");
  return earlier;
}

}  // namespace cooper::build
