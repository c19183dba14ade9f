#pragma once
// What cooper asks of a Docker Engine besides builds: who it is, and its images.

#include "base/fd.h"
#include "engine/engine.h"

#include <filesystem>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace cooper::engine {

struct DockerFacts {
  std::string version;        ///< "20.10.24": without a distribution's own suffix
  bool has_bridge;            ///< the default network for RUN is there
  bool has_containerd_store;  ///< of images: it writes layer caches to registries, too
};

/// The images of one Docker Engine. Thread-safe; every call is a connection of its
/// own. All throw Error{unavailable} if the engine does not answer, Error{engine} with
/// what it said if it refuses.
class DockerApi : public ImageKeeper {
 public:
  /// `logins`: cooper's own auth file (registry_auth.h), for pulls and pushes.
  explicit DockerApi(std::filesystem::path socket, std::filesystem::path logins = {})
      : socket_(std::move(socket)), logins_(std::move(logins)) {}

  const std::filesystem::path& socket() const noexcept { return socket_; }
  /// Error{engine} if something else answers there. Waits a few seconds at most.
  DockerFacts facts() const;

  /// "sha256:<64 hex>"; nullopt if there is no such image.
  std::optional<std::string> image_id(std::string_view reference) const;
  /// The digest that the image's registry has for it, asked by the engine; nullopt if it
  /// does not tell within seconds.
  std::optional<std::string> registry_digest(const std::string& reference) const;
  /// Pulls an image; `on_line` gets what the engine tells, a line at a time. Returns
  /// why it failed; empty: it is there. Error{canceled} on a stop request.
  std::string pull(const std::string& reference,
                   const std::function<void(std::string_view)>& on_line,
                   std::stop_token stop) const;
  /// Pushes the image `name` as `reference`, a name that it has only meanwhile;
  /// `on_line` as in pull(). The engine tries a layer five times. Throws
  /// Error{canceled} on a stop request.
  PushResult push(const std::string& name, const std::string& reference,
                  const std::function<void(std::string_view)>& on_line, std::stop_token stop) const;
  /// Writes the image `name` to `file` as `docker save` does. Throws Error{canceled} on a
  /// stop request.
  void save(const std::string& name, const Fd& file, std::stop_token stop) const;
  /// Takes the images of an archive that `docker save` has made, with their names. Returns why it
  /// failed; empty: they are there. Throws Error{canceled} on a stop request.
  std::string load(const std::filesystem::path& archive, std::stop_token stop) const;
  /// Gives an image one more name.
  void tag(std::string_view reference, std::string_view name) const;

  /// Builds leave nothing in the engine: it ends them when their connection closes.
  std::size_t clean_up() override { return 0; }
  std::vector<KeptImage> find_images(std::string_view prefix) override;
  void remove_images(const std::vector<std::string>& references) override;
  void write_archive(const std::string& reference, const std::filesystem::path& file,
                     std::stop_token stop) override;

 private:
  std::filesystem::path socket_;
  std::filesystem::path logins_;
};

/// An image reference's parts as the engine wants them: "node:18" is "node" and
/// "18", "a/b" is "a/b" and "latest"; with a digest the tag is "sha256:...".
struct RepositoryTag {
  std::string repository;
  std::string tag;
  bool operator==(const RepositoryTag&) const = default;
};
RepositoryTag split_reference(std::string_view reference);  ///< of any text

}  // namespace cooper::engine
