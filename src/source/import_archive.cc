#include "source/import_archive.h"

#include "base/error.h"
#include "base/error_line.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/text.h"
#include "process/child.h"
#include "process/libexec.h"

#include <array>
#include <csignal>
#include <cstdint>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace cooper::source {
namespace {

/// `ok TYPE FILES FOLDERS LINKS BYTES`
std::optional<Imported> parse_answer(std::string_view text) {
  const auto words = split(trim(text), ' ');
  if (words.size() != 6 || words[0] != "ok") return std::nullopt;
  const auto type = parse_archive_type(words[1]);
  if (!type) return std::nullopt;
  Imported imported{.type = *type, .unpacked = {}};
  const std::array<std::uint64_t*, 4> numbers = {
      &imported.unpacked.files, &imported.unpacked.folders, &imported.unpacked.links,
      &imported.unpacked.bytes};
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const auto number = parse_number(words[i + 2]);
    if (!number) return std::nullopt;
    *numbers[i] = *number;
  }
  return imported;
}

process::Captured run_unpack(int archive, const std::filesystem::path& target,
                             const ImportLimits& limits, std::optional<ArchiveType> said,
                             std::stop_token stop) {
  process::Command command{
      .argv = {process::libexec_program(kUnpackName).string(), "--entries",
               std::to_string(limits.entries), "--bytes", std::to_string(limits.bytes), "--depth",
               std::to_string(limits.depth), "--ratio", std::to_string(limits.ratio)},
      .environment = process::own_environment(),
      .folder = target,
      .in = archive,
      .death_signal = SIGKILL};
  if (said) command.argv.insert(command.argv.end(), {"--type", std::string(text_of(*said))});
  try {
    return process::run(std::move(command), limits.time, std::move(stop));
  } catch (const Error& error) {  // adapter: in the words of who gave us the archive
    if (error.code() == Errc::canceled) throw Error(Errc::canceled, "unpacking was canceled");
    if (error.code() != Errc::unavailable) throw;
    throw Error(Errc::corrupt, "the archive takes longer than " +
                                   std::to_string(limits.time.count()) + " s to unpack");
  }
}

}  // namespace

Imported import_archive(int archive, const std::filesystem::path& target,
                        const ImportLimits& limits, std::optional<ArchiveType> said,
                        std::stop_token stop) {
  const process::Captured unpack = run_unpack(archive, target, limits, said, std::move(stop));
  if (const auto imported = parse_answer(unpack.out)) return *imported;
  if (const auto error = parse_error_line(unpack.out)) throw Error(*error);
  if (unpack.status.signal != 0) {
    throw Error(Errc::corrupt, "the archive can't be unpacked: " + std::string(kUnpackName) +
                                   " was ended by signal " + std::to_string(unpack.status.signal));
  }
  throw Error(Errc::internal, std::string(kUnpackName) + ": " + printable(trim(unpack.err)));
}

std::filesystem::path source_folder(const std::filesystem::path& unpacked) {
  const Fd folder = open_file(unpacked, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  const std::vector<std::string> names = list_folder(folder, 2);
  struct stat info {};
  if (names.size() != 1 ||
      ::fstatat(folder.get(), names[0].c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0 ||
      !S_ISDIR(info.st_mode)) {
    return unpacked;
  }
  return unpacked / names[0];
}

}  // namespace cooper::source
