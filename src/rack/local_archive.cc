// LocalRack::build_archive: from an archive that anybody may have made to a running build.

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "build/settings.h"
#include "bundle/pipe_feed.h"
#include "rack/local_rack.h"
#include "rack/scratch_folder.h"
#include "source/fetch.h"
#include "source/import_archive.h"
#include "store/own_root.h"

#include <array>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace cooper::rack {
namespace fs = std::filesystem;

namespace {

/// A zip is read from its end, so what comes through a pipe is kept first.
void keep_stream(int in, const Fd& out, std::uint64_t most, const std::stop_token& stop) {
  std::array<char, 65536> buffer;
  std::uint64_t bytes = 0;
  for (std::size_t got = 0; (got = bundle::read_unless_stopped(in, buffer, stop)) > 0;) {
    bytes += got;
    if (bytes > most) {
      throw Error(Errc::invalid, "the archive is larger than " + human_bytes(most),
                  "the property fetch-limit says how large it may be");
    }
    write_all(out.get(), {buffer.data(), got});
  }
}

/// Can it be read from any place on, and from the beginning?
bool is_file_at_its_begin(int in) {
  struct stat info {};
  return ::fstat(in, &info) == 0 && S_ISREG(info.st_mode) && ::lseek(in, 0, SEEK_CUR) == 0;
}

/// The archive as an open file; `file` is where one is made if need be.
Fd open_archive(const BuildArchive& wanted, const source::FetchPolicy& policy, const fs::path& file,
                const std::stop_token& stop) {
  if (wanted.url.empty() && is_file_at_its_begin(wanted.archive)) {
    return Fd(::fcntl(wanted.archive, F_DUPFD_CLOEXEC, 3));
  }
  if (!wanted.url.empty()) {
    const source::SourceUrl url = source::parse_source_url(wanted.url).value();
    source::require_scheme(url, policy);
    if (url.scheme == "file") {
      Fd open = find_regular_file(source::percent_decoded(url.path).value_or(""), O_RDONLY);
      if (!open) throw Error(Errc::not_found, "there is no file " + url.path);
      return open;
    }
    if (url.scheme != "https" && url.scheme != "http") {
      throw Error(Errc::invalid, "an archive can't be fetched by " + url.scheme,
                  "give a URL that begins with https://");
    }
    const Fd out = open_file(file, O_WRONLY | O_CREAT | O_EXCL, 0600);
    source::fetch(url, out.get(), policy, stop);
  } else {
    keep_stream(wanted.archive, open_file(file, O_WRONLY | O_CREAT | O_EXCL, 0600), policy.bytes,
                stop);
  }
  return open_file(file, O_RDONLY);
}

}  // namespace

Build LocalRack::build_archive(const BuildArchive& wanted, StartProgress& progress,
                               std::stop_token stop) {
  std::vector<std::string> warnings;  // of properties: the build's log has them
  const build::Settings settings = build::read_settings(store_, wanted.app, warnings);
  require_disk_space(wanted.app, wanted.request);
  // The scratch folder is its owner's, who could put a link where we are about to write.
  store::require_own_root(layout_, "unpack archives");
  const ScratchFolder scratch(layout_, wanted.app);
  const fs::path file = scratch.path() / "archive";
  const fs::path unpacked = scratch.path() / "source";
  make_folders(unpacked, 0700);

  progress.phase(wanted.url.empty() ? "Reading archive" : "Fetching archive");
  Fd archive = open_archive(wanted, settings.fetch, file, stop);
  progress.phase_done();

  progress.phase("Unpacking archive");
  source::import_archive(archive.get(), unpacked,
                         {.bytes = settings.unpack_limit, .time = settings.fetch.time}, wanted.type,
                         stop);
  progress.phase_done();
  archive.reset();
  remove_file(file);  // packing needs room, too
  return start_build({.app = wanted.app,
                      .folder = source::source_folder(unpacked),
                      .request = wanted.request,
                      .secrets = wanted.secrets,
                      .if_locked = wanted.if_locked,
                      .made_from = wanted.shown.empty() ? "the archive" : wanted.shown},
                     progress, stop);
}

}  // namespace cooper::rack
