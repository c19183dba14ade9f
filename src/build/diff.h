#pragma once
// What is different between two builds.

#include "model/step.h"
#include "store/file_store.h"

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cooper::build {

enum class Change : std::uint8_t { added, removed, changed };
std::string_view to_string(Change change) noexcept;

/// Of something whose values are not told, or are too large to be.
struct NamedChange {
  std::string name;
  Change change = Change::changed;
  bool operator==(const NamedChange&) const = default;
};

/// Empty: it was not there.
struct TextChange {
  std::string name;
  std::string before;
  std::string after;
  bool operator==(const TextChange&) const = default;
};

/// A step of either build, or of both.
struct StepTimes {
  struct Run {
    std::chrono::milliseconds time{0};
    bool cached = false;
    bool operator==(const Run&) const = default;
  };
  std::string service;
  std::string text;
  std::optional<Run> before;
  std::optional<Run> after;
  bool operator==(const StepTimes&) const = default;
};

/// What is the same in both builds is left out, except for the steps.
struct BuildDiff {
  std::vector<NamedChange> files;      ///< of the source, by path
  std::vector<NamedChange> arguments;  ///< build arguments, by name: values may be secret
  std::vector<TextChange> facts;       ///< commit, engine, manifest, ...
  std::vector<TextChange> bases;       ///< digests of the images that Dockerfiles read
  std::vector<TextChange> images;      ///< by service, their digests
  std::vector<StepTimes> steps;        ///< in the later build's order, then what only the first has
  std::vector<std::string> missing;    ///< what can't be compared, and why, a line each
};

/// Compares two builds of an app by what is kept of them. What is not, or can't be read, is
/// named in `missing`.
BuildDiff diff(const store::FileStore& store, const Build& before, const Build& after,
               const std::vector<Step>& steps_before, const std::vector<Step>& steps_after);

/// name -> digest of the images in a provenance statement's resolvedDependencies; none in a
/// text that is no statement.
std::map<std::string, std::string> bases_of_statement(std::string_view statement);

/// The steps of two builds side by side: the first of a text with the first, and so on.
std::vector<StepTimes> diff_steps(const std::vector<Step>& before, const std::vector<Step>& after);

}  // namespace cooper::build
