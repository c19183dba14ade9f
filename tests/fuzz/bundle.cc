// Any bytes as a bundle, or as an image's archive: staged or refused, and what is staged holds the
// images that the plan names, under our names alone.
//
// Few changes of a tar leave its checksums and its images' digests right. So an input that begins
// with '!' is a list of entries, of which a tar is made: each a path, a line's end and a content,
// up to a byte 0. A path "OUTER!INNER" is that of an entry in an archive in the bundle; one that
// begins with '>' is a link's. In contents "@0" to "@9" stand for the digests of the first entries'
// contents.

#include "base/error.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/sha256.h"
#include "base/text.h"
#include "bundle/image_files.h"
#include "bundle/stage.h"
#include "bundle/staged_archive.h"
#include "bundle/tar_blocks.h"
#include "fuzz/fuzz.h"
#include "unit/test_support.h"

#include <csignal>
#include <fcntl.h>
#include <numeric>
#include <set>
#include <sys/mman.h>
#include <vector>

namespace {

using namespace cooper;
using namespace cooper::bundle;

std::string link_header(std::string_view path, std::string_view target) {
  std::string header = tar_header({.path = path.substr(0, 100)});
  header[156] = '2';
  target = target.substr(0, 100);
  header.replace(157, target.size(), target);
  header.replace(148, 8, "        ");
  const unsigned sum = std::accumulate(header.begin(), header.end(), 0U, [](unsigned all, char c) {
    return all + static_cast<unsigned char>(c);
  });
  std::snprintf(&header[148], 7, "%06o", sum & 0777777U);
  return header;
}

void add_entry(std::string& tar, std::string_view path, std::string_view content) {
  if (path.starts_with('>')) {
    tar += link_header(path.substr(1), content);
    return;
  }
  tar += tar_header({.path = path, .size = content.size()});
  tar += content;
  tar.append(tar_padding(content.size()), '\0');
}

std::string with_digests(std::string_view text, const std::vector<std::string>& digests) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::size_t number =
        text[i] == '@' && i + 1 < text.size() ? static_cast<unsigned char>(text[i + 1]) - '0' : 99;
    if (number >= digests.size()) {
      result += text[i];
    } else {
      result += digests[number];
      ++i;
    }
  }
  return result;
}

std::string tar_of(std::string_view list) {
  constexpr std::size_t kDigits = 10;
  std::string tar;
  std::string inner_tar;
  std::string_view outer;
  std::vector<std::string> digests;
  const auto end_inner = [&] {
    if (outer.empty()) return;
    inner_tar.append(kTarEnd, '\0');
    add_entry(tar, outer, inner_tar);
    inner_tar.clear();
    outer = {};
  };
  for (const std::string_view entry : split(list, '\0')) {
    const std::size_t line = std::min(entry.find('\n'), entry.size());
    std::string_view path = entry.substr(0, line);
    const std::string content =
        with_digests(entry.substr(std::min(line + 1, entry.size())), digests);
    if (digests.size() < kDigits) digests.push_back(hex(sha256(content)));
    const std::size_t mark = path.find('!');
    const std::string_view in = mark == std::string_view::npos ? "" : path.substr(0, mark);
    if (in != outer) end_inner();
    outer = in;
    if (!outer.empty()) path.remove_prefix(mark + 1);
    if (!path.empty()) add_entry(outer.empty() ? tar : inner_tar, path, content);
  }
  end_inner();
  tar.append(kTarEnd, '\0');
  return tar;
}

/// Contents are looked at, and not kept.
class Nowhere : public BlobStore {
 public:
  bool has(const std::string& /*digest*/) const override { return false; }
  void begin(std::uint64_t /*size*/) override {}
  void write(std::string_view /*bytes*/) override {}
  void keep(const std::string& /*digest*/) override {}
  void drop() override {}
};

std::string reference_of(const ServiceName& service) { return "localhost/app:" + service.str(); }

void require_holds(const ImportFiles& files, const ImportPlan& plan) {
  Nowhere nowhere;
  ImageFiles staged(nowhere, "linux/amd64", nullptr);
  const Fd archive = open_file(files.images, O_RDONLY);
  source::ArchiveReader reader(archive.get());
  while (const auto entry = reader.next()) {
    fuzz::require(entry->kind == source::ArchiveEntry::Kind::file, "only files are staged");
    staged.take(*entry, reader);
  }
  const std::vector<ArchivedImage> images = staged.images();
  std::set<std::string> wanted;
  std::set<std::string> names;
  for (const ImportedService& service : plan.services) {
    fuzz::require(service.image < images.size(), "each service has an image");
    fuzz::require(wanted.insert(reference_of(service.name)).second, "each service is there once");
  }
  for (const ArchivedImage& image : images) names.insert(image.names.begin(), image.names.end());
  fuzz::require(!wanted.empty() && names == wanted, "images have our names, and no others");
  fuzz::require(parse_import_plan(to_json(plan)).value() == plan, "the plan can be kept");
}

template <class Stage>
void try_stage(const std::string& input, const Stage& stage) {
  static const TempFolder folder;
  const ImportFiles files(folder.path());
  make_folders(files.folder);
  const Fd in(::memfd_create("bundle", MFD_CLOEXEC));
  write_all(in.get(), input);
  ::lseek(in.get(), 0, SEEK_SET);
  const StageOptions options{.files = files,
                             .platform = "linux/amd64",
                             .unpacked = std::uint64_t{1} << 20,
                             .reference_of = reference_of};
  try {
    const ImportPlan plan = stage(in.get(), options);
    require_holds(files, plan);
  } catch (const Error& error) {
    // Unavailable: room for what a header claims, and the program that unpacks layers.
    fuzz::require(error.code() == Errc::corrupt || error.code() == Errc::invalid ||
                      error.code() == Errc::unavailable,
                  "a bad bundle is no bug of ours");
    fuzz::require(printable(error.message()) == error.message(), "what is said can be shown");
  }
  fuzz::require(list_folder(folder.path()).size() == 1, "nothing appears beside the folder");
  remove_tree(files.folder);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::signal(SIGPIPE, SIG_IGN);
  const std::string_view text = fuzz::text_of(data, size);
  const std::string input = text.starts_with('!') ? tar_of(text.substr(1)) : std::string(text);
  try_stage(input, [](int in, const StageOptions& options) {
    return stage_bundle(in, options, std::stop_token());
  });
  try_stage(input, [](int in, const StageOptions& options) {
    return stage_image(in, "localhost/a:web", ServiceName::parse("web").value(), options,
                       std::stop_token());
  });
  return 0;
}
