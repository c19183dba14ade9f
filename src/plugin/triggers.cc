#include "plugin/triggers.h"

#include "base/file.h"
#include "base/text.h"
#include "build/prune.h"
#include "store/folders.h"

#include <array>
#include <limits>

namespace cooper::plugin {

namespace {

std::string word_at(std::span<const std::string> words, std::size_t index) {
  return index < words.size() ? words[index] : std::string();
}

int refuse(const Face& face, std::string_view trigger, std::string_view why) {
  return plugin::refuse(face, std::string(trigger) + ": " + std::string(why));
}

/// A number as Go reads it; nullopt, and what Go says of it, if it is none.
std::optional<std::int64_t> parse_atoi(const std::string& text, std::string& problem) {
  const auto number = parse_integer(text);
  if (number) return number;
  std::string_view digits = text;
  if (digits.starts_with('-') || digits.starts_with('+')) digits.remove_prefix(1);
  const bool too_large =
      !digits.empty() && digits.find_first_not_of("0123456789") == std::string_view::npos;
  problem = "\"" + text + "\": strconv.Atoi: parsing " + go_quoted(text) + ": " +
            (too_large ? "value out of range" : "invalid syntax");
  return std::nullopt;
}

int install(const Face& face, std::span<const std::string> /*words*/) {
  if (const auto missing = missing_dokku_user(face)) {
    return plugin::refuse(face, "Unable to create builds config directory: " + missing->message());
  }
  store::make_folder(face.store.layout(), face.store.layout().properties(nullptr).parent_path());
  return 0;
}

int generate_id(const Face& face, std::span<const std::string> /*words*/) {
  face.out.write(new_build_id().str() + "\n");
  return 0;
}

/// App and id, the first two words of both triggers about a record.
struct Names {
  AppName app;
  BuildId id;
};

Result<Names> names_of(std::span<const std::string> words) {
  if (word_at(words, 0).empty()) return Error(Errc::invalid, "missing app name");
  if (word_at(words, 1).empty()) return Error(Errc::invalid, "missing build id");
  const Result<AppName> app = app_name(words[0]);
  if (!app) return Error(app.error());
  const auto id = BuildId::parse(words[1]);
  if (!id) return Error(Errc::invalid, invalid_id(words[1]));
  return Names{*app, *id};
}

/// Dokku holds the app's deploy lock by now. A deploy does not fail for what another left.
void end_vanished_builds(const Face& face, const AppName& app) {
  try {
    for (const std::string& line : build::reap_before_start(face.store, app)) {
      print_warning(face, line);
    }
  } catch (const Error& error) {  // boundary: see above
    print_warning(face, error.message());
  }
}

int record_start(const Face& face, std::span<const std::string> words) {
  constexpr std::string_view kTrigger = "builds-record-start";
  const Result<Names> names = names_of(words);
  if (!names) return refuse(face, kTrigger, names.error().message());
  std::string problem;
  const auto pid = parse_atoi(word_at(words, 2), problem);
  if (!pid || *pid < 0 || *pid > std::numeric_limits<pid_t>::max()) {
    return refuse(
        face, kTrigger,
        "invalid pid " + (pid ? "\"" + words[2] + "\": no process can have it" : problem));
  }
  if (!face.store.find_app(names->app)) {
    return plugin::refuse(face, existing_app(face, words[0]).error());
  }
  const std::string asked = word_at(words, 3);
  const std::string source = known_source(asked);
  if (source != asked) {
    print_warning(face, std::string(kTrigger) + ": unknown source \"" + asked + "\" for app " +
                            words[0] + ", recording as \"unknown\"");
  }
  end_vanished_builds(face, names->app);
  try {
    face.store.insert_build({.id = names->id,
                             .app = names->app,
                             .kind = kind_of_source(source),
                             .pid = *pid,
                             .started_at = {face.clock()},
                             .source = source});
  } catch (const Error& error) {  // adapter: a record is never overwritten
    if (error.code() != Errc::conflict) throw;
    return refuse(face, kTrigger,
                  "there is a record for " + words[0] + "/" + words[1] + " already, keeping it");
  }
  return 0;
}

/// Trims the app, if it is still one. What can't be done now is done by the next prune.
void prune_after(const Face& face, const AppName& app) {
  if (!face.store.find_app(app)) return;
  try {
    print_warnings(face, face.rack.prune(app).warnings);
  } catch (const Error& error) {  // boundary: the record is final, that was what was asked for
    print_warning(face, error.message());
  }
}

int record_finalize(const Face& face, std::span<const std::string> words) {
  constexpr std::string_view kTrigger = "builds-record-finalize";
  const Result<Names> names = names_of(words);
  if (!names) return refuse(face, kTrigger, names.error().message());
  std::string problem;
  const auto code = parse_atoi(word_at(words, 2), problem);
  if (!code) return refuse(face, kTrigger, "invalid exit code " + problem);
  const Outcome outcome{.status = *code == 0 ? Status::succeeded : Status::failed,
                        .exit_code = static_cast<int>(*code)};
  try {
    const store::Finalized done =
        face.store.finalize_build(names->app, names->id, outcome, face.clock());
    prune_after(face, done.build.app);
  } catch (const Error& error) {  // adapter: a deploy that was never recorded is no failure
    if (error.code() != Errc::not_found) throw;
    print_warning(face, std::string(kTrigger) + ": no record for " + words[0] + "/" + words[1] +
                            ", skipping");
  }
  return 0;
}

int post_delete(const Face& face, std::span<const std::string> words) {
  if (word_at(words, 0).empty()) return refuse(face, "post-delete", "missing app name");
  const Result<AppName> app = app_name(words[0]);
  if (!app) return refuse(face, "post-delete", app.error().message());
  face.store.forget_app(*app);
  return 0;
}

int post_app_rename(const Face& face, std::span<const std::string> words) {
  constexpr std::string_view kTrigger = "post-app-rename-setup";
  if (word_at(words, 0).empty() || word_at(words, 1).empty()) {
    return refuse(face, kTrigger, "missing app name");
  }
  const Result<AppName> from = app_name(words[0]);
  if (!from) return refuse(face, kTrigger, from.error().message());
  const Result<AppName> to = app_name(words[1]);
  if (!to) return refuse(face, kTrigger, to.error().message());
  for (const std::string& warning : face.store.rename_app(*from, *to)) print_warning(face, warning);
  return 0;
}

constexpr std::array kTriggers = {Trigger{"install", install},
                                  Trigger{"builds-generate-id", generate_id},
                                  Trigger{"builds-record-start", record_start},
                                  Trigger{"builds-record-finalize", record_finalize},
                                  Trigger{"post-delete", post_delete},
                                  Trigger{"post-app-rename-setup", post_app_rename}};

}  // namespace

std::span<const Trigger> triggers() { return kTriggers; }

}  // namespace cooper::plugin
