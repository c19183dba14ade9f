#include "build/save.h"

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"

#include <cstdlib>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace cooper::build {

namespace {

using engine::SaveResult;

/// An archive that nobody sees before it is whole. Its owner's alone, as `docker save` makes it.
class NewArchive {
 public:
  explicit NewArchive(const std::filesystem::path& target)
      : target_(target),
        path_(target.parent_path() /
              (std::string(kTemporaryPrefix) + target.filename().string() + ".XXXXXX")) {
    std::string name = path_.string();
    file_ = Fd(::mkostemp(name.data(), O_CLOEXEC));
    if (!file_) throw_errno("create " + path_.string());
    path_ = name;
  }
  ~NewArchive() {
    if (file_) ::unlink(path_.c_str());
  }
  NewArchive(const NewArchive&) = delete;
  NewArchive& operator=(const NewArchive&) = delete;

  const std::filesystem::path& path() const { return path_; }

  /// Its size in bytes.
  std::uint64_t keep() {
    struct stat info {};
    if (::fsync(file_.get()) != 0) throw_errno("fsync " + path_.string());
    if (::fstat(file_.get(), &info) != 0) throw_errno("stat " + path_.string());
    if (::rename(path_.c_str(), target_.c_str()) != 0) throw_errno("rename " + path_.string());
    file_ = Fd();
    sync_folder(target_.parent_path());
    return static_cast<std::uint64_t>(info.st_size);
  }

 private:
  std::filesystem::path target_;
  std::filesystem::path path_;
  Fd file_;
};

SaveResult save_service(const SaveParts& parts, const PlannedService& service,
                        const std::filesystem::path& target, log::Channel& channel,
                        ImageProgress& progress, const std::stop_token& stop) {
  const std::string text = "SAVE " + printable(target.string());
  channel.message(text);
  progress.step_started(text);
  try {
    NewArchive archive(target);
    SaveResult result = parts.engine.save(parts.plan.images[service.image], service.reference,
                                          archive.path(), progress, stop);
    if (result.end == SaveResult::End::saved) {
      const std::uint64_t size = archive.keep();
      channel.message("Saved " + service.reference + ": " + human_bytes(size));
      progress.step_finished(0);
    } else {
      progress.step_finished(result.end == SaveResult::End::failed ? std::optional(1)
                                                                   : std::nullopt);
    }
    return result;
  } catch (const Error& error) {  // adapter: why it can't be written is the build's reason
    progress.step_finished(1);
    return {.reason = error.message()};
  }
}

}  // namespace

SaveResult save_images(const SaveParts& parts, const std::filesystem::path& folder,
                       std::stop_token stop) {
  const std::vector<std::string> prefixes = line_prefixes(parts.plan);
  for (const PlannedService& service : parts.plan.services) {
    int& steps = parts.made.images[service.image].steps;
    log::Channel channel(parts.log, prefixes[service.image], &parts.redactor);
    ImageProgress progress(parts.plan.images[service.image].service, channel, parts.steps,
                           parts.redactor, parts.clock, steps);
    const std::filesystem::path target = folder / (service.name.str() + ".tar");
    SaveResult result = save_service(parts, service, target, channel, progress, stop);
    progress.finish();
    steps = progress.last_number();
    if (result.end == SaveResult::End::failed) {
      result.reason = "service " + service.name.str() + ": " + printable(target.string()) + ": " +
                      result.reason;
    }
    if (result.end != SaveResult::End::saved) return result;
  }
  return {.end = SaveResult::End::saved, .reason = {}};
}

}  // namespace cooper::build
