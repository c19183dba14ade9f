#pragma once
// What is staged for an import: the files in its folder, and what is to be made of them.

#include "base/error.h"
#include "model/names.h"

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace cooper::bundle {

struct ImportedService {
  ServiceName name;
  std::size_t image = 0;  ///< services may share one
  bool operator==(const ImportedService&) const = default;
};

struct ImportPlan {
  std::string from;  ///< "hello/mwq3upiv71tsix", or the image's name
  std::string description;
  std::string git_sha;
  std::string manifest;  ///< its text
  std::vector<ImportedService> services;
  bool operator==(const ImportPlan&) const = default;
};

std::string to_json(const ImportPlan& plan);
[[nodiscard]] Result<ImportPlan> parse_import_plan(std::string_view text);

/// The files, beneath a build's scratch folder. All but the first two may be absent.
struct ImportFiles {
  explicit ImportFiles(const std::filesystem::path& work);

  std::filesystem::path folder;
  std::filesystem::path plan;
  std::filesystem::path images;     ///< a docker-archive with the references that they shall have
  std::filesystem::path log;        ///< of the build that was exported ...
  std::filesystem::path steps;      ///< ... whose offsets are in that log
  std::filesystem::path statement;  ///< its provenance
};

}  // namespace cooper::bundle
