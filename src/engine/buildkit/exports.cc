// BuildkitEngine: what leaves it, to a registry or into an archive.

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "engine/buildkit/buildkit_engine.h"
#include "engine/buildkit/connection.h"
#include "engine/buildkit/error_details.h"
#include "engine/buildkit/session.h"
#include "engine/buildkit/solve.h"
#include "engine/push_failure.h"

#include <fcntl.h>
#include <set>
#include <utility>

namespace cooper::engine::buildkit {

/// Another exporter than the engine's own.
struct Export {
  std::string exporter;
  std::map<std::string, std::string> attributes;
  std::string_view shown;    ///< how the lines of its progress begin that are worth showing
  const Fd* file = nullptr;  ///< what the daemon sends goes there
};

PushResult BuildkitEngine::push(const ImageRequest& image, const std::string& reference,
                                Progress& progress, std::stop_token stop) {
  if (!docker_) return solve_and_push(image, reference, progress, std::move(stop));
  try {
    const auto show = [&](std::string_view line) { progress.output(printable(line) + "\n"); };
    return docker_->push(image.tags.front(), reference, show, stop);
  } catch (const Error& error) {  // adapter: the stop request ended the push
    if (error.code() != Errc::canceled) throw;
    return {.end = PushResult::End::canceled, .reason = "canceled"};
  }
}

SolveResult BuildkitEngine::solve_again(const ImageRequest& image, const Export& target,
                                        Progress& progress, std::stop_token stop) {
  const auto channel = connect(choice_);
  const source::ContentTime times(key_, context_.digests);
  const auto said_before = [](const std::string&) {};
  const Session session = open_session(channel, image, times, said_before, target.file);
  SolveOrder order = order_of(image, session);
  order.frontend.erase("no-cache");  // what was just made is what is exported
  order.exporter = target.exporter;
  order.exporter_attributes = target.attributes;
  std::set<std::string> shown;
  const auto show = [&](const StatusUpdate& update) {
    for (const VertexStatus& status : update.statuses) {
      if (!status.id.starts_with(target.shown) || !shown.insert(status.id).second) continue;
      progress.output(printable(status.id) + "\n");
    }
  };
  return solve(channel, order, {.update = show, .idle = [&] { progress.idle(); }}, std::move(stop));
}

SaveResult BuildkitEngine::save(const ImageRequest& image, const std::string& reference,
                                const std::filesystem::path& file, Progress& progress,
                                std::stop_token stop) {
  const Fd archive = open_file(file, O_WRONLY);
  if (docker_) {
    try {
      docker_->save(reference, archive, std::move(stop));
      return {.end = SaveResult::End::saved, .reason = {}};
    } catch (const Error& error) {  // adapter: the stop request ended it
      if (error.code() != Errc::canceled) throw;
      return {.end = SaveResult::End::canceled, .reason = "canceled"};
    }
  }
  const SolveResult result = solve_again(image,
                                         {.exporter = "docker",
                                          .attributes = {{"name", reference}},
                                          .shown = "sending tarball",
                                          .file = &archive},
                                         progress, std::move(stop));
  switch (result.end) {
    case SolveResult::End::made:
      return {.end = SaveResult::End::saved, .reason = {}};
    case SolveResult::End::canceled:
      return {.end = SaveResult::End::canceled, .reason = "canceled"};
    case SolveResult::End::cut_off:
    case SolveResult::End::failed:
      break;
  }
  return {.reason = shorten(plain_message(result.message), 300)};
}

void BuildkitEngine::write_archive(const std::string& reference, const std::filesystem::path& file,
                                   std::stop_token stop) {
  if (!docker_) throw Error(Errc::engine, place() + " keeps no images");
  docker_->write_archive(reference, file, std::move(stop));
}

PushResult BuildkitEngine::solve_and_push(const ImageRequest& image, const std::string& reference,
                                          Progress& progress, std::stop_token stop) {
  const SolveResult result = solve_again(image,
                                         {.exporter = "image",
                                          .attributes = {{"name", reference}, {"push", "true"}},
                                          .shown = "pushing "},
                                         progress, std::move(stop));
  switch (result.end) {
    case SolveResult::End::made:
      break;
    case SolveResult::End::canceled:
      return {.end = PushResult::End::canceled, .reason = "canceled"};
    case SolveResult::End::cut_off:
    case SolveResult::End::failed:
      return failed_push(plain_message(result.message));
  }
  const auto digest = result.response.find("containerimage.digest");
  if (digest == result.response.end()) {
    throw Error(Errc::engine, place() + " does not tell the digest of the image that it pushed");
  }
  return {.end = PushResult::End::pushed, .digest = digest->second};
}

}  // namespace cooper::engine::buildkit
