#pragma once
// What a deploy's command is told of its release: variables, and files for what is secret.

#include "build/deployer.h"

#include <filesystem>
#include <string>
#include <vector>

namespace cooper::build {

/// The scratch folder of one deploy. Whoever can list processes sees variables; so values of
/// the release's environment are in files that only their owner can read.
class DeployFiles {
 public:
  /// Writes the files. Throws Error; then nothing is left.
  explicit DeployFiles(const DeployParts& parts);
  ~DeployFiles();
  DeployFiles(const DeployFiles&) = delete;
  DeployFiles& operator=(const DeployFiles&) = delete;

  /// "NAME=value": APP, BUILD, RELEASE, IMAGE_<SERVICE>, MANIFEST, ENV_FILE, ENV_SH.
  const std::vector<std::string>& variables() const { return variables_; }
  /// Lines for the log.
  const std::vector<std::string>& notes() const { return notes_; }

 private:
  void write(const DeployParts& parts);
  void add_images(const DeployParts& parts);
  void note_long_values(const Environment& environment);

  std::filesystem::path folder_;
  std::vector<std::string> variables_;
  std::vector<std::string> notes_;
};

/// What runs `reference@digest`: in a registry by its digest, here by its name, which no other
/// build gets; a Docker Engine does not know its own images' digests.
std::string runnable_image(const std::string& here, const std::string& pushed);

}  // namespace cooper::build
