// LocalRack::start_image: a build whose source is a manifest alone.

#include "base/ascii.h"
#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "rack/local_rack.h"
#include "rack/starting.h"
#include "source/block_writer.h"
#include "source/tar_writer.h"
#include "store/folders.h"

#include <algorithm>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <utility>

namespace cooper::rack {

namespace {

/// What stands in a manifest without quotes, and is no option of any program. What it names, the
/// build finds out.
bool may_name_image(std::string_view text) {
  return !text.empty() && text.size() <= 512 && text.front() != '-' && text.back() != ':' &&
         is_made_of_letters(text, "._-/:@+");
}

/// A source that holds this manifest alone. Returns it, marked as in use.
Fd store_manifest(const store::Layout& layout, const store::BuildFiles& files,
                  const std::string& manifest) {
  const Fd content(::memfd_create("convox.yml", MFD_CLOEXEC));
  if (!content) throw_errno("memfd_create");
  write_all(content.get(), manifest);
  if (::lseek(content.get(), 0, SEEK_SET) < 0) throw_errno("lseek");
  store::make_folder(layout, files.source.parent_path(), 0700);
  Fd out = open_file(files.source, O_WRONLY | O_CREAT | O_EXCL, 0600);
  mark_in_use(out);
  source::BlockWriter compressed(out.get(), source::zstd_compressor(3), 1);
  source::TarWriter tar(compressed, 1);
  tar.file("convox.yml", 0644, manifest.size(), content.get());
  tar.finish();
  compressed.finish();
  if (::fsync(out.get()) != 0) throw_errno("fsync " + files.source.string());
  return out;
}

}  // namespace

Build LocalRack::start_image(const StartImage& start, StartProgress& progress,
                             std::stop_token stop) {
  require_image_names(start.app);
  if (!may_name_image(start.image)) {
    throw Error(Errc::invalid, "\"" + shorten(printable(start.image), 100) + "\" names no image",
                "for example nginx:1.25, or registry.example.com/team/api:v1");
  }
  require_disk_space(start.app, start.request);
  ensure_app(start.app);
  BuildStart begin(store_, start.app, start.if_locked, progress, std::move(stop));
  const BuildId& id = begin.id();
  const store::BuildFiles files = layout_.build(start.app, id);
  StoredSource stored(layout_, files);
  build::BuildRequest request = start.request;
  if (!start.manifest.empty()) request.image = start.image;
  stored.hold(store_manifest(
      layout_, files,
      start.manifest.empty() ? image_manifest(start.service, start.image) : start.manifest));
  stored.add_request(request);
  begin.run(request);
  stored.keep();
  return require_build(start.app, id);
}

}  // namespace cooper::rack
