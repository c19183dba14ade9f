#include "build/diff.h"

#include "base/error.h"
#include "base/fd.h"
#include "base/file.h"
#include "build/request.h"
#include "source/archive_listing.h"

#include <boost/json.hpp>

#include <algorithm>
#include <fcntl.h>
#include <utility>

namespace cooper::build {
namespace json = boost::json;

namespace {

constexpr std::size_t kMaxFileBytes = std::size_t{64} << 20;

/// Calls `found(name, before, after)`, with pointers to the values that differ; null: none.
template <class Value, class Found>
void compare(const std::map<std::string, Value>& before, const std::map<std::string, Value>& after,
             Found&& found) {
  auto old = before.begin();
  auto now = after.begin();
  while (old != before.end() || now != after.end()) {
    const bool only_old = now == after.end() || (old != before.end() && old->first < now->first);
    const bool only_new = old == before.end() || (now != after.end() && now->first < old->first);
    if (only_old) {
      found(old->first, &old->second, static_cast<const Value*>(nullptr));
    } else if (only_new) {
      found(now->first, static_cast<const Value*>(nullptr), &now->second);
    } else if (old->second != now->second) {
      found(now->first, &old->second, &now->second);
    }
    if (!only_new) ++old;
    if (!only_old) ++now;
  }
}

template <class Value>
std::vector<NamedChange> names_of_changes(const std::map<std::string, Value>& before,
                                          const std::map<std::string, Value>& after) {
  std::vector<NamedChange> changes;
  compare(before, after, [&](const std::string& name, const Value* old, const Value* now) {
    changes.push_back({name, !old ? Change::added : !now ? Change::removed : Change::changed});
  });
  return changes;
}

using Texts = std::map<std::string, std::string>;

std::vector<TextChange> text_changes(const Texts& before, const Texts& after) {
  std::vector<TextChange> changes;
  compare(before, after,
          [&](const std::string& name, const std::string* old, const std::string* now) {
            changes.push_back({name, old ? *old : "", now ? *now : ""});
          });
  return changes;
}

/// What is kept of one build.
struct Kept {
  std::optional<std::map<std::string, source::ListedEntry>> files;
  std::optional<BuildRequest> request;
  std::optional<Texts> bases;
};

std::optional<std::string> text_of(const std::filesystem::path& path) {
  const Fd file = find_regular_file(path, O_RDONLY);
  if (!file) return std::nullopt;
  return read_open_file(file, path.string(), kMaxFileBytes);
}

Kept kept_of(const store::FileStore& store, const Build& build, std::vector<std::string>& missing) {
  const store::BuildFiles files = store.layout().build(build.app, build.id);
  const auto attempt = [&](const char* what, auto&& read) {
    const std::string not_compared = std::string(what) + " of build " + build.id.str();
    try {
      if (!read()) missing.push_back(not_compared + ": not kept");
    } catch (const Error& error) {  // boundary: the rest can be compared
      missing.push_back(not_compared + ": " + error.message());
    }
  };
  Kept kept;
  attempt("source files", [&] {
    const Fd source = find_regular_file(files.source, O_RDONLY);
    if (source) kept.files = source::list_archive(source.get());
    return kept.files.has_value();
  });
  attempt("arguments", [&] {
    const auto text = text_of(files.request);
    if (text) kept.request = parse_request(*text).value();
    return kept.request.has_value();
  });
  attempt("base images", [&] {
    const auto text = text_of(files.statement);
    if (text) kept.bases = bases_of_statement(*text);
    return kept.bases.has_value();
  });
  return kept;
}

Texts arguments_of(const BuildRequest& request) {
  return {request.build_args.begin(), request.build_args.end()};
}

Texts facts_of(const Build& build, const std::optional<BuildRequest>& request) {
  Texts facts;
  const auto add = [&](const char* name, const std::string& value) {
    if (!value.empty()) facts[name] = value;
  };
  add("status", std::string(to_string(build.status)));
  add("commit", build.git_sha);
  add("engine", build.engine);
  add("platform", build.platform);
  if (!request) return facts;
  add("manifest", request->manifest);
  add("image", request->image);
  add("stage", request->development ? "development" : "");
  add("cache", request->no_cache ? "not used" : "");
  return facts;
}

/// Service -> digest.
Texts digests_of(const Build& build) {
  Texts digests;
  for (const auto& [service, reference] : build.images) {
    digests[service] = reference.substr(reference.rfind('@') + 1);
  }
  return digests;
}

StepTimes::Run run_of(const Step& step) {
  const auto time = step.finished ? *step.finished - step.started : Time::duration{0};
  return {std::chrono::duration_cast<std::chrono::milliseconds>(time), step.cached};
}

/// The text of the one step of a service whose image is used again goes on with an id.
constexpr std::string_view kUnchanged = "unchanged since build ";

/// Some texts end with a build's id.
bool is_same_step(const Step& a, const Step& b) {
  if (a.service != b.service) return false;
  return a.text == b.text || (a.text.starts_with("COMMIT ") && b.text.starts_with("COMMIT ")) ||
         (a.text.starts_with(kUnchanged) && b.text.starts_with(kUnchanged));
}

}  // namespace

std::string_view to_string(Change change) noexcept {
  switch (change) {
    case Change::added:
      return "added";
    case Change::removed:
      return "removed";
    case Change::changed:
      break;
  }
  return "changed";
}

std::map<std::string, std::string> bases_of_statement(std::string_view statement) {
  Texts bases;
  try {
    const json::value value = json::parse(statement);
    const json::value& list = value.at_pointer("/predicate/buildDefinition/resolvedDependencies");
    for (const json::value& dependency : list.as_array()) {
      const std::string name(dependency.at("name").as_string());
      const json::object& digest = dependency.at("digest").as_object();
      const json::value* sha = digest.if_contains("sha256");
      if (name != "source" && sha) bases[name] = "sha256:" + std::string(sha->as_string());
    }
  } catch (const std::exception&) {  // adapter: Boost.JSON; somebody else's statement
  }
  return bases;
}

std::vector<StepTimes> diff_steps(const std::vector<Step>& before, const std::vector<Step>& after) {
  std::vector<const Step*> old;
  for (const Step& step : before) old.push_back(&step);
  std::vector<StepTimes> steps;
  for (const Step& step : after) {
    StepTimes times{.service = step.service, .text = step.text, .after = run_of(step)};
    const auto same =
        std::ranges::find_if(old, [&](const Step* each) { return is_same_step(*each, step); });
    if (same != old.end()) {
      times.before = run_of(**same);
      old.erase(same);
    }
    steps.push_back(std::move(times));
  }
  // Of a service that was not built again nothing went away.
  std::erase_if(old, [&](const Step* step) {
    return std::ranges::any_of(after, [&](const Step& each) {
      return each.service == step->service && each.text.starts_with(kUnchanged);
    });
  });
  for (const Step* step : old) {
    steps.push_back({.service = step->service, .text = step->text, .before = run_of(*step)});
  }
  return steps;
}

BuildDiff diff(const store::FileStore& store, const Build& before, const Build& after,
               const std::vector<Step>& steps_before, const std::vector<Step>& steps_after) {
  BuildDiff diff;
  const Kept old = kept_of(store, before, diff.missing);
  const Kept now = kept_of(store, after, diff.missing);
  if (old.files && now.files) diff.files = names_of_changes(*old.files, *now.files);
  if (old.request && now.request) {
    diff.arguments = names_of_changes(arguments_of(*old.request), arguments_of(*now.request));
  }
  if (old.bases && now.bases) diff.bases = text_changes(*old.bases, *now.bases);
  diff.facts = text_changes(facts_of(before, old.request), facts_of(after, now.request));
  diff.images = text_changes(digests_of(before), digests_of(after));
  diff.steps = diff_steps(steps_before, steps_after);
  return diff;
}

}  // namespace cooper::build
