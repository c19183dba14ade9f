// cooper-unpack: unpacks the archive that is its standard input into the working folder; or undoes
// or measures a compressed stream. Started by cooper, not by people; see source/import_archive.h
// and source/content_meter.h.

#include "base/error.h"
#include "base/error_line.h"
#include "base/fd.h"
#include "base/text.h"
#include "bundle/gzip.h"
#include "bundle/unzstd.h"
#include "source/content_meter.h"
#include "source/foreign/measure_content.h"
#include "source/foreign/unpack_archive.h"

#include <cstdio>
#include <cstring>
#include <map>
#include <new>
#include <string>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

namespace {

using namespace cooper;

/// More than any honest compressor needs to be undone (xz -9: 65 MiB, zstd: 128 MiB).
[[maybe_unused]] constexpr rlim_t kMostMemory = rlim_t{512} << 20;

/// What a hostile archive may make of this process. (A sanitizer's shadow memory is none of
/// the archive's doing.)
void limit_ourselves() {
  const auto limit = [](int resource, rlim_t most) {
    const rlimit both{most, most};
    ::setrlimit(static_cast<__rlimit_resource_t>(resource), &both);
  };
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  limit(RLIMIT_AS, kMostMemory);
#endif
  limit(RLIMIT_CORE, 0);
  ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

using Options = std::map<std::string, std::string>;

std::uint64_t number(const Options& options, const char* name) {
  const auto found = options.find(name);
  if (found != options.end()) {
    if (const auto value = parse_number(found->second)) return *value;
  }
  throw Error(Errc::invalid, std::string(name) + " is missing",
              "cooper starts this program; run `cooper git:from-archive`");
}

/// Streams: the answer goes to the standard error, as the output may be the content.
std::string run_stream(const Options& options) {
  const rlim_t seconds = number(options, "--seconds");
  const rlimit time{seconds, seconds + 1};  // first a signal that tells why
  ::setrlimit(RLIMIT_CPU, &time);
  if (options.contains("--gunzip")) {
    bundle::gunzip(source::magic_of(source::Compression::gzip), STDIN_FILENO, STDOUT_FILENO);
    return "ok unpacked\n";
  }
  if (options.contains("--unzstd")) {
    bundle::unzstd(source::magic_of(source::Compression::zstd), STDIN_FILENO, STDOUT_FILENO);
    return "ok unpacked\n";
  }
  return "ok " +
         source::foreign::measure_content(STDIN_FILENO, number(options, "--size"),
                                          number(options, "--measure")) +
         "\n";
}

bool is_stream(const Options& options) {
  return options.contains("--gunzip") || options.contains("--unzstd") ||
         options.contains("--measure");
}

std::string run(const Options& options) {
  const source::ImportLimits limits{.entries = number(options, "--entries"),
                                    .bytes = number(options, "--bytes"),
                                    .depth = number(options, "--depth"),
                                    .ratio = number(options, "--ratio")};
  std::optional<source::ArchiveType> said;
  if (options.contains("--type")) said = source::parse_archive_type(options.at("--type")).value();
  const source::Imported imported =
      source::foreign::unpack_archive(STDIN_FILENO, ".", limits, said);
  const source::UnpackResult& unpacked = imported.unpacked;
  std::string answer = "ok " + std::string(source::text_of(imported.type));
  for (const auto count : {unpacked.files, unpacked.folders, unpacked.links, unpacked.bytes}) {
    answer += ' ' + std::to_string(count);
  }
  return answer + "\n";
}

}  // namespace

int main(int argc, char** argv) {
  int answers = STDOUT_FILENO;
  const auto answer = [&answers](const Error& error) {
    write_all(answers, to_line(error));
    return exit_code(error.code());
  };
  try {
    ensure_standard_streams();
    if (argc == 2 && std::strcmp(argv[1], "--version") == 0) {
      std::puts("cooper-unpack " COOPER_VERSION);
      return 0;
    }
    limit_ourselves();
    Options options;
    for (int i = 1; i + 1 < argc; i += 2) options[argv[i]] = argv[i + 1];
    if (is_stream(options)) answers = STDERR_FILENO;
    write_all(answers, is_stream(options) ? run_stream(options) : run(options));
    return 0;
  } catch (const Error& error) {  // boundary: main
    return answer(error);
  } catch (const std::bad_alloc&) {  // boundary: main
    return answer({Errc::corrupt, "unpacking the archive takes too much memory"});
  } catch (const std::exception& error) {  // boundary: main
    std::fprintf(stderr, "cooper-unpack: %s\n", error.what());
    return 1;
  }
}
